"""The product of a sparse layer and its gradients as PyTorch sees them: one autograd function, two backends.

The "numba" backend works on the memory of the tensors. Its kernels want activations feature-major, ``x[feature,
sample]``: what comes otherwise is transposed, tile by tile, which is four times faster than a copy by PyTorch. The
"torch" backend is plain PyTorch, for other devices.
"""

from __future__ import annotations

import warnings
from typing import Any

import numba
import numpy as np
import torch
from numba import njit
from torch.autograd.function import once_differentiable

from spinula.engines.sparse import kernels
from spinula.engines.sparse.store import site_sign

_SMALL = 1 << 18  # multiply-adds that one thread does sooner than it wakes another
_CHUNK = 1 << 24  # products that the torch backend holds at once


@njit(cache=True)
def site_signs(rows, cols, key):
    """Return the signs of some sites, +1 or -1."""
    signs = np.empty(rows.size)
    for k in range(rows.size):
        signs[k] = site_sign(rows[k], cols[k], key)
    return signs


def run(kernel: Any, work: int, *arguments: Any) -> None:
    """Call a parallel kernel; a small piece of work, in multiply-adds, stays on this thread."""
    if work >= _SMALL or numba.get_num_threads() == 1:
        kernel(*arguments)
        return
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        kernel(*arguments)
    finally:
        numba.set_num_threads(threads)


def array(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor's memory as an array."""
    return tensor.detach().numpy()


def transposed(matrix: torch.Tensor) -> torch.Tensor:
    """Return the transpose of a matrix in contiguous memory: the matrix's own, where it lies that way already."""
    if not (matrix.is_cpu and matrix.is_contiguous()) or 1 in matrix.shape:
        return matrix.t().contiguous()
    rows, cols = matrix.shape
    into = matrix.new_empty(cols, rows)
    run(kernels.transpose, rows * cols, array(matrix), into.numpy())
    return into


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
    x is (samples, inputs) and the result (samples, outputs). Either may be the transpose of contiguous memory, which
    the kernels take as it is: x and its gradient lie alike, and the result as ``layer.feature_major`` says.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, layer: Any) -> torch.Tensor:
        """Compute the product; keep the input in feature-major storage."""
        features = transposed(x)
        ctx.save_for_backward(features, weight)
        ctx.layer, ctx.version, ctx.turned = layer, layer.version, not x.is_contiguous()
        outputs, samples = layer.out_features, features.shape[1]
        if not layer.on_kernels:
            return _product_by_torch(layer, features, weight, bias)
        weights, as_is = array(weight), layer.feature_major
        y = features.new_empty((outputs, samples) if as_is else (samples, outputs))
        offset = np.zeros(outputs, weights.dtype) if bias is None else array(bias)
        rows = (*layer.indices()[0], weights)
        run(
            kernels.forward, weights.size * samples, rows, offset, array(features), y.numpy(), (samples,) * 3, not as_is
        )
        return y.t() if as_is else y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Compute what is needed of dx, dweight and dbias."""
        layer = ctx.layer
        x, weight = ctx.saved_tensors
        if ctx.version != layer.version:
            raise RuntimeError("the connections of a SpineLinear changed between its forward and its backward pass.")
        dy = transposed(dy)
        wants_x, wants_weight, wants_bias, _ = ctx.needs_input_grad
        layer.remember(x, dy)
        wanted = wants_x, wants_weight
        if layer.on_kernels:
            dx, dw = _gradients_by_kernels(layer, (x, dy), weight, wanted, ctx.turned)
        else:
            dx, dw = _gradients_by_torch(layer, (x, dy), weight, wanted)
        return dx, dw if wants_weight else None, dy.sum(1) if wants_bias else None, None


def _gradients_by_kernels(
    layer: Any, pair: tuple[torch.Tensor, torch.Tensor], weight: torch.Tensor, wanted: tuple[bool, bool], turned: bool
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Return dx (samples by features, or their transpose if ``turned``) and dw; pair is (x, dy), feature-major."""
    if not any(wanted):
        return None, None
    x, dw, arrays, weights = pair[0], torch.zeros_like(weight), tuple(part.numpy() for part in pair), array(weight)
    by_row, by_col = layer.indices()
    if not wanted[0]:
        run(
            kernels.weight_gradient,
            weights.size * x.shape[1],
            (*by_row, weights),
            arrays,
            dw.numpy(),
            (x.shape[1],) * 3,
        )
        return None, dw
    dx = torch.empty_like(x) if turned else x.new_empty(x.shape[::-1])
    run(kernels.backward, weights.size * x.shape[1], (*by_col, weights), arrays, dx.numpy(), dw.numpy(), not turned)
    return dx.t() if turned else dx, dw


def _product_by_torch(
    layer: Any, features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Return the product, samples by outputs, computed by plain PyTorch from features by samples."""
    with torch.autocast(features.device.type, enabled=False):
        index = layer.compressed()
        matrix = _sparse(index.row_start, index.col, weight[index.slots], (layer.out_features, layer.in_features))
        y = matrix @ features
        return (y if bias is None else y + bias[:, None]).t().contiguous()


def _gradients_by_torch(
    layer: Any, pair: tuple[torch.Tensor, torch.Tensor], weight: torch.Tensor, wanted: tuple[bool, bool]
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Return dx, samples by features, and dw, computed by plain PyTorch; pair is (x, dy), feature-major."""
    (x, dy), index, dx, dw = pair, layer.compressed(), None, None
    if wanted[0]:
        shape = (layer.in_features, layer.out_features)
        dx = (_sparse(index.col_start, index.row, weight[index.slots_by_col], shape) @ dy).t().contiguous()
    if wanted[1]:
        products = sampled_products(x, dy, (index.rows, index.col))
        dw = torch.zeros_like(weight).index_copy_(0, index.slots, products)
    return dx, dw
