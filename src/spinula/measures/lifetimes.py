"""Age and size: hazard against age, life expectancy against size, correlation of size and age."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from spinula.core.errors import TableError
from spinula.core.table import SpineTable
from spinula.measures.intervals import Estimate, mean_of_groups
from spinula.measures.survival import durations


def age_hazard(table: SpineTable, *, bins: int = 6) -> pd.DataFrame:
    """Return the rate of loss (1/day) against age, for spines formed during the recording.

    Returns
    -------
    DataFrame, one row per age bin: age (day, mean), lost, exposure (spine-days), hazard, low, high (Poisson, exact)

    Source
    ------
    [loewenstein2015]: lifetime depends on age. Occurrences over exposure; the interval is Garwood's.
    """
    _, length, lost = durations(table.panel(), None)
    if lost.sum() < bins:
        raise TableError(
            "too few spines were formed and lost", file=table.file, cure="Use fewer bins or a longer table."
        )
    edges = np.unique(np.concatenate([[0.0], np.quantile(length[lost], np.linspace(0, 1, bins + 1)[1:])]))
    rows = []
    for low, high in pairwise(edges):
        exposure = np.clip(length, low, high).sum() - low * len(length)
        count = int((lost & (length > low) & (length <= high)).sum())
        if exposure > 0:
            reach = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0, stats.chi2.ppf(0.975, 2 * count + 2) / 2
            rows.append((0.5 * (low + high), count, exposure, count / exposure, *(x / exposure for x in reach)))
    return pd.DataFrame(rows, columns=["age", "lost", "exposure", "hazard", "low", "high"])


def life_by_size(table: SpineTable, *, session: int = 0, bins: int = 4) -> pd.DataFrame:
    """Return the mean time (day) a spine is still present, within the recording, by quantile of its size.

    Returns
    -------
    DataFrame, one row per bin: n, size (mean), life (restricted mean, day), error
    """
    panel = table.panel()
    size = panel.size[panel.present[:, session], session]
    _, length, _ = durations(panel, session)
    known = np.isfinite(size)
    size, length = size[known], length[known]
    index = np.searchsorted(np.quantile(size, np.linspace(0, 1, bins + 1)[1:-1]), size, side="left")
    groups = [(size[index == k], length[index == k]) for k in range(bins)]
    rows = [(len(s), s.mean(), x.mean(), x.std() / np.sqrt(max(len(x), 1))) for s, x in groups if len(s)]
    return pd.DataFrame(rows, columns=["n", "size", "life", "error"])


def size_age_correlation(table: SpineTable) -> Estimate:
    """Return Spearman's correlation of size and age in the last session, for spines formed during the recording.

    One value per dendrite (at least eight such spines), averaged over dendrites.

    Source
    ------
    [yasumatsu2008]: older spines are larger.
    """
    panel = table.panel()
    first = panel.present.argmax(axis=1)
    formed = (panel.observed & (np.arange(panel.present.shape[1]) < first[:, None])).any(axis=1)
    use = formed & panel.present[:, -1] & np.isfinite(panel.size[:, -1])
    age = panel.day[:, -1] - panel.day[np.arange(len(first)), first]
    found = {}
    for dendrite, rows in panel.spines[use].groupby("dendrite").groups.items():
        index = np.asarray(rows)
        if len(index) >= 8 and np.ptp(age[index]) > 0:
            found[dendrite] = stats.spearmanr(panel.size[index, -1], age[index]).statistic
    if not found:
        raise TableError(
            "no dendrite has eight spines of known age", file=table.file, cure="Pool dendrites, or image longer."
        )
    return mean_of_groups(pd.Series(found), "dendrite")
