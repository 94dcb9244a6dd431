"""Power laws fitted by maximum likelihood, with a lower and an upper cut, and compared with other tails.

    discrete    p(x) = x^-a / sum of k^-a over low ... high,              x = low ... high
    continuous  p(x) = (a - 1) x^-a / (low^(1-a) - high^(1-a)),          low <= x <= high

``high`` may be infinite. The lower cut is the one of least Kolmogorov-Smirnov distance, unless it is given. A straight
line through a histogram on two logarithmic axes is not used anywhere: its exponent is biased [clauset2009].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from spinula.core.errors import InvalidInputError

_FEWEST = 50  # values of a tail; fewer say nothing of an exponent
_STEEPEST = 8.0


@dataclass(frozen=True)
class PowerLaw:
    """A fitted power law.

    Parameters
    ----------
    exponent, error : float, 1
        And its standard error, from the curvature of the likelihood.
    low, high : float
        The range that was fitted; ``high`` may be infinite.
    distance : float, 1
        Kolmogorov-Smirnov distance within the range.
    count : int
        Values within the range.
    discrete : bool
    """

    exponent: float
    error: float
    low: float
    high: float
    distance: float
    count: int
    discrete: bool

    def log_probability(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probability (discrete) or density of values within the range."""
        norm = _log_norm(self.exponent, (self.low, self.high), self.discrete)
        return -self.exponent * np.log(values) - norm

    def below(self, values: np.ndarray) -> np.ndarray:
        """Return the share of the range up to and including each value."""
        return _below(values, self.exponent, (self.low, self.high), self.discrete)


def fit_power_law(
    values: np.ndarray, *, discrete: bool, low: float | None = None, high: float = np.inf, candidates: int = 40
) -> PowerLaw:
    """Fit the exponent, and the lower cut if none is given.

    Parameters
    ----------
    values : Array, shape (n,)
        Positive; integers if ``discrete``.
    discrete : bool
    low, high : float, optional
        Fitted range; values outside are left out.
    candidates : int
        Lower cuts that are tried, evenly spread over the logarithm of the values.

    Raises
    ------
    InvalidInputError
        If a value is not positive, or fewer than 50 lie within the range.

    Source
    ------
    [clauset2009]; with an upper cut as in [deluca2013].
    """
    values = np.asarray(values, float)
    if not (np.isfinite(values) & (values > 0)).all():
        raise InvalidInputError("sizes must be above 0 and finite.\n  Leave out empty avalanches.")
    if low is not None:
        return _fit(values, (float(low), float(high)), discrete)
    known = np.unique(values[values <= high])
    place = np.unique(np.geomspace(1, len(known), min(candidates, len(known))).astype(int)) - 1
    fits = []
    for start in known[place]:
        if (values[values <= high] >= start).sum() >= _FEWEST:
            fits.append(_fit(values, (float(start), float(high)), discrete))
    if not fits:
        raise InvalidInputError(
            f"only {len(values)} values: no exponent can be told.\n  Wanted {_FEWEST} or more above the lower cut."
        )
    return min(fits, key=lambda fit: fit.distance)


def _fit(values: np.ndarray, cut: tuple[float, float], discrete: bool) -> PowerLaw:
    """Fit the exponent between two cuts."""
    tail = np.sort(values[(values >= cut[0]) & (values <= cut[1])])
    if len(tail) < _FEWEST:
        raise InvalidInputError(
            f"only {len(tail)} values lie within {cut[0]:g} to {cut[1]:g}.\n  Wanted {_FEWEST} or more."
        )
    mean = float(np.log(tail).mean())
    least = 1.0 + 1e-6 if np.isinf(cut[1]) else -2.0

    def cost(exponent: float) -> float:
        return exponent * mean + _log_norm(exponent, cut, discrete)

    found = float(optimize.minimize_scalar(cost, bounds=(least, _STEEPEST), method="bounded").x)
    step = 1e-3
    curvature = (cost(found + step) - 2 * cost(found) + cost(max(found - step, least))) / step**2
    error = float(1 / np.sqrt(len(tail) * curvature)) if curvature > 0 else np.inf
    known, first = np.unique(tail, return_index=True)
    model = _below(known, found, cut, discrete)
    upto, before = np.append(first[1:], len(tail)) / len(tail), first / len(tail)
    # Between two integers a discrete law does not rise: only its value at each integer is compared.
    distance = np.abs(model - upto).max() if discrete else np.maximum(abs(model - upto), abs(model - before)).max()
    return PowerLaw(found, error, *cut, float(distance), len(tail), discrete)


def _log_norm(exponent: float, cut: tuple[float, float], discrete: bool) -> float:
    low, high = cut
    if discrete:
        if np.isinf(high):
            return float(np.log(special.zeta(exponent, low)))
        return float(np.log((np.arange(low, high + 1) ** -exponent).sum()))
    if np.isinf(high):
        return float((1 - exponent) * np.log(low) - np.log(exponent - 1))
    if abs(exponent - 1) < 1e-9:
        return float(np.log(np.log(high / low)))
    return float(np.log((low ** (1 - exponent) - high ** (1 - exponent)) / (exponent - 1)))


