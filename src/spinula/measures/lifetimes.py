"""Age and size: hazard against age, life expectancy against size, correlation of size and age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from spinula.core.errors import TableError
from spinula.core.table import Panel, SpineTable
from spinula.measures.intervals import Estimate, bootstrap, clusters, interval, mean_of_groups, resample, sums
from spinula.measures.survival import durations, formed, product_limit, risk_and_loss


def age_hazard(table: SpineTable, *, bins: int = 6, replicates: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return the rate of loss (1/day) against age, for spines formed during the recording.

    Each step from one observed session to the next counts at the age of its middle, a spine being born half-way before
    it was first seen. A spine that is lost in a step was exposed for half of it.

    Returns
    -------
    DataFrame, one row per age bin
        age (day, mean over the exposure), lost, exposure (spine-days), hazard, low, high (clustered; where nothing was
        lost, and where there is one cluster only, exact Poisson)

    Source
    ------
    [loewenstein2015]: lifetime depends on age. Occurrences over exposure; the Poisson interval is Garwood's.
    """
    panel = table.panel()
    spine, age, gap, lost = _steps(panel)
    if lost.sum() < bins:
        raise TableError(
            "too few spines were formed and lost", file=table.file, cure="Use fewer bins or a longer table."
        )
    limits = np.unique(np.quantile(age[lost], np.linspace(0, 1, bins + 1)[1:-1]))
    index = np.searchsorted(limits, age, side="left")
    exposure = gap * (1 - 0.5 * lost)
    cells = np.zeros((len(age), len(limits) + 1, 3))
    cells[np.arange(len(age)), index] = np.stack([lost, exposure, exposure * age], axis=-1)
    totals = sums(clusters(panel.spines)[0][spine], cells)
    totals = totals[totals[..., 1].sum(axis=1) > 0]
    totals = totals[:, totals[..., 1].sum(axis=0) > 0]
    low, high = bootstrap(
        totals, lambda total: total[..., 0] / total[..., 1], replicates=replicates, seed=seed, within=(0.0, np.inf)
    )
    count, days, age_days = totals.sum(axis=0).T
    exact = stats.chi2.ppf(0.025, 2 * np.maximum(count, 1)) / 2 * (count > 0), stats.chi2.ppf(0.975, 2 * count + 2) / 2
    poisson = (count == 0) | (len(totals) < 2)
    return pd.DataFrame(
        {
            "age": age_days / days, "lost": count.astype(int), "exposure": days, "hazard": count / days,
            "low": np.where(poisson, exact[0] / days, low), "high": np.where(poisson, exact[1] / days, high),
        }
    )  # fmt: skip


def _steps(panel: Panel) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (spine, age in the middle, days, lost) of every step of every spine formed during the recording."""
    rows, first = formed(panel)
    observed, present, day = panel.observed[rows], panel.present[rows], panel.day[rows]
    index, sessions = np.arange(len(rows)), observed.shape[1]
    before = observed & (np.arange(sessions) < first[:, None])
    born = 0.5 * (day[index, first] + day[index, sessions - 1 - before[:, ::-1].argmax(axis=1)])
    found = []
    at = first.copy()
    for _ in range(sessions):
        ahead = observed & (np.arange(sessions) > at[:, None])
        going = ahead.any(axis=1)
        if not going.any():
            break
        index, at = index[going], at[going]
        to = ahead[going].argmax(axis=1)
        start, end = day[index, at], day[index, to]
        lost = ~present[index, to]
        found.append((rows[index], np.round(0.5 * (start + end) - born[index], 9), end - start, lost))
        index, at = index[~lost], to[~lost]
        observed = panel.observed[rows][index]
    spine, age, gap, lost = (np.concatenate(part) for part in zip(*found, strict=True)) if found else [np.zeros(0)] * 4
    return spine.astype(int), age, gap, lost.astype(bool)


def life_by_size(
    table: SpineTable, *, session: int = 0, bins: int = 4, replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return the mean time (day) a spine is still present, within the recording, by quantile of its size.

    The time is the area under each bin's Kaplan-Meier curve up to the longest time that a spine was followed, so that
    sessions which were not imaged do not shorten it.

    Returns
    -------
    DataFrame, one row per bin: n, size (mean), life (restricted mean, day), error, low, high (clustered)

    Source
    ------
    [yasumatsu2008]: life expectancy grows with volume.
    """
    panel = table.panel()
    followed, length, lost = durations(panel, session)
    size = panel.size[followed, session]
    known = np.isfinite(size)
    if not known.any():
        raise TableError(f"no spine of session {session} has a size", file=table.file, column="size")
    followed, length, lost, size = followed[known], length[known], lost[known], size[known]
    index = np.searchsorted(np.quantile(size, np.linspace(0, 1, bins + 1)[1:-1]), size, side="left")
    codes = clusters(panel.spines.iloc[followed])[0]
    days, end = np.unique(length[lost]), length.max()
    cells = risk_and_loss(codes * bins + index, length, lost, days)
    totals = np.zeros((codes.max() + 1, bins, len(days), 2))
    totals.reshape(-1, len(days), 2)[: len(cells)] = cells
    steps = np.diff(np.concatenate([[0.0], days, [end]]))

    def life(total: np.ndarray) -> np.ndarray:
        return steps[0] + product_limit(total) @ steps[1:]

    value = life(totals.sum(axis=0))
    low = high = error = np.full(bins, np.nan)
    if replicates and len(totals) > 1:
        drawn = resample(totals, life, replicates=replicates, seed=seed)
        (low, high), error = interval(drawn, value, len(totals), (0.0, end)), np.nanstd(drawn, axis=0)
    count = np.bincount(index, minlength=bins)
    mean = np.bincount(index, weights=size, minlength=bins) / np.maximum(count, 1)
    found = pd.DataFrame({"n": count, "size": mean, "life": value, "error": error, "low": low, "high": high})
    return found[found["n"] > 0].reset_index(drop=True)


def size_age_correlation(table: SpineTable) -> Estimate:
    """Return Spearman's correlation of size and age in the last session, for spines formed during the recording.

    One value per dendrite (at least eight such spines), averaged over dendrites.

    Source
    ------
    [yasumatsu2008]: older spines are larger.
    """
    panel = table.panel()
    rows, first = formed(panel)
    last = panel.present[rows, -1] & np.isfinite(panel.size[rows, -1])
    rows, first = rows[last], first[last]
    size, age = panel.size[rows, -1], panel.day[rows, -1] - panel.day[rows, first]
    found = {}
    dendrites = panel.spines["dendrite"].to_numpy()[rows]
    for dendrite in np.unique(dendrites):
        here = dendrites == dendrite
        if here.sum() >= 8 and np.ptp(age[here]) > 0 and np.ptp(size[here]) > 0:
            found[dendrite] = stats.spearmanr(size[here], age[here]).statistic
    if not found:
        raise TableError(
            "no dendrite has eight spines of known age", file=table.file, cure="Pool dendrites, or image longer."
        )
    return mean_of_groups(pd.Series(found), "dendrite", panel.spines.groupby("dendrite")["animal"].first())
