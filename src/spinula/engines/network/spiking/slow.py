"""The slow clock of a circuit: sizes are brought up to date, fluctuate by the law, end at the threshold, are replaced.

The law's step, its bridge to the threshold and the life of a newborn are those of the population engine; its random
numbers are keyed by (spine_id, tick), so that they do not depend on the number of parts.
"""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np
from numba import njit, prange

from spinula.engines import philox as rng
from spinula.engines.kernels import crossed, first_step
from spinula.engines.network.spiking.rows import BARE, settle
from spinula.engines.network.spiking.state import (
    DEPRESSION,
    FIRST_ROW,
    GATED,
    ORIGIN,
    POTENTIATION,
    PRE_FIRST,
    PRE_STOP,
    RULE,
    SIZE_MAX,
    STEP,
    TIMED,
)
from spinula.engines.steps import LOG_OU, advance_vector

_NOISE, _PARTNER = np.uint32(0), np.uint32(6)
_Tile = namedtuple("_Tile", "words normals second moved flags size spine_id place row")
Gone = namedtuple("Gone", "count unseen row place target spine_id share fresh")
Gone.__doc__ = """(parts,) and (parts, places): where spines ended, when in the tick, and the id of the next;
``unseen`` : how many lives began and ended within the tick."""


@njit(**BARE)
def _flush_row(rows, spines, sums, place, projection, now):
    """Settle a row and make the present its time of visit; the caller then sets S to zero for all."""
    (step, origin, _, _), most, start = now[0], now[1], rows.start[place]
    left = rows.trace[place] * math.exp((rows.visit[place] - origin) / projection[POTENTIATION]) * most
    # A trace so old that no spine would change by the last of its digits is not worth the visit.
    if projection[RULE] == GATED or left > 1e-9 * projection[SIZE_MAX]:
        settle(rows, spines, sums, place, projection, now[0])
    stop = start + rows.count[place]
    spines.snap[place[0], start:stop] = 0.0
    visit = rows.visit[place]
    rows.trace[place] *= math.exp(-(step - visit) / projection[POTENTIATION])
    rows.visit[place], rows.gate[place] = step, 0.0
    if projection[RULE] == GATED:
        spines.snap_gated[place[0], start:stop] = 0.0


@njit(**BARE)
def _begin_anew(neurons, part, q, faded, gated):
    """Set what postsynaptic spikes left to what it is at the new origin."""
    for population in range(neurons.bounds.shape[1]):
        for n in range(neurons.bounds[part, population, 0], neurons.bounds[part, population, 1]):
            neurons.post[q, n, 0] = 0.0
            neurons.post[q, n, 1] *= faded
            if gated:
                neurons.gated[q, n] = 0.0


@njit(nogil=True)
def _most(neurons):
    """Return the largest S of each projection, over all parts: what is skipped must not depend on their number."""
    most = np.zeros(neurons.post.shape[0])
    for q in range(most.size):
        for n in range(neurons.post.shape[1]):
            most[q] = max(most[q], neurons.post[q, n, 0])
    return most


@njit(**BARE)
def _flush_part(neurons, rows, spines, table, work, clock, where):
    (most, part), step, origin, gates = where, clock[STEP], clock[ORIGIN], work[2]
    for q in range(table.shape[0]):
        if table[q, RULE] < TIMED:
            continue
        sums, now = (neurons.post[q], neurons.gated[q]), (step, origin, gates[part, q, 1], work[1][part])
        first = np.int64(table[q, FIRST_ROW])
        for row in range(first, first + np.int64(table[q, PRE_STOP] - table[q, PRE_FIRST])):
            _flush_row(rows, spines, sums, (part, row), table[q], (now, most[q]))
        faded = math.exp(-(step - origin) / table[q, DEPRESSION])
        _begin_anew(neurons, part, q, faded, table[q, RULE] == GATED)
        gates[part, q, 1] = 0.0


@njit(nogil=True, parallel=True, cache=True)
def flush(neurons, rows, spines, table, work, clock):
    """Bring every size up to date and begin the exponentials anew at the present step."""
    most = _most(neurons)
    for part in prange(neurons.bounds.shape[0]):
        _flush_part(neurons, rows, spines, table, work, clock, (most, part))
    clock[ORIGIN] = clock[STEP]


@njit
def _tile_of(size):
    lanes = rng.LANES
    return _Tile(
        np.empty((4, lanes), np.uint32), np.empty((4, lanes), size.dtype), np.empty((4, 1), size.dtype),
        np.empty(lanes, size.dtype), np.empty(lanes, np.int32), np.ones(lanes, size.dtype),
        np.zeros(lanes, np.uint32), np.empty(lanes, np.int64), np.empty(lanes, np.int64),
    )  # fmt: skip


@njit
def size_of(plan, x):
    """Return the size [um3] that a family's own coordinate stands for."""
    return math.exp(x) if plan.family == LOG_OU else x


