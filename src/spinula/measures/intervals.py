"""Intervals that respect who is independent: animals, else dendrites, else spines.

A bootstrap needs only each cluster's sums, so that a thousand replicates cost one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd


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


def bootstrap(
    totals: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], *, replicates: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % percentile interval of a statistic of cluster sums.

    Parameters
    ----------
    totals : Array, shape (clusters, ...)
        Each cluster's sums.
    statistic : function of sums, shape (..., replicates first) to estimates
    replicates : int
        0 gives NaN intervals (for callers that only want the estimate).

    Source
    ------
    Cluster bootstrap: whole clusters are drawn with replacement, so that what their spines share is not counted twice.
    """
    value = statistic(totals.sum(axis=0)[None])[0]
    if replicates == 0 or len(totals) < 2:
        return np.full_like(value, np.nan, dtype=float), np.full_like(value, np.nan, dtype=float)
    count = len(totals)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=replicates)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = statistic(np.tensordot(weights, totals, axes=1))
    finite = np.where(np.isfinite(drawn), drawn, np.nan)
    empty = np.isnan(finite).all(axis=0)
    finite = np.where(empty, 0.0, finite)
    low, high = np.nanquantile(finite, [0.025, 0.975], axis=0)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def mean_of_groups(values: pd.Series, unit: str) -> Estimate:
    """Return the mean over groups (dendrites, animals) with its standard error and t interval."""
    from scipy.stats import t

    clean = values.dropna()
    count, mean = len(clean), float(clean.mean())
    error = float(clean.std(ddof=1) / np.sqrt(count)) if count > 1 else float("nan")
    reach = error * float(t.ppf(0.975, count - 1)) if count > 1 else float("nan")
    return Estimate(mean, error, mean - reach, mean + reach, count, unit)


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
