"""The population's inner loops: the law's own functions, compiled, on tiles of spines that fit the first-level cache.

A dendrite is the unit of parallel work; nothing is shared between two of them, and every random number is keyed by
(dendrite, birth number, step), so that the result does not depend on the number of threads. Steps go four by four,
because one call of the generator yields four normals. Only spines that might have reached the threshold leave the
vectorised path; there the Brownian bridge decides whether they did, and when (see law/additive.py).

Sizes are kept in log-size for the log families. A vacated slot holds DEAD until the dendrite is compacted.
"""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np
from numba import njit, prange

from spinula.engines import philox as rng
from spinula.engines.steps import (
    ALIVE,
    DEAD,
    EULER,
    FLAG,
    KESTEN_MAP,
    TWO_TIME,
    advance_one,
    advance_vector,
    distance,
    linear_spread,
)
from spinula.law import additive

FIXED, RATE = range(2)
_NOISE, _SECOND, _BRIDGE, _FIRST, _WAIT, POSITION = (np.uint32(purpose) for purpose in range(6))

State = namedtuple("State", "size fast number born count next_number next_birth progress stalled formed eliminated")
State.__doc__ = (
    """Arrays of a population: (dendrites, slots) for size, fast, number, born; (dendrites,) for the rest."""
)
Plan = namedtuple("Plan", "family scheme mode last dt key minimum new births_per_day")
Plan.__doc__ = """What one run of the kernel does; minimum and new in the family's own coordinate."""
_Tile = namedtuple("_Tile", "words normals second moved flags which exact")

_bridge = njit(additive.bridge_crossing)
_moment = njit(additive.crossing_moment)


@njit
def crossed(plan, p, path, who, dt):
    """Return the share of a step after which a spine was eliminated, or 2 if it was not.

    ``path`` is (size before, size after), ``who`` (dendrite, number, step).
    """
    if plan.scheme == EULER or plan.family == KESTEN_MAP:
        return 1.0 if path[1] <= plan.minimum else 2.0
    k0, k1 = rng.split_key(plan.key)
    a, b, c, d = rng.philox(np.uint32(who[1]), np.uint32(who[0]), np.uint32(who[2]), _BRIDGE, k0, k1)
    return passage(plan, p, path, (-math.log(rng.unit(a)), b, c, d), dt)


@njit
def passage(plan, p, path, drawn, dt):
    """Return the share of a step after which the path between two sizes met the threshold, or 2 if it did not.

    ``drawn`` : an exponential deviate, which decides, and three random words for the moment.
    """
    luck = drawn[0]
    if path[1] > plan.minimum:
        # The cheap bound of _flag settles most cases without the logarithms of the exact distances.
        reach = 2.0 * (path[0] - plan.minimum) * (path[1] - plan.minimum) / dt
        if reach > luck * linear_spread(path[0], p[FLAG + 2], p[FLAG + 3]) * linear_spread(
            path[1], p[FLAG + 2], p[FLAG + 3]
        ):
            return 2.0
    before, after = distance(plan, p, path[0]), distance(plan, p, path[1])
    if after > 0.0 and _bridge(before, after, dt) > luck:
        return 2.0
    normal, _ = rng.normal_pair(drawn[1], drawn[2])
    scale = 1.0 / math.sqrt(dt)
    return min(_moment(before * scale, after * scale, normal, rng.unit(drawn[3])), 1.0)


@njit
def first_step(plan, p, who, born, end):
    """Follow a newborn from its birth to the end of the step: (size, fast, day of elimination or -1)."""
    size, fast, left = plan.new, 0.0, end - born
    k0, k1 = rng.split_key(plan.key)
    number, dendrite, step = np.uint32(who[1]), np.uint32(who[0]), np.uint32(who[2])
    a, b, c, d = rng.philox(number, dendrite, step, _FIRST, k0, k1)
    if plan.family == TWO_TIME:
        fast = p[3] * rng.normal_pair(c, d)[0]
    if plan.scheme == EULER or plan.family == KESTEN_MAP or left <= 0.0:
        return size, fast, -1.0
    moved, fast = advance_one(plan, p, size, fast, rng.normal_pair(a, b), left)
    share = crossed(plan, p, (size, moved), who, left)
    return moved, fast, (born + share * left if share <= 1.0 else -1.0)


