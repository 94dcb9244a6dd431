"""Rewiring by magnitude, every so many steps: drop the smallest connections, form as many at random or by gradient."""

from __future__ import annotations

import numpy as np
from numba import njit

from spinula.engines.sparse.store import Store, connections, has_room, insert, lay_out, remove
from spinula.engines.sparse.update import Numbers, form


@njit
def _remove_all(store, rows, slots):
    # From the last slot of each row to the first: removal moves the last one into the gap.
    for k in range(rows.size - 1, -1, -1):
        remove(store, rows[k], slots[k])


@njit
def _form_all(store, numbers, key, span, none):
    made = 0
    for number in range(span[0], span[1]):
        made += form(store, numbers, key, number, none, none)
    return made


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
    order = np.argsort(slots[chosen])
    _remove_all(store, rows[chosen][order], slots[chosen][order])
    return count


def grow_uniform(store: Store, count: int, *, numbers: Numbers, key: int, formed: int) -> int:
    """Form connections at uniform vacant sites with the new size; return how many."""
    none = np.zeros((1, 1), store.weight.dtype)
    plain = numbers._replace(candidates=1.0, signed=1.0)
    return _form_all(store, plain, np.uint64(key), (formed, formed + count), none)


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
