"""Gain, loss, turnover ratio, dynamic fraction and spine density.

A spine counts in an interval only if it was observed in both sessions: not imaged is not lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from spinula.core.errors import TableError
from spinula.core.table import SpineTable
from spinula.measures.intervals import Estimate, bootstrap, clusters, mean_of_groups, sums


def _intervals(table: SpineTable) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Return (n1, n2, lost, gained) per spine and interval, the spines, and the mean days of each interval."""
    panel = table.panel()
    if panel.present.shape[1] < 2:
        raise TableError("has a single session", file=table.file, column="session", cure="Turnover needs two.")
    both = panel.observed[:, :-1] & panel.observed[:, 1:]
    before, after = panel.present[:, :-1] & both, panel.present[:, 1:] & both
    counts = np.stack([before, after, before & ~after, after & ~before], axis=-1).astype(float)
    step = np.where(both, panel.day[:, 1:] - panel.day[:, :-1], np.nan)
    count = np.maximum(both.sum(axis=0), 1)
    return counts, panel.spines, np.nansum(step, axis=0) / count


def turnover(table: SpineTable, *, replicates: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return gain, loss and turnover ratio of every interval between sessions.

    turnover_ratio = (lost + gained)/(n1 + n2);  daily rate = -log(1 - fraction)/days

    Returns
    -------
    DataFrame, one row per interval
        session, days, n1, n2, lost, gained, loss, gain, turnover_ratio, low, high (of the ratio, clustered),
        loss_rate, gain_rate (1/day), loss_low, loss_high, gain_low, gain_high (of the fractions, clustered)

    Raises
    ------
    TableError
        If the table has a single session.

    Source
    ------
    Definitions as in [melander2021] (loss per n1, gain per n2) and the maps of [mapmanager] (turnover ratio).

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> turnover(example_table()).turnover_ratio.round(3).tolist()
    [0.25, 0.0]
    """
    counts, spines, days = _intervals(table)
    codes, _ = clusters(spines)
    totals = sums(codes, counts)

    def fractions(total: np.ndarray) -> np.ndarray:
        n1, n2, lost, gained = np.moveaxis(total, -1, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([(lost + gained) / (n1 + n2), lost / n1, gained / n2], axis=-1)

    low, high = bootstrap(totals, fractions, replicates=replicates, seed=seed, within=(0.0, 1.0))
    n1, n2, lost, gained = totals.sum(axis=0).T
    ratio, loss, gain = fractions(totals.sum(axis=0)).T
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = -np.log1p(-loss) / days, -np.log1p(-gain) / days
    return pd.DataFrame(
        {
            "session": np.arange(len(days)), "days": days, "n1": n1.astype(int), "n2": n2.astype(int),
            "lost": lost.astype(int), "gained": gained.astype(int), "loss": loss, "gain": gain,
            "turnover_ratio": ratio, "low": low[:, 0], "high": high[:, 0],
            "loss_rate": rates[0], "gain_rate": rates[1],
            "loss_low": low[:, 1], "loss_high": high[:, 1], "gain_low": low[:, 2], "gain_high": high[:, 2],
        }
    )  # fmt: skip


def dynamic_fraction(table: SpineTable) -> Estimate:
    """Return gained/n2 + lost/n1, averaged over intervals within a dendrite, then over dendrites.

    Source
    ------
    [melander2021], the dynamic fraction; the denominators are theirs.
    """
    counts, spines, _ = _intervals(table)
    codes, names = pd.factorize(spines["dendrite"])
    n1, n2, lost, gained = np.moveaxis(sums(codes, counts), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = gained / n2 + lost / n1
    by_dendrite = pd.DataFrame(fraction, index=names).mean(axis=1, skipna=True)
    return mean_of_groups(by_dendrite, "dendrite", spines.groupby("dendrite")["animal"].first())


def spine_density(table: SpineTable, *, only: Mapping[str, Collection[object]] | None = None) -> Estimate:
    """Return the spines per um of dendrite, averaged over sessions within a dendrite, then over dendrites.

    The length of a dendrite in a session is the distance between its outermost spines then.

    Parameters
    ----------
    only : dict of column to values
        Counts these spines alone, over the length of all: ``{"state": [1]}`` is the density of shaft synapses.

    Raises
    ------
    TableError
        If positions are not measured, or a column is not in the table.

    Source
    ------
    [melander2021]: their counting and their length.
    """
    seen = table.frame[table.frame["present"] & table.frame["position_um"].notna()]
    if seen.empty:
        raise TableError(
            "no position was measured", file=table.file, column="position_um",
            cure="Give the position of each spine along its dendrite, in um.",
        )  # fmt: skip
    each = seen.groupby(["dendrite", "session"])["position_um"].agg(["min", "max"])
    length = each["max"] - each["min"]
    counted = np.ones(len(seen), bool)
    for column, values in (only or {}).items():
        if column not in seen:
            raise TableError("is not in the table", file=table.file, column=column, cure="Check its name.")
        counted &= seen[column].isin(list(values)).to_numpy()
    count = pd.Series(counted, seen.index).groupby([seen["dendrite"], seen["session"]]).sum()
    density = (count / length.where(length > 0)).groupby(level=0).mean()
    return mean_of_groups(density, "dendrite", seen.groupby("dendrite")["animal"].first())
