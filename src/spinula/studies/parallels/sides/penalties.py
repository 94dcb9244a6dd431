"""Penalties on weights, those that spines imply among them, and regression under any of them.

    loss(w) = |y - X w|^2/(2 n) + strength * sum_j R(|w_j|)
    L1: R = |w|      L2: R = w^2/2      log-sum: R = log(1 + |w|/scale)
    log-normal: R = log|w| + (log(|w|/scale))^2/(2 width^2)
    spines:     R = (a + 1) log u + b/u,  u = |w| + offset  = - log of the stationary law of affine spread

with a = 1 + 2*recovery_rate/noise_slope^2 and b = (a - 1)*(rest + offset): an inverse gamma law in u.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from spinula.law.intrinsic import LinearLaw

Penalty = Callable[[np.ndarray], np.ndarray]


def l1(size: np.ndarray) -> np.ndarray:
    """Return |w|.

    Source
    ------
    [tibshirani1996]
    """
    return size


def l2(size: np.ndarray) -> np.ndarray:
    """Return w^2/2."""
    return 0.5 * size**2


def log_sum(size: np.ndarray, *, scale: float) -> np.ndarray:
    """Return log(1 + |w|/scale): what reweighted L1 minimises.

    Source
    ------
    [candes2008]
    """
    return np.log1p(size / scale)


def log_normal(size: np.ndarray, *, scale: float, width: float) -> np.ndarray:
    """Return minus the logarithm of a log-normal density of median ``scale``; a weight of 0 is beyond it."""
    size = np.maximum(size, 1e-300)
    return np.log(size) + np.log(size / scale) ** 2 / (2 * width**2)


def spines(size: np.ndarray, *, law: LinearLaw) -> np.ndarray:
    """Return minus the logarithm of the stationary density of a law without boundary, less its value at 0.

    Source
    ------
    Zero-flux solution of the Fokker-Planck equation, as in LinearLaw.stationary.

    Examples
    --------
    >>> law = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.004)
    >>> apart = spines(np.array([0.1]), law=law) + law.stationary().logpdf(0.1) - law.stationary().logpdf(0.0)
    >>> bool(abs(apart[0]) < 1e-12)
    True
    """
    offset, ratio = law.noise_floor / law.noise_slope, 2 * law.recovery_rate / law.noise_slope**2
    heap = ratio * (law.size_rest + offset)
    return (ratio + 2.0) * np.log1p(size / offset) + heap / (size + offset) - heap / offset


_STEP, _LARGEST = 0.004, 8.0  # of the table of shrunk weights


@njit(cache=True)
def _shrunk(targets, values, cost):
    """Return the value >= 0 with the least (value - target)^2/2 + cost, for each target >= 0."""
    found = np.empty(len(targets))
    for number in range(len(targets)):
        best = np.inf
        for k in range(len(values)):
            total = 0.5 * (values[k] - targets[number]) ** 2 + cost[k]
            if total < best:
                best = total
                found[number] = values[k]
    return found


@njit(cache=True)
def _descend(gram, moment, table, step, weight):
    """Minimise over one weight at a time, by a table of shrunk weights, until nothing moves."""
    slope = gram @ weight - moment
    for _ in range(300):
        moved = 0.0
        for j in range(len(weight)):
            target = weight[j] - slope[j]
            place = min(abs(target) / step, len(table) - 2.0)
            k = int(place)
            low, high = table[k], table[k + 1]
            # Where the best value jumps there is nothing between.
            new = low + (place - k) * (high - low) if high - low < 10.0 * step else (low if place - k < 0.5 else high)
            change = (new if target >= 0.0 else -new) - weight[j]
            if change != 0.0:
                weight[j] += change
                slope += gram[:, j] * change
                moved = max(moved, abs(change))
        if moved < 1e-6:
            break
    return weight


def regress(
    inputs: np.ndarray, outputs: np.ndarray, penalty: Penalty, strength: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Return the weights that minimise the loss at the top, by coordinate descent.

    Each weight in turn is put to its best value, by a table in steps of 0.004. Penalties that are not convex have
    several minima: this is the one that descent reaches from ``start``.

    Parameters
    ----------
    inputs : Array, shape (samples, weights), each of mean square 1 over the samples
    outputs : Array, shape (samples,)
    penalty : function(|w|) -> cost
    strength : float
    start : Array, shape (weights,), or None: the ridge solution
    """
    gram, moment = inputs.T @ inputs / len(inputs), inputs.T @ outputs / len(inputs)
    if start is None:
        start = np.linalg.solve(gram + 0.05 * np.eye(len(gram)), moment)
    values = np.concatenate([[0.0], np.geomspace(1e-3, _LARGEST, 500)])
    table = _shrunk(np.arange(0.0, _LARGEST, _STEP), values, strength * penalty(values))
    return _descend(gram, moment, table, _STEP, start.copy())


def fixed_point(law: LinearLaw, slope: Callable[[float], float], share: float, low: float, high: float) -> float:
    """Return where the noise-free drift of a spine under a loss vanishes, read with a share of the noise's own drift.

        drift(w) - share*spread*spread' - spread^2*slope(w)/2 = 0

    ``share`` 0 is the drift in Ito's sense, 1/2 in Stratonovich's, 1 in the isothermal (anti-Ito) one. The zero is the
    mode of law(w)*spread(w)^(2 - 2*share)*exp(-loss): of the posterior itself only in the isothermal sense, of the
    posterior of the additive coordinate in Stratonovich's.

    Source
    ------
    Derivative of the zero-flux solution, derived.
    """
    from scipy.optimize import brentq

    def away(size: float) -> float:
        spread = law.spread(size)
        return float(law.drift(size) - share * spread * law.noise_slope - 0.5 * spread**2 * slope(size))

    return float(brentq(away, low, high, xtol=1e-14, rtol=1e-14))
