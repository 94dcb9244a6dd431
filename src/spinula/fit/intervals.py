"""Intervals of the fitted law: from the information, from clusters, and one-sided at a bound."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import NotConvergedError
from spinula.fit.kalman.patterns import Patterns
from spinula.fit.kalman.scoring import Optimum, Point, bounds_of, evaluate, maximise

# Order of the parameters in a Point of one process.
PARAMETERS = ("recovery_rate", "log_sd", "log_noise", "log_mean")


@dataclass(frozen=True)
class Fitted:
    """A fitted number, its standard error and its interval, with the unit."""

    value: float
    error: float
    low: float
    high: float
    unit: str


def covariance_of(best: Optimum, clustered: Patterns | None) -> tuple[np.ndarray, int]:
    """Return the covariance of the four parameters, and the number of clusters it rests on (0 without)."""
    free = best.point.free
    inner, clusters = np.linalg.inv(best.information), 0
    if clustered is not None:
        _, score, _ = evaluate(clustered, best.point)
        names, place = np.unique(clustered.cluster, return_inverse=True)
        clusters = len(names)
        sums = np.zeros((clusters, int(free.sum())))
        np.add.at(sums, place, score[:, free])
        inner = inner @ (sums.T @ sums) @ inner * clusters / (clusters - 1)
    covariance = np.zeros((len(free), len(free)))
    covariance[np.ix_(free, free)] = inner
    return covariance, clusters


def quantile_of(level: float, clusters: int) -> float:
    """Return the half-width of an interval in standard errors: Student's t over clusters, normal without."""
    from scipy.special import ndtri, stdtrit

    tail = 0.5 + level / 2
    return float(stdtrit(clusters - 1, tail) if clusters else ndtri(tail))


def estimates_of(best: Optimum, covariance: np.ndarray, quantile: float, size_unit: str) -> dict[str, Fitted]:
    """Return all estimates with intervals; those of positive quantities are symmetric in the logarithm."""
    theta = best.point.theta
    # Each positive quantity is the exponential of a sum of the free parameters: weights of these, and a constant.
    sums = {
        "log_sd": ((0, 1, 0, 0), 0.0, "1"),
        "recovery_rate": ((1, 0, 0, 0), 0.0, "1/day"),
        "log_noise": ((0, 0, 1, 0), 0.0, "1"),
        "time_constant": ((-1, 0, 0, 0), 0.0, "day"),
        "log_spread": ((0.5, 1, 0, 0), 0.5 * math.log(2), "1/sqrt(day)"),
    }
    error = math.sqrt(covariance[3, 3])
    mean = float(theta[3])
    out = {"log_mean": Fitted(mean, error, mean - quantile * error, mean + quantile * error, f"log({size_unit})")}
    for name, (weights, constant, unit) in sums.items():
        used = np.flatnonzero(weights)
        weight = np.array(weights)[used]
        value = math.exp(constant + float(weight @ theta[used]))
        error = math.sqrt(float(weight @ covariance[np.ix_(used, used)] @ weight))
        factor = math.exp(min(quantile * error, 100.0))
        out[name] = Fitted(value, value * error, value / factor, value * factor, unit)
    return out


def weak(estimates: dict[str, Fitted], name: str, best: Optimum) -> bool:
    """Whether a parameter is at its bound or so little known that its standard error is no guide to its interval."""
    index = PARAMETERS.index(name)
    return index in best.pinned or (
        bool(best.point.free[index]) and estimates[name].error > 0.5 * estimates[name].value
    )


def profiled(
    estimates: dict[str, Fitted], name: str, patterns: Patterns, best: Optimum, *, level: float, inflation: float
) -> dict[str, Fitted]:
    """Return the estimates of a weakly known rate or noise with limits from the likelihood ratio; ``low`` may be 0.

    Parameters
    ----------
    inflation : float
        Robust variance over that from the information; the ratio must fall so many times further.

    Source
    ------
    [self1987]: at the bound the ratio is half chi-square(1) and half 0, so that the limit is one-sided there.
    """
    from scipy.special import ndtri

    index = PARAMETERS.index(name)
    at_bound = index in best.pinned
    drop = 0.5 * inflation * float(ndtri(level if at_bound else 0.5 + level / 2)) ** 2
    smallest, largest = bounds_of(best.point, patterns, index)
    center = smallest if at_bound else float(best.point.theta[index])

    def too_far(value: float) -> bool:
        theta, free = best.point.theta.copy(), best.point.free.copy()
        theta[index], free[index] = value, False
        try:
            return best.log_likelihood - maximise(patterns, Point(theta, free), curved=False).log_likelihood > drop
        except NotConvergedError:
            return True

    old = estimates[name]
    low = 0.0 if not too_far(smallest) else math.exp(_edge(too_far, center, smallest))
    high = math.inf if not too_far(largest) else math.exp(_edge(too_far, center, largest))
    value, error = (0.0 if name == "log_noise" else old.value, math.nan) if at_bound else (old.value, old.error)
    out = {name: Fitted(value, error, min(low, value), high, old.unit)}
    if name == "recovery_rate":
        tau, spread, sd = estimates["time_constant"], estimates["log_spread"], estimates["log_sd"].value
        out["time_constant"] = Fitted(
            tau.value, math.nan if at_bound else tau.error, 1 / high, 1 / low if low else math.inf, tau.unit
        )
        # The SD is far better known than the rate, which therefore carries the whole interval of the spread.
        limits = (sd * math.sqrt(2 * low), sd * math.sqrt(2 * high))
        out["log_spread"] = Fitted(spread.value, math.nan if at_bound else spread.error, *limits, spread.unit)
    return out


def _edge(too_far: Callable[[float], bool], near: float, far: float) -> float:
    """Return, by bisection, where between ``near`` (inside) and ``far`` (outside) the interval ends."""
    while abs(far - near) > 1e-3:
        middle = 0.5 * (near + far)
        near, far = (near, middle) if too_far(middle) else (middle, far)
    return far
