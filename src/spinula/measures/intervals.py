"""Intervals that respect who is independent: animals, else dendrites, else spines.

A bootstrap needs only each cluster's sums, so that a thousand replicates cost one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

# Below so many clusters a resample cannot reach far enough into the tails.
_FEW = 6


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error, its 95 % interval and what was resampled to get them."""

    value: float
    error: float
    low: float
    high: float
    clusters: int
    unit: str

    def __str__(self) -> str:
        """Value and interval, as in a sentence."""
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def clusters(spines: pd.DataFrame) -> tuple[np.ndarray, str]:
    """Return for each spine the number of its cluster, and what a cluster is.

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> clusters(example_table().panel().spines)[1]
    'animal'
    """
    for unit in ("animal", "dendrite"):
        codes, names = pd.factorize(spines[unit])
        if len(names) > 1:
            return codes, unit
    return np.arange(len(spines)), "spine"


def sums(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sums of values (first axis: spines) within clusters, shape (clusters, ...)."""
    total = np.zeros((int(codes.max()) + 1 if len(codes) else 0, *values.shape[1:]))
    np.add.at(total, codes, values)
    return total


@lru_cache(maxsize=2)
def _weights(count: int, replicates: int, seed: int) -> np.ndarray:
    """Return how often each cluster is drawn in each replicate; kept, as a report asks for the same draw many times."""
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=replicates).astype(float)
    drawn.flags.writeable = False
    return drawn


def resample(
    totals: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], *, replicates: int, seed: int
) -> np.ndarray:
    """Return a statistic of the cluster sums in each replicate, NaN where it has no value; arguments as `bootstrap`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = statistic(np.tensordot(_weights(len(totals), replicates, seed), totals, axes=1))
    return np.where(np.isfinite(drawn), drawn, np.nan)


def interval(
    drawn: np.ndarray, value: np.ndarray, clusters: int, within: tuple[float, float] = (-np.inf, np.inf)
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval from replicates of a value, widened for few clusters.

    With reach = t*sqrt(n/(n - 1)), t being Student's 97.5 % point with n - 1 degrees of freedom:
    six clusters or more, the percentile interval with its tails cut at Phi(-reach), which is 2.5 % for many clusters
    and 0.6 % for eight; fewer, value +- reach*SD of the replicates, since no resampling reaches beyond the clusters
    that there are. ``within`` are the bounds that the quantity cannot leave. Two clusters say next to nothing, and the
    interval shows it.

    Source
    ------
    [hesterberg2015], the expanded percentile interval and the bootstrap t interval.
    """
    from scipy.special import ndtr, stdtrit

    reach = float(np.sqrt(clusters / (clusters - 1)) * stdtrit(clusters - 1, 0.975))
    empty = np.isnan(drawn).all(axis=0)
    drawn = np.where(empty, 0.0, drawn)
    if clusters < _FEW:
        away = reach * np.nanstd(drawn, axis=0)
        low, high = np.clip(value - away, *within), np.clip(value + away, *within)
    else:
        tail = float(ndtr(-reach))
        low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=0)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def bootstrap(
    totals: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    replicates: int,
    seed: int,
    within: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of a statistic of cluster sums.

    Parameters
    ----------
    totals : Array, shape (clusters, ...)
        Each cluster's sums.
    statistic : function of sums, shape (..., replicates first) to estimates
    replicates : int
        0 gives NaN intervals (for callers that only want the estimate).
    within : (lowest, highest) value that the quantity can have

    Source
    ------
    Cluster bootstrap [davison1997]: whole clusters are drawn with replacement, so that what their spines share is not
    counted twice. For the width see :func:`interval`.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.asarray(statistic(totals.sum(axis=0)[None])[0], float)
    if replicates == 0 or len(totals) < 2:
        return np.full_like(value, np.nan), np.full_like(value, np.nan)
    return interval(resample(totals, statistic, replicates=replicates, seed=seed), value, len(totals), within)


def mean_of_groups(values: pd.Series, unit: str, owner: pd.Series | None = None) -> Estimate:
    """Return the mean over groups (dendrites) with its standard error and t interval.

    Parameters
    ----------
    values : Series, one value per group
    owner : Series, on the same index
        The animal of each group: with two animals or more the error is that of independent animals, not groups.
    """
    clean = values.dropna()
    count, mean = len(clean), float(clean.mean())
    away = clean - mean
    if owner is not None and owner.reindex(clean.index).nunique() > 1:
        away, unit = away.groupby(owner.reindex(clean.index)).sum(), "animal"
    free = len(away) - 1
    # For groups that are their own owners this is the usual SD/sqrt(n).
    error = float(np.sqrt((away**2).sum() * len(away) / free) / count) if free > 0 else float("nan")
    reach = _student(error, free)
    return Estimate(mean, error, mean - reach, mean + reach, len(away), unit)


def _student(error: float, free: int) -> float:
    """Return how far a 95 % interval reaches from a mean with a standard error of so many degrees of freedom."""
    from scipy.stats import t

    return error * float(t.ppf(0.975, free)) if free > 0 else float("nan")


def mean_interval(values: np.ndarray | pd.Series) -> tuple[float, float, float]:
    """Return mean and 95 % t interval (low, high) of independent values, such as seeds; NaN if one is NaN.

    Examples
    --------
    >>> [round(x, 3) for x in mean_interval(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    values = np.asarray(values, float)
    mean = float(values.mean()) if len(values) else float("nan")
    error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    reach = _student(error, len(values) - 1)
    return mean, mean - reach, mean + reach


def permutation_test(first: np.ndarray, second: np.ndarray, *, replicates: int = 10_000, seed: int = 0) -> float:
    """Return the two-sided p of a difference of means when the labels of the units (animals) are shuffled.

    Examples
    --------
    >>> permutation_test(np.array([1.0, 1.1, 0.9]), np.array([1.0, 1.05, 0.95])) > 0.5
    True
    """
    both = np.concatenate([first, second])
    observed = abs(first.mean() - second.mean())
    order = np.random.default_rng(seed).permuted(np.tile(both, (replicates, 1)), axis=1)
    shuffled = np.abs(order[:, : len(first)].mean(axis=1) - order[:, len(first) :].mean(axis=1))
    return float((1 + (shuffled >= observed - 1e-12).sum()) / (1 + replicates))
