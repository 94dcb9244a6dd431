"""``atlas``: all conditions on all measures, as one figure and one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder


def atlas(
    conditions: list[str] = typer.Argument(None, help="Conditions; all, if none is given."),
    animals: int = typer.Option(8, help="Animals per group to image; 0: no imaging.", min=0),
    ranges: bool = typer.Option(False, "--ranges", help="Move every edit to the ends of its range (takes longer)."),
    seed: int = typer.Option(1, help="Seed of what is simulated.", min=0),
    out: Path = typer.Option(
        Path("out/atlas"), "--out", help="Folder for atlas.svg, report.html, points.csv, run.json."
    ),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Run every condition against its base and say where the model agrees with papers and where it does not.

    A model for research, not for diagnosis.
    """
    from spinula.core.files import write_text
    from spinula.faces.report.disorders import write_atlas_report
    from spinula.presets.compose import NOT_FOR_DIAGNOSIS
    from spinula.studies.disorders.atlas import answers_of, count, lines, table
    from spinula.studies.disorders.atlas import atlas as run_atlas
    from spinula.studies.disorders.imaging import Laboratory

    names = conditions or None
    wanted = lines(names)
    target = folder.open_folder(out, force=force)
    laboratory = Laboratory(animals=animals) if animals else None
    entries: list[Any] = []
    with console.progress(len(wanted), "atlas") as move:
        for entry in run_atlas(names, seed=seed, laboratory=laboratory, ranges=ranges):
            entries.append(entry)
            move(len(entries), entry.condition.name)
    sources = sorted({key for entry in entries for key in entry.condition.sources})
    content = {"conditions": names or "all", "animals": animals, "ranges": ranges, "sources": sources}
    run = folder.write_provenance(target, "atlas", seed=seed, content=content)
    frame, total = table(entries), count(answers_of(entries))
    write_text(target / "points.csv", frame.to_csv(index=False))
    write_text(target / "claims.json", json.dumps(console.plain(total), indent=1))
    write_atlas_report(target, entries, frame, total, run)
    missed = frame[frame["verdict"] == "contradicts"]
    if as_json:
        console.print_json("atlas", seed=seed, out=target, note=NOT_FOR_DIAGNOSIS, count=total,
                           cells=frame.to_dict("records"))  # fmt: skip
        return
    console.data.print(f"[yellow]{NOT_FOR_DIAGNOSIS}[/]")
    console.data.print(
        f"{total['reproduced']} of {total['findings']} directions reproduced "
        f"({total['restated']} of them are what the edit says itself, {total['assumed']} are remembered, not read)"
    )
    shown = console.table("Misses", ["condition", "measure", "published", "found", "reason"])
    for row in missed.itertuples():
        shown.add_row(row.condition, row.measure, row.published, row.found, row.reason or "no reason is known")
    console.data.print(shown)
    typer.echo(target / "report.html")
