"""Run a study of agents for ``spinula study``: cases side by side, kept as they come, then claims, table and page."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder

STUDIES = {"agents": "comparison", "agents-reversal": "reversal"}


@dataclass(frozen=True)
class Wanted:
    """The options of ``spinula study`` that a study of agents takes; ``seeds`` None: as many as its claims need."""

    name: str
    seeds: int | None
    trial: bool
    jobs: int
    out: Path | None
    resume: bool
    force: bool
    as_json: bool


def run_study(wanted: Wanted) -> None:
    """Run the study, write report.html, compared.csv, points.csv, claims.json and run.json, and show the table.

    Leaves with exit code 1 if a claim fails (not of a trial).
    """
    from spinula.core.files import write_text
    from spinula.faces.agents.running import versions
    from spinula.faces.report.memory import all_points
    from spinula.studies.agents.worlds import open_world
    from spinula.studies.memory.study import Options

    room = _room(wanted.name)
    study, options = room.STUDY, Options(seeds=wanted.seeds, trial=wanted.trial)
    cases = study.cases(options)
    # A library that is missing is seen before the folder is opened: --force deletes the run that is there.
    for world in {case["world"]: None for case in cases}:
        open_world(world)
    target = folder.open_folder(wanted.out or Path("out") / f"study-{wanted.name}", force=wanted.force,
                                resume=wanted.resume)  # fmt: skip
    content = {"study": study.name, "options": asdict(options), "sources": list(study.sources)}
    mark = _mark(content, cases)
    if wanted.resume and folder.is_finished(target, mark, "report.html"):
        _tell(target, study, wanted)
        return
    folder.check_same(target, mark)
    content = {**content, "fingerprint": mark, "world_libraries": versions()}
    run = folder.write_provenance(target, "study", seed=options.seed, content=content)
    results = _results(study, cases, target / "partial", wanted.jobs)
    found, compared = study.conclude(results), room.table(results)
    claims = [console.plain(asdict(claim)) for claim in found.claims]
    write_text(target / "compared.csv", compared.to_csv(index=False))
    write_text(target / "points.csv", all_points(found).to_csv(index=False))
    write_text(target / "claims.json", json.dumps(claims, indent=1))
    _write_page(target / "report.html", study, found, compared, run)
    shutil.rmtree(target / "partial")
    _tell(target, study, wanted)


def _mark(content: dict[str, Any], cases: list[dict[str, Any]]) -> str:
    """Return the mark of a study: a run that was cut goes on only with the same cases and the same rules."""
    from spinula.studies.agents.cases import plan_of
    from spinula.studies.agents.training import settings

    return folder.mark({**content, "cases": cases, "settings": [settings(plan_of(case)) for case in cases]})


def _tell(target: Path, study: Any, wanted: Wanted) -> None:
    """Print what came out, from the files of the run, and leave with the exit code that its claims give."""
    import pandas as pd

    from spinula.studies.memory.study import Claim

    claims = json.loads((target / "claims.json").read_text(encoding="utf-8"))
    compared = pd.read_csv(target / "compared.csv", float_precision="round_trip")
    passed = all(claim["passed"] for claim in claims)
    if wanted.as_json:
        console.print_json("study", study=study.name, out=target, passed=passed, claims=claims,
                           compared=compared.to_dict("records"))  # fmt: skip
    else:
        _show(study, [Claim(**claim) for claim in claims], compared)
        typer.echo(target / "report.html")
    if not passed and not wanted.trial:
        raise typer.Exit(1)


def _room(name: str) -> Any:
    from importlib import import_module

    return import_module(f"spinula.studies.agents.{STUDIES[name]}")


def _results(study: Any, cases: list[dict[str, Any]], kept: Path, jobs: int) -> list[tuple[dict[str, Any], Any]]:
    from spinula.studies.memory.study import run_case
    from spinula.studies.sweeps import run_cases

    results = {}
    kept.mkdir(parents=True, exist_ok=True)
    with console.progress(len(cases), study.name) as move:
        for case, result in run_cases(partial(run_case, study), cases, kept, jobs=jobs):
            results[case["name"]] = result
            move(len(results), case["name"])
    return [(case, results[case["name"]]) for case in cases]


def _write_page(path: Path, study: Any, found: Any, compared: Any, run: dict[str, Any]) -> None:
    from spinula.core.files import write_text
    from spinula.faces.memory_figures import draw_panel, height
    from spinula.faces.report.page import draw, environment, papers, records

    figures = [
        draw(lambda ax, panel=panel: draw_panel(ax, panel), panel.title, height=height(panel)) for panel in found.panels
    ]
    page = environment().get_template("agents.html.j2").render(
        title=study.title, study=study, found=found, figures=figures, run=run, groups={"Claims": found.claims},
        compared=records(compared, {name: name for name in compared}), papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)


def _show(study: Any, claims: list[Any], compared: Any) -> None:
    shown = console.table(study.title, list(compared))
    for row in compared.itertuples(index=False):
        shown.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row))
    console.data.print(shown)
    console.claims("\nClaims", claims)
