"""``fit``: a longitudinal table in; a law, its statistics, its predictions and a report out."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder

_SOURCES = ["loewenstein2011", "kasai2021"]


def fit(
    file: Path = typer.Argument(help="A tidy CSV (gz), a spinula table, or a wide matrix (CSV, NPY)."),
    out: Path = typer.Option(..., "--out", help="Folder for the report, the numbers and the fitted law."),
    size: str = typer.Option(None, help="The column that holds the size."),
    size_unit: str = typer.Option(None, help="Its unit, such as um3 or a.u."),
    column: list[str] = typer.Option([], "--column", help="Name a column: dendrite=Branch. May be repeated."),
    select: list[str] = typer.Option([], "--select", help="Keep rows: cell_type=pyr. May be repeated."),
    days: str = typer.Option(None, help="Days of the sessions of a wide matrix: 0,4,8."),
    unsure: str = typer.Option("unobserved", help="What a spine scored as unsure counts as: unobserved or present."),
    normalise: str = typer.Option(None, help="Take each session's brightness out: band or center."),
    noise: float = typer.Option(None, help="SD of the error of log-size, if repeat imaging has measured it.", min=0.0),
    replicates: int = typer.Option(1000, help="Bootstrap replicates.", min=10),
    seed: int = typer.Option(None, help="Same seed, same numbers; drawn and stored if not given.", min=0),
    resume: bool = typer.Option(False, help="Go on with an analysis that was killed."),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Fit the law of log-size with measurement noise to a table, and report everything that the table says.

    Leaves with exit code 3 or 4 if no law could be fitted; the rest is written all the same.
    """
    table = _read(file, size, size_unit, column, select, days, unsure, normalise)
    target = folder.open_folder(out, force=force, resume=resume)
    arguments = {
        "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "size": size,
        "size_unit": size_unit, "column": column, "select": select, "days": days, "unsure": unsure,
        "normalise": normalise, "noise": noise, "replicates": replicates,
    }  # fmt: skip
    seed = console.choose_seed(folder.stored(target, "seed") if resume and seed is None else seed)
    mark = hashlib.blake2b(json.dumps([arguments, seed, len(table)]).encode(), digest_size=8).hexdigest()
    if resume and folder.is_finished(target, mark, "report.html"):
        typer.echo(target / "report.html")
        return
    if not resume:
        shutil.rmtree(target / "partial", ignore_errors=True)
    content = {"fingerprint": mark, "arguments": arguments, "sources": _SOURCES}
    run = folder.write_provenance(target, "fit", seed=seed, content=content)
    label = " ".join([file.name, *select])
    analysis = _analyse(table, label, seed, arguments, target / "partial" / mark)
    _write(analysis, target, run)
    shutil.rmtree(target / "partial", ignore_errors=True)
    if as_json:
        console.print_json("fit", seed=seed, out=target, **analysis.numbers())
    else:
        _print(analysis)
        typer.echo(target / "report.html")
    if analysis.fit is None:
        console.say("no law was fitted; the report holds everything else")
        raise typer.Exit(analysis.fit_exit_code)


def _write(analysis: Any, target: Path, run: dict[str, Any]) -> None:
    """Write everything that an analysis found, the report last: its presence says that the run ended."""
    from spinula.core.files import write_text
    from spinula.faces.report import write_fit_report
    from spinula.fit.export import write_preset

    for name, frame in analysis.tables.items():
        write_text(target / "tables" / f"{name}.csv", frame.to_csv(index=False))
    if analysis.fit is not None:
        write_preset(analysis.fit, target / "fitted.toml", title=analysis.label, source=run["arguments"]["file"])
    write_text(target / "numbers.json", json.dumps(console.plain(analysis.numbers()), indent=2) + "\n")
    write_fit_report(target / "report.html", analysis, run)


def _read(
    file: Path, size: str | None, size_unit: str | None, column: list[str], select: list[str], days: str | None,
    unsure: str, normalise: str | None,
) -> Any:  # fmt: skip
    from spinula.core.errors import UsageError
    from spinula.fit.readers.read import Reading, read_table
    from spinula.fit.validate import normalise as normalised

    if unsure not in ("unobserved", "present"):
        raise typer.BadParameter("is neither unobserved nor present", param_hint="--unsure")
    if normalise not in (None, "band", "center"):
        raise typer.BadParameter("is neither band nor center", param_hint="--normalise")
    try:
        when = [float(day) for day in days.split(",")] if days else None
    except ValueError:
        raise typer.BadParameter(f"{days!r} is not a list of days", param_hint="--days") from None
    if file.is_dir():
        raise UsageError(f"{file} is a folder.\n  Give a file: tidy CSV, wide CSV or NPY.")
    reading = Reading(size, size_unit, _pairs(column, "--column"), when, unsure, _pairs(select, "--select"))
    table = read_table(file, reading)
    return normalised(table, normalise) if normalise else table  # type: ignore[arg-type]


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    pairs = dict(text.split("=", 1) if "=" in text else (text, "") for text in texts)
    if "" in pairs.values():
        raise typer.BadParameter("wanted NAME=VALUE", param_hint=option)
    return pairs


def _analyse(table: Any, label: str, seed: int, arguments: dict[str, Any], partial: Path) -> Any:
    from spinula.studies.longitudinal import analyse

    analysis = None
    partial.mkdir(parents=True, exist_ok=True)
    with console.progress(9, "fit") as move:
        steps = analyse(
            table, label=label, seed=seed, replicates=arguments["replicates"], noise=arguments["noise"], keep=partial
        )
        for done, (step, latest) in enumerate(steps, 1):
            analysis = latest
            move(done, step)
    return analysis


def _print(analysis: Any) -> None:
    for finding in analysis.findings:
        console.say(str(finding))
    for name, reason in analysis.skipped.items():
        console.say(f"skipped {name}: {reason}")
    if analysis.fit is not None:
        shown = console.table("Fitted law of log-size", ["parameter", "value", "95 % interval", "unit"])
        for name, estimate in analysis.fit.estimates.items():
            shown.add_row(name, f"{estimate.value:.4g}", f"{estimate.low:.4g} to {estimate.high:.4g}", estimate.unit)
        console.data.print(shown)
        for caution in analysis.cautions:
            console.say(f"caution: {caution}")
        console.data.print(f"SD of change against size: {analysis.verdict}")
    if "turnover" in analysis.tables:
        mean = analysis.tables["turnover"]["turnover_ratio"].mean()
        console.data.print(f"turnover ratio, mean over intervals: {mean:.4f}")