@njit(**BARE)
def _read(plan, size):
    """Bring sizes into the family's own coordinate."""
    if plan.family == LOG_OU:
        for i in range(size.size):
            size[i] = math.log(size[i])


@njit(**BARE)
def _write(plan, moved):
    """Bring sizes back from the family's own coordinate."""
    if plan.family == LOG_OU:
        for i in range(moved.size):
            moved[i] = math.exp(moved[i])


@njit
def _live_tile(spines, plan, numbers, tile, count, where):
    """Move a full tile of spines by a step of the law, and note which ended; ``where`` is (tick, part, gone).

    The tile is always computed whole: what a vector gives and what the rest of a loop gives can differ in the last
    digit.
    """
    (p, exact), (tick, part, gone) = numbers, where
    rng.fill_words(tile.spine_id, np.uint32(0), np.uint32(tick), _NOISE, plan.key, tile.words, rng.LANES)
    rng.fill_first(tile.words, tile.normals, rng.LANES)
    _read(plan, tile.size)
    flagged, least = advance_vector(plan, p, tile.size, tile.size[:1], tile, 0), np.float32(plan.minimum)
    for i in range(count if flagged else 0):
        if tile.flags[i] == 0:
            continue
        path = (np.float64(tile.size[i]), np.float64(tile.moved[i]))
        share = crossed(plan, exact, path, (0, tile.spine_id[i], tick), plan.dt)
        if share > 1.0:
            tile.moved[i] = max(tile.moved[i], least)
            continue
        k = gone.count[part]
        gone.row[part, k], gone.target[part, k] = tile.row[i], spines.target[part, tile.place[i]]
        gone.place[part, k] = tile.place[i]
        gone.spine_id[part, k], gone.share[part, k] = tile.spine_id[i], share
        gone.count[part] = k + 1
    _write(plan, tile.moved)
    size = spines.size[part]
    for i in range(count):
        size[tile.place[i]] = tile.moved[i]


@njit(**BARE)
def _keep(spines, part, here, there):
    spines.target[part, there], spines.spine_id[part, there] = spines.target[part, here], spines.spine_id[part, here]
    spines.size[part, there], spines.snap[part, there] = spines.size[part, here], spines.snap[part, here]
    if spines.tag.shape[1] > 1:
        spines.tag[part, there], spines.snap_gated[part, there] = spines.tag[part, here], spines.snap_gated[part, here]


@njit(**BARE)
def _close_gaps(rows, spines, gone, part):
    """Take the spines that ended out of their rows; the others keep their order."""
    k = 0
    while k < gone.count[part]:
        row, there = gone.row[part, k], gone.place[part, k]
        stop = rows.start[part, row] + rows.count[part, row]
        for here in range(there, stop):
            if k < gone.count[part] and gone.place[part, k] == here and gone.row[part, k] == row:
                k += 1
                continue
            _keep(spines, part, here, there)
            there += 1
        rows.count[part, row] = there - rows.start[part, row]


@njit(nogil=True)
def _live_part(rows, spines, plan, p, where, gone):
    (first, stop), tick, part = where
    numbers, tile, filled = (p, p.astype(np.float64)), _tile_of(spines.size), 0
    gone.count[part] = 0
    for row in range(first, stop):
        start = rows.start[part, row]
        for place in range(start, start + rows.count[part, row]):
            tile.place[filled], tile.row[filled] = place, row
            tile.size[filled], tile.spine_id[filled] = spines.size[part, place], spines.spine_id[part, place]
            filled += 1
            if filled == rng.LANES:
                _live_tile(spines, plan, numbers, tile, filled, (tick, part, gone))
                filled = 0
    if filled:
        _live_tile(spines, plan, numbers, tile, filled, (tick, part, gone))
    _close_gaps(rows, spines, gone, part)


@njit(nogil=True, parallel=True, cache=True)
def live(rows, spines, plan, p, span, tick, gone):
    """Move all spines of a projection by one step of the law; ``span`` its first and last + 1 row."""
    for part in prange(rows.start.shape[0]):
        _live_part(rows, spines, plan, p, (span, tick, part), gone)


@njit(nogil=True, cache=True)
def number_births(gone, first_id):
    """Give what replaces each eliminated spine an id, in the order of the ids that ended; return the next free id."""
    total, parts = gone.count.sum(), gone.count.size
    ids, place = np.empty(total, np.uint32), 0
    for part in range(parts):
        ids[place : place + gone.count[part]] = gone.spine_id[part, : gone.count[part]]
        place += gone.count[part]
    ids.sort()
    for part in range(parts):
        for k in range(gone.count[part]):
            gone.fresh[part, k] = first_id + np.searchsorted(ids, gone.spine_id[part, k])
    return first_id + total


