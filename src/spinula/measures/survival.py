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

    low, high = bootstrap(totals := sums(codes, counts), fraction, replicates=replicates, seed=seed)
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


def survival_by_size(table: SpineTable, *, session: int = 0, until: int, bins: int = 4) -> pd.DataFrame:
    """Return survival from one session to another by quantile of the size at the start.

    A spine without a size at the start does not count; one that is present later without a size does survive.

    Returns
    -------
    DataFrame, one row per bin: n, mean_size, survival, error (binomial; small numbers, no clustering)
    """
    panel, cohort = _cohort(table, session)
    start = panel.size[:, session]
    use = cohort & np.isfinite(start) & panel.observed[:, until]
    size, alive = start[use], panel.present[use, until]
    limits = np.quantile(start[cohort & np.isfinite(start)], np.linspace(0, 1, bins + 1)[1:-1])
    index = np.searchsorted(limits, size, side="left")
    count = np.bincount(index, minlength=bins)
    share = np.bincount(index, weights=alive, minlength=bins) / np.maximum(count, 1)
    return pd.DataFrame(
        {
            "n": count,
            "mean_size": np.bincount(index, weights=size, minlength=bins) / np.maximum(count, 1),
            "survival": share,
            "error": np.sqrt(share * (1 - share) / np.maximum(count, 1)),
        }
    )


def kaplan_meier(table: SpineTable, *, session: int | None = 0) -> pd.DataFrame:
    """Return the Kaplan-Meier estimate of spine survival, with its 95 % interval.

    A spine is lost at the first observed session in which it is absent (half-way since it was last seen), and censored
    at its last observed session. ``session=None`` follows the spines formed during the recording from their birth.

    Returns
    -------
    DataFrame: day, at_risk, lost, survival, low, high

    Source
    ------
    Kaplan-Meier with Greenwood's variance and the log(-log) interval.
    """
    panel = table.panel()
    start, length, lost = durations(panel, session)
    if not len(start):
        raise TableError("no spine can be followed", file=table.file, column="session")
    days = np.unique(length[lost])
    risk = (length[:, None] >= days).sum(axis=0)
    events = ((length[:, None] == days) & lost[:, None]).sum(axis=0)
    alive = np.cumprod(1 - events / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(events / (risk * (risk - events)))
        reach = 1.96 * np.sqrt(greenwood) / np.abs(np.log(alive))
        low, high = alive ** np.exp(reach), alive ** np.exp(-reach)
    table_ = {"day": days, "at_risk": risk, "lost": events, "survival": alive, "low": low, "high": high}
    first = pd.DataFrame([[0.0, len(length), 0, 1.0, 1.0, 1.0]], columns=list(table_))
    return pd.concat([first, pd.DataFrame(table_)], ignore_index=True)


def durations(panel: Panel, session: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return per followed spine its first session, the time it was followed (day) and whether that ended in a loss.

    ``session=None`` follows the spines formed during the recording.
    """
    sessions = np.arange(panel.present.shape[1])
    first = np.where(panel.present.any(axis=1), panel.present.argmax(axis=1), -1)
    if session is None:
        seen_before = (panel.observed & (sessions < first[:, None])).any(axis=1)
        rows, start = np.flatnonzero(seen_before & (first > 0)), first[seen_before & (first > 0)]
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
    return start, finish - day[index, start], lost