def _below(values, exponent: float, cut: tuple[float, float], discrete: bool) -> np.ndarray:
    low, high = cut
    values = np.asarray(values, float)
    if discrete:
        if np.isinf(high):
            return 1 - special.zeta(exponent, values + 1) / special.zeta(exponent, low)
        weight = np.cumsum(np.arange(low, high + 1) ** -exponent)
        return weight[(values - low).astype(int)] / weight[-1]
    if abs(exponent - 1) < 1e-9:
        return np.log(values / low) / np.log(high / low)
    top = 0.0 if np.isinf(high) else high ** (1 - exponent)
    return (low ** (1 - exponent) - values ** (1 - exponent)) / (low ** (1 - exponent) - top)


def draw_power_law(fit: PowerLaw, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw values of a power law within its range."""
    share = rng.random(count)
    if not fit.discrete:
        top = 0.0 if np.isinf(fit.high) else fit.high ** (1 - fit.exponent)
        start = fit.low ** (1 - fit.exponent)
        return (start - share * (start - top)) ** (1 / (1 - fit.exponent))
    end = fit.high if np.isfinite(fit.high) else fit.low + 3000
    grid = np.arange(fit.low, end + 1)
    below = _below(grid, fit.exponent, (fit.low, fit.high), True)
    place = np.searchsorted(below, share)
    drawn = grid[np.minimum(place, len(grid) - 1)]
    if np.isinf(fit.high):
        # Far out a sum over integers is an integral between their midpoints.
        far = place == len(grid)
        left = (1 - share[far]) / (1 - below[-1])
        drawn[far] = np.floor((end + 0.5) * left ** (1 / (1 - fit.exponent)) + 0.5)
    return drawn


def plausibility(values: np.ndarray, fit: PowerLaw, *, seed: int, draws: int = 200) -> float:
    """Return the share of samples of the fitted law itself that lie as far from their own fit as the data.

    The range stays as it is. A small share (below 0.1) rules the power law out; a large one does not prove it.
    """
    rng = np.random.default_rng(seed)
    cut = {"low": fit.low, "high": fit.high, "discrete": fit.discrete}
    again = [fit_power_law(draw_power_law(fit, fit.count, rng), **cut).distance for _ in range(draws)]
    return float(np.mean(np.array(again) >= fit.distance))


@dataclass(frozen=True)
class Comparison:
    """A power law against another tail: ``ratio`` (log-likelihoods, positive for the power law) and its p-value."""

    other: str
    ratio: float
    p: float

    @property
    def favours(self) -> str:
        """Which law the data prefer at the 5 % level, or "neither"."""
        if self.p > 0.05:
            return "neither"
        return "power law" if self.ratio > 0 else self.other


def compare(values: np.ndarray, fit: PowerLaw, other: str) -> Comparison:
    """Compare a fitted power law with a log-normal or an exponential tail on the same range.

    Parameters
    ----------
    values : Array, shape (n,)
    fit : PowerLaw
    other : "lognormal" or "exponential"

    Source
    ------
    [vuong1989] for the sign of a ratio of likelihoods of laws that do not contain each other.
    """
    tail = np.asarray(values, float)
    tail = tail[(tail >= fit.low) & (tail <= fit.high)]
    logs = np.log(tail)
    if other == "exponential":
        start, make = [np.log(max(tail.mean() - fit.low, 1e-3 * tail.mean()))], _exponential
    elif other == "lognormal":
        start, make = [float(logs.mean()), float(np.log(logs.std() + 1e-9))], _lognormal
    else:
        raise InvalidInputError(f"no tail called {other!r}.\n  Known: exponential, lognormal.")

    def cost(x: np.ndarray) -> float:
        found = -_log_tail(make(x), tail, fit).mean()
        return float(found) if np.isfinite(found) else 1e10

    best = optimize.minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
    apart = fit.log_probability(tail) - _log_tail(make(best.x), tail, fit)
    ratio, spread = float(apart.sum()), float(apart.std())
    p = special.erfc(abs(ratio) / np.sqrt(2 * len(tail)) / max(spread, 1e-300))
    return Comparison(other, ratio, float(p))


def _exponential(x):
    return stats.expon(scale=np.exp(np.clip(x[0], -50, 50)))


def _lognormal(x):
    return stats.lognorm(s=np.exp(np.clip(x[1], -10, 10)), scale=np.exp(np.clip(x[0], -200, 200)))


def _log_tail(law, tail: np.ndarray, fit: PowerLaw) -> np.ndarray:
    """Return the log-probability of values under a law cut to the fit's range; integers take half a unit each side."""
    half = 0.5 if fit.discrete else 0.0
    inside = law.sf(fit.low - half) - (law.sf(fit.high + half) if np.isfinite(fit.high) else 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mass = law.sf(tail - half) - law.sf(tail + half) if fit.discrete else law.pdf(tail)
        return np.log(np.maximum(mass, 1e-300)) - np.log(inside)
