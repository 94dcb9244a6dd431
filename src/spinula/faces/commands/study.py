"""``study``: one question about trained networks or agents, with peers, seeds and intervals, and its report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import typer

from spinula.faces import console, folder


def study(
    name: str = typer.Argument(
        help="rules, ablation, permuted, split, uncertainty, conditions, agents, agents-reversal."
    ),
    data: str = typer.Option("digits", help="digits, mnist or fashion."),
    density: float = typer.Option(0.05, help="Share of possible connections that exist.", min=1e-6, max=1.0),
    epochs: int = typer.Option(15, help="Epochs of a final run.", min=1),
    seeds: int = typer.Option(None, help="Final runs of each method; 5, or what a study of agents needs.", min=2),
    trial: bool = typer.Option(False, "--trial", help="Few settings and tasks, to see how it works."),
    jobs: int = typer.Option(1, help="Agents: runs side by side, each in a process.", min=1),
    files: Path = typer.Option(None, "--files", help="Folder with the files of the data set."),
    out: Path = typer.Option(None, "--out", help="Folder for report.html, points.csv, rows.json and run.json."),
    resume: bool = typer.Option(False, help="Go on with a run that was killed."),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Compare rules of training or agents, or ask what a sparse network forgets, doubts, or does in a disorder."""
    from spinula.faces.agents.study import STUDIES, Wanted, run_study

    if name in STUDIES:
        run_study(Wanted(name, seeds, trial, jobs, out, resume, force, as_json))
        return
    import numba

    from spinula.core.files import write_text
    from spinula.faces.report.study import write_study_report
    from spinula.studies.training.catalogue import Options
    from spinula.studies.training.catalogue import study as named
    from spinula.studies.training.data import load_data
    from spinula.studies.training.following import fingerprint

    chosen, options = named(name), Options(density, epochs, seeds or 5, trial)
    target = folder.open_folder(out or Path("out") / f"study-{name}-{data}", force=force, resume=resume)
    content = {"study": name, "data": data, "options": vars(options), "sources": list(chosen.sources)}
    loaded = load_data(data, folder=files)
    mark = fingerprint(content, loaded.labels)
    if resume and folder.is_finished(target, mark, "report.html"):
        typer.echo(target / "report.html")
        return
    run = folder.write_provenance(target, "study", seed=0, content={**content, "fingerprint": mark})
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    rows = []
    # Every result is kept in this folder as it comes; a run that is resumed reads them.
    with console.progress(None, "study") as move:
        for row in chosen.run(loaded, options, target / "partial"):
            rows.append(row)
            move(len(rows), " ".join(str(row[key]) for key in ("rule", "method", "condition", "seed") if key in row))
    points = chosen.points(rows)
    write_text(target / "rows.json", json.dumps(console.plain(rows), indent=1))
    write_text(target / "points.csv", points.to_csv(index=False))
    write_study_report(target / "report.html", chosen, points, run)
    shutil.rmtree(target / "partial", ignore_errors=True)
    if as_json:
        console.print_json("study", study=name, out=target, points=points.to_dict("records"))
        return
    shown = console.table(chosen.title, ["", "", "mean", "low", "high"])
    for row in points.itertuples():
        shown.add_row(row.panel, row.label, *(f"{value:.4g}" for value in (row.value, row.low, row.high)))
    console.data.print(shown)
    typer.echo(target / "report.html")
