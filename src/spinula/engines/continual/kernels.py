"""Steps of a sparse network where spines have a stability by size, or classes belong to tasks that are known."""

from __future__ import annotations

import numpy as np
from numba import njit

from spinula.engines.sparse.fused import backward_all, find_moving, forward_all, load_slab, rewire_layer
from spinula.engines.sparse.fused import view as layer_view
from spinula.engines.sparse.kernels import LANES, softmax_slab
from spinula.engines.sparse.update import ELIMINATED
from spinula.law import additive, training

_drift = njit(training.unsupported_drift)
_stability = njit(training.stability)
_euler = njit(additive.euler_step)


@njit(nogil=True)
def _mask(scores, labels, groups):
    """Set the scores of classes outside each sample's task so low that they have no chance."""
    for t in range(LANES):
        if labels[t] >= 0:
            for c in range(groups.size):
                if groups[c] != groups[labels[t]]:
                    scores[c, t] = -1e30


@njit(nogil=True)
def steady_step(store, dw, numbers, steady, mark):
    """Move every spine of a layer by one step of the law, big ones by less; mark what is eliminated.

    ``steady`` : (scale, power) of the stability; scale 0: none.
    """
    for slot in range(store.col.size):
        if store.col[slot] < 0:
            continue
        weight = store.weight[slot]
        sign = 1.0 if weight >= 0.0 else -1.0
        size = sign * weight
        rate = numbers.rate * (_stability(size, steady[0], steady[1]) if steady[0] > 0.0 else 1.0)
        size = _euler(size, _drift(size, numbers.decay, numbers.shrinkage) - sign * dw[slot], 0.0, 0.0, rate, 0.0)
        store.weight[slot] = sign * size
        if mark and size <= numbers.size_min:
            store.col[slot] = ELIMINATED - store.col[slot]


@njit(nogil=True)
def _update(flat, work, numbers, steady, rewire, moving):
    """Sum the slabs' gradients, move every spine and bias, replace the eliminated; return how many those are."""
    lost = 0
    for s in range(1, work.dw.shape[0]):
        work.dw[0] += work.dw[s]
        work.db[0] += work.db[s]
    flat.bias[:] -= flat.bias.dtype.type(numbers.rate) * work.db[0]
    find_moving(flat, rewire, moving)
    for layer in range(moving.size):
        dw = work.dw[0, flat.slots[layer] : flat.slots[layer + 1]]
        steady_step(layer_view(flat, layer), dw, numbers, steady, moving[layer])
        if moving[layer]:
            lost += rewire_layer(flat, work, numbers, layer)
    return lost


@njit(nogil=True, cache=True)
def train_steady(flat, work, images, labels, order, steps, numbers, groups, steady, rewire):
    """Train at a constant rate on the samples of ``order``; return (correct, eliminated)."""
    correct, lost, batch = 0, 0, order.size // steps
    inputs, classes = flat.widths[0], flat.widths[-1]
    scale, moving = work.acts.dtype.type(1.0 / batch), np.zeros(flat.widths.size - 1, np.bool_)
    for number in range(steps):
        chosen = order[number * batch : (number + 1) * batch]
        for s in range(work.labels.shape[0]):
            acts, grads = work.acts[s], work.grads[s]
            load_slab(images, labels, chosen, s * LANES, acts[:inputs], work.labels[s])
            forward_all(flat, acts)
            _mask(acts[-classes:], work.labels[s], groups)
            correct += softmax_slab(acts[-classes:], work.labels[s], scale, grads[-classes:])[1]
            backward_all(flat, acts, grads, work.dw[s], work.db[s])
        lost += _update(flat, work, numbers, steady, rewire, moving)
    return correct, lost
