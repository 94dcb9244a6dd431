"""Where connections exist: the slots of one layer, by output row and by input column, with room for changes.

A layer of ``inputs`` x ``outputs`` sites holds its existing connections only. By rows a slot carries its column, weight
and momentum; by columns an entry carries its row and slot, so that a backward pass can go through inputs. Every row and
column has a little slack: a connection is added or removed in place, in a time that does not depend on the layer, and
the free slots are dealt out anew only when a row or a column is full.

The sign of a weight is a property of its site (a hash of row, column and the layer's key): it costs no memory, and a
connection that comes back comes back with the same sign.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from spinula.core.errors import InvalidInputError
from spinula.engines import philox as rng

Store = namedtuple("Store", "row_start row_count col weight momentum col_start col_count row slot")
Store.__doc__ = """Arrays of one layer: row_start (outputs + 1) and row_count lay out the slots (col, weight, momentum);
col_start (inputs + 1) and col_count lay out the entries (row, slot)."""

_SITE = np.uint32(40)


@njit
def site_sign(row, col, key):
    """Return the sign of a site, +1 or -1: the same whenever it is asked for."""
    k0, k1 = rng.split_key(key)
    word = rng.philox(np.uint32(row), np.uint32(col), np.uint32(0), _SITE, k0, k1)[0]
    return 1.0 if word & np.uint32(1) else -1.0


def build(
    rows: np.ndarray, cols: np.ndarray, weights: np.ndarray, shape: tuple[int, int], *, dtype: str = "float32",
    room: float = 0.1,
) -> Store:  # fmt: skip
    """Return a store of given connections; ``shape`` is (outputs, inputs), ``room`` the share of free slots to add.

    Every row and column has at least one free slot at first.

    Raises
    ------
    InvalidInputError
        If a connection lies outside the layer or is there twice.
    """
    outputs, inputs = shape
    rows, cols = np.asarray(rows, np.int64), np.asarray(cols, np.int64)
    if len(rows) and (rows.min() < 0 or cols.min() < 0 or rows.max() >= outputs or cols.max() >= inputs):
        raise InvalidInputError(f"a connection lies outside a layer of {outputs} x {inputs}.")
    order = np.lexsort((cols, rows))
    rows, cols, weights = rows[order], cols[order], np.asarray(weights)[order]
    if ((np.diff(rows) == 0) & (np.diff(cols) == 0)).any():
        raise InvalidInputError("a connection is there twice.")
    row_count = np.bincount(rows, minlength=outputs).astype(np.int32)
    col_count = np.bincount(cols, minlength=inputs).astype(np.int32)
    row_start = np.concatenate([[0], np.cumsum(_capacity(row_count, room))]).astype(np.int32)
    col_start = np.concatenate([[0], np.cumsum(_capacity(col_count, room))]).astype(np.int32)
    store = Store(
        row_start, row_count, np.full(row_start[-1], -1, np.int32), np.zeros(row_start[-1], dtype),
        np.zeros(row_start[-1], dtype), col_start, col_count, np.full(col_start[-1], -1, np.int32),
        np.full(col_start[-1], -1, np.int32),
    )  # fmt: skip
    place = row_start[rows] + np.arange(len(rows)) - np.concatenate([[0], np.cumsum(row_count)])[rows]
    store.col[place], store.weight[place] = cols, weights
    by_col = np.lexsort((rows, cols))
    entry = col_start[cols[by_col]] + np.arange(len(rows)) - np.concatenate([[0], np.cumsum(col_count)])[cols[by_col]]
    store.row[entry], store.slot[entry] = rows[by_col], place[by_col]
    return store


def _capacity(count: np.ndarray, room: float) -> np.ndarray:
    return count + np.maximum(1, (room * count).astype(np.int64))


@njit
def _where(values, first, last, wanted):
    """Return the index of a value between first and last, or -1; without an early exit, so that it vectorises."""
    found = -1
    for k in range(first, last):
        found = k if values[k] == wanted else found
    return found


@njit
def find(store, row, col):
    """Return the slot of a connection, or -1; by its row or its column, whichever is shorter."""
    first, count = store.row_start[row], store.row_count[row]
    if count <= store.col_count[col]:
        return _where(store.col, first, first + count, col)
    first = store.col_start[col]
    entry = _where(store.row, first, first + store.col_count[col], row)
    return store.slot[entry] if entry >= 0 else -1


@njit
def vacant(store):
    """Return how many sites hold no connection."""
    return store.row_count.size * store.col_count.size - store.row_count.sum()


@njit
def has_room(store, row, col):
    """Tell whether a row and a column can take one more connection."""
    return (
        store.row_start[row] + store.row_count[row] < store.row_start[row + 1]
        and store.col_start[col] + store.col_count[col] < store.col_start[col + 1]
    )


@njit
def insert(store, row, col, weight):
    """Add a connection where there is room; return its slot."""
    slot = store.row_start[row] + store.row_count[row]
    entry = store.col_start[col] + store.col_count[col]
    store.col[slot], store.weight[slot], store.momentum[slot] = col, weight, 0.0
    store.row[entry], store.slot[entry] = row, slot
    store.row_count[row] += 1
    store.col_count[col] += 1
    return slot


@njit
def _entry_of(store, slot):
    first = store.col_start[store.col[slot]]
    return _where(store.slot, first, first + store.col_count[store.col[slot]], slot)


@njit
def remove(store, row, slot):
    """Remove a connection: the last one of its row, and of its column, takes its place."""
    col, entry = store.col[slot], _entry_of(store, slot)
    last = store.col_start[col] + store.col_count[col] - 1
    store.row[entry], store.slot[entry] = store.row[last], store.slot[last]
    store.row[last], store.slot[last] = -1, -1
    store.col_count[col] -= 1
    last = store.row_start[row] + store.row_count[row] - 1
    if last != slot:
        store.slot[_entry_of(store, last)] = slot
        store.col[slot], store.weight[slot], store.momentum[slot] = (
            store.col[last], store.weight[last], store.momentum[last],
        )  # fmt: skip
    store.col[last], store.weight[last], store.momentum[last] = -1, 0.0, 0.0
    store.row_count[row] -= 1


def connections(store: Store) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all connections as (rows, cols, slots), by row and column."""
    slots = np.flatnonzero(store.col >= 0)
    rows = np.searchsorted(store.row_start, slots, side="right") - 1
    cols = store.col[slots]
    order = np.lexsort((cols, rows))
    return rows[order], cols[order].astype(np.int64), slots[order]


