"""A whole training step of a sparse perceptron in compiled code: no layer leaves the cache for the interpreter.

All layers live in joint arrays (``Flat``), because a parallel loop of Numba takes arrays but not tuples of them; a
layer's :class:`Store` is a view. One thread takes one slab of samples through all layers, forward and backward; then
the gradients of the slabs are summed and every spine takes its step of the law.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit, prange

from spinula.engines.sparse.kernels import (
    LANES,
    backward_slab,
    bias_gradient_slab,
    forward_slab,
    softmax_slab,
    weight_gradient_slab,
)
from spinula.engines.sparse.rewire import replace
from spinula.engines.sparse.store import Store, vacant
from spinula.engines.sparse.update import Numbers, birth_size, law_step

_PIECE = 8192  # slots that one thread updates at a time
Flat = namedtuple("Flat", ("widths", "slots", "entries", *Store._fields, "bias", "bias_momentum"))
Flat.__doc__ = """All layers end to end: widths (layers + 1), slots and entries (offsets, layers + 1), a store's arrays,
and the biases. Starts are counted within their layer."""
Work = namedtuple("Work", "acts grads dw db labels spans counts keys")
Work.__doc__ = """Buffers: acts and grads (slabs, all features, LANES); dw (slabs, all slots), db (slabs, all outputs);
labels (slabs, LANES); spans (layer, first, last slot) share the update out; counts (formations so far) and
keys by layer."""


def join(stores: list[Store]) -> tuple[Flat, list[Store]]:
    """Return the layers as joint arrays, and each layer's store as views of them."""
    widths = np.array([len(stores[0].col_count), *(len(store.row_count) for store in stores)], np.int64)
    slots = np.concatenate([[0], np.cumsum([len(store.col) for store in stores])])
    entries = np.concatenate([[0], np.cumsum([len(store.row) for store in stores])])
    joint = {name: np.concatenate([getattr(store, name) for store in stores]) for name in Store._fields}
    outputs, dtype = int(widths[1:].sum()), stores[0].weight.dtype
    flat = Flat(widths=widths, slots=slots, entries=entries, bias=np.zeros(outputs, dtype),
                bias_momentum=np.zeros(outputs, dtype), **joint)  # fmt: skip
    return flat, [view(flat, layer) for layer in range(len(stores))]


def _spans(flat: Flat) -> np.ndarray:
    """Return the pieces in which the slots are updated, each within a layer: (layer, first, last)."""
    made = [
        (layer, first, min(first + _PIECE, size))
        for layer, size in enumerate(np.diff(flat.slots))
        for first in range(0, size, _PIECE)
    ]
    return np.array(made, np.int64)


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return zeros that begin at a cache line, so that no vector of a slab lies on two."""
    room = np.zeros(int(np.prod(shape)) * dtype.itemsize + 64, np.uint8)
    first = -room.ctypes.data % 64
    return room[first : len(room) - 64 + first].view(dtype).reshape(shape)


def workspace(flat: Flat, batch: int, keys: list[int]) -> Work:
    """Return buffers for a batch size."""
    slabs, dtype = -(-batch // LANES), flat.weight.dtype
    features, outputs = int(flat.widths.sum()), int(flat.widths[1:].sum())
    return Work(
        _aligned((slabs, features, LANES), dtype), _aligned((slabs, features, LANES), dtype),
        np.zeros((slabs, len(flat.col)), dtype), np.zeros((slabs, outputs), dtype),
        np.full((slabs, LANES), -1, np.int64), _spans(flat),
        np.zeros(len(keys), np.int64), np.array(keys, np.uint64),
    )  # fmt: skip


@njit(nogil=True)
def _span(widths, layer):
    """Return where the features of a layer's input begin, and where its outputs begin among all outputs."""
    first = 0
    for k in range(layer):
        first += widths[k]
    return first, first - widths[0] + widths[layer]


