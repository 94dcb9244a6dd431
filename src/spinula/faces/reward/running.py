"""Run an experiment of cues and rewards for ``spinula run``: progress, files, table on the screen."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spinula.faces import console, folder
from spinula.faces.runs.asked import Asked

if TYPE_CHECKING:
    from spinula.studies.memory.study import Finding
    from spinula.studies.reinforcement.experiment import Experiment
    from spinula.studies.reinforcement.running import Outcome


WHAT = "experiment"
TAKES = frozenset({"--claims", "--jobs"})


def names() -> list[str]:
    """Return the names of the experiments of rewards that ship with spinula."""
    from spinula.studies.reinforcement.reading import experiment_names

    return experiment_names()


def owns(name: str) -> bool:
    """Tell whether a name is an experiment's, or a file that has phases as experiments do."""
    from spinula.studies.reinforcement.reading import is_experiment

    return is_experiment(name)


def run(asked: Asked) -> None:
    """Run an experiment over its animals, write its files and show what came out.

    Leaves with exit code 1 if the study was asked for and a claim fails.
    """
    from spinula.core.files import write_text
    from spinula.faces.reward.report import write_experiment_report
    from spinula.studies.reinforcement.reading import load_experiment

    found, animals, claims = load_experiment(asked.name), asked.replicates, "--claims" in asked.extras
    target, seed = asked.open(found.name)
    content = {"experiment": found.name, "text": found.text, "animals": animals, "claims": claims, "seed": seed}
    mark = folder.mark(content)
    if asked.resume and folder.is_finished(target, mark, "report.html"):
        typer.echo(target / "report.html")
        return
    store = target / "partial"
    if not asked.resume:
        shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True, exist_ok=True)
    counted = animals or found.file.animals
    content = {"experiment": found.name, "fingerprint": mark, "animals": counted, "sources": _sources(found)}
    provenance = folder.write_provenance(target, "run", seed=seed, content=content)
    outcome = _run(found, seed, counted, store)
    finding = _judge(found, seed, asked.jobs, store) if claims else None
    sessions = outcome.sessions()
    write_text(target / "changes.csv", sessions.to_csv(index=False))
    write_text(target / "points.csv", outcome.trials().to_csv(index=False))
    write_experiment_report(target / "report.html", outcome, provenance, finding)
    shutil.rmtree(store)
    judged = [console.plain(asdict(claim)) for claim in finding.claims] if finding else []
    if asked.as_json:
        console.print_json("run", experiment=found.name, seed=seed, out=target, sessions=sessions.to_dict("records"),
                           claims=judged)  # fmt: skip
    else:
        _show(outcome, finding)
        typer.echo(target / "report.html")
    if finding and not finding.passed:
        raise typer.Exit(1)


def _run(found: Experiment, seed: int, animals: int, store: Path) -> Outcome:
    from spinula.studies.reinforcement.running import run_experiment, variants

    outcome, total = None, len(variants(found))
    with console.progress(total, "run") as move:
        for done, latest in run_experiment(found, seed=seed, animals=animals, store=store):
            outcome = latest
            move(done, f"{done} of {total} conditions")
    assert outcome is not None
    return outcome


def _judge(found: Experiment, seed: int, jobs: int, store: Path) -> Finding:
    from spinula.core.errors import UsageError
    from spinula.studies.memory.study import Options, run_case
    from spinula.studies.reinforcement.catalogue import study
    from spinula.studies.sweeps import run_cases

    if not found.file.about.study:
        raise UsageError(f"{found.name} belongs to no study.\n  Leave --claims out.")
    chosen = study(found.file.about.study)
    cases, results = chosen.cases(Options(seed=seed)), []
    with console.progress(len(cases), "claims") as move:
        for case, result in run_cases(partial(run_case, chosen), cases, store, jobs=jobs):
            results.append((case, result))
            move(len(results), case["name"])
    return chosen.conclude(results)


def _sources(found: Experiment) -> list[str]:
    from spinula.presets import load_preset
    from spinula.studies.reinforcement.numbers import striatum

    named = {quantity.source for quantity in striatum()[1].values()} | {found.file.about.source}
    for name in ("striatum_d1", "striatum_d2"):
        named |= set(load_preset(name).sources)
    return sorted(named - {""})


def _show(outcome: Outcome, finding: Finding | None) -> None:
    from rich.markup import escape

    table = outcome.sessions()
    last = table[table["day"] == table.groupby("phase")["day"].transform("max")]
    sweep = outcome.experiment.file.sweep
    names = [
        "condition",
        *([sweep.label] if sweep else []),
        "end of",
        "cue",
        "licks [1/s]",
        "D1, naive = 1",
        "D2, naive = 1",
    ]
    shown = console.table(f"{outcome.experiment.file.about.title}: {outcome.animals} animals", names)
    for row in last.itertuples():
        licks = f"{row.licks:.2f} [{row.licks_low:.2f}, {row.licks_high:.2f}]"
        middle = [f"{row.value:g}"] if sweep else []
        cells: list[Any] = [
            row.condition,
            *middle,
            row.phase,
            row.cue,
            licks,
            f"{row.d1_drive:.2f}",
            f"{row.d2_drive:.2f}",
        ]
        shown.add_row(*(escape(str(cell)) for cell in cells))
    console.data.print(shown)
    if finding:
        console.claims("\nClaims of the study", finding.claims)
