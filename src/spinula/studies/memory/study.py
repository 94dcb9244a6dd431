"""What a study of memory is: independent runs, what is drawn of them, and claims that can fail.

A run (one condition, one seed) is a function of its case alone, returns plain numbers and lists, and can be kept in a
file: so a study goes on where it was cut, and its cases can run side by side or on other machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from spinula.core.files import kept, replacing

Case = dict[str, Any]
Found = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What a study is run with.

    Attributes
    ----------
    seed : int, the first seed
    seeds : int or None, seeds per condition; None: as many as the study's verdict needs
    trial : bool, small and short, to see how it works; its numbers say little
    days : float or None, day, how long networks run; None: as long as the study's verdict needs
    """

    seed: int = 1
    seeds: int | None = None
    trial: bool = False
    days: float | None = None

    def series(self, usual: int, trial: int = 2) -> range:
        """Return the seeds of a condition; ``usual`` and ``trial`` are the numbers that a study takes by itself."""
        return range(self.seed, self.seed + (self.seeds or (trial if self.trial else usual)))


@dataclass(frozen=True)
class Panel:
    """One figure as data.

    Attributes
    ----------
    title, x, y : str, with units
    curves : DataFrame with label, x, value, low, high (low and high NaN where there is no interval)
    kind : line, points (means with intervals; x is a number or a name) or histogram (x is the left edge of a bin)
    """

    title: str
    x: str
    y: str
    curves: pd.DataFrame
    kind: Literal["line", "points", "histogram"] = "line"
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Claim:
    """One thing that a study says, and whether its runs bear it out.

    Attributes
    ----------
    text : str, a full sentence that can be false
    found : str, the numbers
    passed : bool
    row : number of the row of the validation table that it belongs to, or None
    control : bool, a negative control: what must not happen, or must happen without the mechanism
    """

    text: str
    found: str
    passed: bool
    row: int | str | None = None
    control: bool = False


@dataclass(frozen=True)
class Finding:
    """What a study found: its figures and its claims."""

    panels: list[Panel]
    claims: list[Claim]

    @property
    def passed(self) -> bool:
        """Whether every claim is borne out, the negative controls too."""
        return all(claim.passed for claim in self.claims)


@dataclass(frozen=True)
class RowText:
    """What a row of the validation table says; its outcome comes from the claims that name it."""

    number: int | str
    model: str
    quantity: str
    target: str
    tolerance: str
    kind: Literal["published", "computed", "analytic", "qualitative"]
    source: str


@dataclass
class Keeper:
    """Where a run tells how far it is and keeps its state, so that it can go on after it was cut.

    Attributes
    ----------
    path : file for the state, or None (nothing is kept)
    tell : function(share done), called now and then
    """

    path: Path | None = None
    tell: Callable[[float], None] = lambda share: None

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the arrays that were kept last, or None."""
        if self.path is None or not self.path.exists():
            return None
        with np.load(self.path) as stored:
            return {name: stored[name] for name in stored.files}

    def save(self, **arrays: Any) -> None:
        """Keep arrays, whole or not at all, in place of those kept before."""
        if self.path is not None:
            with replacing(self.path) as temporary:
                np.savez(temporary, **arrays)

    def drop(self) -> None:
        """Forget what was kept: the run is finished."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Study:
    """One question about memory.

    Attributes
    ----------
    name, title, question : str
    model : str, what is simulated, in plain text: sizes, times, and what is compressed
    sources : papers, by key
    cases : options -> cases, each with a unique ``name`` and a ``seed``; all values plain
    run : (case, keeper) -> plain numbers and lists; the same case gives the same result
    conclude : (case, result) pairs -> Finding
    rows : rows of the validation table
    timed : bool, whether ``Options.days`` says how long it runs
    """

    name: str
    title: str
    question: str
    model: str
    sources: tuple[str, ...]
    cases: Callable[[Options], list[Case]]
    run: Callable[[Case, Keeper], Found]
    conclude: Callable[[list[tuple[Case, Found]]], Finding]
    rows: tuple[RowText, ...] = field(default=())
    timed: bool = False


def run_case(
    study: Study, case: Case, folder: Path | None, tell: Callable[[float], None] = lambda share: None
) -> Found:
    """Run one case, or read its result if ``folder`` has it already."""
    if folder is None:
        return study.run(case, Keeper(tell=tell))
    keeper = Keeper(folder / f"{case['name']}.npz", tell)
    found = kept(folder / f"{case['name']}.json", lambda: study.run(case, keeper))
    keeper.drop()
    return found


def find(study: Study, options: Options, folder: Path | None = None) -> Finding:
    """Run all cases of a study one after the other and conclude."""
    return study.conclude([(case, run_case(study, case, folder)) for case in study.cases(options)])


def curve(label: str, x: Iterable[Any], value: Iterable[float], low: Any = np.nan, high: Any = np.nan) -> pd.DataFrame:
    """Return the rows of one curve of a panel."""
    return pd.DataFrame({"x": list(x), "value": list(value)}).assign(label=label, low=low, high=high)
