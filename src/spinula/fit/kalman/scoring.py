"""The maximum of the likelihood by Fisher scoring, and the observed information there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from spinula.core.errors import NotConvergedError
from spinula.fit.kalman.patterns import Patterns

# A SD below e^-7 of the whole SD is 0 to the likelihood, and a rate with 1e-4 time constants in the recording too;
# after 12 time constants between two sessions nothing is remembered.
_SMALLEST_SD, _SLOWEST, _FASTEST = 7.0, 1e-4, 12.0
_ITERATIONS, _LONGEST_STEP, _GAIN = 200, 1.5, 1e-9
# A model compared by AIC may have a ridge (a fast process beside the noise); 1e-4 of log-likelihood is all AIC needs.
_RIDGE = 1e-4


@dataclass(frozen=True)
class Point:
    """Parameters of the likelihood on the scale where they are free, and which of them may move.

    theta : Array, shape (2*processes + 2,)
        Log rates, log SDs, log noise, mean; a rate or a SD of 0 is -inf there.
    free : Array of bool, shape as theta
    """

    theta: np.ndarray
    free: np.ndarray

    @property
    def processes(self) -> int:
        """How many processes log-size is the sum of."""
        return len(self.theta) // 2 - 1

    @property
    def total_sd(self) -> float:
        """SD of one size: all processes and the noise together."""
        return math.sqrt(float(np.sum(np.exp(2 * self.theta[self.processes : -1]))))


@dataclass(frozen=True)
class Optimum:
    """The maximum of a likelihood.

    Attributes
    ----------
    point : Point
        A parameter that was driven to its bound is no longer free, and is named by its index in ``pinned``.
    information : Array, shape (free, free), minus the second derivatives of the log-likelihood
    """

    point: Point
    log_likelihood: float
    information: np.ndarray
    pinned: tuple[int, ...]
    iterations: int

    @property
    def aic(self) -> float:
        """Akaike's criterion; a parameter at its bound still counts."""
        return 2 * (int(self.point.free.sum()) + len(self.pinned)) - 2 * self.log_likelihood


