"""The slow clock of a circuit: sizes are brought up to date, scaled, fluctuate by the law, end at the threshold.

The law's step and its bridge to the threshold are those of the population engine; its random numbers are keyed by
(spine_id, tick), so that they do not depend on the number of parts.
"""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np
from numba import njit, prange

from spinula.engines import philox as rng
from spinula.engines.kernels import passage
from spinula.engines.network.spiking.kernels.renewal import close_gaps
from spinula.engines.network.spiking.kernels.rows import BARE, SAME, settle
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
from spinula.engines.steps import DT, FLAG, LIMITS, LOG_OU, advance_vector, linear_spread

_NOISE, _MOMENT = np.uint32(0), np.uint32(8)
# ``pieces`` : (row, place in the arena, place in the tile, length) of each piece of a row that lies in the tile.
_Tile = namedtuple("_Tile", "words normals second moved flags size spine_id pieces")


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
        np.zeros(lanes, np.uint32), np.empty((lanes, 4), np.int64),
    )  # fmt: skip


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


@njit(**BARE)
def _doubt(plan, p, tile):
    """Keep the flags of those spines alone whose path can have met the threshold, given the word that decides it.

    The bound is that of ``passage``, with a margin for 32 bits; return how many are left.
    """
    kind = tile.size.dtype.type
    minimum, slope, floor = p[FLAG], p[FLAG + 2], p[FLAG + 3]
    reach, left = kind(1.9999) / p[DT], np.int32(0)
    for i in range(tile.size.size):
        luck = -rng.log((kind(tile.words[2, i]) + kind(0.5)) * kind(2.3283064365386963e-10))
        spreads = linear_spread(tile.size[i], slope, floor) * linear_spread(tile.moved[i], slope, floor)
        meets = reach * (tile.size[i] - minimum) * (tile.moved[i] - minimum) <= luck * spreads
        tile.flags[i] = np.int32(meets or tile.moved[i] <= minimum)
        left += tile.flags[i]
    return left


@njit
def _note_end(gone, spines, part, here, spine_id, share):
    """Write down that the spine at ``here`` (row, place) ended after a share of the tick."""
    k = gone.count[part]
    gone.row[part, k], gone.place[part, k] = here
    gone.target[part, k] = spines.target[part, here[1]]
    gone.spine_id[part, k], gone.share[part, k] = spine_id, share
    gone.count[part] = k + 1


@njit
def _settle_paths(spines, plan, exact, tile, count, where):
    """Decide which of the flagged spines ended in the tick; ``where`` is (tick, part, gone, pieces)."""
    (tick, part, gone, _), least, piece = where, tile.size.dtype.type(plan.minimum), 0
    k0, k1 = rng.split_key(plan.key)
    for i in range(count):
        if tile.flags[i] == 0:
            continue
        path, luck = (np.float64(tile.size[i]), np.float64(tile.moved[i])), -math.log(rng.unit(tile.words[2, i]))
        b, c, d, _ = rng.philox(tile.spine_id[i], np.uint32(0), np.uint32(tick), _MOMENT, k0, k1)
        share = passage(plan, exact, path, (luck, b, c, d), plan.dt)
        if share > 1.0:
            tile.moved[i] = max(tile.moved[i], least)
            continue
        while i >= tile.pieces[piece, 2] + tile.pieces[piece, 3]:
            piece += 1
        row, start, first, _ = tile.pieces[piece]
        _note_end(gone, spines, part, (row, start + i - first), tile.spine_id[i], share)


@njit
def _live_tile(spines, plan, numbers, tile, count, where):
    """Move a full tile of spines by a step of the law, and note which ended; ``where`` is (tick, part, gone, pieces).

    The tile is always computed whole: what a vector gives and what the rest of a loop gives can differ in the last
    digit.
    """
    (p, exact, free), (tick, part, _, pieces) = numbers, where
    rng.fill_words(tile.spine_id, np.uint32(0), np.uint32(tick), _NOISE, plan.key, tile.words, rng.LANES)
    rng.fill_first(tile.words, tile.normals, rng.LANES)
    _read(plan, tile.size)
    advance_vector(plan, free, tile.size, tile.size[:1], tile, 0)
    if p[FLAG] > p[LIMITS + 1] and _doubt(plan, p, tile):
        _settle_paths(spines, plan, exact, tile, count, where)
    _write(plan, tile.moved)
    size = spines.size[part]
    for piece in range(pieces):
        _, start, first, length = tile.pieces[piece]
        _copy(tile.moved[first : first + length], size[start : start + length])


@njit(**BARE)
def _copy(source, target):
    for i in range(source.size):
        target[i] = source[i]


@njit(nogil=True)
def _live_part(rows, spines, plan, p, where, gone):
    (first, stop), tick, part = where
    # The tile's own flags are finer than those of the step, which are switched off.
    free = p.copy()
    free[FLAG] = free[LIMITS]
    numbers, tile, filled, pieces = (p, p.astype(np.float64), free), _tile_of(spines.size), 0, 0
    gone.count[part] = 0
    for row in range(first, stop):
        here = rows.start[part, row]
        end = here + rows.count[part, row]
        while here < end:
            length = min(end - here, rng.LANES - filled)
            _copy(spines.size[part, here : here + length], tile.size[filled : filled + length])
            _copy(spines.spine_id[part, here : here + length], tile.spine_id[filled : filled + length])
            tile.pieces[pieces] = row, here, filled, length
            filled, pieces, here = filled + length, pieces + 1, here + length
            if filled == rng.LANES:
                _live_tile(spines, plan, numbers, tile, filled, (tick, part, gone, pieces))
                filled = pieces = 0
    if filled:
        _live_tile(spines, plan, numbers, tile, filled, (tick, part, gone, pieces))
    close_gaps(rows, spines, gone, part)


@njit(nogil=True, parallel=True, cache=True)
def live(rows, spines, plan, p, span, tick, gone):
    """Move all spines of a projection by one step of the law; ``span`` its first and last + 1 row."""
    for part in prange(rows.start.shape[0]):
        _live_part(rows, spines, plan, p, (span, tick, part), gone)


@njit(nogil=True, fastmath=SAME)
def _scale_row(size, target, factor, first, size_max):
    for i in range(size.size):
        size[i] = min(size[i] * factor[target[i] - first], size_max)


@njit(nogil=True, parallel=True, cache=True)
def scale(rows, spines, span, factor, first, size_max):
    """Multiply the sizes of a projection by the factors of their neurons, which begin at ``first``."""
    for part in prange(rows.start.shape[0]):
        for row in range(span[0], span[1]):
            start = rows.start[part, row]
            stop = start + rows.count[part, row]
            _scale_row(spines.size[part, start:stop], spines.target[part, start:stop], factor, first, size_max)
