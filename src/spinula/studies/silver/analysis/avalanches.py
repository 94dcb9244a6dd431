"""Avalanches of switching: events of single gaps, grouped where no bin of time between them is empty.

event        a gap's |dG/dt|/G rises above a rate
avalanche    a run of bins that all hold events; size: events, duration: bins
p(size) ~ size^-tau,  p(duration) ~ duration^-alpha,  mean size of a duration ~ duration^gamma
crackling relation at a critical point: (alpha - 1)/(tau - 1) = gamma
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.studies.silver.analysis.powerlaw import Comparison, PowerLaw, compare, fit_power_law


@dataclass(frozen=True)
class Avalanches:
    """Sizes (events) and durations (bins) of avalanches, and the bin, s."""

    size: np.ndarray
    duration: np.ndarray
    bin: float


def event_times(conductances: Iterable[np.ndarray], dt: float, *, rate: float = 1e-3) -> np.ndarray:
    """Return the times at which gaps begin to change fast, one for each gap and onset, rising.

    Parameters
    ----------
    conductances : iterable of Array, shape (gaps,), S
        At steps of ``dt``; one after the other, so that a long run need not be kept.
    dt : float, s
    rate : float, 1/s
        |dG/dt|/G above which a gap is in an event; 1e-3 as in [hochstetter2021]'s program.
    """
    if not (dt > 0 and rate > 0):
        raise OutOfRangeError("dt or rate", min(dt, rate), "wanted more than 0")
    last: np.ndarray | None = None
    active: np.ndarray | None = None
    found: list[np.ndarray] = []
    for step, now in enumerate(conductances):
        if last is not None:
            fast = np.abs(now - last) > rate * dt * last
            onset = fast if active is None else fast & ~active
            found.append(np.full(int(onset.sum()), step * dt))
            active = fast
        last = np.array(now)
    return np.concatenate(found) if found else np.empty(0)


def group_events(times: np.ndarray, *, width: float | None = None) -> Avalanches:
    """Group events into avalanches.

    Parameters
    ----------
    times : Array, shape (events,), s
        Rising.
    width : float, s, optional
        Of a bin; default: the mean interval between events, the usual choice [beggs2003].

    Raises
    ------
    InvalidInputError
        If there are fewer than two events at different times.
    """
    times = np.asarray(times, float)
    if len(times) < 2 or times[-1] <= times[0]:
        raise InvalidInputError("fewer than two events: no avalanche.\n  Raise the drive, or lower the rate.")
    if width is None:
        width = float((times[-1] - times[0]) / (len(times) - 1))
    bins = np.floor((times - times[0]) / width + 1e-9).astype(np.int64)
    count = np.bincount(bins)
    busy = np.concatenate([[0], (count > 0).astype(np.int8), [0]])
    edges = np.diff(busy)
    start, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    total = np.concatenate([[0], np.cumsum(count)])
    return Avalanches(total[end] - total[start], end - start, width)


@dataclass(frozen=True)
class Criticality:
    """Exponents of avalanches, what the crackling relation makes of them, and what other tails say.

    ``gamma`` and ``predicted`` carry standard errors. ``critical`` is true if both tails are no worse as power laws
    than as exponentials and the relation holds within two standard errors or 0.15.
    """

    size: PowerLaw
    duration: PowerLaw
    gamma: float
    gamma_error: float
    predicted: float
    predicted_error: float
    against: tuple[Comparison, ...]

    @property
    def critical(self) -> bool:
        """Whether nothing here contradicts a critical point."""
        apart = abs(self.gamma - self.predicted)
        band = max(0.15, 2 * np.hypot(self.gamma_error, self.predicted_error))
        worse = any(found.favours == "exponential" for found in self.against)
        return bool(apart <= band and not worse)


def criticality(
    avalanches: Avalanches, *, low: tuple[float | None, float | None] = (None, None),
    high: tuple[float, float] = (np.inf, np.inf),
) -> Criticality:  # fmt: skip
    """Fit all exponents of avalanches.

    Parameters
    ----------
    avalanches : Avalanches
    low, high : tuple of two numbers
        Cuts of sizes and of durations; a lower cut of None is chosen by the data.

    Source
    ------
    [clauset2009] for the fits, [sethna2001] for the relation between exponents.
    """
    size = fit_power_law(avalanches.size, discrete=True, low=low[0], high=high[0])
    duration = fit_power_law(avalanches.duration, discrete=True, low=low[1], high=high[1])
    gamma, error = _growth(avalanches, (duration.low, duration.high))
    predicted = (duration.exponent - 1) / (size.exponent - 1)
    slack = predicted * np.hypot(duration.error / (duration.exponent - 1), size.error / (size.exponent - 1))
    against = tuple(
        compare(values, fit, other)
        for values, fit in ((avalanches.size, size), (avalanches.duration, duration))
        for other in ("exponential", "lognormal")
    )
    return Criticality(size, duration, gamma, error, float(predicted), float(slack), against)


def _growth(avalanches: Avalanches, cut: tuple[float, float]) -> tuple[float, float]:
    """Return the slope of log mean size over log duration, weighted by how well each mean is known, and its error."""
    known = np.unique(avalanches.duration)
    x, y, weight = [], [], []
    for length in known[(known >= cut[0]) & (known <= cut[1])]:
        sizes = avalanches.size[avalanches.duration == length]
        if len(sizes) >= 5:
            x.append(np.log(length))
            y.append(np.log(sizes.mean()))
            weight.append(len(sizes) * sizes.mean() ** 2 / max(sizes.var(ddof=1), 1e-12 * sizes.mean() ** 2))
    if len(x) < 3:
        return np.nan, np.inf
    x, y, weight = np.array(x), np.array(y), np.sqrt(weight)
    fit, cov = np.polyfit(x, y, 1, w=weight, cov="unscaled" if len(x) < 5 else True)
    return float(fit[0]), float(np.sqrt(cov[0, 0]))
