"""Nested dissection: in which order the islands of a planar network are eliminated, and by which tree.

A set of islands is cut at the median of its longer axis; the islands on one side of the cut that have a neighbour on
the other side separate the two halves and are eliminated after both. In the plane separators stay short, so that the
factor of n islands has about n log n entries.

Source: [george1973] for the method; cutting by position rather than by connections is a choice made here.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def dissect(position, first, neighbour, leaf):
    """Order nodes by nested dissection.

    Parameters
    ----------
    position : Array, shape (n, 2)
        Where each node lies; any unit.
    first, neighbour : Array of int64, shapes (n + 1,) and (entries,)
        Neighbours of node i are ``neighbour[first[i]:first[i+1]]``; those >= n are ignored.
    leaf : int
        Sets up to this size are not cut.

    Returns
    -------
    order : Array of int64, shape (n,)
        The node eliminated at each place.
    tree : Array of int64, shape (parts, 3)
        Of each part: start of its set, start of what it eliminates itself, end; both as places in ``order``.
    """
    n = len(position)
    order, scratch = np.arange(n), np.empty(n, np.int64)
    side = np.full(n, -1, np.int64)
    tree = np.empty((max(4 * n, 4), 3), np.int64)
    stack = np.empty((128, 2), np.int64)
    parts, depth = 0, 1
    stack[0, 0], stack[0, 1] = 0, n
    while depth > 0:
        depth -= 1
        start, end = stack[depth, 0], stack[depth, 1]
        if end - start <= leaf:
            tree[parts, 0], tree[parts, 1], tree[parts, 2] = start, start, end
            parts += 1
            continue
        middle, right = _split(position, order, start, end, (first, neighbour, side, scratch, 2 * parts))
        tree[parts, 0], tree[parts, 1], tree[parts, 2] = start, right, end
        parts += 1
        for low, high in ((start, middle), (middle, right)):
            if high > low:
                stack[depth, 0], stack[depth, 1] = low, high
                depth += 1
    return order, tree[:parts].copy()


@njit(cache=True)
def _split(position, order, start, end, graph):
    """Rearrange order[start:end] into left, right, separator; return where right and the separator begin."""
    first, neighbour, side, scratch, mark = graph
    members = order[start:end].copy()
    low, high = position[members[0]].copy(), position[members[0]].copy()
    for i in members:
        for axis in range(2):
            low[axis], high[axis] = min(low[axis], position[i, axis]), max(high[axis], position[i, axis])
    axis = 0 if high[0] - low[0] >= high[1] - low[1] else 1
    along = np.empty(len(members))
    for i in range(len(members)):
        along[i] = position[members[i], axis]
    members = members[np.argsort(along)]
    half = len(members) // 2
    # 0 inside, 1 touches the other side; `mark` tells this set from all others
    for i in range(len(members)):
        side[members[i]] = mark if i < half else mark + 1
    touching = np.zeros(2, np.int64)
    for i in range(len(members)):
        scratch[start + i] = 0
        mine = side[members[i]]
        for k in range(first[members[i]], first[members[i] + 1]):
            other = neighbour[k]
            if other < len(side) and side[other] == 2 * mark + 1 - mine:
                scratch[start + i] = 1
                touching[mine - mark] += 1
                break
    cut = 0 if touching[0] <= touching[1] else 1
    place = middle = start
    for which in range(2):
        for i in range(len(members)):
            if side[members[i]] == mark + which and not (which == cut and scratch[start + i] == 1):
                order[place] = members[i]
                place += 1
        if which == 0:
            middle = place
    right = place
    for i in range(len(members)):
        if side[members[i]] == mark + cut and scratch[start + i] == 1:
            order[place] = members[i]
            place += 1
    return middle, right


@njit(cache=True)
def coordinates(first, neighbour, count):
    """Return two pseudo-coordinates of each node of a graph without positions: steps from two distant nodes.

    The first source is the node farthest from node 0, the second one the farthest from the first.
    """
    found = np.zeros((count, 2))
    queue, source = np.empty(count, np.int64), 0
    for axis in range(-1, 2):
        steps = np.full(count, -1, np.int64)
        for root in range(-1, count):
            begin = source if root < 0 else root
            if steps[begin] >= 0:
                continue
            steps[begin], queue[0], head, tail = 0, begin, 0, 1
            while head < tail:
                here = queue[head]
                head += 1
                for k in range(first[here], first[here + 1]):
                    other = neighbour[k]
                    if other < count and steps[other] < 0:
                        steps[other] = steps[here] + 1
                        queue[tail] = other
                        tail += 1
            if root < 0:
                source = queue[tail - 1]
        if axis >= 0:
            found[:, axis] = steps
    return found
