"""Connections go and come: at every step where a spine was eliminated, or every so many steps by magnitude.

A new spine takes a vacant site: uniformly, or the best of some candidates by pre x error (guided formation), or, for
RigL alone, where the dense gradient is largest.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from spinula.engines import philox as rng
from spinula.engines.sparse.store import (
    Store,
    connections,
    find,
    has_room,
    insert,
    lay_out,
    remove,
    site_sign,
    vacant,
)
from spinula.engines.sparse.update import ELIMINATED, Numbers

_JUDGES = 16  # how many samples judge a candidate: one cache line of each feature
_TRIALS = 16  # draws of candidates before the vacant sites are searched one by one
_BLOCK = 64  # slots that are looked at together for eliminated spines
_CROWDED = 8  # the free slots are dealt out anew if one in so many formations met a full row or column
_FORM, _LAST, _COUNT = np.uint32(42), np.uint32(43), np.uint32(44)


@njit(nogil=True)
def _remove_marked(store):
    """Remove every spine that a step marked; return how many.

    From the last slot to the first: a removal moves the last spine of a row into the gap, and that one was looked at
    before.
    """
    row, count = store.row_count.size - 1, 0
    for last in range(store.col.size, 0, -_BLOCK):
        first = max(last - _BLOCK, 0)
        lowest = store.col[first]
        for slot in range(first, last):
            lowest = min(lowest, store.col[slot])
        if lowest > ELIMINATED:
            continue
        for slot in range(last - 1, first - 1, -1):
            if store.col[slot] <= ELIMINATED:
                while store.row_start[row] > slot:
                    row -= 1
                store.col[slot] = ELIMINATED - store.col[slot]
                remove(store, row, slot)
                count += 1
    return count


@njit(nogil=True, fastmath=True)
def _support(x, dy, row, col):
    """Return the gradient that a connection would have, by the first samples of a slab: the sum of x*dy."""
    total = x.dtype.type(0)
    if x.shape[1] >= _JUDGES:  # a fixed number of turns is one vector instruction
        for t in range(_JUDGES):
            total += x[col, t] * dy[row, t]
    else:
        for t in range(x.shape[1]):
            total += x[col, t] * dy[row, t]
    return total


@njit(nogil=True)
def _draw(sites, shape, key, count, trial):
    """Draw as many rows and as many columns as ``sites`` is long: sites[:, 0] and sites[:, 1]."""
    k0, k1 = rng.split_key(key)
    for k in range(0, sites.shape[0], 2):
        words = rng.philox(np.uint32(count), np.uint32(k), np.uint32(trial), _FORM, k0, k1)
        sites[k, 0], sites[k, 1] = int(rng.unit(words[0]) * shape[0]), int(rng.unit(words[1]) * shape[1])
        if k + 1 < sites.shape[0]:
            sites[k + 1, 0], sites[k + 1, 1] = int(rng.unit(words[2]) * shape[0]), int(rng.unit(words[3]) * shape[1])


@njit(nogil=True)
def _judge(sites, support, numbers, key, x, dy):
    """Write how much the gradient would make each candidate grow; with free signs it grows either way."""
    side = sites.shape[0]
    for i in range(side):
        for j in range(side):
            slope = _support(x, dy, sites[i, 0], sites[j, 1])
            if numbers.signed > 0.0:
                slope *= -site_sign(sites[i, 0], sites[j, 1], key)
            support[i * side + j] = slope if numbers.signed > 0.0 else abs(slope)


@njit(nogil=True)
def _put(store, numbers, key, row, col, x, dy):
    """Form a spine at a vacant site that has room: with its site's sign, or the one that the gradient asks for."""
    if numbers.signed > 0.0:
        sign = site_sign(row, col, key)
    else:
        sign = -1.0 if _support(x, dy, row, col) > 0 else 1.0
    insert(store, row, col, sign * numbers.size_new)


@njit(nogil=True)
def _form_anywhere(store, numbers, key, count, x, dy):
    """Form one spine at the first vacant site from a random one on; return whether there is any."""
    k0, k1 = rng.split_key(key)
    outputs, inputs = store.row_count.size, store.col_count.size
    if store.row_start[outputs] == store.row_count.sum():
        return False  # the layer is as full as its arrays
    words = rng.philox(np.uint32(count), np.uint32(0), np.uint32(0), _LAST, k0, k1)
    first_row, first_col = int(rng.unit(words[0]) * outputs), int(rng.unit(words[1]) * inputs)
    for i in range(outputs + 1):
        row = (first_row + i) % outputs
        if store.row_count[row] == inputs:
            continue
        for j in range(inputs):
            col = (first_col + j) % inputs
            if find(store, row, col) < 0:
                if not has_room(store, row, col):
                    lay_out(store)
                if has_room(store, row, col):
                    _put(store, numbers, key, row, col, x, dy)
                    return True
    return False


