"""One step of the intrinsic law on all sites of an agent, by the law's own functions."""

from __future__ import annotations

import math

from numba import njit

from spinula.law import additive, intrinsic

_drift = njit(intrinsic.reverting_drift)
_spread = njit(intrinsic.linear_spread)
_euler = njit(additive.euler_step)
_increment = njit(additive.additive_increment)
_shift = njit(additive.shift_linear)


@njit(cache=True)
def _step(size, noise, rate, rest, slope, floor, dt):
    """Return the size after a step; without a fluctuation there is no additive coordinate, and the drift acts alone."""
    drift = _drift(size, rate, rest, 0.0)
    if slope == 0.0:
        return _euler(size, drift, 0.0, 0.0, dt, 0.0)
    spread = _spread(size, slope, floor)
    return _shift(size, spread, slope, _increment(drift, spread, 0.5 * slope, noise, dt, math.sqrt(dt)), math.expm1)


@njit(cache=True)
def lived(sizes, noise, numbers, turnover):
    """Move all spines on by one step of the law; return how many were eliminated (their sites are 0 then)."""
    rate, rest, slope, floor, dt, size_min = numbers
    lost = 0
    for place in range(sizes.size):
        size = sizes[place]
        if size <= 0.0:
            continue
        size = _step(size, noise[place] if noise.size else 0.0, rate, rest, slope, floor, dt)
        if size > size_min:
            sizes[place] = size
        elif turnover:
            sizes[place] = 0.0
            lost += 1
        else:
            sizes[place] = size_min
    return lost
