"""A visit to one row of synapses when its presynaptic spike arrives: what happened since the last, then delivery.

Loops that gather, compute and scatter are kept apart: the middle one runs on vectors.
"""

from __future__ import annotations

import math

from numba import njit

from spinula.engines.network.spiking.state import (
    BIAS,
    DEPRESSION,
    ELIGIBILITY,
    GATED,
    LOSS,
    POTENTIATION,
    RULE,
    SIZE_FLOOR,
    SIZE_MAX,
)
from spinula.law.circuits import timing

# A loop gives the same digits on vectors and off them only without reordering and approximate division.
SAME = {"contract", "nnan", "ninf", "nsz"}
# Without reference counting a view of a row costs nothing; such functions must not allocate.
BARE = {"nogil": True, "fastmath": SAME, "error_model": "numpy", "_nrt": False}
_potentiated = njit(timing.potentiated, forceinline=True, fastmath=SAME)
_depressed = njit(timing.depressed, forceinline=True, fastmath=SAME)
_gated = njit(timing.gated, forceinline=True, fastmath=SAME)


@njit(**BARE)
def _gather(post, target, seen, trace):
    for i in range(target.size):
        j = target[i]
        seen[i] = post[j, 0]
        trace[i] = post[j, 1]


@njit(**BARE)
def scatter(inputs, target, weight, gain):
    """Add gain*weight to the inputs of the targets."""
    gain = inputs.dtype.type(gain)
    for i in range(target.size):
        inputs[target[i]] += gain * weight[i]


@njit(**BARE)
def _catch_up(size, snap, seen, scale, size_max):
    for i in range(size.size):
        size[i] = _potentiated(size[i], scale, seen[i], snap[i], size_max)
        snap[i] = seen[i]


@njit(**BARE)
def _lose(size, trace, loss, bias, bounds):
    for i in range(size.size):
        size[i] = _depressed(size[i], loss, trace[i], bias, bounds)


@njit(**BARE)
def _reward(row, seen, gated, before, decayed):
    """Turn eligibility into size since the last visit; ``row`` is (size, snap, tag, gated snap, bounds)."""
    size, snap, tag, snap_gated, bounds = row
    kind = size.dtype.type
    weight, integral, scale, now = kind(before[0]), kind(before[1]), kind(before[2]), kind(before[3])
    kept, faded = kind(decayed[0]), kind(decayed[1])
    low, high = kind(bounds[0]), kind(bounds[1])
    for i in range(size.size):
        change, tag[i] = _gated(
            tag[i], (weight, integral, scale), (seen[i] - snap[i], gated[i] - snap_gated[i], now), (kept, faded)
        )
        size[i] = min(max(size[i] + change, low), high)
        snap[i], snap_gated[i] = seen[i], gated[i]


@njit(**BARE)
def _gather_gated(sums, target, gated):
    for i in range(target.size):
        gated[i] = sums[target[i]]


@njit(**BARE)
def _trace_now(rows, place, step, tau):
    """Return the presynaptic trace of a row at a step."""
    return rows.trace[place] * math.exp(-(step - rows.visit[place]) / tau)


@njit(**BARE)
def settle(rows, spines, sums, place, projection, now):
    """Bring the sizes of a row up to date; its trace and step of visit are left as they were.

    ``sums`` : (S and Y, gated S) of the postsynaptic neurons; ``now`` : (step, origin, dopamine integral, scratch).
    """
    step, origin, integral, scratch = now
    start, count = rows.start[place], rows.count[place]
    stop = start + count
    part = place[0]
    target, size = spines.target[part, start:stop], spines.size[part, start:stop]
    snap, visit = spines.snap[part, start:stop], rows.visit[place]
    seen, trace = scratch[0, :count], scratch[1, :count]
    kind = size.dtype.type
    _gather(sums[0], target, seen, trace)
    scale = rows.trace[place] * math.exp((visit - origin) / projection[POTENTIATION])
    if projection[RULE] == GATED:
        gated, tau = scratch[2, :count], projection[ELIGIBILITY]
        _gather_gated(sums[1], target, gated)
        before = math.exp((visit - origin) / tau), integral - rows.gate[place], scale, integral
        decayed = math.exp(-(step - visit) / tau), math.exp(-(step - origin) / tau)
        row = (size, snap, spines.tag[part, start:stop], spines.snap_gated[part, start:stop],
               (projection[SIZE_FLOOR], projection[SIZE_MAX]))  # fmt: skip
        _reward(row, seen, gated, before, decayed)
    else:
        _catch_up(size, snap, seen, kind(scale), kind(projection[SIZE_MAX]))


@njit(**BARE)
def arrive(rows, spines, sums, place, projection, now):
    """Settle a row, then let its presynaptic spike depress (or tag) every spine, and remember the spike."""
    step, origin, integral, scratch = now
    settle(rows, spines, sums, place, projection, now)
    start, count, part = rows.start[place], rows.count[place], place[0]
    stop = start + count
    kind, trace = spines.size.dtype.type, scratch[1, :count]
    loss = kind(projection[LOSS] * math.exp(-(step - origin) / projection[DEPRESSION]))
    if projection[RULE] == GATED:
        tag = spines.tag[part, start:stop]
        for i in range(count):
            tag[i] -= loss * trace[i]
    else:
        bounds = (kind(projection[SIZE_FLOOR]), kind(projection[SIZE_MAX]))
        _lose(spines.size[part, start:stop], trace, loss, kind(projection[BIAS]), bounds)
    rows.trace[place] = _trace_now(rows, place, step, projection[POTENTIATION]) + 1.0
    rows.visit[place], rows.gate[place] = step, integral


@njit(**BARE)
def deliver(rows, spines, place, gain, inputs):
    """Add a row's sizes, times the gain, to the inputs of its targets."""
    start, part = rows.start[place], place[0]
    stop = start + rows.count[place]
    scatter(inputs, spines.target[part, start:stop], spines.size[part, start:stop], gain)
