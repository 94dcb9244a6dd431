"""The innermost loops of a sparse product, written as vector instructions.

A compiler that sees ``total[t] += w*x[col, t]`` keeps the sum in memory, because it cannot know that it does not
overlap ``x``. Here the sums of a slab's 64 samples stay in registers (four vectors of 16 floats, or eight of 8 doubles)
while the connections of a row, or of a column, go by: twice as fast as the plain loop.

Where the samples lie is told by a ``window``, (left, x_stride, x_first, y_stride, y_first, out_stride, out_first):
sample t of a feature of x is number ``feature*x_stride + x_first + t`` of x's memory, likewise for dy (y), and for the
sums that are written (out). A loop takes 64 samples; the one with "some" in its name takes the first ``left`` of one
vector, at most ``width`` of them, for what remains at the end.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 64
_VECTOR_BYTES = 64
_I32, _I64 = ir.IntType(32), ir.IntType(64)


@njit(forceinline=True)
def width(like):
    """Return how many numbers of an array's type one vector holds."""
    return _VECTOR_BYTES // like.itemsize


class _Lanes:
    """Emits code for the samples of a window: ``count`` vectors of ``width`` numbers, or the first part of one."""

    def __init__(self, context: Any, builder: Any, dtype: Any, window: Any = None, whole: bool = True) -> None:
        self.builder, self.element = builder, context.get_value_type(dtype)
        self.width = _VECTOR_BYTES // (dtype.bitwidth // 8)
        self.count = LANES // self.width if whole else 1
        self.vector = ir.VectorType(self.element, self.width)
        self.zero = ir.Constant(self.vector, [0.0] * self.width)
        self.size = dtype.bitwidth // 8
        self.mask = None
        if window is not None:
            parts = [builder.extract_value(window, k) for k in range(7)]
            self.x, self.y, self.out = ((parts[k], parts[k + 1]) for k in (1, 3, 5))
            self.mask = None if whole else self._first(parts[0])

    def _first(self, left: Any) -> Any:
        """Return a mask of a vector's first numbers."""
        number = ir.VectorType(_I64, self.width)
        return self.builder.icmp_signed("<", ir.Constant(number, list(range(self.width))), self.splat(left))

    def sums(self) -> list[Any]:
        """Return places for one sum per vector; they end up in registers."""
        return [cgutils.alloca_once(self.builder, self.vector) for _ in range(self.count)]

    def write(self, sums: list[Any], row: Any) -> None:
        """Write the sums to a row."""
        for number, place in enumerate(sums):
            self.store(self.builder.load(place), row, number)

    def put(self, value: Any, data: Any, index: Any, add: Any) -> None:
        """Write the total of a vector's numbers to an item of an array, or add it to what is there."""
        place = self.builder.gep(data, [index])
        before = self.builder.select(add, self.builder.load(place), ir.Constant(self.element, 0.0))
        self.builder.store(self.builder.fadd(before, self.total(value)), place)

    def splat(self, value: Any) -> Any:
        """Return a vector of one value."""
        undefined = ir.Constant(ir.VectorType(value.type, self.width), ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(
            first, undefined, ir.Constant(ir.VectorType(_I32, self.width), [0] * self.width)
        )

    def row(self, data: Any, window: tuple[Any, Any], feature: Any) -> Any:
        """Return where a feature's samples of the window begin."""
        offset = self.builder.add(self.builder.mul(feature, window[0]), window[1])
        return self.builder.gep(data, [offset])

    def _place(self, row: Any, number: int) -> Any:
        place = self.builder.gep(row, [ir.Constant(_I64, number * self.width)])
        return self.builder.bitcast(place, self.vector.as_pointer())

    def load(self, row: Any, number: int) -> Any:
        """Return one vector of a row; 0 where the mask ends."""
        place = self._place(row, number)
        if self.mask is None:
            return self.builder.load(place, align=self.size)
        kinds = [place.type, _I32, self.mask.type, self.vector]
        return self._call("masked.load", self.vector, kinds, [place, _I32(self.size), self.mask, self.zero], ".p0")

    def store(self, value: Any, row: Any, number: int) -> None:
        """Write one vector of a row, up to where the mask ends."""
        place = self._place(row, number)
        if self.mask is None:
            self.builder.store(value, place, align=self.size)
            return
        kinds = [self.vector, place.type, _I32, self.mask.type]
        self._call("masked.store", ir.VoidType(), kinds, [value, place, _I32(self.size), self.mask], ".p0")

    def _call(self, name: str, result: Any, kinds: list[Any], values: list[Any], suffix: str = "") -> Any:
        name = f"llvm.{name}.v{self.width}f{8 * self.size}{suffix}"
        function = cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, kinds), name)
        return self.builder.call(function, values, fastmath=("fast",) if "reduce" in name else ())

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """Return a*b + c."""
        return self._call("fma", self.vector, [self.vector] * 3, [a, b, c])

    def swap(self, a: Any, b: Any, step: int) -> tuple[Any, Any]:
        """Return two vectors that have exchanged blocks: the odd blocks of a against the even ones of b."""
        span, n = range(self.width), self.width
        masks = [n + k - step if k & step else k for k in span], [n + k if k & step else k + step for k in span]
        kind = ir.VectorType(_I32, n)
        low, high = (self.builder.shuffle_vector(a, b, ir.Constant(kind, mask)) for mask in masks)
        return low, high

    def total(self, value: Any) -> Any:
        """Return the sum of a vector's numbers, in whatever order is fastest."""
        kinds = [self.element, self.vector]
        return self._call("vector.reduce.fadd", self.element, kinds, [ir.Constant(self.element, 0.0), value])


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value).data


