"""The product of a sparse layer and its gradients as PyTorch sees them: one autograd function, two backends.

Activations are feature-major here: ``x[feature, sample]``, with any number of samples. The "numba" backend works on the
memory of the tensors (no copy). A task owns a block of outputs (forward) or inputs (backward) and goes through the
samples slab by slab: threads share nothing, no buffer grows with the batch, and the result does not depend on how many
threads there are. The "torch" backend is plain PyTorch, for other devices.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
import torch
from numba import njit, prange
from torch.autograd.function import once_differentiable

from spinula.engines.sparse.kernels import LANES
from spinula.engines.sparse.store import site_sign

_VECTOR = {"fastmath": True, "error_model": "numpy", "nogil": True}
_BLOCKS = 16  # tasks of a pass
_SMALL = 1 << 18  # multiply-adds that one thread does sooner than it wakes another
_CHUNK = 1 << 24  # products that the torch backend holds at once


@njit(forceinline=True, **_VECTOR)
def _base(feature, span):
    """Return where a feature's samples of a slab begin in flat memory; span is (samples, first), unsigned."""
    return np.uint64(feature) * span[0] + span[1]


@njit(forceinline=True, **_VECTOR)
def _gather(slots, links, x, total, span, lanes):
    """Add the sum of weight*x over some slots to total[:lanes], four at a time; links is (feature, weight)."""
    (k, end), (feature, weights) = slots, links
    while k + 4 <= end:
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        a, b = _base(feature[k], span), _base(feature[k + 1], span)
        c, d = _base(feature[k + 2], span), _base(feature[k + 3], span)
        for t in range(lanes):
            i = np.uint64(t)
            total[i] += (w0 * x[a + i] + w1 * x[b + i]) + (w2 * x[c + i] + w3 * x[d + i])
        k += 4
    while k < end:
        weight, a = weights[k], _base(feature[k], span)
        for t in range(lanes):
            i = np.uint64(t)
            total[i] += weight * x[a + i]
        k += 1


@njit(forceinline=True, **_VECTOR)
def _forward_rows(rows, bias, x, y, span, lanes):
    """Compute y = W x + bias for some rows and one slab; rows is ((first, last), row_start, row_count, col, weight)."""
    (first, last), start, counts, cols, weights = rows
    total = np.empty(LANES, x.dtype)
    for row in range(first, last):
        for t in range(lanes):
            total[t] = bias[row]
        _gather((start[row], start[row] + counts[row]), (cols, weights), x, total, span, lanes)
        place = _base(row, span)
        for t in range(lanes):
            y[place + np.uint64(t)] = total[t]


@njit(forceinline=True, **_VECTOR)
def _dot(a, b, x, dy, lanes):
    """Return the sum of x*dy over one slab."""
    product = x.dtype.type(0)
    for t in range(lanes):
        i = np.uint64(t)
        product += x[a + i] * dy[b + i]
    return product


@njit(forceinline=True, **_VECTOR)
def _backward_columns(columns, pair, out, span, lanes):
    """Compute dx = W^T dy for some columns and one slab, and add dy x^T to dw; out is (dx, dw), pair is (x, dy)."""
    (first, last), start, counts, rows, slots, weights = columns
    (x, dy), (dx, dw) = pair, out
    total = np.empty(LANES, x.dtype)
    for col in range(first, last):
        for t in range(lanes):
            total[t] = 0
        place = _base(col, span)
        for entry in range(start[col], start[col] + counts[col]):
            slot, source = slots[entry], _base(rows[entry], span)
            weight, product = weights[slot], x.dtype.type(0)
            for t in range(lanes):
                i = np.uint64(t)
                total[i] += weight * dy[source + i]
                product += x[place + i] * dy[source + i]
            dw[slot] += product
        for t in range(lanes):
            dx[place + np.uint64(t)] = total[t]


@njit(forceinline=True, **_VECTOR)
def _weights_rows(rows, pair, dw, span, lanes):
    """Add dy x^T to dw for some rows and one slab."""
    (first, last), start, counts, cols, _ = rows
    x, dy = pair
    for row in range(first, last):
        place = _base(row, span)
        for slot in range(start[row], start[row] + counts[row]):
            dw[slot] += _dot(_base(cols[slot], span), place, x, dy, lanes)


