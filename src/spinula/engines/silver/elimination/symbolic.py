"""What the elimination needs to know of a network's connections alone: made once, used at every solve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from spinula.engines.silver.elimination.dissection import coordinates, dissect

LEAF = 8  # islands per uncut set: 5, 8, 12 and 16 were tried at 10^3 ... 10^5 gaps


class Plan(NamedTuple):
    """The fixed pattern of an elimination; ``parts`` are the dense pieces (fronts) it works on, children first."""

    order: np.ndarray  # (interior,) node eliminated at each place
    own: np.ndarray  # (parts + 1,) first place that each part eliminates
    border: np.ndarray  # (parts + 1,) where each part's remaining rows begin in rows and relative
    rows: np.ndarray  # places (or interior + terminal) that remain after a part
    relative: np.ndarray  # where each of them lies in the parent's front
    panel: np.ndarray  # (parts + 1,) where each part's columns begin in the factor
    child: np.ndarray  # (parts + 1,) where each part's children begin in children
    children: np.ndarray  # parts
    update: np.ndarray  # (parts,) where each part's update matrix lies in the work space
    entry: np.ndarray  # (parts + 1,) where each part's gaps begin in gaps and target
    gaps: np.ndarray  # gaps, sorted by the part that takes them
    target: np.ndarray  # entry of the factor that each adds to
    direct: np.ndarray  # (k, 3) gap, terminal, terminal: those between two terminals
    work: int  # numbers in the work space
    terminals: int


def analyse(position: np.ndarray, tail: np.ndarray, head: np.ndarray, *, terminals: int) -> Plan:
    """Plan the elimination of all nodes but the last ``terminals``.

    Parameters
    ----------
    position : Array, shape (interior, 2)
        Where each interior node lies; NaN anywhere: cut by connections instead.
    tail, head : Array of int64, shape (gaps,)
        Nodes of each gap; interior nodes are 0 ... interior - 1, terminals follow; a gap from a node to itself
        carries nothing and is left out.
    terminals : int
        Number of nodes that stay.
    """
    interior = len(position)
    first, neighbour = _adjacency(tail, head, interior + terminals)
    if not np.isfinite(position).all():
        position = coordinates(first, neighbour, interior)
    order, tree = dissect(np.ascontiguousarray(position, dtype=np.float64), first, neighbour, LEAF)
    tree = tree[np.lexsort((-tree[:, 0], tree[:, 2]))]
    place = np.empty(interior + terminals, np.int64)
    place[order] = np.arange(interior)
    place[interior:] = np.arange(interior, interior + terminals)
    own = np.append(tree[:, 1], interior)
    parent, child, children = _family(tree)
    border, rows = _borders(own, child, children, (order, place, first, neighbour))
    relative = _relative(own, border, rows, parent)
    columns, remaining = np.diff(own), np.diff(border)
    panel = np.concatenate([[0], np.cumsum(columns * (columns + remaining))])
    update, work = _stack(remaining, child, children, _depths(parent))
    entry, gaps, target, direct = _targets(own, border, rows, (panel, place[tail], place[head]))
    return Plan(
        order, own, border, rows, relative, panel, child, children, update, entry, gaps, target, direct, work, terminals
    )


def _adjacency(tail, head, nodes):
    """Return the neighbours of all nodes in compressed rows."""
    real = tail != head
    source = np.concatenate([tail[real], head[real]])
    target = np.concatenate([head[real], tail[real]])
    first = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=nodes))])
    return first.astype(np.int64), target[np.argsort(source, kind="stable")].astype(np.int64)


def _family(tree):
    """Return each part's parent (-1 at a root) and the children of each part, compressed."""
    parts = len(tree)
    parent, open_parts = np.full(parts, -1, np.int64), []
    for part, (start, _, _) in enumerate(tree.tolist()):
        while open_parts and tree[open_parts[-1], 0] >= start:
            parent[open_parts.pop()] = part
        open_parts.append(part)
    count = np.bincount(parent[parent >= 0], minlength=parts)
    child = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    children = np.argsort(np.where(parent < 0, parts, parent), kind="stable")[: child[-1]]
    return parent, child, children.astype(np.int64)