def evaluate(patterns: Patterns, point: Point) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the log-likelihood, the score of each group, and the information (see the kernel)."""
    from spinula.fit.kalman.kernel import Law, filter_panel

    count = point.processes
    natural = np.exp(point.theta[:-1])
    mean = float(point.theta[-1]) - patterns.offset
    law = Law(natural[:count], natural[count : 2 * count], float(natural[-1]), mean)
    return filter_panel(patterns.rows, law)


def maximise(patterns: Patterns, start: Point, *, curved: bool = True) -> Optimum:
    """Climb from a start to the maximum of the likelihood.

    Each step solves information * step = score, shortened until the likelihood rises. A parameter that runs to its
    bound stays there. A last Newton step, with the observed information, ends it.

    Parameters
    ----------
    curved : bool
        Whether to compute the observed information; without it, ``information`` is the kernel's.

    Raises
    ------
    NotConvergedError
        If no maximum was reached, or what was reached is not one.

    Source
    ------
    Damping: [marquardt1963]; the information in place of its curvature is Fisher's scoring.
    """
    point, pinned, damping = start, [], 0.0
    value, score, information = _free(patterns, point)
    for iteration in range(1, _ITERATIONS + 1):  # noqa: B007  (how many it took is part of the answer)
        step = _solve(information, score, damping)
        if float(score @ step) < (_GAIN if curved else _RIDGE):
            break
        step *= min(1.0, _LONGEST_STEP / float(np.max(np.abs(step))))
        trial = _moved(point, step)
        tried = _free(patterns, trial)
        if not tried[0] >= value - 1e-12 * abs(value):
            if damping > 1e12:
                break
            damping = max(10 * damping, 1e-3)
            continue
        damping = damping / 10 if damping > 1e-6 else 0.0
        risen = tried[0] - value
        point, (value, score, information) = trial, tried
        if not curved and risen < _RIDGE:
            break
        at_bound = _at_bound(point, patterns)
        if at_bound is not None:
            pinned.append(at_bound[0])
            point = _pin(point, *at_bound)
            value, score, information = _free(patterns, point)
    else:
        raise NotConvergedError(f"no maximum of the likelihood after {_ITERATIONS} steps.")
    if not curved:
        return Optimum(point, value, information, tuple(pinned), iteration)
    observed = observed_information(patterns, point, information)
    try:
        np.linalg.cholesky(observed)
    except np.linalg.LinAlgError:
        raise NotConvergedError("the likelihood is flat or bent upwards where the search ended.") from None
    end = _moved(point, np.linalg.solve(observed, score))
    final = evaluate(patterns, end)[0]
    if final < value:  # rounding: the step was too small to matter
        end, final = point, value
    return Optimum(end, float(final), observed, tuple(pinned), iteration)


def observed_information(patterns: Patterns, point: Point, information: np.ndarray) -> np.ndarray:
    """Return minus the second derivatives over the free parameters, by central differences of the exact score."""
    free = np.flatnonzero(point.free)
    out = np.zeros((len(free), len(free)))
    width = 1e-4
    for row, index in enumerate(free):
        if index == len(point.theta) - 1:  # the likelihood is quadratic in the mean: the kernel's value is exact
            out[row, row] = information[row, row]
            continue
        sides = []
        for sign in (1, -1):
            theta = point.theta.copy()
            theta[index] += sign * width
            sides.append(_free(patterns, replace(point, theta=theta))[1])
        out[row] = (sides[1] - sides[0]) / (2 * width)
    if point.free[-1]:
        out[-1, :-1] = out[:-1, -1]
    return 0.5 * (out + out.T)


def _free(patterns: Patterns, point: Point) -> tuple[float, np.ndarray, np.ndarray]:
    value, score, information = evaluate(patterns, point)
    free = point.free
    return float(value), score.sum(axis=0)[free], information[np.ix_(free, free)]


def _solve(information: np.ndarray, score: np.ndarray, damping: float) -> np.ndarray:
    diagonal = np.diag(information)
    # A parameter that the data say nothing about has no information at all; the floor keeps the system solvable.
    floor = 1e-10 * diagonal + 1e-12 * max(float(diagonal.max()), 1e-300)
    return np.linalg.solve(information + np.diag(damping * diagonal + floor), score)


def _moved(point: Point, step: np.ndarray) -> Point:
    theta = point.theta.copy()
    theta[point.free] += step
    return replace(point, theta=theta)


def bounds_of(point: Point, patterns: Patterns, index: int) -> tuple[float, float]:
    """Return the smallest and the largest value of a rate or a SD (logarithms) that the data can tell from others."""
    if index < point.processes:
        gaps = patterns.rows.gap[patterns.rows.gap > 0]
        return math.log(_SLOWEST / patterns.duration), math.log(_FASTEST / float(gaps.min()))
    largest = math.log(point.total_sd)
    return largest - _SMALLEST_SD, largest


def _at_bound(point: Point, patterns: Patterns) -> tuple[int, float] | None:
    """Return the first parameter that has run to its bound, and the value to pin it to."""
    for index in np.flatnonzero(point.free[:-1]):
        value = point.theta[index]
        smallest, largest = bounds_of(point, patterns, int(index))
        if index < point.processes and not smallest < value < largest:
            return int(index), smallest if value <= smallest else largest
        if index >= point.processes and value < smallest:
            return int(index), -math.inf
    return None


def _pin(point: Point, index: int, value: float) -> Point:
    theta, free = point.theta.copy(), point.free.copy()
    theta[index], free[index] = value, False
    # The rate of a process without variance means nothing.
    if point.processes <= index < 2 * point.processes:
        free[index - point.processes] = False
    return Point(theta, free)
