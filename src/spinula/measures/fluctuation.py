"""How sizes change: change against size, mean squared change, autocorrelation, Kesten regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spinula.core.errors import TableError
from spinula.core.table import Panel, SpineTable
from spinula.measures.intervals import Estimate, bootstrap, clusters, interval, resample, sums


def _pairs(panel: Panel, lag: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (spine, size before, size after, days) of all pairs of measured sizes a lag of sessions apart."""
    before, after = panel.size[:, :-lag], panel.size[:, lag:]
    spine, column = np.nonzero(np.isfinite(before) & np.isfinite(after))
    days = panel.day[spine, column + lag] - panel.day[spine, column]
    return spine, before[spine, column], after[spine, column], days


def _need(count: int, wanted: int, table: SpineTable) -> None:
    if count < wanted:
        raise TableError(
            f"only {count} pairs of sizes in successive sessions", file=table.file, column="size",
            cure=f"This measure needs at least {wanted}.",
        )  # fmt: skip


def change_by_size(
    table: SpineTable, *, bins: int = 6, lag: int = 1, replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return mean and SD of the change of size against the size before, in quantile bins.

    Returns
    -------
    DataFrame, one row per bin
        n, size (mean), change (mean), sd, low, high (of the SD, clustered), days (mean),
        change_low, change_high (of the mean change, clustered)

    Source
    ------
    [yasumatsu2008]: the SD of the daily change grows linearly with volume.
    """
    panel = table.panel()
    spine, before, after, days = _pairs(panel, lag)
    _need(len(spine), 4 * bins, table)
    limits = np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1])
    index = np.searchsorted(limits, before, side="right")
    change = after - before
    codes, _ = clusters(panel.spines)
    columns = np.stack([np.ones_like(before), before, change, change**2, days], axis=-1)
    cells = np.zeros((len(before), bins, columns.shape[1]))
    cells[np.arange(len(before)), index] = columns
    totals = sums(codes[spine], cells)

    def spread(total: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total[..., 2] / total[..., 0]
            return np.stack([np.sqrt(np.maximum(total[..., 3] / total[..., 0] - mean**2, 0.0)), mean], axis=-1)

    low, high = bootstrap(totals, spread, replicates=replicates, seed=seed)
    whole = totals.sum(axis=0)
    mean = whole[:, 1:] / whole[:, :1]
    return pd.DataFrame(
        {"n": whole[:, 0].astype(int), "size": mean[:, 0], "change": mean[:, 1], "sd": spread(whole)[:, 0],
         "low": low[:, 0], "high": high[:, 0], "days": mean[:, 3], "change_low": low[:, 1], "change_high": high[:, 1]}
    )  # fmt: skip


def autocorrelation(
    table: SpineTable, *, log: bool = True, max_lag: int | None = None, replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return the correlation of size (log-size) between sessions, averaged over pairs of sessions a lag apart.

    Correlating within pairs of sessions keeps the drift of a session's brightness out.

    Returns
    -------
    DataFrame, one row per lag: lag (sessions), days (mean), correlation, low, high (clustered), pairs (of sessions)
    """
    panel = table.panel()
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.log(np.where(panel.size > 0, panel.size, np.nan)) if log else panel.size
    known = np.isfinite(x)
    # Centred, so that the sums below lose no digits.
    x = np.where(known, x, 0.0) - np.where(known, x, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    codes, _ = clusters(panel.spines)
    rows = []
    for lag in range(1, (max_lag or x.shape[1] - 1) + 1):
        both = known[:, :-lag] & known[:, lag:]
        a, b = np.where(both, x[:, :-lag], 0.0), np.where(both, x[:, lag:], 0.0)
        totals = sums(codes, np.stack([both, a, b, a * a, b * b, a * b], axis=-1).astype(float))
        each = _pearson(totals.sum(axis=0))
        use = np.isfinite(each) & (both.sum(axis=0) > 3)
        if not use.any():
            continue
        totals = totals[:, use]
        low, high = bootstrap(
            totals, lambda total: _mean(_pearson(total)), replicates=replicates, seed=seed, within=(-1.0, 1.0)
        )
        gaps = np.where(both, panel.day[:, lag:] - panel.day[:, :-lag], 0.0).sum(axis=0)[use] / both.sum(axis=0)[use]
        rows.append((lag, gaps.mean(), each[use].mean(), float(low), float(high), int(use.sum())))
    return pd.DataFrame(rows, columns=["lag", "days", "correlation", "low", "high", "pairs"])


def _pearson(total: np.ndarray) -> np.ndarray:
    """Return correlations from sums of (1, a, b, a*a, b*b, a*b); NaN where one of the two does not vary."""
    n, a, b, aa, bb, ab = np.moveaxis(total, -1, 0)
    first, second = n * aa - a * a, n * bb - b * b
    with np.errstate(invalid="ignore", divide="ignore"):
        varies = (first > 1e-12 * n * aa) & (second > 1e-12 * n * bb)
        return np.where(varies, (n * ab - a * b) / np.sqrt(first * second), np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis, of what is finite."""
    finite = np.isfinite(values)
    return np.where(finite, values, 0.0).sum(axis=-1) / np.where(finite.any(axis=-1), finite.sum(axis=-1), np.nan)


def mean_squared_change(table: SpineTable, *, log: bool = True, replicates: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return E[(x(t + lag) - x(t))^2] of (log-)size by lag, clustered interval.

    Returns
    -------
    DataFrame, one row per lag: lag (sessions), days (mean), msd, low, high, n
    """
    panel = table.panel()
    codes, _ = clusters(panel.spines)
    rows = []
    for lag in range(1, panel.size.shape[1]):
        spine, before, after, days = _pairs(panel, lag)
        keep = (before > 0) & (after > 0) if log else np.ones(len(before), bool)
        if keep.sum() < 2:
            continue
        change = np.log(after[keep] / before[keep]) if log else after[keep] - before[keep]
        totals = sums(codes[spine[keep]], np.stack([np.ones_like(change), change**2], axis=-1))
        totals = totals[totals[:, 0] > 0]
        low, high = bootstrap(
            totals, lambda total: total[..., 1] / total[..., 0], replicates=replicates, seed=seed, within=(0.0, np.inf)
        )
        rows.append((lag, days[keep].mean(), (change**2).mean(), float(low), float(high), len(change)))
    return pd.DataFrame(rows, columns=["lag", "days", "msd", "low", "high", "n"])


@dataclass(frozen=True)
class KestenRegression:
    """Size after on size before: after = slope*before + intercept; slope < 1 is return to the mean."""

    slope: Estimate
    intercept: Estimate
    pairs: int
    days: float


def kesten_regression(table: SpineTable, *, lag: int = 1, replicates: int = 1000, seed: int = 0) -> KestenRegression:
    """Return the regression of size on the size one interval before, with clustered intervals.

    Source
    ------
    [statman2014]: E[S(n+1) | S(n)] = <kept>*S(n) + <added>.
    """
    panel = table.panel()
    spine, before, after, days = _pairs(panel, lag)
    _need(len(spine), 10, table)
    codes, unit = clusters(panel.spines)
    columns = np.stack([np.ones_like(before), before, after, before**2, before * after], axis=-1)
    totals = sums(codes[spine], columns)

    def line(total: np.ndarray) -> np.ndarray:
        n, x, y, xx, xy = np.moveaxis(total, -1, 0)
        slope = (n * xy - x * y) / (n * xx - x * x)
        return np.stack([slope, (y - slope * x) / n], axis=-1)

    value = line(totals.sum(axis=0))
    low = high = error = np.full(2, np.nan)
    if replicates and len(totals) > 1:
        drawn = resample(totals, line, replicates=replicates, seed=seed)
        (low, high), error = interval(drawn, value, len(totals)), np.nanstd(drawn, axis=0)
    estimates = [Estimate(*map(float, row), len(totals), unit) for row in zip(value, error, low, high, strict=True)]
    return KestenRegression(estimates[0], estimates[1], len(spine), float(days.mean()))
