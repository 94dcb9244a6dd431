"""Elimination of nodes from a network of conductances, front by front: the star-mesh transform, dense and compiled.

To eliminate a node with conductances g_i to its neighbours joins every pair of them by g_i*g_j/sum(g). This is the
Cholesky factorisation of the network's Laplacian, written without a diagonal: nothing is ever subtracted, so that each
number keeps its relative precision however many decades the conductances span, and the voltage of an eliminated node
is an average of its neighbours' with positive weights (the maximum principle holds by construction).

Source: [grassmann1985] for elimination without subtraction; [liu1992] for the multifrontal organisation.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_FAST = {"reassoc", "contract", "nsz"}
# Tried at 10^5 gaps: 16 and 32 columns, fronts of 80, 112 and 160 rows, strips of 64, 128 and 256.
BLOCK = 16  # columns eliminated together in a large front
LARGE = 80  # a front with more rows uses matrix products
STRIP = 128  # columns of one product


@njit(cache=True)
def eliminate(plan, conductance, factor, total, work):
    """Eliminate all interior nodes; return the conductances that remain between terminals.

    Parameters
    ----------
    plan : Plan
    conductance : Array, shape (gaps,), S
    factor : Array, shape (panel[-1],)
        Receives the weights of each eliminated node's neighbours.
    total : Array, shape (interior,), S
        Receives the sum of conductances at each node when it was eliminated.
    work : Array, shape (work,)

    Returns
    -------
    Array, shape (terminals, terminals), S
        Symmetric, zero diagonal.
    """
    terminals = np.zeros((plan.terminals, plan.terminals))
    for k in range(len(plan.direct)):
        gap, a, b = plan.direct[k]
        terminals[max(a, b), min(a, b)] += conductance[gap]
    for part in range(len(plan.own) - 1):
        columns = plan.own[part + 1] - plan.own[part]
        height = plan.border[part + 1] - plan.border[part]
        rows = columns + height
        panel = factor[plan.panel[part] : plan.panel[part + 1]]
        update = work[plan.update[part] : plan.update[part] + height * height]
        panel[:] = 0.0
        for k in range(plan.entry[part], plan.entry[part + 1]):
            factor[plan.target[k]] += conductance[plan.gaps[k]]
        update[:] = 0.0
        for c in range(plan.child[part], plan.child[part + 1]):
            child = plan.children[c]
            begin, end = plan.border[child], plan.border[child + 1]
            below = work[plan.update[child] : plan.update[child] + (end - begin) * (end - begin)]
            _extend(panel, update, below, plan.relative[begin:end], (columns, rows))
        sums = total[plan.own[part] : plan.own[part + 1]]
        if rows > LARGE:
            _eliminate_large(panel, update, sums, columns, rows)
        else:
            _eliminate_small(panel, sums, 0, columns, columns, rows)
            _update(panel, update, sums, columns, rows)
        if part == len(plan.own) - 2:
            _collect(terminals, update, plan.relative[plan.border[part] : plan.border[part + 1]])
    return terminals + terminals.T


@njit(cache=True)
def _collect(terminals, update, relative):
    """Add the last part's update matrix to the conductances between terminals."""
    n = len(relative)
    for c in range(n):
        for r in range(c + 1, n):
            terminals[relative[r], relative[c]] += update[c * n + r]


@njit(cache=True)
def _extend(panel, update, below, relative, shape):
    """Add a child's update matrix to its parent's front."""
    columns, rows = shape
    n, height = len(relative), rows - columns
    for c in range(n):
        at = relative[c]
        if at < columns:
            start = at * rows
            for r in range(c + 1, n):
                panel[start + relative[r]] += below[c * n + r]
        else:
            start = (at - columns) * height - columns
            for r in range(c + 1, n):
                update[start + relative[r]] += below[c * n + r]


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _eliminate_small(panel, sums, start, stop, columns, rows):
    """Eliminate columns start ... stop of a panel, one by one; only columns before ``stop`` are brought up to date."""
    for j in range(start, stop):
        column = panel[j * rows : (j + 1) * rows]
        total = 0.0
        for r in range(j + 1, rows):
            total += column[r]
        sums[j] = total
        inverse = 1.0 / total
        for c in range(j + 1, stop):
            share = column[c] * inverse
            if share != 0.0:
                other = panel[c * rows : (c + 1) * rows]
                for r in range(c + 1, rows):
                    other[r] += share * column[r]
        for r in range(j + 1, rows):
            column[r] *= inverse


