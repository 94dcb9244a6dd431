"""``demo``: the main job, with no data but what the package makes."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from spinula.faces import console, folder


def demo(
    out: Path = typer.Option(Path("out/demo"), "--out", help="Folder for the report and the tables."),
    seed: int = typer.Option(1, help="Same seed, same report.", min=0),
    spines: int = typer.Option(2000, help="Spines per condition.", min=200),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Simulate adult neocortex and fragile X for 60 days, image and fit both, and compare with the truth."""
    from spinula.core.files import write_text
    from spinula.faces.report import write_comparison_report
    from spinula.studies.intrinsic import compare

    target = folder.open_folder(out, force=force)
    console.choose_seed(seed)
    comparison = None
    with console.progress(21, "demo") as move:
        for done, (step, latest) in enumerate(compare(seed=seed, spines=spines), 1):
            comparison = latest
            move(done, step)
    assert comparison is not None  # the last step yields it
    sources = ["ishii2018", "nagaoka2016", "yasumatsu2008", "loewenstein2011", "kasai2021", "salmon2011"]
    run = folder.write_provenance(target, "demo", seed=seed, content={"spines": spines, "sources": sources})
    write_text(target / "comparison.csv", comparison.rows.to_csv(index=False))
    write_comparison_report(target / "report.html", comparison, run)
    if as_json:
        rows = json.loads(comparison.rows.to_json(orient="records"))
        console.print_json("demo", seed=seed, out=target, rows=rows)
        return
    shown = console.table("Truth and fit", ["condition", "quantity", "truth", "found", "95 % interval"])
    for row in comparison.rows.itertuples():
        interval = f"{row.low:.4g} to {row.high:.4g}" if row.low == row.low else "-"
        shown.add_row(row.condition, row.quantity, f"{row.truth:.4g}", f"{row.found:.4g}", interval)
    console.data.print(shown)
    typer.echo(target / "report.html")
