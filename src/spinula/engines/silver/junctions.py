"""The laws of gaps, compiled: one pass over all gaps moves their states and computes their conductances."""

from __future__ import annotations

from numba import njit
from numba.extending import register_jitable

from spinula.law.silver import balance, drift, gap, junction, percolating, tunnel

SILVER, TUNNEL, BALANCE, BALANCE_AS_PUBLISHED, DRIFT, LEARNING, PERCOLATING = range(7)

# The kernel calls the laws' own functions, and those call each other by name: one copy of each equation.
for function in (
    *(junction.relaxed, junction.rosenbrock, gap.drive, gap.lifetime, gap.per_length, gap.conduct, gap.advance),
    *(tunnel.conduct, tunnel.advance, balance.rates, balance.conduct, balance.advance, balance.advance_as_published),
    *(drift.window, drift.window_slope, drift.conduct, drift.advance, drift.advance_learning),
    *(percolating.conduct, percolating.advance),
):
    register_jitable(function)


@njit
def _conduct_one(family, state, distance, p):
    if family == SILVER:
        return gap.conduct(state, distance, p)
    if family == TUNNEL:
        return tunnel.conduct(state, distance, p)
    if family in (BALANCE, BALANCE_AS_PUBLISHED):
        return balance.conduct(state, distance, p)
    if family == PERCOLATING:
        return percolating.conduct(state, distance, p)
    return drift.conduct(state, distance, p)


@njit
def _advance_one(family, state, field, p, dt):
    voltage, distance = field
    if family == SILVER:
        return gap.advance(state, voltage, distance, p, dt)
    if family == TUNNEL:
        return tunnel.advance(state, voltage, distance, p, dt)
    if family == BALANCE:
        return balance.advance(state, voltage, distance, p, dt)
    if family == BALANCE_AS_PUBLISHED:
        return balance.advance_as_published(state, voltage, distance, p, dt)
    if family == DRIFT:
        return drift.advance(state, voltage, distance, p, dt)
    if family == LEARNING:
        return drift.advance_learning(state, voltage, distance, p, dt)
    return percolating.advance(state, voltage, distance, p, dt)


@njit(cache=True, error_model="numpy")
def advance_gaps(family, state, field, parameters, dt, out):
    """Move all gaps one step; return nothing, fill ``out``.

    Parameters
    ----------
    family : int
        Number of the law.
    state : Array, shape (3, gaps)
    field : tuple of two Arrays, shape (gaps,), V and nm
        Voltage over each gap and its distance.
    parameters : Array, shape (1 or gaps, parameters)
    dt : float, s
    out : tuple of two Arrays, shapes (3, gaps) and (gaps,)
        Receives the states and the conductances after the step.
    """
    voltage, distance = field
    moved, conductance = out
    last = len(parameters) - 1
    for i in range(len(distance)):
        p = parameters[min(i, last)]
        here = (state[0, i], state[1, i], state[2, i])
        then = _advance_one(family, here, (voltage[i], distance[i]), p, dt)
        moved[0, i], moved[1, i], moved[2, i] = then
        conductance[i] = _conduct_one(family, then, distance[i], p)


@njit(cache=True, error_model="numpy")
def conduct_gaps(family, state, distance, parameters, conductance):
    """Fill in the conductances of all gaps, S."""
    last = len(parameters) - 1
    for i in range(len(distance)):
        here = (state[0, i], state[1, i], state[2, i])
        conductance[i] = _conduct_one(family, here, distance[i], parameters[min(i, last)])


@njit(cache=True)
def drop_voltages(voltage, tail, head, drop):
    """Fill in the voltage over each gap from the voltages at both of its ends."""
    for i in range(len(tail)):
        drop[i] = voltage[tail[i]] - voltage[head[i]]


@njit(cache=True)
def earliest_crossing(before, after, level):
    """Return the share of a step after which the first gap's state crosses the level; 2 if none does.

    States are taken to move in a straight line within the step; those that start on the level do not count.
    """
    share = 2.0
    for i in range(len(before)):
        a, b = abs(before[i]) - level, abs(after[i]) - level
        if (a < 0.0) != (b < 0.0) and a != 0.0:
            share = min(share, a / (a - b))
    return share
