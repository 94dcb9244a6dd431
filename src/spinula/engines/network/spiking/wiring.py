"""Who is connected to whom: rules that draw connections, and the deal of their rows to the parts of a circuit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from spinula.core.errors import InvalidInputError
from spinula.engines import philox as rng


@dataclass(frozen=True)
class OutDegree:
    """Every presynaptic neuron reaches this many neurons, each once, drawn evenly; never itself."""

    count: int


@dataclass(frozen=True)
class Probability:
    """Every pair is connected with this chance; a neuron never with itself."""

    chance: float


@dataclass(frozen=True)
class Edges:
    """Connections as they are given: indices within the two populations, and a size each, if not one for all.

    Attributes
    ----------
    pre, post : Array of int, shape (edges,); a pair may occur several times (several contacts)
    size : Array, shape (edges,), um3, or None
    """

    pre: np.ndarray
    post: np.ndarray
    size: np.ndarray | None = None


Wiring = OutDegree | Probability | Edges


@njit(nogil=True, cache=True)
def _draw(first, target, neurons, own, key):
    """Fill each row of ``target`` with different neurons, ascending; ``own``: index of row 0 among them, or -1."""
    stamp = np.full(neurons, -1, np.int64)
    k0, k1 = rng.split_key(key)
    for row in range(first.size - 1):
        place, draw = first[row], 0
        if own >= 0:
            stamp[own + row] = row
        while place < first[row + 1]:
            word = rng.philox(np.uint32(row), np.uint32(draw), np.uint32(0), np.uint32(0), k0, k1)[0]
            draw += 1
            chosen = np.int64(rng.unit(word) * neurons)
            if stamp[chosen] != row:
                stamp[chosen] = row
                target[place] = chosen
                place += 1
        target[first[row] : first[row + 1]].sort()


def wire(wiring: Wiring, shape: tuple[int, int], same: bool, key: int) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return (first, target, size): rows by presynaptic neuron, targets in ascending order, sizes or None.

    ``same`` : whether both populations are one.

    Raises
    ------
    InvalidInputError
        If the wiring cannot be had in populations of this ``shape``.
    """
    pre, post = shape
    if isinstance(wiring, Edges):
        return _rows(wiring, shape)
    if isinstance(wiring, OutDegree):
        if not 0 <= wiring.count <= post - same:
            raise InvalidInputError(f"{wiring.count} connections per neuron cannot go to {post - same} others.")
        count = np.full(pre, wiring.count)
    else:
        if not 0 <= wiring.chance <= 1:
            raise InvalidInputError(f"a connection has chance {wiring.chance:g}; wanted 0 to 1.")
        count = np.random.Generator(np.random.Philox(key)).binomial(post - same, wiring.chance, pre)
    first = np.concatenate([[0], np.cumsum(count)])
    target = np.empty(first[-1], np.uint32)
    _draw(first, target, post, 0 if same else -1, np.uint64(key))
    return first, target, None


def _rows(edges: Edges, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, Any]:
    pre, post = np.asarray(edges.pre), np.asarray(edges.post)
    if pre.shape != post.shape or (edges.size is not None and np.shape(edges.size) != pre.shape):
        raise InvalidInputError("an edge list needs one pre, one post and, if any, one size per edge.")
    if len(pre) and (pre.dtype.kind not in "iu" or post.dtype.kind not in "iu"):
        raise InvalidInputError("an edge list needs whole numbers as pre and post.")
    pre, post = pre.astype(np.int64), post.astype(np.int64)
    for name, index, count in (("pre", pre, shape[0]), ("post", post, shape[1])):
        if len(index) and (index.min() < 0 or index.max() >= count):
            bad = int(np.flatnonzero((index < 0) | (index >= count))[0])
            raise InvalidInputError(f"edge {bad}: {name} = {index[bad]} is not a neuron of 0 to {count - 1}.")
    order = np.lexsort((post, pre))
    first = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=shape[0]))]).astype(np.int64)
    size = None if edges.size is None else np.asarray(edges.size, np.float32)[order]
    return first, post[order].astype(np.uint32), size


@njit(nogil=True, cache=True)
def count_rows(first, target, owner, count):
    """Count the synapses of every row in every part; ``owner`` : part of each postsynaptic neuron."""
    for row in range(first.size - 1):
        for k in range(first[row], first[row + 1]):
            count[owner[target[k]], row] += 1


@njit(nogil=True, cache=True)
def deal_rows(wired, owner, start, offset, arena, ids):
    """Write targets, sizes and ids of all rows into the arena of the part that owns the target.

    ``wired`` : (first, target, size); ``arena`` : (target, size); ``ids`` : (spine_id, first id), the former may be
    empty.
    """
    first, target, size = wired
    place = start.copy()
    for row in range(first.size - 1):
        for k in range(first[row], first[row + 1]):
            part = owner[target[k]]
            there = place[part, row]
            arena[0][part, there] = offset + target[k]
            arena[1][part, there] = size[k] if size.size > 1 else size[0]
            if ids[0].shape[1] > there:
                ids[0][part, there] = ids[1] + k
            place[part, row] = there + 1