@njit(nogil=True)
def view(flat, layer):
    """Return one layer's store, as views of the joint arrays."""
    first, out = _span(flat.widths, layer)
    rows, cols = flat.widths[layer + 1], flat.widths[layer]
    a, b = flat.slots[layer], flat.slots[layer + 1]
    c, d = flat.entries[layer], flat.entries[layer + 1]
    # A start array has one entry more than its layer has rows (or columns).
    return Store(
        flat.row_start[out + layer : out + layer + rows + 1], flat.row_count[out : out + rows], flat.col[a:b],
        flat.weight[a:b], flat.momentum[a:b], flat.col_start[first + layer : first + layer + cols + 1],
        flat.col_count[first : first + cols], flat.row[c:d], flat.slot[c:d],
    )  # fmt: skip


@njit(nogil=True)
def load_slab(images, labels, order, first, x, y):
    """Bring LANES samples into a slab, feature by sample; what is beyond the end is padding (label -1, features 0)."""
    count, features = min(LANES, order.size - first), x.shape[0]
    flat, begin = images.reshape(images.size), np.zeros(LANES, np.uint64)
    for t in range(LANES):
        y[t] = labels[order[first + t]] if t < count else -1
        begin[t] = np.uint64(order[first + t] * features if t < count else 0)
    # Features outside: a cache line of each sample serves sixteen of them.
    for feature in range(features):
        into, shift = x[feature], np.uint64(feature)
        for t in range(LANES):
            into[t] = flat[begin[t] + shift]
    if count < LANES:
        x[:, count:] = 0.0


@njit(nogil=True)
def _bias(flat, layer):
    _, out = _span(flat.widths, layer)
    return flat.bias[out : out + flat.widths[layer + 1]]


@njit(nogil=True)
def forward_all(flat, acts):
    """Take one slab forward through all layers; acts[:inputs] holds the input."""
    layers = flat.widths.size - 1
    for layer in range(layers):
        store, (first, _) = view(flat, layer), _span(flat.widths, layer)
        middle = first + flat.widths[layer]
        x, y = acts[first:middle], acts[middle : middle + flat.widths[layer + 1]]
        rows = (store.row_start, store.row_count, store.col, store.weight)
        forward_slab(rows, _bias(flat, layer), x, y, layer < layers - 1)


@njit(nogil=True)
def backward_all(flat, acts, grads, dw, db):
    """Take one slab back through all layers; the last layer's gradient is in grads already."""
    layers = flat.widths.size - 1
    for layer in range(layers - 1, -1, -1):
        store, (first, out) = view(flat, layer), _span(flat.widths, layer)
        middle = first + flat.widths[layer]
        x, dy = acts[first:middle], grads[middle : middle + flat.widths[layer + 1]]
        into = dw[flat.slots[layer] : flat.slots[layer + 1]]
        bias_gradient_slab(dy, db[out : out + flat.widths[layer + 1]])
        if layer > 0:
            entries = (store.col_start, store.col_count, store.row, store.slot, store.weight)
            backward_slab(entries, x, dy, grads[first:middle], into, True)
        else:
            weight_gradient_slab((store.row_start, store.row_count, store.col, store.weight), x, dy, into)


@njit(nogil=True)
def _update_span(flat, work, numbers, step, moving, number):
    """Sum the slabs' gradients for one piece of the slots, and move its spines by one step."""
    layer, first, last = work.spans[number]
    begin, end = flat.slots[layer], flat.slots[layer + 1]
    dw = work.dw[0, begin:end]
    for s in range(1, work.dw.shape[0]):
        total, more = dw[first:last], work.dw[s, begin + first : begin + last]
        for i in range(total.size):
            total[i] += more[i]
    law_step(view(flat, layer), dw, numbers, (first, last), moving[layer], work.keys[layer], step)


@njit(nogil=True)
def find_moving(flat, rewire, moving):
    """Tell for every layer whether its connections may move.

    One that has every connection has nowhere to form another: its weights cross zero instead.
    """
    for layer in range(moving.size):
        moving[layer] = rewire and vacant(view(flat, layer)) > 0