@njit(nogil=True)
def form(store, numbers, key, count, scratch, x, dy):
    """Form one spine, number ``count`` of its layer; return how many sites were refused for lack of room, or -1.

    The candidates are the crossings of some rows with as many columns, drawn uniformly, and the best vacant one wins;
    with one candidate it is a uniform site. ``scratch`` is (sites, support), shapes (side, 2) and (side*side,), with
    side*side candidates. -1: no vacant site was found.
    """
    sites, support = scratch
    shape, refused = (store.row_count.size, store.col_count.size), 0
    for trial in range(_TRIALS):
        _draw(sites, shape, key, count, trial)
        if support.size > 1:
            _judge(sites, support, numbers, key, x, dy)
        for _ in range(support.size):
            best = np.argmax(support)
            row, col = sites[best // sites.shape[0], 0], sites[best % sites.shape[0], 1]
            if find(store, row, col) < 0:
                if has_room(store, row, col):
                    _put(store, numbers, key, row, col, x, dy)
                    support[best] = 0.0
                    return refused
                refused += 1
            support[best] = -np.inf
        support[:] = 0.0
    return refused if _form_anywhere(store, numbers, key, count, x, dy) else -1


@njit(nogil=True)
def form_many(store, numbers, key, span, x, dy):
    """Form the spines numbered from span[0] to span[1] of a layer; return how many there were sites for."""
    # In a layer with few vacant sites a large tournament would meet the same ones again and again.
    side = max(1, int(np.sqrt(min(numbers.candidates, vacant(store) / 8.0)) + 0.5))
    scratch = (np.zeros((side, 2), np.int64), np.zeros(side * side, store.weight.dtype))
    made, refused = 0, 0
    for count in range(span[0], span[1]):
        found = form(store, numbers, key, count, scratch, x, dy)
        made += found >= 0
        refused += max(found, 0)
    if refused * _CROWDED > span[1] - span[0]:
        lay_out(store)
    return made


@njit(nogil=True)
def replace(store, numbers, key, formed, x, dy):
    """Remove the spines that the last step marked and form others; ``formed`` counts all formations of the layer.

    Returns (how many were eliminated, how many formations were tried): the same, unless the rule has births of its own.
    """
    lost = _remove_marked(store)
    wanted = lost
    if numbers.births >= 0.0:
        k0, k1 = rng.split_key(key)
        luck = rng.unit(rng.philox(np.uint32(formed), np.uint32(0), np.uint32(0), _COUNT, k0, k1)[0])
        wanted = int(numbers.births * store.row_count.sum() + luck)
    form_many(store, numbers, key, (formed, formed + wanted), x, dy)
    return lost, wanted


@njit
def _remove_all(store, rows, slots):
    # From the last slot of each row to the first: removal moves the last one into the gap.
    for k in range(rows.size - 1, -1, -1):
        remove(store, rows[k], slots[k])


@njit
def _insert_all(store, rows, cols, weights):
    for k in range(rows.size):
        if not has_room(store, rows[k], cols[k]):
            lay_out(store)
        insert(store, rows[k], cols[k], weights[k])


def drop_smallest(store: Store, count: int) -> int:
    """Remove the connections with the smallest weights; return how many."""
    rows, _, slots = connections(store)
    count = min(count, len(rows))
    if count <= 0:
        return 0
    chosen = np.argpartition(np.abs(store.weight[slots]), count - 1)[:count]
    _drop(store, rows[chosen], slots[chosen])
    return count


def drop_random(store: Store, count: int, generator: np.random.Generator) -> int:
    """Remove connections drawn at random, whatever their size; return how many."""
    rows, _, slots = connections(store)
    chosen = generator.permutation(len(rows))[: max(count, 0)]
    _drop(store, rows[chosen], slots[chosen])
    return len(chosen)


def _drop(store: Store, rows: np.ndarray, slots: np.ndarray) -> None:
    order = np.argsort(slots)
    _remove_all(store, rows[order], slots[order])


def grow_uniform(store: Store, count: int, *, numbers: Numbers, key: int, formed: int) -> int:
    """Form connections at uniform vacant sites with the new size; return how many."""
    none = np.zeros((1, 1), store.weight.dtype)
    plain = numbers._replace(candidates=1.0, signed=1.0)
    return form_many(store, plain, np.uint64(key), (formed, formed + count), none, none)


def grow_by_gradient(store: Store, count: int, x: np.ndarray, dy: np.ndarray) -> int:
    """Form connections of weight 0 where the dense gradient dy x^T is largest; the one place where it is formed.

    x, dy : Array, shape (samples, inputs) and (samples, outputs)
    """
    slope = np.abs(dy.T @ x)
    rows, cols, _ = connections(store)
    slope[rows, cols] = -1.0
    best = np.argpartition(slope.ravel(), -count)[-count:]
    rows, cols = np.divmod(best, slope.shape[1])
    _insert_all(store, rows, cols, np.zeros(count, store.weight.dtype))
    return count