def _item(context: Any, builder: Any, data: Any, index: Any) -> Any:
    return builder.load(builder.gep(data, [index]))


def _index(context: Any, builder: Any, data: Any, index: Any) -> Any:
    """Return an integer of an array, of whatever width, as a 64-bit one."""
    value = _item(context, builder, data, index)
    return value if value.type == _I64 else builder.sext(value, _I64)


def _each(builder: Any, span: Any) -> Any:
    """Loop over the numbers from span[0] to span[1]."""
    first, last = builder.extract_value(span, 0), builder.extract_value(span, 1)
    return cgutils.for_range_slice(builder, first, last, ir.Constant(_I64, 1))


_SPAN, _WINDOW = types.UniTuple(types.intp, 2), types.UniTuple(types.intp, 7)


def _row_gatherer(whole: bool) -> Any:
    @intrinsic
    def gather(typingctx, cols, weights, x, y, span, row, window, offset):  # type: ignore[no-untyped-def]
        """Set y[row] to offset plus the products of a row's connections, span[0] to span[1]."""
        signature = types.void(cols, weights, x, y, _SPAN, types.intp, _WINDOW, x.dtype)

        def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
            lanes = _Lanes(context, builder, sig.args[2].dtype, args[6], whole)
            col, weight, source, into = (_data(context, builder, sig.args[k], args[k]) for k in range(4))
            sums, offset = lanes.sums(), lanes.splat(args[7])
            for place in sums:
                builder.store(offset, place)
            with _each(builder, args[4]) as (slot, _):
                given = lanes.row(source, lanes.x, _index(context, builder, col, slot))
                factor = lanes.splat(_item(context, builder, weight, slot))
                for number, place in enumerate(sums):
                    builder.store(lanes.fma(factor, lanes.load(given, number), builder.load(place)), place)
            lanes.write(sums, lanes.row(into, lanes.out, args[5]))
            return context.get_dummy_value()

        return signature, generate

    return gather


