"""Run parallels for ``spinula run parallels``: all or one, progress, files, the table of verdicts, the page."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spinula.faces import console, folder
from spinula.faces.runs.asked import Asked

if TYPE_CHECKING:
    import pandas as pd

    from spinula.studies.memory.study import Options
    from spinula.studies.parallels import Judged

WHAT = "comparison with machine learning"
TAKES = frozenset({"second word", "--jobs", "--fast", "--report"})


def names() -> list[str]:
    """Return the word that the name of a parallel may follow."""
    return ["parallels"]


def owns(name: str) -> bool:
    """Tell whether the parallels were asked for."""
    return name == "parallels"


def run(asked: Asked) -> None:
    """Run all parallels, or the one whose name follows, and print their verdicts.

    Leaves with exit code 1 if a claim fails (not of the fast size).

    Raises
    ------
    UsageError
        If fewer than two replicates are asked for; nothing is run or written.
    """
    from spinula.core.errors import UsageError
    from spinula.core.files import write_text
    from spinula.studies.memory.study import Options
    from spinula.studies.parallels import catalogue
    from spinula.studies.parallels.running import verdicts

    if asked.replicates is not None and asked.replicates < 2:
        raise UsageError(
            f"--replicates {asked.replicates} is too few: one seed has no interval, and verdicts rest on intervals."
            "\n  Give 2 or more, or leave it out."
        )
    chosen = [catalogue.parallel(name) for name in ([asked.detail] if asked.detail else catalogue.PARALLELS)]
    fast, drawn = "--fast" in asked.extras, "--report" in asked.extras
    options = Options(1 if asked.seed is None else asked.seed, asked.replicates, fast)
    what = "parallels" + (f"-{asked.detail}" if asked.detail else "") + ("-fast" if fast else "")
    target = folder.open_folder(asked.out or Path("out") / what, force=asked.force, resume=asked.resume)
    sources = sorted({source for one in chosen for source in one.sources})
    content = {"parallels": [one.name for one in chosen], "options": asdict(options), "sources": sources}
    mark = folder.mark(content)
    console.choose_seed(options.seed)
    if asked.resume:
        folder.check_same(target, mark)
    provenance = folder.write_provenance(target, "run", seed=options.seed, content={**content, "fingerprint": mark})
    found = _run([one.name for one in chosen], options, target / "cases", asked.jobs)
    table = verdicts(found)
    claims = {name: [console.plain(asdict(claim)) for claim in judged.claims] for name, judged in found.items()}
    write_text(target / "verdicts.csv", table.to_csv(index=False))
    write_text(target / "claims.json", json.dumps(claims, indent=1))
    write_text(target / "points.csv", _points(found).to_csv(index=False))
    if drawn:
        from spinula.faces.parallels.report import write_parallels_report

        write_parallels_report(target / "report.html", found, table, provenance)
    if asked.as_json:
        console.print_json("run", parallels=table.to_dict("records"), seed=options.seed, out=target, claims=claims)
    else:
        _show(found, table)
        typer.echo(target / ("report.html" if drawn else "verdicts.csv"))
    if not fast and not all(judged.passed for judged in found.values()):
        raise typer.Exit(1)


def _run(names: list[str], options: Options, kept: Path, jobs: int) -> dict[str, Judged]:
    from spinula.studies.parallels.running import cases, run_parallels

    with console.progress(len(cases(names, options)), "parallels") as move:
        return dict(run_parallels(names, options, kept, jobs=jobs, tell=move))


def _points(found: dict[str, Judged]) -> pd.DataFrame:
    """Return the points of all panels as one table."""
    import pandas as pd

    from spinula.faces.report.memory import all_points

    return pd.concat([all_points(judged).assign(parallel=name) for name, judged in found.items()], ignore_index=True)


def _show(found: dict[str, Judged], table: pd.DataFrame) -> None:
    """Print claims and budgets of each parallel, and then the verdicts."""
    from rich.markup import escape

    from spinula.studies.parallels import catalogue

    for name, judged in found.items():
        said = catalogue.parallel(name)
        console.claims(f"\n{said.title}", judged.claims)
        for side, budget in said.budgets:
            console.data.print(f"budget, {escape(side)}: {escape(budget)}")
        for benefit in judged.benefits:
            console.data.print(f"{benefit.role}. {escape(f'{benefit.text}: {benefit.shown}')}")
    shown = console.table(
        "\nVerdicts", ["parallel", "exact where", "holds to", "breaks where", "useful for AI", "cost"]
    )
    colours: dict[Any, str] = {"yes": "green", "no": "red"}
    for row in table.itertuples():
        verdict = f"[{colours.get(row.useful, 'yellow')}]{row.useful}[/]"
        shown.add_row(row.parallel, *map(escape, (row.exact, row.holds_to, row.breaks)), verdict, escape(row.cost))
    console.data.print(shown)
