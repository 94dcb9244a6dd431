"""What is seen of one animal, as numbers whose differences between groups need no unit of size.

Every statistic is a logarithm, a log-odds or a correlation, so that a laboratory's brightness, its dendrites' length
and what else it shares between control and mutant drop out of the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import TableError
from spinula.core.table import SpineTable

STATISTICS = {
    "density": "spines per dendrite (log)",
    "gain": "new spines per dendrite and day (log)",
    "loss": "share lost per interval (log-odds)",
    "middle_survival": "survival to the middle session (log-odds)",
    "last_survival": "survival to the last session (log-odds)",
    "new_survival": "survival of new spines, one interval (log-odds)",
    "mean": "mean log-size",
    "spread": "SD of log-size (log)",
    "small": "share below the control's lower quartile (log-odds)",
    "large": "share above the control's upper quartile (log-odds)",
    "largest": "share above the control's 95th percentile (log-odds)",
    "change": "SD of change of log-size, one interval (log)",
    "small_change": "SD of change, below the control's median (log)",
    "large_change": "SD of change, above its upper quartile (log)",
    "large_drift": "change of log-size above it, first to last session",
    "memory": "correlation of log-size, first and last session (Fisher's z)",
    "new_mean": "mean log-size of new spines",
}
QUANTILES = (0.25, 0.5, 0.75, 0.95)
_SIZE = ("mean", "spread", "small", "large", "largest", "change", "small_change", "large_change", "large_drift",
         "memory", "new_mean")  # fmt: skip


@dataclass(frozen=True)
class Animal:
    """One animal as arrays.

    Attributes
    ----------
    present, observed : Array of bool, shape (spines, sessions)
    log_size : Array, shape (spines, sessions); NaN where absent or not measured
    dendrites : Array, shape (sessions,): how many dendrites were imaged
    days : Array, shape (sessions,), day
    name : str, what its table calls it
    """

    present: np.ndarray
    observed: np.ndarray
    log_size: np.ndarray
    dendrites: np.ndarray
    days: np.ndarray
    name: str = ""

    def first(self, sessions: int) -> Animal:
        """Return the animal as if only its first sessions had been imaged."""
        return Animal(
            self.present[:, :sessions], self.observed[:, :sessions], self.log_size[:, :sessions],
            self.dendrites[:sessions], self.days[:sessions], self.name,
        )  # fmt: skip


def animals_of(table: SpineTable) -> list[Animal]:
    """Return the animals of a table, each with its own sessions.

    Raises
    ------
    TableError
        If fewer than two animals are told apart, or one has fewer than three sessions.
    """
    names = list(dict.fromkeys(table.frame["animal"]))
    if len(names) < 2:
        raise TableError(
            "fewer than two animals are told apart", file=table.file, column="animal",
            cure="The animal is the unit of the comparison: name each in the column `animal`.",
        )  # fmt: skip
    return [_animal(table.select(animal=name), str(name)) for name in names]


def _animal(table: SpineTable, name: str) -> Animal:
    frame = table.frame[table.frame["observed"]]
    # A session in which nothing of the animal was observed is none of it.
    panel = table.select(session=list(frame["session"].unique())).panel()
    if panel.size.shape[1] < 3:
        raise TableError(
            f"animal {name} has {panel.size.shape[1]} session(s)", file=table.file, column="session",
            cure="Survival and fluctuation need three sessions or more of every animal.",
        )  # fmt: skip
    dendrites = frame.groupby("session")["dendrite"].nunique().to_numpy()
    days = frame.groupby("session")["day"].mean().to_numpy()
    with np.errstate(divide="ignore"):
        log_size = np.log(panel.size)
    return Animal(
        panel.present, panel.observed, np.where(np.isfinite(log_size), log_size, np.nan), dendrites, days, name
    )


def cuts(control: Sequence[Animal]) -> np.ndarray:
    """Return the control's quantiles of log-size (``QUANTILES``), over all its animals and sessions."""
    known = np.concatenate([one.log_size[np.isfinite(one.log_size)] for one in control])
    return np.quantile(known, QUANTILES) if len(known) else np.full(len(QUANTILES), np.nan)


def summary(animal: Animal, limits: np.ndarray) -> np.ndarray:
    """Return the statistics of one animal, in the order of ``STATISTICS``; NaN where it has no answer.

    Parameters
    ----------
    limits : Array, shape (4,)
        As :func:`cuts`, of the control of the same laboratory.

    Source
    ------
    Counts are shrunk by half a case (Haldane's correction), so that an animal without a loss still has log-odds.
    """
    found = _counted(animal) | _measured(animal, limits)
    return np.array([found[name] for name in STATISTICS])


def _odds(cases: float, of: float) -> float:
    return float(np.log((cases + 0.5) / (of - cases + 0.5))) if of > 0 else float("nan")


def _counted(animal: Animal) -> dict[str, float]:
    present, observed = animal.present, animal.observed
    both = observed[:, 1:] & observed[:, :-1]
    old, new = present[:, :-1] & both, present[:, 1:] & both
    born = new & ~old
    span = np.diff(animal.days) * np.minimum(animal.dendrites[1:], animal.dendrites[:-1])
    first, middle, last = 0, present.shape[1] // 2, present.shape[1] - 1
    found = {
        "density": float(np.log(max(present.sum(), 0.5) / animal.dendrites.sum())),
        "gain": float(np.log((born.sum() + 0.5) / span.sum())),
        "loss": _odds((old & ~new).sum(), old.sum()),
    }
    for name, session in (("middle_survival", middle), ("last_survival", last)):
        there = present[:, first] & observed[:, session]
        found[name] = _odds((there & present[:, session]).sum(), there.sum())
    fresh = born[:, :-1] & observed[:, 2:]
    found["new_survival"] = _odds((fresh & present[:, 2:]).sum(), fresh.sum())
    return found


def _measured(animal: Animal, limits: np.ndarray) -> dict[str, float]:
    """Return what sizes say; all NaN where they were not measured."""
    sizes = animal.log_size
    known = sizes[np.isfinite(sizes)]
    if len(known) < 10 or not np.isfinite(limits).all():
        return dict.fromkeys(_SIZE, float("nan"))
    lower, middle, upper, top = limits
    before, change = sizes[:, :-1], np.diff(sizes, axis=1)
    moved = np.isfinite(change)
    start, end = sizes[:, 0], sizes[:, -1]
    kept = np.isfinite(start) & np.isfinite(end)
    grown = kept & (start > upper)
    both = animal.observed[:, 1:] & animal.observed[:, :-1]
    born = animal.present[:, 1:] & ~animal.present[:, :-1] & both & np.isfinite(sizes[:, 1:])
    return {
        "mean": float(known.mean()),
        "spread": float(np.log(known.std())),
        "small": _odds((known < lower).sum(), len(known)),
        "large": _odds((known > upper).sum(), len(known)),
        "largest": _odds((known > top).sum(), len(known)),
        "change": _log_sd(change[moved]),
        "small_change": _log_sd(change[moved & (before < middle)]),
        "large_change": _log_sd(change[moved & (before > upper)]),
        "large_drift": float((end - start)[grown].mean()) if grown.sum() > 2 else float("nan"),
        "memory": float(np.arctanh(np.corrcoef(start[kept], end[kept])[0, 1])) if kept.sum() > 5 else float("nan"),
        "new_mean": float(sizes[:, 1:][born].mean()) if born.any() else float("nan"),
    }


def _log_sd(values: np.ndarray) -> float:
    return float(np.log(values.std())) if len(values) > 2 else float("nan")
