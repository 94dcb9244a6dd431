"""One step of each family, compiled: the law's own functions over a tile of spines, or for one newborn.

The tile loops are plain elementwise arithmetic in the precision of the sizes, so that LLVM turns them into vector
instructions.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spinula.engines import philox as rng
from spinula.law import additive, intrinsic, kesten, logsize

REVERTING, LOG_REVERTING, KESTEN, LOG_OU, TWO_TIME, KESTEN_MAP = range(6)
ADDITIVE, EULER = range(2)
# Far below any size, and small enough that its square stays finite in 32 bits.
DEAD = -1e9
ALIVE = -1e8  # anything above is a living spine
# Where the parameter array holds what a step needs, after six parameters of the law: four constants of the step, then
# DEAD and ALIVE, then what tells whether a step may have crossed (see _flag); all in the precision of the sizes.
DT, LIMITS, FLAG = 6, 10, 12

_VECTOR = {"fastmath": True, "error_model": "numpy"}
# A call that LLVM leaves standing keeps the loop around it from being vectorised.
_INLINE = {"forceinline": True, **_VECTOR}
_euler = njit(additive.euler_step, **_INLINE)
_increment = njit(additive.additive_increment, **_INLINE)
_shift_linear = njit(additive.shift_linear, **_INLINE)
_shift_quadratic = njit(additive.shift_quadratic, **_INLINE)
_distance_linear = njit(additive.distance_linear)
_distance_quadratic = njit(additive.distance_quadratic)
_reverting = njit(intrinsic.reverting_drift, **_INLINE)
_log_reverting = njit(intrinsic.log_reverting_drift, **_INLINE)
linear_spread = njit(intrinsic.linear_spread, **_INLINE)
_kesten_spread = njit(kesten.kesten_spread, **_INLINE)
_transition = njit(logsize.log_transition, **_INLINE)
_ou_factors = njit(logsize.log_step_factors)


@njit(**_INLINE)
def _drift(family, p, size):
    if family == LOG_REVERTING:
        return _log_reverting(size, p[0], p[1], rng.log)
    return _reverting(size, p[0], p[1], p[2])


@njit(**_INLINE)
def _step_spread_linear(family, scheme, p, size, noise, step):
    """One step of the families whose spread is linear in size; ``step`` is (dt, sqrt(dt), half the noise slope)."""
    spread = linear_spread(size, p[3], p[4])
    drift = _drift(family, p, size)
    if scheme == EULER:
        return _euler(size, drift, spread, noise, step[0], step[1])
    return _shift_linear(size, spread, p[3], _increment(drift, spread, step[2], noise, step[0], step[1]), rng.expm1)


@njit(**_INLINE)
def _step_kesten(scheme, p, size, noise, step):
    spread = _kesten_spread(size, p[3], p[4], np.sqrt)
    drift = _reverting(size, p[0], p[1], p[2])
    if scheme == EULER:
        return _euler(size, drift, spread, noise, step[0], step[1])
    moved = _increment(drift, spread, step[2] * p[3] * size / spread, noise, step[0], step[1])
    return _shift_quadratic(size, spread, p[3], step[3], moved, rng.expm1)


@njit
def _constants(p, dt):
    """Return dt, sqrt(dt), half the noise slope and a half, in double precision, for a step of any length."""
    return dt, math.sqrt(dt), 0.5 * p[3], 0.5


@njit(**_INLINE)
def _step_map(p, size, first, second):
    """One step of the Kesten map: a log-normal factor and a log-normal addition."""
    return math.exp(p[0] + p[1] * first) * size + math.exp(p[2] + p[3] * second)


@njit(**_VECTOR)
def advance_vector(plan, p, size, fast, tile, lane):
    """Advance one tile by one step, from ``size`` into ``tile.moved``; return how many may have crossed."""
    count, moved = size.size, tile.moved
    noise, second = tile.normals[lane], tile.second[lane]
    step = (p[DT], p[DT + 1], p[DT + 2], p[DT + 3])
    family, scheme = plan.family, plan.scheme
    if family == REVERTING and scheme == ADDITIVE:
        for i in range(count):
            moved[i] = _step_spread_linear(REVERTING, ADDITIVE, p, size[i], noise[i], step)
    elif family == REVERTING:
        for i in range(count):
            moved[i] = _step_spread_linear(REVERTING, EULER, p, size[i], noise[i], step)
    elif family == LOG_REVERTING:
        for i in range(count):
            moved[i] = _step_spread_linear(LOG_REVERTING, scheme, p, size[i], noise[i], step)
    elif family == KESTEN:
        for i in range(count):
            moved[i] = _step_kesten(scheme, p, size[i], noise[i], step)
    elif family == LOG_OU:
        for i in range(count):
            moved[i] = p[0] + _transition(size[i] - p[0], step[0], step[1], noise[i])
    elif family == TWO_TIME:
        for i in range(count):
            slow = _transition(size[i] - p[0] - fast[i], step[0], step[1], noise[i])
            fast[i] = _transition(fast[i], step[2], step[3], second[i])
            moved[i] = p[0] + slow + fast[i]
    else:
        for i in range(count):
            moved[i] = _step_map(p, size[i], noise[i], second[i])
    return _flag(p, size, tile)


@njit(**_INLINE)
def _flag(p, size, tile):
    """Flag the spines whose step may have crossed the threshold; keep vacated slots DEAD; return how many are flagged.

    A distance in the additive coordinate is at least (size - size_min)/spread, because spread grows with size; where
    that bound puts the chance of a crossing below exp(-16), none happened.
    """
    moved, flags = tile.moved, tile.flags
    dead, alive = p[LIMITS], p[LIMITS + 1]
    minimum, reach, slope, floor = p[FLAG], p[FLAG + 1], p[FLAG + 2], p[FLAG + 3]
    if minimum < alive:
        return np.int32(0)  # no boundary: nothing is eliminated, no slot is vacant
    flagged = np.int32(0)
    for i in range(size.size):
        moved[i] = moved[i] if size[i] > alive else dead
        within = reach * linear_spread(size[i], slope, floor) * linear_spread(moved[i], slope, floor)
        flag = np.int32((size[i] - minimum) * (moved[i] - minimum) <= within)
        flags[i] = flag
        flagged += flag
    return flagged


@njit
def advance_one(plan, p, size, fast, normals, dt):
    """Advance one newborn by a step of any length, in double precision: (size, fast)."""
    family = plan.family
    if family in (LOG_OU, TWO_TIME):
        kept, scatter = _ou_factors(p[1], p[2], dt)
        slow = _transition(size - p[0] - fast, kept, scatter, normals[0])
        if family == TWO_TIME:
            kept, scatter = _ou_factors(p[3], p[4], dt)
            fast = _transition(fast, kept, scatter, normals[1])
        return p[0] + slow + fast, fast
    if family == KESTEN_MAP:
        return _step_map(p, size, normals[0], normals[1]), fast
    step = _constants(p, dt)
    if family == KESTEN:
        return _step_kesten(plan.scheme, p, size, normals[0], step), fast
    return _step_spread_linear(family, plan.scheme, p, size, normals[0], step), fast


@njit
def distance(plan, p, size):
    """Distance from the threshold in the additive coordinate, sqrt(day); negative once below."""
    if plan.family in (LOG_OU, TWO_TIME):
        return (size - plan.minimum) / p[5]
    if plan.family == KESTEN:
        return _distance_quadratic(size, plan.minimum, p[3], p[4])
    return _distance_linear(size, plan.minimum, p[3], p[4])