@njit
def _replace(state, plan, p, where, died):
    """Fixed count: form spines in a slot at the moment the last one died, until one reaches the end of the step."""
    dendrite, slot, step = where
    end = (step + 1) * plan.dt
    while True:
        number = state.next_number[dendrite]
        state.next_number[dendrite] += np.uint32(1)
        state.formed[dendrite] += 1
        state.eliminated[dendrite] += 1
        size, fast, again = first_step(plan, p, (dendrite, number, step), died, end)
        if again < 0.0:
            state.number[dendrite, slot] = number
            state.born[dendrite, slot] = died
            if state.fast.shape[1] > 1:
                state.fast[dendrite, slot] = fast
            return size
        died = again


@njit
def _settle(state, plan, exact, tile, where):
    """Decide which spines of a tile were eliminated in a step; replace them or mark their slots DEAD."""
    dendrite, start, count, step = where
    k0, k1 = rng.split_key(plan.key)
    block, renew = np.uint32(step // 4), tile.words[:, :1]
    flagged = 0
    for i in range(count):
        tile.which[flagged] = i
        flagged += tile.flags[i]
    for i in tile.which[:flagged]:
        slot = start + i
        before, after = np.float64(state.size[dendrite, slot]), np.float64(tile.moved[i])
        if before < ALIVE:
            continue
        number = state.number[dendrite, slot]
        share = crossed(plan, exact, (before, after), (dendrite, number, step), plan.dt)
        if share > 1.0:
            # Rounding can leave a survivor a hair below the threshold; it lives, so it is above.
            tile.moved[i] = max(after, plan.minimum)
            continue
        if plan.mode == RATE:
            tile.moved[i] = DEAD
            state.eliminated[dendrite] += 1
            continue
        tile.moved[i] = _replace(state, plan, exact, (dendrite, slot, step), (step + share) * plan.dt)
        number, me = state.number[dendrite, slot], np.uint32(dendrite)
        renew[0, 0], renew[1, 0], renew[2, 0], renew[3, 0] = rng.philox(number, me, block, _NOISE, k0, k1)
        rng.fill_normals(renew, tile.normals[:, i : i + 1], 1)
        if tile.second.shape[1] > 1:
            renew[0, 0], renew[1, 0], renew[2, 0], renew[3, 0] = rng.philox(number, me, block, _SECOND, k0, k1)
            rng.fill_normals(renew, tile.second[:, i : i + 1], 1)


@njit
def _advance_tiles(state, plan, p, tile, span):
    """Advance all spines of a dendrite from the first to the last step of ``span`` (within one block of four)."""
    dendrite, first, stop = span
    block = np.uint32(first // 4)
    paired = plan.family == TWO_TIME or plan.family == KESTEN_MAP
    for start in range(0, state.count[dendrite], rng.LANES):
        end = min(start + rng.LANES, state.count[dendrite])
        size, count = state.size[dendrite][start:end], end - start
        fast = state.fast[dendrite][start:end] if plan.family == TWO_TIME else state.fast[dendrite][:1]
        rng.fill_words(
            state.number[dendrite][start:end], np.uint32(dendrite), block, _NOISE, plan.key, tile.words, count
        )
        rng.fill_normals(tile.words, tile.normals, count)
        if paired:
            low = state.number[dendrite][start:end]
            rng.fill_words(low, np.uint32(dendrite), block, _SECOND, plan.key, tile.words, count)
            rng.fill_normals(tile.words, tile.second, count)
        for step in range(first, stop):
            if advance_vector(plan, p, size, fast, tile, step - 4 * np.int64(block)):
                _settle(state, plan, tile.exact, tile, (dendrite, start, count, step))
            for i in range(count):
                size[i] = tile.moved[i]


@njit
def _compact(state, dendrite):
    """Move the last living spine into each vacated slot."""
    count, slot = state.count[dendrite], 0
    while slot < count:
        if state.size[dendrite, slot] > ALIVE:
            slot += 1
            continue
        count -= 1
        state.size[dendrite, slot] = state.size[dendrite, count]
        state.number[dendrite, slot] = state.number[dendrite, count]
        state.born[dendrite, slot] = state.born[dendrite, count]
        if state.fast.shape[1] > 1:
            state.fast[dendrite, slot] = state.fast[dendrite, count]
    state.count[dendrite] = count


@njit
def waiting_time(plan, dendrite, number):
    """Return the time (day) from one formation to the next on a dendrite: exponential."""
    if plan.births_per_day <= 0.0:
        return np.inf
    k0, k1 = rng.split_key(plan.key)
    word = rng.philox(np.uint32(number), np.uint32(dendrite), np.uint32(0), _WAIT, k0, k1)[0]
    return -math.log(rng.unit(word)) / plan.births_per_day


@njit
def _follow(plan, p, who, born, stop):
    """Follow a spine from its birth to the end of the block: (size, fast, whether it lives)."""
    dendrite, number = who
    step = np.int64(born / plan.dt)
    size, fast, died = first_step(plan, p, (dendrite, number, step), born, (step + 1) * plan.dt)
    k0, k1 = rng.split_key(plan.key)
    for later in range(step + 1, stop):
        if died >= 0.0:
            break
        words = rng.philox(np.uint32(number), np.uint32(dendrite), np.uint32(later), _FIRST, k0, k1)
        moved, fast = advance_one(plan, p, size, fast, rng.normal_pair(words[0], words[1]), plan.dt)
        share = crossed(plan, p, (size, moved), (dendrite, number, later), plan.dt)
        died = 1.0 if share <= 1.0 else -1.0
        size = moved
    return size, fast, died < 0.0


@njit
def _form(state, plan, exact, dendrite, stop):
    """Form the spines that are due before the end of the block; return False if no slot is left."""
    while state.next_birth[dendrite] < stop * plan.dt:
        slot = state.count[dendrite]
        if slot == state.size.shape[1]:
            return False
        born, number = state.next_birth[dendrite], state.next_number[dendrite]
        size, fast, lives = _follow(plan, exact, (dendrite, number), born, stop)
        state.formed[dendrite] += 1
        if lives:
            state.size[dendrite, slot], state.number[dendrite, slot], state.born[dendrite, slot] = size, number, born
            if state.fast.shape[1] > 1:
                state.fast[dendrite, slot] = fast
            state.count[dendrite] += 1
        else:
            state.eliminated[dendrite] += 1
        state.next_number[dendrite] += np.uint32(1)
        state.next_birth[dendrite] = born + waiting_time(plan, dendrite, number + np.uint32(1))
    return True


@njit
def _run_dendrite(state, plan, p, dendrite):
    paired = plan.family == TWO_TIME or plan.family == KESTEN_MAP
    lanes = rng.LANES
    tile = _Tile(
        np.empty((4, lanes), np.uint32),
        np.empty((4, lanes), state.size.dtype),
        np.empty((4, lanes if paired else 1), state.size.dtype),
        np.empty(lanes, state.size.dtype),
        np.empty(lanes, np.int32),
        np.empty(lanes + 1, np.int32),
        p.astype(np.float64),
    )
    step = state.progress[dendrite]
    while step < plan.last:
        stop = min(plan.last, (step // 4 + 1) * 4)
        if not state.stalled[dendrite]:
            _advance_tiles(state, plan, p, tile, (dendrite, step, stop))
            if plan.mode == RATE:
                _compact(state, dendrite)
        if plan.mode == RATE and not _form(state, plan, tile.exact, dendrite, stop):
            state.stalled[dendrite] = True
            break
        state.stalled[dendrite] = False
        step = stop
    state.progress[dendrite] = step


@njit(parallel=True, cache=True, nogil=True)
def run_all(state, plan, p):
    """Advance every dendrite to step ``plan.last``; one that runs out of slots stops early and is ``stalled``."""
    for dendrite in prange(state.count.size):
        _run_dendrite(state, plan, p, dendrite)


@njit(cache=True)
def positions(number, dendrite, key):
    """Return where spines sit on their dendrites as a share of its length: a function of their identity."""
    k0, k1 = rng.split_key(key)
    share = np.empty(number.size, np.float32)
    for i in range(number.size):
        share[i] = rng.unit(rng.philox(number[i], np.uint32(dendrite[i]), np.uint32(0), POSITION, k0, k1)[0])
    return share
