"""Drift and spread against size, read off the table bin by bin, with the measurement error taken out.

    drift(size) = E[change | size] / interval          spread(size)^2 = Var[change | size] / interval

No law is assumed. An error of log-size with SD n multiplies a size by exp(n * normal). It biases these moments twice:
it adds its own variance, and it sorts spines into bins by the error itself, so that they seem to return to the mean.
The first is taken out exactly, through E[reported] = size*g and E[reported^2] = size^2*g^4 with g = exp(n^2/2); the
second by sorting spines by their size one session earlier, whose error has no part in the change.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from spinula.core.errors import OutOfRangeError, SpinulaWarning, TableError
from spinula.core.table import Panel, SpineTable

_ENOUGH_CLUSTERS = 8


@dataclass(frozen=True)
class Pairs:
    """Sizes of one spine in two consecutive sessions.

    Attributes
    ----------
    before, after : Array, shape (pairs,), size_unit
    earlier : Array, shape (pairs,), size_unit, one session before ``before``; NaN if there is none
    gap : Array, shape (pairs,), day
    spine : Array of int, shape (pairs,), row of the panel
    """

    before: np.ndarray
    after: np.ndarray
    earlier: np.ndarray
    gap: np.ndarray
    spine: np.ndarray


@dataclass(frozen=True)
class Moments:
    """Binned drift and spread, and the line spread = floor + slope*size through the bins.

    Attributes
    ----------
    bins : DataFrame, one row per bin
        pairs, size and size_rms (size_unit; mean and root mean square, without error), interval (mean, day),
        drift (size_unit/day), drift_error, spread (size_unit/sqrt(day)), spread_error; errors are over clusters.
    slope, slope_error : float, 1/sqrt(day)
    floor, floor_error : float, size_unit/sqrt(day)
    """

    bins: pd.DataFrame
    slope: float
    slope_error: float
    floor: float
    floor_error: float
    log_noise: float
    by: str
    clusters: str
    size_unit: str


def consecutive_pairs(panel: Panel) -> Pairs:
    """Return all pairs of positive sizes in two consecutive sessions of a panel.

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> len(consecutive_pairs(example_table().panel()).before)
    5
    """
    size = np.where(panel.size > 0, panel.size, np.nan)
    before, after = size[:, :-1], size[:, 1:]
    earlier = np.column_stack([np.full(len(size), np.nan), size[:, :-2]])[:, : before.shape[1]]
    gap = np.diff(panel.day, axis=1)
    both = np.isfinite(before) & np.isfinite(after)
    return Pairs(before[both], after[both], earlier[both], gap[both], np.nonzero(both)[0])


def quantile_edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Return the inner edges of bins that hold equal numbers of values."""
    return np.quantile(values, np.arange(1, bins) / bins)


