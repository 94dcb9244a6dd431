"""The intrinsic dynamics of an agent's spines: return to rest, fluctuation, elimination, formation elsewhere."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spinula.engines.agents.rule import IntrinsicDynamics
from spinula.law import additive, intrinsic

_drift = njit(intrinsic.reverting_drift)
_spread = njit(intrinsic.linear_spread)
_euler = njit(additive.euler_step)
_increment = njit(additive.additive_increment)
_shift = njit(additive.shift_linear)


def live(sizes: np.ndarray, dynamics: IntrinsicDynamics, generator: np.random.Generator, steps: int) -> int:
    """Move all spines on by a number of steps of the world, in place, and return how many were eliminated.

    Parameters
    ----------
    sizes : Array, shape (features, cells, 2), um3; 0 at vacant sites
    steps : int, taken as one step of the law (in its additive coordinate); ``recovery_rate*steps`` should stay small

    Notes
    -----
    A crossing of the threshold within a step is not seen, unlike in a population: it matters for turnover's rate only.
    """
    flat = sizes.reshape(-1)
    noise = generator.standard_normal(flat.size) if dynamics.temperature > 0.0 else np.zeros(0)
    numbers = (
        dynamics.recovery_rate, dynamics.size_rest, dynamics.noise_slope * dynamics.temperature,
        dynamics.noise_floor * dynamics.temperature, float(steps), dynamics.size_min,
    )  # fmt: skip
    lost = _all(flat, noise, numbers, dynamics.turnover)
    if lost:
        vacant = np.flatnonzero(flat <= 0.0)
        flat[generator.choice(vacant, size=lost, replace=False, shuffle=False)] = dynamics.size_new
    return lost


@njit(cache=True)
def _step(size, noise, rate, rest, slope, floor, dt):
    """Return the size after a step; without a fluctuation there is no additive coordinate, and the drift acts alone."""
    drift = _drift(size, rate, rest, 0.0)
    if slope == 0.0:
        return _euler(size, drift, 0.0, 0.0, dt, 0.0)
    spread = _spread(size, slope, floor)
    return _shift(size, spread, slope, _increment(drift, spread, 0.5 * slope, noise, dt, math.sqrt(dt)), math.expm1)


@njit(cache=True)
def _all(sizes, noise, numbers, turnover):
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
