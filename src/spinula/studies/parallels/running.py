"""Run the cases of several parallels together, and conclude each when its cases are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from spinula.studies.memory.study import Case, Found, Keeper, Options
from spinula.studies.parallels import catalogue
from spinula.studies.parallels.parallel import Judged
from spinula.studies.sweeps import run_cases


def cases(names: Sequence[str], options: Options) -> list[Case]:
    """Return the cases of all parallels that are named, each with its parallel."""
    return [
        {"name": f"{name}, {case['name']}", "parallel": name, "case": case}
        for name in names
        for case in catalogue.parallel(name).cases(options)
    ]


def work(case: Case, folder: Path) -> Found:
    """Run one case of :func:`cases`."""
    return catalogue.parallel(case["parallel"]).run(case["case"], Keeper())


def run_parallels(
    names: Sequence[str],
    options: Options,
    folder: Path,
    *,
    jobs: int = 1,
    tell: Callable[[int, str], None] = lambda done, name: None,
) -> Iterator[tuple[str, Judged]]:
    """Run all cases, keep each in the folder as it comes, and yield what each parallel found, in the given order.

    Parameters
    ----------
    names : parallels
    options : Options
        ``trial`` is the fast size.
    folder : Path
        One file per case; cases that are there are not run again.
    jobs : int, processes
    tell : function(cases done, name of the last)
    """
    asked, found = cases(names, options), {}
    folder.mkdir(parents=True, exist_ok=True)
    for case, result in run_cases(work, asked, folder, jobs=jobs):
        found[case["name"]] = result
        tell(len(found), case["name"])
    for name in names:
        mine = [(case["case"], found[case["name"]]) for case in asked if case["parallel"] == name]
        judged = catalogue.parallel(name).conclude(mine)
        assert isinstance(judged, Judged)
        yield name, judged


def verdicts(found: dict[str, Judged]) -> pd.DataFrame:
    """Return the table of the page: one row per parallel."""
    rows = []
    for name, judged in found.items():
        said = catalogue.parallel(name)
        rows.append(
            {
                "parallel": name, "title": said.title, "exact": said.exact, "holds_to": judged.holds_to,
                "breaks": said.breaks, "useful": judged.useful,
                "by": _reasons(judged), "cost": said.cost,
                "claims": len(judged.claims), "failed": sum(not claim.passed for claim in judged.claims),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _reasons(judged: Judged) -> str:
    """Return the benefits as text, those that decide first."""
    ordered = sorted(judged.benefits, key=lambda benefit: not benefit.decides)
    return "; ".join(f"{'' if one.decides else '(does not decide) '}{one.text}: {one.shown}" for one in ordered)
