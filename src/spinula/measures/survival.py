"""How long spines stay: survival of a cohort, by size, and with censoring."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.core.errors import TableError
from spinula.core.table import Panel, SpineTable
from spinula.measures.intervals import bootstrap, clusters, sums


def _cohort(table: SpineTable, session: int) -> tuple[Panel, np.ndarray]:
    panel = table.panel()
    if not 0 <= session < panel.present.shape[1] or not panel.present[:, session].any():
        raise TableError(f"no spine is present in session {session}", file=table.file, column="session")
    return panel, panel.present[:, session]


def survival(table: SpineTable, *, session: int = 0, replicates: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return the fraction of the spines of one session that is present in each later one.

    Spines whose dendrite was not imaged in a session do not count there.

    Returns
    -------
    DataFrame, one row per session from ``session`` on
        session, day (since the cohort's session), n, survival, low, high (clustered), mean, sem (over dendrites)

    Raises
    ------
    TableError
        If no spine is present in that session.

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> survival(example_table()).survival.tolist()
    [1.0, 0.75, 0.5]
    """
    panel, cohort = _cohort(table, session)
    observed = panel.observed[cohort, session:]
    counts = np.stack([panel.present[cohort, session:] & observed, observed], axis=-1).astype(float)
    spines = panel.spines[cohort]
    codes, _ = clusters(spines)

    def fraction(total: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return total[..., 0] / total[..., 1]

    low, high = bootstrap(totals := sums(codes, counts), fraction, replicates=replicates, seed=seed, within=(0.0, 1.0))
    by_dendrite = fraction(sums(pd.factorize(spines["dendrite"])[0], counts))
    imaged = np.isfinite(by_dendrite).sum(axis=0)
    mean = np.nansum(by_dendrite, axis=0) / np.maximum(imaged, 1)
    spread = np.sqrt(np.nansum((by_dendrite - mean) ** 2, axis=0) / np.maximum(imaged - 1, 1))
    elapsed = panel.day[cohort, session:] - panel.day[cohort, session][:, None]
    return pd.DataFrame(
        {
            "session": np.arange(session, panel.present.shape[1]),
            "day": np.nansum(elapsed, axis=0) / np.maximum(observed.sum(axis=0), 1),
            "n": observed.sum(axis=0), "survival": fraction(totals.sum(axis=0)), "low": low, "high": high,
            "mean": mean, "sem": np.where(imaged > 1, spread / np.sqrt(np.maximum(imaged, 1)), np.nan),
        }
    )  # fmt: skip


def survival_by_size(
    table: SpineTable, *, session: int = 0, until: int, bins: int = 4, replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return survival from one session to another by quantile of the size at the start.

    A spine without a size at the start does not count; one that is present later without a size does survive.

    Returns
    -------
    DataFrame, one row per bin: n, mean_size, survival, error (binomial), low, high (clustered, the bins kept)

    Source
    ------
    [melander2021]: survival by quartile of the size in the first session.
    """
    panel, cohort = _cohort(table, session)
    start = panel.size[:, session]
    use = cohort & np.isfinite(start) & panel.observed[:, until]
    size, alive = start[use], panel.present[use, until]
    if not len(size):
        raise TableError(f"no spine of session {session} has a size", file=table.file, column="size")
    limits = np.quantile(start[cohort & np.isfinite(start)], np.linspace(0, 1, bins + 1)[1:-1])
    cells = np.zeros((len(size), bins, 3))
    cells[np.arange(len(size)), np.searchsorted(limits, size, side="left")] = np.stack(
        [np.ones_like(size), alive, size], axis=-1
    )
    totals = sums(clusters(panel.spines[use])[0], cells)

    def fraction(total: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return total[..., 1] / total[..., 0]

    low, high = bootstrap(totals, fraction, replicates=replicates, seed=seed, within=(0.0, 1.0))
    count, _, size_sum = totals.sum(axis=0).T
    share = fraction(totals.sum(axis=0))
    return pd.DataFrame(
        {
            "n": count.astype(int), "mean_size": size_sum / np.maximum(count, 1), "survival": share,
            "error": np.sqrt(share * (1 - share) / np.maximum(count, 1)), "low": low, "high": high,
        }
    )  # fmt: skip


def kaplan_meier(table: SpineTable, *, session: int | None = 0, replicates: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Return the Kaplan-Meier estimate of spine survival, with its 95 % interval.

    A spine is lost at the first observed session in which it is absent (half-way since it was last seen), and censored
    at its last observed session. ``session=None`` follows the spines formed during the recording from their birth.

    Parameters
    ----------
    replicates : int
        Of the cluster bootstrap; 0 gives Greenwood's interval instead, which takes every spine for independent.

    Returns
    -------
    DataFrame: day, at_risk, lost, survival, low, high

    Source
    ------
    Kaplan-Meier; Greenwood's variance with the log(-log) interval where spines are independent.
    """
    panel = table.panel()
    followed, length, lost = durations(panel, session)
    if not len(followed):
        raise TableError("no spine can be followed", file=table.file, column="session")
    days = np.unique(length[lost])
    codes, _ = clusters(panel.spines.iloc[followed])
    totals = risk_and_loss(codes, length, lost, days)
    whole = totals.sum(axis=0)
    alive = product_limit(whole)
    low, high = bootstrap(totals, product_limit, replicates=replicates, seed=seed, within=(0.0, 1.0))
    if replicates == 0 or len(totals) < 2:
        low, high = _greenwood(whole, alive)
    table_ = {"day": days, "at_risk": whole[:, 0].astype(int), "lost": whole[:, 1].astype(int)}
    table_ |= {"survival": alive, "low": low, "high": high}
    first = pd.DataFrame([[0.0, len(length), 0, 1.0, 1.0, 1.0]], columns=list(table_))
    return pd.concat([first, pd.DataFrame(table_)], ignore_index=True) if len(days) else first


def _greenwood(total: np.ndarray, alive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    risk, events = total[:, 0], total[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = 1.96 * np.sqrt(np.cumsum(events / (risk * (risk - events)))) / np.abs(np.log(alive))
        return alive ** np.exp(reach), alive ** np.exp(-reach)


def risk_and_loss(codes: np.ndarray, length: np.ndarray, lost: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return per cluster and day the spines at risk and those lost, shape (clusters, days, 2)."""
    risk = length[:, None] >= days
    events = (length[:, None] == days) & lost[:, None]
    return sums(codes, np.stack([risk, events], axis=-1).astype(float))


def product_limit(total: np.ndarray) -> np.ndarray:
    """Return the Kaplan-Meier curve of sums of :func:`risk_and_loss` (last axes: days, 2)."""
    risk = np.maximum(total[..., 0], 1.0)  # nobody at risk, nobody lost: the curve stays
    return np.cumprod(1 - total[..., 1] / risk, axis=-1)


def durations(panel: Panel, session: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the spines that are followed (rows of the panel), for how long (day) and whether that ended in a loss.

    ``session=None`` follows the spines formed during the recording.
    """
    sessions = np.arange(panel.present.shape[1])
    if session is None:
        rows, start = formed(panel)
    else:
        rows = np.flatnonzero(panel.present[:, session])
        start = np.full(len(rows), session)
    later = sessions > start[:, None]
    gone = panel.observed[rows] & ~panel.present[rows] & later
    lost = gone.any(axis=1)
    end = np.where(lost, gone.argmax(axis=1), 0)
    until = np.where(lost[:, None], sessions < end[:, None], True)
    held = panel.present[rows] & until & (sessions >= start[:, None])
    last = sessions[-1] - held[:, ::-1].argmax(axis=1)
    index = np.arange(len(rows))
    day = panel.day[rows]
    last_seen = day[index, last]
    finish = np.where(lost, 0.5 * (last_seen + np.where(lost, day[index, end], 0.0)), last_seen)
    # Days of unequal steps differ in their last digits; equal durations must stay equal.
    return rows, np.round(finish - day[index, start], 9), lost


def formed(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Return the spines formed during the recording (rows of the panel) and the session each was first seen in."""
    sessions = np.arange(panel.present.shape[1])
    first = np.where(panel.present.any(axis=1), panel.present.argmax(axis=1), -1)
    rows = np.flatnonzero((panel.observed & (sessions < first[:, None])).any(axis=1))
    return rows, first[rows]