def _column_gatherer(whole: bool) -> Any:
    @intrinsic
    def gather(typingctx, entries, x, dy, dx, dw, span, col, window, add):  # type: ignore[no-untyped-def]
        """Set dx[col] to the sum of weight*dy over a column's entries, and dw[slot] to x[col] . dy[row] for each.

        ``entries`` is (row, slot, weight); ``add`` tells whether dx, and dw, are added to what is there instead.
        """
        signature = types.void(entries, x, dy, dx, dw, _SPAN, types.intp, _WINDOW, types.UniTuple(types.boolean, 2))

        def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
            lanes = _Lanes(context, builder, sig.args[1].dtype, args[7], whole)
            kinds = list(sig.args[0].types)
            parts = [_data(context, builder, kinds[k], builder.extract_value(args[0], k)) for k in range(3)]
            source, slope, into, out = (_data(context, builder, sig.args[k], args[k]) for k in range(1, 5))
            source, into = lanes.row(source, lanes.x, args[6]), lanes.row(into, lanes.out, args[6])
            values = [lanes.load(source, number) for number in range(lanes.count)]
            add_dx, add_dw = (builder.extract_value(args[8], k) for k in range(2))
            sums = lanes.sums()
            for number, place in enumerate(sums):
                builder.store(builder.select(add_dx, lanes.load(into, number), lanes.zero), place)
            with _each(builder, args[5]) as (entry, _):
                row, slot = (_index(context, builder, parts[k], entry) for k in range(2))
                factor, product = lanes.splat(_item(context, builder, parts[2], slot)), lanes.zero
                back = lanes.row(slope, lanes.y, row)
                for number, place in enumerate(sums):
                    given = lanes.load(back, number)
                    builder.store(lanes.fma(factor, given, builder.load(place)), place)
                    product = lanes.fma(values[number], given, product)
                lanes.put(product, out, slot, add_dw)
            lanes.write(sums, into)
            return context.get_dummy_value()

        return signature, generate

    return gather


def _row_dotter(whole: bool) -> Any:
    @intrinsic
    def dot(typingctx, cols, x, dy, dw, span, row, window, add):  # type: ignore[no-untyped-def]
        """Set dw[slot] to x[col] . dy[row] for the connections of a row, or add it where ``add``."""
        signature = types.void(cols, x, dy, dw, _SPAN, types.intp, _WINDOW, types.boolean)

        def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
            lanes = _Lanes(context, builder, sig.args[1].dtype, args[6], whole)
            col, source, slope, out = (_data(context, builder, sig.args[k], args[k]) for k in range(4))
            back = lanes.row(slope, lanes.y, args[5])
            values = [lanes.load(back, number) for number in range(lanes.count)]
            with _each(builder, args[4]) as (slot, _):
                given = lanes.row(source, lanes.x, _index(context, builder, col, slot))
                product = lanes.zero
                for number in range(lanes.count):
                    product = lanes.fma(values[number], lanes.load(given, number), product)
                lanes.put(product, out, slot, args[7])
            return context.get_dummy_value()

        return signature, generate

    return dot


gather_row, gather_some_row = _row_gatherer(True), _row_gatherer(False)
gather_column, gather_some_column = _column_gatherer(True), _column_gatherer(False)
dot_row, dot_some_row = _row_dotter(True), _row_dotter(False)


@intrinsic
def transpose_tile(typingctx, source, into, source_place, into_place, strides):  # type: ignore[no-untyped-def]
    """Transpose a square tile, a vector wide, of flat memory: into[b*strides[1] + a] = source[a*strides[0] + b]."""
    signature = types.void(source, into, types.intp, types.intp, _SPAN)

    def generate(context, builder, sig, args):  # type: ignore[no-untyped-def]
        lanes = _Lanes(context, builder, sig.args[0].dtype)
        given, out = (_data(context, builder, sig.args[k], args[k]) for k in range(2))
        strides = [builder.extract_value(args[4], k) for k in range(2)]
        number = [ir.Constant(_I64, k) for k in range(lanes.width)]
        rows = [lanes.load(lanes.row(given, (strides[0], args[2]), k), 0) for k in number]
        step = 1
        while step < lanes.width:  # each turn swaps blocks of ``step`` numbers between rows that lie ``step`` apart
            for k in range(lanes.width):
                if not k & step:
                    rows[k], rows[k + step] = lanes.swap(rows[k], rows[k + step], step)
            step *= 2
        for k in number:
            lanes.store(rows[k.constant], lanes.row(out, (strides[1], args[3]), k), 0)
        return context.get_dummy_value()

    return signature, generate