def _depths(parent):
    depth = np.zeros(len(parent), np.int64)
    for part in range(len(parent) - 1, -1, -1):
        if parent[part] >= 0:
            depth[part] = depth[parent[part]] + 1
    return depth


@njit(cache=True)
def _borders(own, child, children, graph):
    """Return, part by part, the sorted places that remain connected to what it has eliminated."""
    order, place, first, neighbour = graph
    parts = len(own) - 1
    border = np.zeros(parts + 1, np.int64)
    rows = np.empty(max(16, 4 * len(order)), np.int64)
    seen = np.full(len(place), -1, np.int64)
    for part in range(parts):
        begin = filled = border[part]
        if filled + len(place) > len(rows):
            rows = np.concatenate((rows, np.empty(len(rows) + len(place), np.int64)))
        end = own[part + 1]
        for at in range(own[part], end):
            for k in range(first[order[at]], first[order[at] + 1]):
                other = place[neighbour[k]]
                if other >= end and seen[other] != part:
                    seen[other] = part
                    rows[filled] = other
                    filled += 1
        for c in range(child[part], child[part + 1]):
            for k in range(border[children[c]], border[children[c] + 1]):
                other = rows[k]
                if other >= end and seen[other] != part:
                    seen[other] = part
                    rows[filled] = other
                    filled += 1
        rows[begin:filled] = np.sort(rows[begin:filled])
        border[part + 1] = filled
    return border, rows[: border[parts]].copy()


@njit(cache=True)
def _relative(own, border, rows, parent):
    """Return where each remaining row of a part lies in its parent's front (terminals' number under a root)."""
    relative = np.empty(len(rows), np.int64)
    for part in range(len(parent)):
        above = parent[part]
        for k in range(border[part], border[part + 1]):
            if above < 0:
                relative[k] = rows[k] - own[-1]
            elif rows[k] < own[above + 1]:
                relative[k] = rows[k] - own[above]
            else:
                remaining = rows[border[above] : border[above + 1]]
                relative[k] = own[above + 1] - own[above] + np.searchsorted(remaining, rows[k])
    return relative


def _stack(remaining, child, children, depth):
    """Return where each update matrix lies: two stacks, taken in turn by even and odd depths, so that none moves."""
    tops, peaks = [0, 0], [0, 0]
    update = np.zeros(len(remaining), np.int64)
    for part in range(len(remaining)):
        mine = depth[part] % 2
        update[part] = tops[mine]
        tops[mine] += int(remaining[part]) ** 2
        peaks[mine] = max(peaks[mine], tops[mine])
        for c in children[child[part] : child[part + 1]]:
            tops[1 - mine] -= int(remaining[c]) ** 2
    return update + (depth % 2) * peaks[0], sum(peaks) + 1


def _targets(own, border, rows, more):
    """Return which gaps each part takes and the entry of the factor that each adds to."""
    panel, tail, head = more
    low, high, interior = np.minimum(tail, head), np.maximum(tail, head), own[-1]
    direct = np.flatnonzero((low >= interior) & (low != high))
    pairs = np.column_stack([direct, low[direct] - interior, high[direct] - interior]).astype(np.int64)
    gaps = np.flatnonzero((low < interior) & (low != high))
    part = np.searchsorted(own, low[gaps], side="right") - 1
    by_part = np.argsort(part, kind="stable")
    gaps, part = gaps[by_part], part[by_part]
    target = _places(np.column_stack([low[gaps], high[gaps], part]), own, border, (rows, panel))
    entry = np.searchsorted(part, np.arange(len(own)))
    return entry.astype(np.int64), gaps.astype(np.int64), target, pairs


@njit(cache=True)
def _places(wanted, own, border, more):
    rows, panel = more
    target = np.empty(len(wanted), np.int64)
    for i in range(len(wanted)):
        low, high, part = wanted[i, 0], wanted[i, 1], wanted[i, 2]
        columns, height = own[part + 1] - own[part], border[part + 1] - border[part]
        if high < own[part + 1]:
            row = high - own[part]
        else:
            row = columns + np.searchsorted(rows[border[part] : border[part + 1]], high)
        target[i] = panel[part] + (low - own[part]) * (columns + height) + row
    return target