def binned_moments(
    table: SpineTable,
    *,
    bins: int = 8,
    log_noise: float = 0.0,
    by: Literal["earlier", "current"] | None = None,
    longest_gap: float = math.inf,
) -> Moments:
    """Return drift and spread against size, with standard errors, and the line through the spread.

    Parameters
    ----------
    bins : int
        Bins hold equal numbers of pairs.
    log_noise : float
        SD of the error of log-size, as fitted (:func:`spinula.fit.likelihood.fit_log_ou`) or from repeat imaging.
    by : str, optional
        ``earlier`` sorts by the size one session before, which the error does not bias but which needs three
        sessions; ``current`` sorts by the size itself, as papers do. ``earlier`` if there is noise, else ``current``.
    longest_gap : float
        Pairs further apart (day) are left out; over long intervals the return to the mean lowers the spread.

    Raises
    ------
    TableError
        If there are fewer than ten pairs per bin.

    Warns
    -----
    SpinulaWarning
        If the error is larger than the spread in a bin, whose spread is then NaN.

    Source
    ------
    Spread linear in size: [yasumatsu2008]; its error-free form is derived in the module's text.
    """
    if not 0 <= log_noise <= 2:
        raise OutOfRangeError("log_noise", log_noise, "wanted the SD of the error of log-size, from 0 to 2")
    panel = table.panel()
    pairs = consecutive_pairs(panel)
    by = by or ("earlier" if log_noise > 0 else "current")
    sorter = pairs.earlier if by == "earlier" else pairs.before
    use = np.isfinite(sorter) & (pairs.gap <= longest_gap)
    if use.sum() < 10 * bins:
        raise TableError(
            f"{int(use.sum())} pairs of sizes for {bins} bins", file=table.file, column="size",
            cure="Ask for fewer bins, or sort by='current', which needs two sessions instead of three.",
        )  # fmt: skip
    which = np.searchsorted(quantile_edges(sorter[use], bins), sorter[use], side="right")
    name, cluster = _clusters(panel, pairs.spine[use])
    rows = [
        _moments(
            pairs.before[use][inside], pairs.after[use][inside], pairs.gap[use][inside], cluster[inside], log_noise
        )
        for inside in (which == number for number in range(bins))
    ]
    frame = pd.DataFrame(rows)
    if frame["spread"].isna().any():
        warnings.warn(
            f"the error of {log_noise:g} explains more than all change in {int(frame['spread'].isna().sum())} of {bins}"
            " bins.\n  Check log_noise: it may be smaller, or not the same at all sizes.",
            SpinulaWarning,
            stacklevel=2,
        )
    (floor, slope), (floor_error, slope_error) = _line(frame)
    return Moments(frame, slope, slope_error, floor, floor_error, log_noise, by, name, table.size_unit)


def _clusters(panel: Panel, spine: np.ndarray) -> tuple[str, np.ndarray]:
    """Return the widest cluster of which there are at least eight, and the cluster of each pair."""
    for name in ("animal", "dendrite"):
        if panel.spines[name].nunique() >= _ENOUGH_CLUSTERS:
            return name, pd.factorize(panel.spines[name])[0][spine]
    return "spine", spine


def _moments(
    before: np.ndarray, after: np.ndarray, gap: np.ndarray, cluster: np.ndarray, log_noise: float
) -> dict[str, float]:
    """Return one bin's row: ratios of sums over pairs, with errors over clusters."""
    lift = math.exp(log_noise**2 / 2)
    change = (after - before) / lift
    square = (before**2 + after**2) / lift**4 - 2 * before * after / lift**2
    time = float(gap.sum())
    drift = float(change.sum()) / time
    about = square - 2 * drift * gap * change + (drift * gap) ** 2
    variance = float(about.sum()) / time
    spread = math.sqrt(variance) if variance > 0 else math.nan
    return {
        "pairs": len(before),
        "size": float(before.mean()) / lift,
        "size_rms": math.sqrt(float(np.mean(before**2))) / lift**2,
        "interval": float(gap.mean()),
        "drift": drift,
        "drift_error": _ratio_error(change - drift * gap, cluster, time),
        "spread": spread,
        "spread_error": _ratio_error(about - variance * gap, cluster, time) / (2 * spread),
    }


def _ratio_error(residual: np.ndarray, cluster: np.ndarray, total: float) -> float:
    sums = np.bincount(cluster, weights=residual)[np.unique(cluster)]
    count = len(sums)
    return math.sqrt(float(np.sum(sums**2)) * count / (count - 1)) / total if count > 1 else math.nan


def _line(frame: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (floor, slope) and their errors, by least squares weighted with the bins' errors."""
    good = frame[frame["spread"].notna() & (frame["spread_error"] > 0)]
    if len(good) < 2:
        return (math.nan, math.nan), (math.nan, math.nan)
    # The mean square of a bin's spread is that of its root-mean-square size, when spread is in proportion to size.
    design = np.column_stack([np.ones(len(good)), good["size_rms"]]) / good["spread_error"].to_numpy()[:, None]
    covariance = np.linalg.inv(design.T @ design)
    line = covariance @ design.T @ (good["spread"] / good["spread_error"]).to_numpy()
    error = np.sqrt(np.diag(covariance))
    return (float(line[0]), float(line[1])), (float(error[0]), float(error[1]))
