"""Run a protocol on a silver device for ``spinula run``: one film with its moving picture, or the yield over many."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spinula.faces import console, folder
from spinula.faces.runs.asked import Asked

if TYPE_CHECKING:
    from spinula.studies.silver.devices import DevicePreset, Grown
    from spinula.studies.silver.protocol import Protocol, Trace
    from spinula.studies.silver.protocol.yields import Yield

WHAT = "protocol of a silver device"
TAKES = frozenset({"--jobs"})


def names() -> list[str]:
    """Return the names of the protocols of silver devices that ship with spinula."""
    from spinula.studies.silver.protocol import silver_names

    return silver_names()


def owns(name: str) -> bool:
    """Tell whether a name is such a protocol's, or a file that has stimuli and probes as they do."""
    from spinula.studies.silver.protocol import is_silver

    return is_silver(name)


def run(asked: Asked) -> None:
    """Run a protocol on the film of a seed; with --replicates also on the films of the seeds that follow."""
    from spinula.studies.silver.devices import load_device
    from spinula.studies.silver.protocol import load_silver

    found = load_silver(asked.name)
    preset = load_device(found.file.device)
    target, seed = asked.open(found.name)
    films = asked.replicates or 1
    content = {"protocol": found.name, "text": found.text, "films": films, "seed": seed,
               "device": {key: one.value for key, one in preset.quantities.items()}}  # fmt: skip
    mark = folder.mark(content)
    if asked.resume and folder.is_finished(target, mark, "report.html"):
        typer.echo(target / "report.html")
        return
    content = {"protocol": found.name, "fingerprint": mark, "films": films, "device": preset.name}
    if asked.resume:
        folder.check_same(target, mark)
    run_json = {**content, "sources": sources(found)}
    provenance = folder.write_provenance(target, "run", seed=seed, content=run_json)
    yields = _over_films(asked.name, range(seed, seed + films), target / "cases", asked.jobs) if films > 1 else []
    film, passed = _first_device(range(seed, seed + films), yields)
    verdicts = show_film(
        target, found, preset.grow(film), preset=preset, seed=film, provenance=provenance, yields=yields,
        origin=f"The film was grown from seed {film} as the device {preset.name} says. {passed}",
    )  # fmt: skip
    if asked.as_json:
        console.print_json("run", protocol=found.name, seed=seed, film=film, out=target, verdicts=verdicts,
                           yields=[asdict(one) for one in yields])  # fmt: skip
        return
    tell(found.name, verdicts, yields)
    if passed:
        console.data.print(f"shown is film {film}. {passed}")
    typer.echo(target / "report.html")


def show_film(
    target: Path, found: Protocol, grown: Grown, *, preset: DevicePreset, seed: int, provenance: dict[str, Any],
    origin: str, warnings: list[str] | None = None, yields: list[Yield] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Run a protocol on one film; write film.png, movie.gif, points.csv, verdicts.csv and report.html.

    There is no movie.gif if nothing is given and no time passes in the first condition.

    Returns
    -------
    list of dict
        The verdict on each claim.
    """
    import pandas as pd

    from spinula.core.files import write_text
    from spinula.faces.silver.films import save_film
    from spinula.faces.silver.movie import Reel, save_movie
    from spinula.faces.silver.report import Shown, write_silver_report
    from spinula.studies.silver.protocol import judge, run_silver

    conditions = [condition.name for condition in found.file.condition]
    reel = Reel(conditions[0])
    with console.progress(len(conditions), found.name) as move:
        move(0, conditions[0])

        def watch(condition: str, moment: Any) -> None:
            move(conditions.index(condition), condition)
            reel.watch(condition, moment)

        trace = run_silver(preset, found, seed=seed, graph=grown.graph, watch=watch)
    verdicts = judge(found, trace)
    save_film(target / "film.png", grown.film, grown.graph, grown.masks)
    if reel.time:
        save_movie(target / "movie.gif", grown.film, grown.masks, grown.graph, reel)
    else:  # the condition only reads: nothing moves
        (target / "movie.gif").unlink(missing_ok=True)
    table = [asdict(verdict) for verdict in verdicts]
    write_text(target / "points.csv", pd.DataFrame(_points(trace)).to_csv(index=False, float_format="%.6g"))
    write_text(target / "verdicts.csv", pd.DataFrame(table).to_csv(index=False, float_format="%.6g"))
    shown = Shown(preset, found, grown, trace, verdicts, origin, target, warnings or [])
    write_silver_report(target / "report.html", shown, provenance, yields or [])
    return table


def _first_device(seeds: range, yields: list[Yield]) -> tuple[int, str]:
    """Return the first film that is a device, and what is to be said of those before it."""
    from spinula.core.errors import InvalidInputError

    failed = yields[0].failed if yields else {}
    film = next((seed for seed in seeds if seed not in failed), None)
    if film is None:
        why = f"none of the {len(seeds)} films is a device, of seed {seeds[0]} because {failed[seeds[0]]}"
        raise InvalidInputError(f"{why}\n  Take another --seed or more --replicates.")
    before = ", ".join(f"film {seed}: {failed[seed]}" for seed in range(seeds[0], film))
    return film, f"It is the first that is a device; {before}" if before else ""


def _points(trace: Trace) -> list[dict[str, Any]]:
    """Return every reading as a row: conductance in S, but what a sweep's ``up`` and ``down`` are in V."""
    rows = []
    for condition, kept in trace.kept.items():
        reads = {name: {probe: [value] for probe, value in found.items()} for name, found in kept.reads.items()}
        rows += [
            {"condition": condition, "name": name, "number": number, "time_s": time, "probe": probe, "value": value}
            for name, by_probe in {**kept.series, **reads}.items()
            for probe, values in by_probe.items()
            for number, (time, value) in enumerate(zip(kept.times[name], values, strict=True), 1)
        ]
    return rows


def sources(found: Protocol) -> list[str]:
    """Return the keys of the papers that a protocol and its device stand on."""
    from spinula.studies.silver.devices import load_device

    named = {one.source for one in load_device(found.file.device).quantities.values()} | {found.file.about.source}
    return sorted({*named, "wang2019"} - {""})


def tell(name: str, verdicts: list[dict[str, Any]], yields: list[Yield]) -> None:
    """Print the verdicts of a film, and the yield."""
    shown = console.table(name, ["claim", "found", ""])
    for one in verdicts:
        verdict = "[green]pass[/]" if one["holds"] else "[red bold]FAIL[/]"
        shown.add_row(one["claim"] + (" (control)" if one["control"] else ""), f"{one['value']:.4g}", verdict)
    console.data.print(shown)
    for one in yields:
        console.data.print(f"shown by {one.shown} of {one.films} films (95 % {one.low:.2f} to {one.high:.2f})")


def _over_films(name: str, seeds: range, kept: Path, jobs: int) -> list[Yield]:
    from spinula.studies.silver.protocol.yields import read_yields, run_yields

    with console.progress(len(seeds), "films") as move:
        for done, case in run_yields([name], seeds, kept, jobs=jobs):
            move(done, f"film {case['seed']}")
    return read_yields([name], seeds, kept)
