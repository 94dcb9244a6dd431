"""The products of a sparse layer: forward, and backward fused, on slabs of samples that stay together.

Activations are feature-major: ``x[feature, sample]`` for a slab of ``LANES`` samples, so that each connection is one
contiguous multiply-add (see :mod:`lanes`). Slabs are independent: threads share nothing but the
weights, which are only read.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from spinula.engines.sparse.lanes import LANES, dot_row, gather_column, gather_row

_VECTOR = {"fastmath": True, "error_model": "numpy", "nogil": True}


@njit(**_VECTOR)
def forward_slab(rows, bias, x, y, rectify):
    """Compute y = W x + bias for one slab, shapes (inputs, LANES) and (outputs, LANES); optionally max(0, y).

    ``rows`` is (row_start, row_count, col, weight) of a store.
    """
    start, counts, cols, weights = rows
    zero = x.dtype.type(0)
    for row in range(counts.size):
        for t in range(LANES):
            y[row, t] = bias[row]
        gather_row(cols, weights, x, y, start[row], start[row] + counts[row], row)
        if rectify:
            for t in range(LANES):
                y[row, t] = max(y[row, t], zero)


@njit(**_VECTOR)
def backward_slab(entries, x, dy, dx, dw, rectified):
    """Compute dx = W^T dy and dw = dy x^T for the existing connections, in one pass over the columns.

    ``entries`` is (col_start, col_count, row, slot, weight) of a store; ``dw`` is by slot. ``rectified``: x came out of
    max(0, .), so that dx is 0 where x is.
    """
    start, counts, rows, slots, weights = entries
    zero = x.dtype.type(0)
    for col in range(counts.size):
        gather_column((rows, slots, weights), x, dy, dx, dw, start[col], start[col] + counts[col], col)
        if rectified:
            for t in range(LANES):
                dx[col, t] = dx[col, t] if x[col, t] > zero else zero


@njit(**_VECTOR)
def weight_gradient_slab(rows, x, dy, dw):
    """Compute dw = dy x^T for the existing connections: a backward pass that needs no dx; ``rows`` as forward."""
    start, counts, cols, _ = rows
    for row in range(counts.size):
        dot_row(cols, x, dy, dw, start[row], start[row] + counts[row], row)


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


@njit(parallel=True, cache=True, **_VECTOR)
def forward(row_start, row_count, col, weight, bias, x, y):
    """Compute y = W x + bias for all slabs in parallel; x is (slabs, inputs, LANES)."""
    for s in prange(x.shape[0]):
        forward_slab((row_start, row_count, col, weight), bias, x[s], y[s], False)


@njit(parallel=True, cache=True, **_VECTOR)
def backward(col_start, col_count, row, slot, weight, x, dy, dx, dws):
    """Compute dx and, by slab, dw for all slabs in parallel; sum dws over its first axis."""
    for s in prange(x.shape[0]):
        backward_slab((col_start, col_count, row, slot, weight), x[s], dy[s], dx[s], dws[s], False)


@njit(parallel=True, cache=True, **_VECTOR)
def weight_gradient(row_start, row_count, col, weight, x, dy, dws):
    """Compute dw by slab, without dx, for all slabs in parallel."""
    for s in prange(x.shape[0]):
        weight_gradient_slab((row_start, row_count, col, weight), x[s], dy[s], dws[s])
