"""The innermost loops of a sparse product, written as vector instructions.

A compiler that sees ``total[t] += w*x[col, t]`` keeps the sum in memory, because it cannot know that it does not
overlap ``x``. Here the sums of a slab's 64 samples stay in registers (four vectors of 16 floats, or eight of 8 doubles)
while the connections of a row, or of a column, go by: twice as fast as the plain loop.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 64
_VECTOR_BYTES = 64


class _Lanes:
    """Emits code for the 64 samples of a slab: ``count`` vectors of ``width`` numbers."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        self.builder, self.element = builder, context.get_value_type(dtype)
        self.width = _VECTOR_BYTES // (dtype.bitwidth // 8)
        self.count = LANES // self.width
        self.vector = ir.VectorType(self.element, self.width)
        self.size = dtype.bitwidth // 8

    def sums(self) -> list[Any]:
        """Return places for one sum per vector; they end up in registers."""
        made = [cgutils.alloca_once(self.builder, self.vector) for _ in range(self.count)]
        return made

    def splat(self, value: Any) -> Any:
        """Return a vector of one value."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        return self.builder.shuffle_vector(first, undefined, mask)

    def place(self, data: Any, row: Any, number: int) -> Any:
        """Return where one vector of a row of 64 lies."""
        offset = self.builder.mul(row, ir.Constant(row.type, LANES))
        offset = self.builder.add(offset, ir.Constant(row.type, number * self.width))
        return self.builder.bitcast(self.builder.gep(data, [offset]), self.vector.as_pointer())

    def load(self, data: Any, row: Any, number: int) -> Any:
        return self.builder.load(self.place(data, row, number), align=self.size)

    def store(self, value: Any, data: Any, row: Any, number: int) -> None:
        self.builder.store(value, self.place(data, row, number), align=self.size)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        name = f"llvm.fma.v{self.width}f{8 * self.size}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def total(self, value: Any) -> Any:
        """Return the sum of a vector's numbers, in whatever order is fastest."""
        name = f"llvm.vector.reduce.fadd.v{self.width}f{8 * self.size}"
        kind = ir.FunctionType(self.element, [self.element, self.vector])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [ir.Constant(self.element, 0.0), value], fastmath=("fast",))


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value).data


def _item(context: Any, builder: Any, data: Any, index: Any) -> Any:
    return builder.load(builder.gep(data, [index]))


@intrinsic
def gather_row(typingctx, cols, weights, x, y, start, stop, row):  # type: ignore[no-untyped-def]
    """Add the products of a row's connections, start to stop, to the 64 sums in y[row]; x is (features, 64)."""
    signature = types.void(cols, weights, x, y, types.intp, types.intp, types.intp)

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        lanes = _Lanes(context, builder, sig.args[2].dtype)
        col, weight, source, into = (_data(context, builder, sig.args[k], args[k]) for k in range(4))
        sums = lanes.sums()
        for number, place in enumerate(sums):
            builder.store(lanes.load(into, args[6], number), place)
        with cgutils.for_range_slice(builder, args[4], args[5], ir.Constant(args[4].type, 1)) as (slot, _):
            at = builder.sext(_item(context, builder, col, slot), ir.IntType(64))
            factor = lanes.splat(_item(context, builder, weight, slot))
            for number, place in enumerate(sums):
                builder.store(lanes.fma(factor, lanes.load(source, at, number), builder.load(place)), place)
        for number, place in enumerate(sums):
            lanes.store(builder.load(place), into, args[6], number)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def gather_column(typingctx, entries, x, dy, dx, dw, start, stop, col):  # type: ignore[no-untyped-def]
    """Set dx[col] to the sum of weight*dy over a column's entries, and dw[slot] to x[col] . dy[row] for each.

    ``entries`` is (row, slot, weight).
    """
    signature = types.void(entries, x, dy, dx, dw, types.intp, types.intp, types.intp)

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        lanes = _Lanes(context, builder, sig.args[1].dtype)
        kinds = list(sig.args[0].types)
        parts = [_data(context, builder, kinds[k], builder.extract_value(args[0], k)) for k in range(3)]
        source, slope, into, out = (_data(context, builder, sig.args[k], args[k]) for k in range(1, 5))
        sums = lanes.sums()
        values = [lanes.load(source, args[7], number) for number in range(lanes.count)]
        for place in sums:
            builder.store(ir.Constant(lanes.vector, [0.0] * lanes.width), place)
        with cgutils.for_range_slice(builder, args[5], args[6], ir.Constant(args[5].type, 1)) as (entry, _):
            row = builder.sext(_item(context, builder, parts[0], entry), ir.IntType(64))
            slot = builder.sext(_item(context, builder, parts[1], entry), ir.IntType(64))
            factor, product = lanes.splat(_item(context, builder, parts[2], slot)), None
            for number, place in enumerate(sums):
                given = lanes.load(slope, row, number)
                builder.store(lanes.fma(factor, given, builder.load(place)), place)
                old = product if product is not None else ir.Constant(lanes.vector, [0.0] * lanes.width)
                product = lanes.fma(values[number], given, old)
            builder.store(lanes.total(product), builder.gep(out, [slot]))
        for number, place in enumerate(sums):
            lanes.store(builder.load(place), into, args[7], number)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def dot_row(typingctx, cols, x, dy, dw, start, stop, row):  # type: ignore[no-untyped-def]
    """Set dw[slot] to x[col] . dy[row] for the connections of a row, start to stop."""
    signature = types.void(cols, x, dy, dw, types.intp, types.intp, types.intp)

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        lanes = _Lanes(context, builder, sig.args[1].dtype)
        col, source, slope, out = (_data(context, builder, sig.args[k], args[k]) for k in range(4))
        values = [lanes.load(slope, args[6], number) for number in range(lanes.count)]
        with cgutils.for_range_slice(builder, args[4], args[5], ir.Constant(args[4].type, 1)) as (slot, _):
            at = builder.sext(_item(context, builder, col, slot), ir.IntType(64))
            product = ir.Constant(lanes.vector, [0.0] * lanes.width)
            for number in range(lanes.count):
                product = lanes.fma(values[number], lanes.load(source, at, number), product)
            builder.store(lanes.total(product), builder.gep(out, [slot]))
        return context.get_dummy_value()

    return signature, generate
