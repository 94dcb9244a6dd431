"""``memory``: one question about memories that spines carry, its claims and its report."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spinula.faces import console, folder

if TYPE_CHECKING:
    from spinula.studies.memory.study import Finding, Options, Study


def memory(
    name: str = typer.Argument(None, help="A study's name; without one, the studies are listed."),
    seed: int = typer.Option(1, help="First seed; each condition takes this one and those that follow.", min=0),
    seeds: int = typer.Option(None, help="Runs of each condition; the study's own number, if not given.", min=2),
    trial: bool = typer.Option(False, "--trial", help="Small and short, to see how it works."),
    days: float = typer.Option(None, help="How long networks run after learning (reactivation).", min=0.01),
    jobs: int = typer.Option(1, help="Runs side by side, each in a process.", min=1),
    cluster: str = typer.Option(None, help="Address of a Dask scheduler that runs them, such as tcp://HOST:8786."),
    out: Path = typer.Option(None, "--out", help="Folder for report.html, points.csv, claims.json and run.json."),
    resume: bool = typer.Option(False, help="Go on with a run that was killed."),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Ask what becomes of memories when the spines that carry them fluctuate, vanish and form.

    Leaves with exit code 1 if a claim fails (not of a trial).
    """
    from spinula.core.errors import InvalidInputError
    from spinula.core.files import write_text
    from spinula.faces.report.memory import all_points, write_memory_report
    from spinula.studies.memory.catalogue import study
    from spinula.studies.memory.study import Options

    if name is None:
        _list(as_json)
        return
    chosen, options = study(name), Options(seed=seed, seeds=seeds, trial=trial, days=days)
    if days is not None and not chosen.timed:
        raise InvalidInputError(f"{name} runs as long as its claims need.\n  Leave --days out.")
    target = folder.open_folder(out or Path("out") / f"memory-{name}", force=force, resume=resume)
    content = {"study": name, "options": asdict(options), "sources": list(chosen.sources)}
    mark = folder.mark(content)
    console.choose_seed(seed)
    if resume and folder.is_finished(target, mark, "report.html"):
        claims = json.loads((target / "claims.json").read_text(encoding="utf-8"))
        _finish(target, all(claim["passed"] for claim in claims) or trial)
        return
    run = folder.write_provenance(target, "memory", seed=seed, content={**content, "fingerprint": mark})
    found = _run(chosen, options, target / "partial", jobs, cluster)
    points, claims = all_points(found), [console.plain(asdict(claim)) for claim in found.claims]
    write_text(target / "points.csv", points.to_csv(index=False))
    write_text(target / "claims.json", json.dumps(claims, indent=1))
    write_memory_report(target / "report.html", chosen, found, run)
    shutil.rmtree(target / "partial", ignore_errors=True)
    if as_json:
        console.print_json("memory", study=name, seed=seed, out=target, passed=found.passed, claims=claims,
                           points=points.to_dict("records"))  # fmt: skip
        raise typer.Exit(0 if found.passed or trial else 1)
    console.claims(chosen.title, found.claims)
    _finish(target, found.passed or trial)


def _run(study: Study, options: Options, kept: Path, jobs: int, cluster: str | None) -> Finding:
    """Run the cases of a study, keep each as it comes, and conclude in the order of the cases.

    A case that runs here moves the bar while it runs; one that runs elsewhere when it is finished.
    """
    from spinula.studies.memory.study import run_case
    from spinula.studies.sweeps import run_cases

    cases, results = study.cases(options), {}
    kept.mkdir(parents=True, exist_ok=True)
    with console.progress(len(cases), study.name) as move:
        work = partial(run_case, study)
        if jobs == 1 and cluster is None:
            work = partial(run_case, study, tell=lambda share: move(len(results) + share))
        for case, result in run_cases(work, cases, kept, jobs=jobs, cluster=cluster):
            results[case["name"]] = result
            move(len(results), case["name"])
    return study.conclude([(case, results[case["name"]]) for case in cases])


def _finish(target: Path, well: bool) -> None:
    typer.echo(target / "report.html")
    if not well:
        raise typer.Exit(1)


def _list(as_json: bool) -> None:
    rows = listed()
    if as_json:
        console.print_json("memory", studies=rows)
        return
    shown = console.table("Studies of memory", ["name", "what"])
    for row in rows:
        shown.add_row(row["name"], row["title"])
    console.data.print(shown)


def listed() -> list[dict[str, Any]]:
    """Return name, title and question of every study of memory."""
    from spinula.studies.memory import catalogue

    known = [catalogue.study(name) for name in catalogue.STUDIES]
    return [{"name": study.name, "title": study.title, "question": study.question} for study in known]