@njit
def _spread(counts, start):
    """Lay out capacities anew within the room there is: what is free is dealt out evenly."""
    free = start[-1] - counts.sum()
    share, extra = free // counts.size, free % counts.size
    for i in range(counts.size):
        start[i + 1] = start[i] + counts[i] + share + (1 if i < extra else 0)


@njit
def lay_out(store):
    """Give every row and every column its share of the free slots, in place."""
    old_start, old_col = store.row_start.copy(), store.col.copy()
    old_weight, old_momentum = store.weight.copy(), store.momentum.copy()
    _spread(store.row_count, store.row_start)
    _spread(store.col_count, store.col_start)
    store.col[:], store.weight[:], store.momentum[:] = -1, 0.0, 0.0
    store.row[:], store.slot[:] = -1, -1
    store.col_count[:] = 0
    for row in range(store.row_count.size):
        for k in range(store.row_count[row]):
            was, slot = old_start[row] + k, store.row_start[row] + k
            col = old_col[was]
            store.col[slot], store.weight[slot], store.momentum[slot] = col, old_weight[was], old_momentum[was]
            entry = store.col_start[col] + store.col_count[col]
            store.row[entry], store.slot[entry] = row, slot
            store.col_count[col] += 1


def check(store: Store) -> None:
    """Refuse a store whose rows and columns disagree.

    Raises
    ------
    InvalidInputError
        If a connection is doubled, out of bounds, or known by rows but not by columns.
    """
    rows, cols, slots = connections(store)
    if len(rows) != store.row_count.sum() or len(rows) != store.col_count.sum():
        raise InvalidInputError("the counts of rows and columns disagree with the connections.")
    if len(rows) and ((np.diff(rows) == 0) & (np.diff(cols) == 0)).any():
        raise InvalidInputError("a connection is there twice.")
    entries = np.flatnonzero(store.slot >= 0)
    by_col = np.searchsorted(store.col_start, entries, side="right") - 1
    known = np.argsort(store.slot[entries])
    if not np.array_equal(np.sort(slots), store.slot[entries][known]):
        raise InvalidInputError("a connection is known by rows but not by columns.")
    back = np.argsort(slots)
    if not (np.array_equal(rows[back], store.row[entries][known]) and np.array_equal(cols[back], by_col[known])):
        raise InvalidInputError("an entry points to another connection.")