@njit(parallel=True, cache=True, **_VECTOR)
def forward(rows, bias, x, y):
    """Compute y = W x + bias, shapes (inputs, samples) and (outputs, samples).

    rows is (row_start, row_count, col, weight).
    """
    start, counts, cols, weights = rows
    outputs, samples = y.shape
    flat_x, flat_y = x.reshape(x.size), y.reshape(y.size)
    slabs = (samples + LANES - 1) // LANES
    for task in prange(slabs * _BLOCKS):
        first, block = task // _BLOCKS * LANES, task % _BLOCKS
        part = ((outputs * block // _BLOCKS, outputs * (block + 1) // _BLOCKS), start, counts, cols, weights)
        span = (np.uint64(samples), np.uint64(first))
        if samples - first >= LANES:
            _forward_rows(part, bias, flat_x, flat_y, span, LANES)
        else:
            _forward_rows(part, bias, flat_x, flat_y, span, samples - first)


@njit(parallel=True, cache=True, **_VECTOR)
def backward(entries, pair, dx, dw):
    """Compute dx = W^T dy, and add dy x^T to dw (by slot).

    entries is (col_start, col_count, row, slot, weight); pair is (x, dy).
    """
    start, counts, rows, slots, weights = entries
    x, dy = pair
    inputs, samples = x.shape
    flat_x, flat_dy, flat_dx = x.reshape(x.size), dy.reshape(dy.size), dx.reshape(dx.size)
    for block in prange(_BLOCKS):
        part = ((inputs * block // _BLOCKS, inputs * (block + 1) // _BLOCKS), start, counts, rows, slots, weights)
        for first in range(0, samples, LANES):
            span = (np.uint64(samples), np.uint64(first))
            if samples - first >= LANES:
                _backward_columns(part, (flat_x, flat_dy), (flat_dx, dw), span, LANES)
            else:
                _backward_columns(part, (flat_x, flat_dy), (flat_dx, dw), span, samples - first)


@njit(parallel=True, cache=True, **_VECTOR)
def weight_gradient(rows, pair, dw):
    """Add dy x^T to dw (by slot): a backward pass that needs no dx."""
    start, counts, cols, weights = rows
    x, dy = pair
    outputs, samples = dy.shape
    flat_x, flat_dy = x.reshape(x.size), dy.reshape(dy.size)
    for block in prange(_BLOCKS):
        part = ((outputs * block // _BLOCKS, outputs * (block + 1) // _BLOCKS), start, counts, cols, weights)
        for first in range(0, samples, LANES):
            span = (np.uint64(samples), np.uint64(first))
            if samples - first >= LANES:
                _weights_rows(part, (flat_x, flat_dy), dw, span, LANES)
            else:
                _weights_rows(part, (flat_x, flat_dy), dw, span, samples - first)


@njit(cache=True)
def site_signs(rows, cols, key):
    """Return the signs of some sites, +1 or -1."""
    signs = np.empty(rows.size)
    for k in range(rows.size):
        signs[k] = site_sign(rows[k], cols[k], key)
    return signs


@contextmanager
def _threads_for(work: int) -> Iterator[None]:
    """Keep a small pass on one thread."""
    threads = numba.get_num_threads()
    if work >= _SMALL or threads == 1:
        yield
        return
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(threads)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy()


def _sparse(start: torch.Tensor, index: torch.Tensor, values: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(start, index, values, shape, check_invariants=False)


def sampled_products(x: torch.Tensor, dy: torch.Tensor, sites: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Return the sum of dy[row]*x[col] over samples for each (rows, cols), in pieces: memory stays bounded."""
    rows, cols = sites
    piece = max(1, _CHUNK // max(1, x.shape[1]))
    parts = [
        (dy.index_select(0, rows[k : k + piece]) * x.index_select(0, cols[k : k + piece])).sum(1)
        for k in range(0, len(rows), piece)
    ]
    return torch.cat(parts) if parts else x.new_zeros(0)


class SpineProduct(torch.autograd.Function):
    """y = x W^T + bias with gradients for existing connections only.

    Call ``SpineProduct.apply(x, weight, bias, layer)``.
    x is (samples, inputs). The result is (samples, outputs) in feature-major storage, the transpose of a contiguous
    (outputs, samples): an elementwise function keeps that, and the next sparse layer takes it without a copy.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, layer: Any) -> torch.Tensor:
        """Compute the product; keep the input in feature-major storage."""
        features = x.t().contiguous()
        ctx.save_for_backward(features, weight)
        ctx.layer, ctx.version = layer, layer.version
        if layer.on_kernels:
            y = features.new_empty(layer.out_features, features.shape[1])
            offset = np.zeros(layer.out_features, _array(weight).dtype) if bias is None else _array(bias)
            if y.numel():
                with _threads_for(weight.numel() * features.shape[1]):
                    forward(layer.rows(), offset, _array(features), _array(y))
            return y.t()
        with torch.autocast(x.device.type, enabled=False):
            index = layer.compressed()
            matrix = _sparse(index.row_start, index.col, weight[index.slots], (layer.out_features, layer.in_features))
            y = matrix @ features
            return (y if bias is None else y + bias[:, None]).t()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Compute what is needed of dx, dweight and dbias."""
        layer = ctx.layer
        x, weight = ctx.saved_tensors
        if ctx.version != layer.version:
            raise RuntimeError("the connections of a SpineLinear changed between its forward and its backward pass.")
        dy = dy.t().contiguous()
        wants_x, wants_weight, wants_bias, _ = ctx.needs_input_grad
        layer.remember(x, dy)
        dx = dw = None
        if layer.on_kernels:
            dx = torch.empty_like(x) if wants_x else None
            dw = torch.zeros_like(weight) if wants_weight or wants_x else None
            with _threads_for(weight.numel() * x.shape[1]):
                if wants_x and x.numel():
                    backward(layer.entries(), (_array(x), _array(dy)), _array(dx), _array(dw))
                elif wants_weight and x.numel():
                    weight_gradient(layer.rows(), (_array(x), _array(dy)), _array(dw))
        else:
            index = layer.compressed()
            if wants_x:
                shape = (layer.in_features, layer.out_features)
                dx = _sparse(index.col_start, index.row, weight[index.slots_by_col], shape) @ dy
            if wants_weight:
                products = sampled_products(x, dy, (index.rows, index.col))
                dw = torch.zeros_like(weight).index_copy_(0, index.slots, products)
        db = dy.sum(1) if wants_bias else None
        return dx.t() if wants_x else None, dw if wants_weight else None, db, None