@njit(cache=True, fastmath=_FAST)
def _update(panel, update, sums, columns, rows):
    """Join the remaining rows of a front by what its own columns carried, four columns and two rows at a time."""
    height = rows - columns
    j = 0
    while j + 4 <= columns:
        a, b = panel[j * rows + columns : (j + 1) * rows], panel[(j + 1) * rows + columns : (j + 2) * rows]
        c, d = panel[(j + 2) * rows + columns : (j + 3) * rows], panel[(j + 3) * rows + columns : (j + 4) * rows]
        e, f, g, h = sums[j], sums[j + 1], sums[j + 2], sums[j + 3]
        for i in range(0, height - 1, 2):  # a last odd row has nothing behind it
            p, q, s, t = a[i] * e, b[i] * f, c[i] * g, d[i] * h
            u, v, w, x = a[i + 1] * e, b[i + 1] * f, c[i + 1] * g, d[i + 1] * h
            row, next_row = update[i * height : (i + 1) * height], update[(i + 1) * height : (i + 2) * height]
            for r in range(i + 1, height):
                k, o, m, n = a[r], b[r], c[r], d[r]
                row[r] += p * k + q * o + s * m + t * n
                next_row[r] += u * k + v * o + w * m + x * n
        j += 4
    while j < columns:
        a = panel[j * rows + columns : (j + 1) * rows]
        for i in range(height):
            p = a[i] * sums[j]
            row = update[i * height : (i + 1) * height]
            for r in range(i + 1, height):
                row[r] += p * a[r]
        j += 1


@njit(cache=True, fastmath=_FAST)
def _eliminate_large(panel, update, sums, columns, rows):
    """Eliminate a large front in blocks of columns; all that lies behind a block is one matrix product."""
    height = rows - columns
    for start in range(0, columns, BLOCK):
        stop = min(start + BLOCK, columns)
        _eliminate_small(panel, sums, start, stop, columns, rows)
        left = np.empty((stop - start, rows - stop))
        right = np.empty((stop - start, rows - stop))
        for j in range(start, stop):
            for r in range(stop, rows):
                weight = panel[j * rows + r]
                right[j - start, r - stop] = weight
                left[j - start, r - stop] = weight * sums[j]
        for low in range(stop, rows, STRIP):
            # Only the lower triangle is needed: a strip of columns and the rows from its own first one on.
            high = min(low + STRIP, rows)
            strip = np.ascontiguousarray(left[:, low - stop : high - stop])
            behind = np.ascontiguousarray(right[:, low - stop :])
            product = np.dot(strip.T, behind)
            for c in range(low, high):
                if c < columns:
                    for r in range(c + 1, rows):
                        panel[c * rows + r] += product[c - low, r - low]
                else:
                    begin = (c - columns) * height - columns
                    for r in range(c + 1, rows):
                        update[begin + r] += product[c - low, r - low]


@njit(cache=True)
def reduce_currents(plan, factor, current, local):
    """Move currents that are fed into interior nodes to the terminals (Norton); in place.

    Parameters
    ----------
    current : Array, shape (interior + terminals,), A
        In order of elimination; afterwards an interior entry holds what its node received in all.
    local : Array, shape (largest front,)
    """
    for part in range(len(plan.own) - 1):
        columns = plan.own[part + 1] - plan.own[part]
        begin, end = plan.border[part], plan.border[part + 1]
        rows = columns + end - begin
        local[:columns] = current[plan.own[part] : plan.own[part + 1]]
        local[columns:rows] = 0.0
        for j in range(columns):
            column = factor[plan.panel[part] + j * rows : plan.panel[part] + (j + 1) * rows]
            for r in range(j + 1, rows):
                local[r] += column[r] * local[j]
        current[plan.own[part] : plan.own[part + 1]] = local[:columns]
        for k in range(begin, end):
            current[plan.rows[k]] += local[columns + k - begin]


@njit(cache=True, fastmath=_FAST)
def spread_voltages(plan, factor, voltage, local):
    """Fill in the voltages of interior nodes from those of the terminals; in place, in order of elimination.

    On entry an interior entry holds current/total of its node (0 where nothing is fed in), a terminal its voltage.
    """
    for part in range(len(plan.own) - 2, -1, -1):
        columns = plan.own[part + 1] - plan.own[part]
        begin, end = plan.border[part], plan.border[part + 1]
        rows = columns + end - begin
        for k in range(begin, end):
            local[columns + k - begin] = voltage[plan.rows[k]]
        for j in range(columns - 1, -1, -1):
            column = factor[plan.panel[part] + j * rows : plan.panel[part] + (j + 1) * rows]
            total = voltage[plan.own[part] + j]
            for r in range(j + 1, rows):
                total += column[r] * local[r]
            local[j] = total
            voltage[plan.own[part] + j] = total
