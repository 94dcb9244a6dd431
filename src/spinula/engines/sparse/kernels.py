"""The products of a sparse layer: forward, and backward fused, over connections that exist.

Activations are feature-major: ``x[feature, sample]``, so that each connection is one contiguous multiply-add over the
samples of a window (see :mod:`lanes`). The functions whose names end in "slab" take one slab of ``LANES`` samples, for
a caller that keeps it in the cache through all layers. ``forward``, ``backward`` and ``weight_gradient`` take any
number of samples: a task owns a block of outputs (forward) or of inputs (backward) and goes through the samples window
by window, so that threads share nothing, no buffer grows with the batch, and the result does not depend on how many
threads there are.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from spinula.engines.sparse.lanes import (
    LANES,
    dot_row,
    dot_some_row,
    gather_column,
    gather_row,
    gather_some_column,
    gather_some_row,
    transpose_tile,
    width,
)

_VECTOR = {"fastmath": True, "error_model": "numpy", "nogil": True}
_BLOCKS = 16  # tasks of a pass
_SLAB = (LANES, LANES, 0, LANES, 0, LANES, 0)
_SET, _ADD = (False, False), (False, True)  # whether dx, and dw, are added to what is there


@njit(forceinline=True, **_VECTOR)
def forward_rows(rows, bias, x, y, span, window, whole):
    """Compute y = W x + bias for the rows from span[0] to span[1] and the samples of a window.

    ``rows`` is (row_start, row_count, col, weight) of a store. ``whole`` (the window has LANES samples) is known when
    this is compiled into its caller.
    """
    start, counts, cols, weights = rows
    for row in range(span[0], span[1]):
        slots = (start[row], start[row] + counts[row])
        if whole:
            gather_row(cols, weights, x, y, slots, row, window, bias[row])
        else:
            gather_some_row(cols, weights, x, y, slots, row, window, bias[row])


@njit(forceinline=True, **_VECTOR)
def backward_columns(entries, x, dy, dx, dw, span, window, whole, add):
    """Compute dx = W^T dy and dw = dy x^T for the columns from span[0] to span[1] and the samples of a window.

    ``entries`` is (col_start, col_count, row, slot, weight) of a store; ``dw`` is by slot; ``add`` as in lanes.
    """
    start, counts, rows, slots, weights = entries
    for col in range(span[0], span[1]):
        among = (start[col], start[col] + counts[col])
        if whole:
            gather_column((rows, slots, weights), x, dy, dx, dw, among, col, window, add)
        else:
            gather_some_column((rows, slots, weights), x, dy, dx, dw, among, col, window, add)


@njit(forceinline=True, **_VECTOR)
def dot_rows(rows, x, dy, dw, span, window, whole, add):
    """Compute dw = dy x^T for the rows from span[0] to span[1] and the samples of a window; ``rows`` as forward."""
    start, counts, cols, _ = rows
    for row in range(span[0], span[1]):
        slots = (start[row], start[row] + counts[row])
        if whole:
            dot_row(cols, x, dy, dw, slots, row, window, add)
        else:
            dot_some_row(cols, x, dy, dw, slots, row, window, add)


@njit(**_VECTOR)
def forward_slab(rows, bias, x, y, rectify):
    """Compute y = W x + bias for one slab, shapes (inputs, LANES) and (outputs, LANES); optionally max(0, y).

    ``rows`` is (row_start, row_count, col, weight) of a store.
    """
    zero = x.dtype.type(0)
    for row in range(rows[1].size):
        forward_rows(rows, bias, x, y, (row, row + 1), _SLAB, True)
        if rectify:
            for t in range(LANES):
                y[row, t] = max(y[row, t], zero)


@njit(**_VECTOR)
def backward_slab(entries, x, dy, dx, dw, rectified):
    """Compute dx = W^T dy and dw = dy x^T for the existing connections, in one pass over the columns.

    ``entries`` is (col_start, col_count, row, slot, weight) of a store; ``dw`` is by slot. ``rectified``: x came out of
    max(0, .), so that dx is 0 where x is.
    """
    zero = x.dtype.type(0)
    for col in range(entries[1].size):
        backward_columns(entries, x, dy, dx, dw, (col, col + 1), _SLAB, True, _SET)
        if rectified:
            for t in range(LANES):
                dx[col, t] = dx[col, t] if x[col, t] > zero else zero


@njit(**_VECTOR)
def weight_gradient_slab(rows, x, dy, dw):
    """Compute dw = dy x^T for the existing connections: a backward pass that needs no dx; ``rows`` as forward."""
    dot_rows(rows, x, dy, dw, (0, rows[1].size), _SLAB, True, False)


@njit(**_VECTOR)
def bias_gradient_slab(dy, db):
    """Compute the sum of dy over the samples of a slab."""
    for row in range(dy.shape[0]):
        total = dy.dtype.type(0)
        for t in range(LANES):
            total += dy[row, t]
        db[row] = total


@njit(**_VECTOR)
def softmax_slab(logits, labels, scale, dy):
    """Turn logits (classes, LANES) into dy = scale*(softmax - onehot); return (summed loss, correct).

    Samples with a label below 0 are padding: their dy is 0.
    """
    loss, correct = 0.0, 0
    for t in range(LANES):
        top, best = logits[0, t], 0
        for c in range(1, logits.shape[0]):
            if logits[c, t] > top:
                top, best = logits[c, t], c
        total = logits.dtype.type(0)
        for c in range(logits.shape[0]):
            dy[c, t] = np.exp(logits[c, t] - top)
            total += dy[c, t]
        label = labels[t]
        if label < 0:
            for c in range(logits.shape[0]):
                dy[c, t] = 0.0
            continue
        for c in range(logits.shape[0]):
            dy[c, t] *= scale / total
        dy[label, t] -= scale
        loss += np.log(total) + top - logits[label, t]
        correct += best == label
    return loss, correct


@njit(forceinline=True)
def _part(size, number, count):
    """Return where a part of so many equal ones begins and ends."""
    return size * number // count, size * (number + 1) // count


@njit(forceinline=True)
def _windows(samples, side):
    """Return how many windows there are: whole slabs, then vectors."""
    return samples // LANES + (samples % LANES + side - 1) // side


@njit(forceinline=True)
def _window(number, samples, side):
    """Return the first sample of a window, and how many it has."""
    slabs = samples // LANES
    if number < slabs:
        return number * LANES, LANES
    first = slabs * LANES + (number - slabs) * side
    return first, min(side, samples - first)


@njit(forceinline=True, **_VECTOR)
def _turn(tile, into, span, first, left):
    """Write a tile, features of ``span`` by LANES samples, to where its samples are rows of ``into``."""
    side, features = tile.shape[0], into.shape[1]
    if left == LANES and span[1] - span[0] == side:
        flat, out = tile.reshape(tile.size), into.reshape(into.size)
        for t in range(0, LANES, side):
            transpose_tile(flat, out, t, (first + t) * features + span[0], (LANES, features))
    else:
        for t in range(left):
            for k in range(span[1] - span[0]):
                into[first + t, span[0] + k] = tile[k, t]


@njit(parallel=True, cache=True, **_VECTOR)
def forward(rows, bias, x, y, lies, turned):
    """Compute y = W x + bias; ``rows`` as in :func:`forward_slab`.

    ``lies`` is (samples, x_stride, y_stride): x is (inputs, samples), feature i beginning at ``i*x_stride`` of its
    memory, and y likewise, or (samples, outputs) if ``turned``. With an x_stride of 1 the "columns" of ``rows`` are
    places in x's memory: of a convolution, say.
    """
    outputs, side, (samples, x_stride, y_stride) = bias.size, width(x), lies
    for task in prange(_windows(samples, side) * _BLOCKS):
        first, left = _window(task // _BLOCKS, samples, side)
        begin, end = _part(outputs, task % _BLOCKS, _BLOCKS)
        tile = np.empty((side, LANES), x.dtype)
        for row in range(begin, end, side):
            span = (row, min(row + side, end))
            out = (LANES, -row * LANES) if turned else (y_stride, first)
            into = tile if turned else y
            if left == LANES:
                forward_rows(rows, bias, x, into, span, (left, x_stride, first, 0, 0, out[0], out[1]), True)
            else:
                forward_rows(rows, bias, x, into, span, (left, x_stride, first, 0, 0, out[0], out[1]), False)
            if turned:
                _turn(tile, y, span, first, left)


@njit(parallel=True, cache=True, **_VECTOR)
def backward(entries, pair, dx, dw, turned):
    """Compute dx = W^T dy, and add dy x^T to dw (by slot); ``entries`` as in :func:`backward_slab`, pair is (x, dy).

    dx is (inputs, samples), or (samples, inputs) if ``turned``.
    """
    (x, dy), side = pair, width(dx)
    inputs, samples = x.shape
    for block in prange(_BLOCKS):
        begin, end = _part(inputs, block, _BLOCKS)
        tile = np.empty((side, LANES), x.dtype)
        for number in range(_windows(samples, side)):
            first, left = _window(number, samples, side)
            for col in range(begin, end, side):
                span = (col, min(col + side, end))
                out = (LANES, -col * LANES) if turned else (samples, first)
                window, into = (left, samples, first, samples, first, out[0], out[1]), tile if turned else dx
                if left == LANES:
                    backward_columns(entries, x, dy, into, dw, span, window, True, _ADD)
                else:
                    backward_columns(entries, x, dy, into, dw, span, window, False, _ADD)
                if turned:
                    _turn(tile, dx, span, first, left)


@njit(parallel=True, cache=True, **_VECTOR)
def weight_gradient(rows, pair, dw, lies):
    """Add dy x^T to dw (by slot): a backward pass that needs no dx; pair is (x, dy), the rest as in :func:`forward`."""
    (x, dy), (samples, x_stride, y_stride), side = pair, lies, width(dw)
    outputs = rows[1].size
    for block in prange(_BLOCKS):
        span = _part(outputs, block, _BLOCKS)
        for number in range(_windows(samples, side)):
            first, left = _window(number, samples, side)
            window = (left, x_stride, first, y_stride, first, 0, 0)
            if left == LANES:
                dot_rows(rows, x, dy, dw, span, window, True, True)
            else:
                dot_rows(rows, x, dy, dw, span, window, False, True)


@njit(parallel=True, cache=True, **_VECTOR)
def transpose(source, into):
    """Write the transpose of a matrix, tile by tile; both are contiguous."""
    rows, cols, side = source.shape[0], source.shape[1], width(source)
    flat, out, whole = source.reshape(source.size), into.reshape(into.size), rows // side * side
    for tile in prange((cols + side - 1) // side):
        begin, end = tile * side, min(tile * side + side, cols)
        first = whole if end - begin == side else 0
        for row in range(0, first, side):
            transpose_tile(flat, out, row * cols + begin, begin * rows + row, (cols, rows))
        for row in range(first, rows):
            for col in range(begin, end):
                into[col, row] = source[row, col]
