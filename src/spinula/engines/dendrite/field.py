"""Signals that spread along a dendrite: diffusion with loss on a tree, solved in one pass up and one pass down.

    dg/dt = D g_xx - g/tau          in time (implicit steps), and
    g - reach^2 g_xx = sources      what is left when it has settled, or has been integrated over all time

Both are one linear system with a tree's structure, which elimination from the tips to the root solves without fill-in,
in a time proportional to the number of nodes. Ends are sealed. Sums over neighbours that fade with the path
(:func:`gather`) take the same two passes.

Source: [hines1984].
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spinula.engines.dendrite.geometry import BRIDGE, DEPTH, MEAN, PARENT, VOLUME
from spinula.engines.dendrite.state import LEAN


@njit(**LEAN)
def solve_tree(cable, spread, keep, values, work):
    """Solve keep*g - spread*g_xx = values on a tree, in place.

    Parameters
    ----------
    cable : Array, shape (nodes, columns), see :mod:`geometry`
    spread, keep : float, um2 and 1
    values : Array, shape (nodes,), the right-hand side on entry and the solution on return
    work : Array, shape (nodes,)
    """
    count = values.size
    for i in range(count):
        work[i] = keep * cable[i, VOLUME]
        values[i] *= cable[i, VOLUME]
    for i in range(count):
        p, flow = int(cable[i, PARENT]), spread * cable[i, BRIDGE]
        if p >= 0:
            work[i] += flow
            work[p] += flow
    for i in range(count - 1, -1, -1):
        p, flow = int(cable[i, PARENT]), spread * cable[i, BRIDGE]
        if p >= 0:
            factor = flow / work[i]
            work[p] -= factor * flow
            values[p] += factor * values[i]
    for i in range(count):
        p = int(cable[i, PARENT])
        upper = spread * cable[i, BRIDGE] * values[p] if p >= 0 else 0.0
        values[i] = (values[i] + upper) / work[i]


@njit(**LEAN)
def diffusion(reach, time, elapsed):
    """Return the spread (um2) and keep (1) of an implicit step of diffusion (D = reach^2/time) and loss."""
    share = elapsed / time
    return reach * reach * share, 1.0 + share


@njit(**LEAN)
def diffuse(cable, reach, time, elapsed, values, work):
    """Move a field over a time step, by one implicit step (see :func:`diffusion`).

    What a spine is exposed to within the step is elapsed times the new value: summed over all steps that is the exact
    time integral, whatever the step.
    """
    spread, keep = diffusion(reach, time, elapsed)
    solve_tree(cable, spread, keep, values, work)


@njit(**LEAN)
def eliminate(cable, spread, keep, factor, inverse):
    """Eliminate the matrix of :func:`solve_tree` once; :func:`solve_eliminated` then needs no division."""
    count = factor.size
    for i in range(count):
        inverse[i] = keep * cable[i, VOLUME]
    for i in range(count):
        p, flow = int(cable[i, PARENT]), spread * cable[i, BRIDGE]
        if p >= 0:
            inverse[i] += flow
            inverse[p] += flow
    for i in range(count - 1, -1, -1):
        p, flow = int(cable[i, PARENT]), spread * cable[i, BRIDGE]
        factor[i] = 0.0
        if p >= 0:
            factor[i] = flow / inverse[i]
            inverse[p] -= factor[i] * flow
        inverse[i] = 1.0 / inverse[i]


@njit(**LEAN)
def solve_eliminated(cable, factor, inverse, values):
    """Solve the system of :func:`solve_tree`, whose matrix was eliminated before, in place."""
    count = values.size
    for i in range(count):
        values[i] *= cable[i, VOLUME]
    for i in range(count - 1, 0, -1):
        p = int(cable[i, PARENT])
        if p >= 0:
            values[p] += factor[i] * values[i]
    for i in range(count):
        p = int(cable[i, PARENT])
        upper = values[p] if p >= 0 else 0.0
        values[i] = values[i] * inverse[i] + factor[i] * upper


@njit(**LEAN)
def settle(cable, reach, values, work):
    """Replace sources by the field they lead to: g - reach^2 g_xx = sources."""
    solve_tree(cable, reach * reach, 1.0, values, work)


@njit(**LEAN)
def gather(cable, reach, values, work):
    """Replace amounts at nodes by their sum over the tree, each faded by exp(-path/reach); ends do not matter."""
    count = values.size
    for i in range(count):
        p = int(cable[i, PARENT])
        work[i] = math.exp(-(cable[i, DEPTH] - cable[p, DEPTH]) / reach) if p >= 0 else 0.0
    for i in range(count - 1, -1, -1):  # what comes from the tips
        p = int(cable[i, PARENT])
        if p >= 0:
            values[p] += work[i] * values[i]
    for i in range(count):  # and, from the parent's side, all that is not a node's own
        p = int(cable[i, PARENT])
        if p >= 0:
            values[i] += work[i] * (values[p] - work[i] * values[i])


@njit(**LEAN)
def drop(cable, values, node, amount):
    """Release an amount at a node; a thick dendrite dilutes it. In units of um times the field's, at mean thickness."""
    values[node] += amount / (cable[node, VOLUME] * cable[node, MEAN])


@njit(**LEAN)
def path_between(cable, one, other):
    """Return the path length between the centres of two nodes, um; infinite between separate trees."""
    a, b = one, other
    while a != b:
        if a > b:
            a = int(cable[a, PARENT])
        else:
            b = int(cable[b, PARENT])
        if a < 0 or b < 0:
            return np.inf
    return cable[one, DEPTH] + cable[other, DEPTH] - 2.0 * cable[a, DEPTH]
