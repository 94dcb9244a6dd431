"""A panel in the fewest rows that have the same likelihood.

Spines imaged after the same gaps form a group. All that a group's likelihood sees of its data is the cross-product of
the columns [sizes, 1]; the triangular factor of these columns has the same cross-product in at most sessions + 1 rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spinula.core.errors import TableError
from spinula.core.table import Panel


class Rows(NamedTuple):
    """What the Kalman kernel reads.

    Attributes
    ----------
    gap : Array, shape (groups, sessions), day, time since the session before; the first column is 0
    length : Array of int, shape (groups,), sessions of each group
    spines : Array, shape (groups,), how many spines each group has
    first_row : Array of int, shape (groups + 1,), where the rows of each group begin
    values : Array, shape (rows, sessions), log-sizes, aligned to the left
    ones : Array, shape (rows,), what a row has of the mean (1 for a spine as it is)
    """

    gap: np.ndarray
    length: np.ndarray
    spines: np.ndarray
    first_row: np.ndarray
    values: np.ndarray
    ones: np.ndarray


@dataclass(frozen=True)
class Patterns:
    """A grouped panel.

    Attributes
    ----------
    offset : float
        Taken off every log-size before compression, so that nothing cancels.
    cluster : Array of int, shape (groups,)
        Which cluster each group belongs to.
    """

    rows: Rows
    offset: float
    cluster: np.ndarray

    @property
    def sizes(self) -> int:
        """How many sizes the panel has."""
        return int(np.sum(self.rows.length * self.rows.spines))

    @property
    def spines(self) -> int:
        """How many spines have at least one size."""
        return int(np.sum(self.rows.spines))

    @property
    def duration(self) -> float:
        """The longest time over which a spine was followed, day."""
        return float(np.max(np.sum(self.rows.gap[:, 1:], axis=1), initial=0.0))

    def lags(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return mean lag (day), covariance about the offset and number of pairs, by how many sizes lie between.

        The first entry is lag 0.
        """
        day = np.cumsum(np.where(np.arange(self.rows.gap.shape[1]) > 0, self.rows.gap, 0.0), axis=1)
        of_row = np.repeat(np.arange(len(self.rows.length)), np.diff(self.rows.first_row))
        valid = np.arange(self.rows.gap.shape[1]) < self.rows.length[:, None]
        data = np.where(valid[of_row], self.rows.values, 0.0)
        out = []
        for apart in range(self.rows.gap.shape[1]):
            later = valid[:, apart:]
            pairs = float(np.sum(later * self.rows.spines[:, None]))
            if not pairs:
                break
            product = float(np.sum(data[:, apart:] * data[:, : data.shape[1] - apart]))
            lag = float(np.sum((day[:, apart:] - day[:, : day.shape[1] - apart]) * later * self.rows.spines[:, None]))
            out.append((lag / pairs, product / pairs, pairs))
        lag, covariance, pairs = np.array(out).T
        return lag, covariance, pairs


def log_sizes(panel: Panel, file: str = "table") -> tuple[np.ndarray, np.ndarray]:
    """Return the log-sizes of a panel and which spines have one; a size of 0 has no logarithm and is left out.

    Raises
    ------
    TableError
        If fewer than two spines were measured in two sessions.
    """
    usable = panel.size > 0  # False for NaN
    logs = np.log(panel.size, out=np.full(panel.size.shape, np.nan), where=usable)
    if np.sum(usable.sum(axis=1) >= 2) < 2:
        raise TableError(
            "fewer than two spines have a size in two sessions", file=file, column="size",
            cure="A law of change needs spines that are followed; check spine_id and present.",
        )  # fmt: skip
    return logs, usable.any(axis=1)


def group_panel(logs: np.ndarray, day: np.ndarray, cluster: np.ndarray | None = None) -> Patterns:
    """Group the spines of a panel by their days, and compress each group.

    Parameters
    ----------
    logs : Array, shape (spines, sessions), log-sizes, NaN where there is none
    day : Array, shape (spines, sessions), day
    cluster : Array of int, shape (spines,)
        Groups never join spines of two clusters, so that each cluster has a score of its own.
    """
    valid = np.isfinite(logs)
    keep = valid.any(axis=1)
    logs, day, valid = logs[keep], day[keep], valid[keep]
    cluster = np.zeros(len(logs), np.int64) if cluster is None else np.asarray(cluster, np.int64)[keep]
    offset = float(np.mean(logs[valid]))
    left = np.argsort(~valid, axis=1, kind="stable")
    valid = np.take_along_axis(valid, left, axis=1)
    data = np.where(valid, np.take_along_axis(logs, left, axis=1) - offset, 0.0)
    day = np.where(valid, np.take_along_axis(day, left, axis=1), np.nan)
    gap = np.nan_to_num(np.diff(day, axis=1, prepend=day[:, :1]), nan=-1.0)

    # A millionth of a day apart is the same day; one key of bytes per row makes one sort do.
    key = np.ascontiguousarray(np.column_stack([np.rint(gap * 1e6).astype(np.int64), cluster]))
    key = key.view(np.dtype((np.void, key.dtype.itemsize * key.shape[1]))).ravel()
    _, first, group, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    data, length = data[order], valid[first].sum(axis=1)
    values, ones, first_row = _compress(data, np.concatenate([[0], np.cumsum(count)]), length)
    rows = Rows(np.maximum(gap[first], 0.0), length, count.astype(float), first_row, values, ones)
    return Patterns(rows, offset, cluster[first])


def _compress(data: np.ndarray, begin: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Replace the rows of each group that has more rows than sessions + 1 by their triangular factor."""
    ones = np.ones(len(data))
    keep = np.ones(len(data), bool)
    rows = np.diff(begin).copy()
    for group in np.flatnonzero(rows > length + 1):
        a, b, sessions = begin[group], begin[group + 1], length[group]
        factor = _triangle(np.column_stack([data[a:b, :sessions], ones[a:b]]))
        rows[group] = len(factor)
        data[a : a + len(factor), :sessions] = factor[:, :sessions]
        ones[a : a + len(factor)] = factor[:, sessions]
        keep[a + len(factor) : b] = False
    return data[keep], ones[keep], np.concatenate([[0], np.cumsum(rows)])


def _triangle(columns: np.ndarray) -> np.ndarray:
    """Return the triangular factor of a tall matrix, from those of blocks that stay on one thread."""
    width = columns.shape[1]
    block = 8 * width
    while len(columns) > 2 * block:
        whole = len(columns) // block * block
        factors = np.linalg.qr(columns[:whole].reshape(-1, block, width), mode="r").reshape(-1, width)
        columns = np.concatenate([factors, columns[whole:]])
    return np.linalg.qr(columns, mode="r")
