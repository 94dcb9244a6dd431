"""The vector loops of a sparse product, held to sums written out, for windows that end anywhere."""

import numpy as np
import pytest
from numba import njit

from spinula.engines.sparse import kernels, lanes


def _layer(outputs, inputs, dtype, seed=0):
    """Return rows (with gaps between them), entries, the matrix, and which slot a site has."""
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(outputs, inputs)) * (rng.random((outputs, inputs)) < 0.3)
    counts = (dense != 0).sum(1)
    start = np.concatenate([[0], np.cumsum(counts + 2)]).astype(np.int32)
    col, weight = np.full(start[-1], -1, np.int32), np.zeros(start[-1], dtype)
    slots = np.full(dense.shape, -1)
    for row in range(outputs):
        found = np.flatnonzero(dense[row])
        slots[row, found] = start[row] + np.arange(len(found))
        col[slots[row, found]], weight[slots[row, found]] = found, dense[row, found]
    rows = [np.flatnonzero(column) for column in dense.T]
    first = np.concatenate([[0], np.cumsum([len(found) for found in rows])]).astype(np.int32)
    slot = np.concatenate([slots[found, c] for c, found in enumerate(rows)]).astype(np.int32)
    entries = first, np.diff(first).astype(np.int32), np.concatenate(rows).astype(np.int32), slot, weight
    return (start, counts.astype(np.int32), col, weight), entries, dense.astype(dtype), slots


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("samples", [1, 15, 16, 17, 63, 64, 65, 130])
@pytest.mark.parametrize("turned", [False, True])
def test_passes_of_any_number_of_samples_are_the_matrix_product(dtype, samples, turned):
    rows, entries, dense, slots = _layer(37, 23, dtype)
    rng = np.random.default_rng(1)
    x, dy, bias = (rng.normal(size=shape).astype(dtype) for shape in ((23, samples), (37, samples), 37))
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-12}

    def as_asked(features):
        return np.full((samples, features) if turned else (features, samples), np.nan, dtype)

    def by_feature(array):
        return array.T if turned else array

    y, dx, dw = as_asked(37), as_asked(23), np.ones_like(rows[3])
    kernels.forward(rows, bias, x, y, (samples,) * 3, turned)
    np.testing.assert_allclose(by_feature(y), dense @ x + bias[:, None], **near)
    kernels.backward(entries, (x, dy), dx, dw, turned)
    np.testing.assert_allclose(by_feature(dx), dense.T @ dy, **near)
    slope = (dy @ x.T)[slots >= 0]
    np.testing.assert_allclose(dw[slots[slots >= 0]], 1.0 + slope, **near)
    assert (np.delete(dw, slots[slots >= 0]) == 1.0).all()  # free slots are left alone
    kernels.weight_gradient(rows, (x, dy), dw, (samples,) * 3)
    np.testing.assert_allclose(dw[slots[slots >= 0]], 1.0 + 2 * slope, **near)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_slab_is_the_matrix_product(dtype):
    rows, entries, dense, slots = _layer(12, 9, dtype, seed=2)
    rng = np.random.default_rng(3)
    x, dy = np.maximum(0, rng.normal(size=(9, lanes.LANES))).astype(dtype), rng.normal(size=(12, lanes.LANES))
    dy, y, dx, dw, bias = dy.astype(dtype), np.empty_like(dy, dtype), np.empty_like(x), np.ones_like(rows[3]), rows[3]
    near = {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-12}
    kernels.forward_slab(rows, bias[:12].copy(), x, y, True)
    np.testing.assert_allclose(y, np.maximum(0, dense @ x + bias[:12, None]), **near)
    kernels.backward_slab(entries, x, dy, dx, dw, True)
    np.testing.assert_allclose(dx, (dense.T @ dy) * (x > 0), **near)
    np.testing.assert_allclose(dw[slots[slots >= 0]], (dy @ x.T)[slots >= 0], **near)  # set, not added
    again = np.zeros_like(dw)
    kernels.weight_gradient_slab(rows, x, dy, again)
    np.testing.assert_allclose(again[slots[slots >= 0]], dw[slots[slots >= 0]], **near)


@njit
def _some(cols, weights, x, y, left):
    lanes.gather_some_row(cols, weights, x, y, (0, cols.size), 0, (left, 3, 1, 0, 0, 0, 2), x[0])


@pytest.mark.parametrize("left", [0, 1, 5, 8])
def test_a_part_of_a_vector_touches_nothing_else(left):
    x, y = np.arange(1.0, 60.0), np.full(20, 7.0)
    _some(np.array([0, 2, 9], np.int32), np.array([1.0, -2.0, 0.5]), x, y, left)
    wanted = [1.0 + x[t + 1] - 2.0 * x[t + 7] + 0.5 * x[t + 28] for t in range(left)]
    np.testing.assert_allclose(y, [7.0, 7.0, *wanted, *[7.0] * (18 - left)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (3, 40), (40, 3), (33, 65), (128, 24)])
def test_a_transpose_is_exact(dtype, shape):
    source = np.random.default_rng(0).normal(size=shape).astype(dtype)
    into = np.zeros(shape[::-1], dtype)
    kernels.transpose(source, into)
    assert np.array_equal(into, source.T)