@njit(nogil=True)
def rewire_layer(flat, work, numbers, layer):
    """Replace the spines of a layer that the last step eliminated; return how many."""
    first, _ = _span(flat.widths, layer)
    middle = first + flat.widths[layer]
    x, dy = work.acts[0, first:middle], work.grads[0, middle : middle + flat.widths[layer + 1]]
    lost, tried = replace(view(flat, layer), numbers, work.keys[layer], work.counts[layer], x, dy)
    work.counts[layer] += tried
    return lost


@njit(nogil=True)
def _update_bias(flat, work, numbers):
    for s in range(1, work.db.shape[0]):
        for i in range(work.db.shape[1]):
            work.db[0, i] += work.db[s, i]
    for i in range(flat.bias.size):
        flat.bias_momentum[i] = numbers.momentum * flat.bias_momentum[i] + work.db[0, i]
        flat.bias[i] -= numbers.rate * flat.bias_momentum[i]


@njit(nogil=True)
def _unpack(law, rate):
    """Return the numbers of a step; a parallel loop takes arrays, not tuples of numbers."""
    born = birth_size(law[6], law[7], rate, law[0])
    return Numbers(rate, law[1], law[2], law[3], law[4], law[5], law[6], born, law[8], law[9], law[10])


@njit(nogil=True, parallel=True, cache=True)
def train(flat, work, images, labels, order, rates, numbers, begun, rewire):
    """Train on the samples of ``order`` in as many batches as there are rates; return (loss, accuracy, eliminated).

    images, labels : Array (samples, features) and (samples,); rates : learning rate of each batch; ``begun`` : how
    many steps there were before.
    """
    loss, correct, lost, law = 0.0, 0, 0, np.array(numbers)
    slabs, batch = work.labels.shape[0], order.size // rates.size
    losses, rights, gone = np.zeros(slabs), np.zeros(slabs, np.int64), np.zeros(flat.widths.size - 1, np.int64)
    moving = np.zeros(gone.size, np.bool_)
    inputs, classes = flat.widths[0], flat.widths[-1]
    scale = work.acts.dtype.type(1.0 / batch)
    for number in range(rates.size):
        chosen = order[number * batch : (number + 1) * batch]
        for s in prange(slabs):
            acts, grads = work.acts[s], work.grads[s]
            load_slab(images, labels, chosen, s * LANES, acts[:inputs], work.labels[s])
            forward_all(flat, acts)
            losses[s], rights[s] = softmax_slab(acts[-classes:], work.labels[s], scale, grads[-classes:])
            backward_all(flat, acts, grads, work.dw[s], work.db[s])
        loss += losses.sum()
        correct += rights.sum()
        rate = rates[number]
        _update_bias(flat, work, _unpack(law, rate))
        find_moving(flat, rewire, moving)
        for k in prange(work.spans.shape[0]):
            _update_span(flat, work, _unpack(law, rate), begun + number, moving, k)
        if rewire:
            for layer in prange(gone.size):
                gone[layer] = rewire_layer(flat, work, _unpack(law, rate), layer) if moving[layer] else 0
            lost += gone.sum()
    seen = rates.size * batch
    return loss / seen, correct / seen, lost


@njit(nogil=True, parallel=True, cache=True)
def logits(flat, images, scores):
    """Write the last layer's output for every image to ``scores``, (samples, classes)."""
    count = images.shape[0]
    order, none = np.arange(count), np.zeros(count, np.int64)
    classes = flat.widths[-1]
    for s in prange((count + LANES - 1) // LANES):
        acts, label = np.empty((flat.widths.sum(), LANES), images.dtype), np.empty(LANES, np.int64)
        load_slab(images, none, order, s * LANES, acts[: flat.widths[0]], label)
        forward_all(flat, acts)
        for t in range(min(LANES, count - s * LANES)):
            for c in range(classes):
                scores[s * LANES + t, c] = acts[acts.shape[0] - classes + c, t]