@njit(nogil=True)
def _partner(rows, spines, key, part, born, limits):
    """Draw the presynaptic row of a new spine: any but the neuron itself, below the limit of contacts; -1 if none."""
    target, spine_id = born
    first, stop, own, contacts = limits
    k0, k1 = rng.split_key(key)
    for attempt in range(64):
        words = rng.philox(np.uint32(spine_id), np.uint32(attempt), np.uint32(0), _PARTNER, k0, k1)
        row = first + np.int64(rng.unit(words[0]) * (stop - first))
        if own >= 0 and row - first == np.int64(target) - own:
            continue
        start = rows.start[part, row]
        there = spines.target[part, start : start + rows.count[part, row]]
        found = 0
        for i in range(there.size):
            found += np.int64(there[i] == target)
        if found < contacts:
            return row
    return -1


@njit(nogil=True)
def place_spine(rows, spines, part, row, born):
    """Put a new spine at the end of a row, which moves to the end of the arena if it is full; return whether it fits.

    ``born`` : (target, spine_id, size, S of its target now, gated S).
    """
    start, count, tail = rows.start[part, row], rows.count[part, row], rows.room.shape[1] - 1
    if count == rows.room[part, row]:
        room, end = count + count // 4 + 4, rows.start[part, tail]
        if end + room > spines.size.shape[1]:
            return False
        for i in range(count):
            _keep(spines, part, start + i, end + i)
        rows.start[part, row], rows.room[part, row] = end, room
        rows.start[part, tail] = end + room
        start = end
    place = start + count
    spines.target[part, place], spines.spine_id[part, place], spines.size[part, place] = born[0], born[1], born[2]
    spines.snap[part, place] = born[3]
    if spines.tag.shape[1] > 1:
        spines.tag[part, place], spines.snap_gated[part, place] = 0.0, born[4]
    rows.count[part, row] = count + 1
    return True


@njit(nogil=True)
def _newborn(plan, exact, fresh, tick, share):
    """Return the size at the end of the tick of a spine formed within it, and how many came before it.

    One that ends within the tick is followed by the next at once; such short lives are counted, but take no id.
    """
    begun, end, life = (tick + share) * plan.dt, (tick + 1) * plan.dt, 0
    while begun >= 0.0:
        life += 1
        size, _, begun = first_step(plan, exact, (life, fresh, tick), begun, end)
    return max(size_of(plan, size), size_of(plan, plan.minimum)), life - 1


@njit(nogil=True)
def _replace_part(neurons, rows, spines, plan, p, gone, done, where):
    (first, stop, own, contacts, q, tick), part = where
    exact = p.astype(np.float64)
    order = np.argsort(gone.spine_id[part, : gone.count[part]])
    while done[part] < gone.count[part]:
        k = order[done[part]]
        target, fresh = gone.target[part, k], gone.fresh[part, k]
        row = _partner(rows, spines, plan.key, part, (target, fresh), (first, stop, own, contacts))
        if row < 0:  # every neuron is at the limit of contacts: its old partner takes it back
            row = gone.row[part, k]
        seen = neurons.post[q, target if neurons.post.shape[1] > 1 else 0, 0]
        gated = neurons.gated[q, target if neurons.gated.shape[1] > 1 else 0]
        size, unseen = _newborn(plan, exact, fresh, tick, gone.share[part, k])
        if not place_spine(rows, spines, part, row, (target, fresh, size, seen, gated)):
            break
        gone.unseen[part] += unseen
        done[part] += 1


@njit(nogil=True, parallel=True, cache=True)
def replace(neurons, rows, spines, plan, p, gone, done, limits):
    """Form a spine on the same neuron for each that ended, from ``done`` on; stop in a part whose arena is full.

    ``limits`` : (first row, last + 1, first neuron if the projection is recurrent or -1, contacts of a pair,
    projection, tick).
    """
    for part in prange(done.size):
        _replace_part(neurons, rows, spines, plan, p, gone, done, (limits, part))


@njit(nogil=True, cache=True)
def repack(rows, spines, fresh, room):
    """Copy all rows of spines into a fresh arena, each with its new ``room``; fixed rows have none there."""
    tail = rows.start.shape[1] - 1
    for part in range(rows.start.shape[0]):
        end = 0
        for row in range(tail):
            if room[part, row] == 0:
                continue
            start, count = rows.start[part, row], rows.count[part, row]
            for i in range(count):
                fresh.target[part, end + i], fresh.spine_id[part, end + i] = (
                    spines.target[part, start + i], spines.spine_id[part, start + i]
                )  # fmt: skip
                fresh.size[part, end + i], fresh.snap[part, end + i] = (
                    spines.size[part, start + i], spines.snap[part, start + i]
                )  # fmt: skip
                if spines.tag.shape[1] > 1:
                    fresh.tag[part, end + i] = spines.tag[part, start + i]
                    fresh.snap_gated[part, end + i] = spines.snap_gated[part, start + i]
            rows.start[part, row], rows.room[part, row] = end, room[part, row]
            end += room[part, row]
        rows.start[part, tail] = end
