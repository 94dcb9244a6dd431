"""Run a protocol on a dendrite: progress, files, tables on the screen."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder
from spinula.faces.runs.asked import Asked

WHAT = "protocol"
TAKES: frozenset[str] = frozenset()


def names() -> list[str]:
    """Return the names of the protocols that ship with spinula."""
    from spinula.studies.protocol import protocol_names

    return protocol_names()


def owns(name: str) -> bool:
    """Tell whether a name is a protocol's, or a file that no other kind has claimed."""
    return name.endswith(".toml") or name in names()


def run(asked: Asked) -> None:
    """Run the protocol that was asked for."""
    from spinula.studies.protocol import load_protocol

    found = load_protocol(asked.name)
    target, seed = asked.open(found.name)
    if found.file.competition:
        _compete(found, target, seed, asked.as_json)
    else:
        _run(found, target, seed, asked)


def _run(found: Any, target: Path, seed: int, asked: Asked) -> None:
    from spinula.core.files import write_text
    from spinula.faces.report import write_protocol_report
    from spinula.studies.protocol.running import fingerprint, run_protocol, variants

    print_ = fingerprint(found, seed=seed, replicates=asked.replicates)
    if asked.resume and folder.is_finished(target, print_, "report.html"):
        typer.echo(target / "report.html")
        return
    content = {
        "protocol": found.name,
        "fingerprint": print_,
        "replicates": asked.replicates,
        "sources": _sources(found),
    }
    partial = target / "partial"
    if not asked.resume:
        shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, exist_ok=True)
    provenance, result = folder.write_provenance(target, "run", seed=seed, content=content), None
    with console.progress(len(variants(found)), "run") as move:
        for done, latest in run_protocol(found, seed=seed, replicates=asked.replicates, store=partial):
            result = latest
            move(done, f"{done} of {len(variants(found))} variants")
    assert result is not None
    write_text(target / "spines.csv", result.spines.to_csv(index=False))
    write_text(target / "events.csv", result.pulses.to_csv(index=False))
    write_text(target / "changes.csv", result.changes().to_csv(index=False))
    result.table().write(target / "table.csv")
    write_protocol_report(target / "report.html", result, provenance)
    shutil.rmtree(partial)
    compared = result.compare()
    if asked.as_json:
        last = result.changes().groupby(["condition", "value", "group"], dropna=False, sort=False).tail(1)
        console.print_json("run", protocol=found.name, seed=seed, out=target, compared=compared.to_dict("records"),
                           last=last.to_dict("records"))  # fmt: skip
        return
    _show(result, compared)
    typer.echo(target / "report.html")


def _sources(found: Any) -> list[str]:
    from spinula.faces.commands.inspect import method_sources
    from spinula.presets import load_preset

    presets = [found.file.dendrite.preset, *(c.preset for c in found.file.condition if c.preset)]
    named = {found.file.about.source, *(entry.source for entry in found.file.expect)} - {""}
    for name in presets:
        preset = load_preset(name)
        named |= {*preset.sources, *method_sources(preset.dynamics.law.family)}
    return sorted({*named, "hines1984"})


def _show(result: Any, compared: Any) -> None:
    """Print the last change of every group, and the published numbers."""
    changes, unit = result.changes(), result.unit
    if not result.protocol.file.group:
        everyone = result.population()
        last = everyone[everyone["time"] == everyone["time"].max()]
        shown = console.table(
            f"All spines at {last['time'].iloc[0]:g} {unit}", ["condition", "spines", "mean [um3]", "CV"]
        )
        for row in last.itertuples():
            shown.add_row(row.condition, str(row.count), f"{row.mean:.4f}", f"{row.cv:.2f}")
        console.data.print(shown)
        return
    last = changes[changes["time"] == changes["time"].max()]
    sweep = result.protocol.file.sweep
    names = ["condition", *([sweep.label] if sweep else []), "spines", "change [%]", "s.e.m."]
    shown = console.table(f"Change at {last['time'].iloc[0]:g} {unit}" if len(last) else "Change", names)
    for row in last.itertuples():
        middle = [f"{row.value:g}"] if sweep else []
        shown.add_row(row.condition, *middle, row.group, f"{row.change:+.1f}", f"{row.sem:.1f}")
    console.data.print(shown)
    if len(compared):
        shown = console.table(
            "\nPublished", ["condition", "spines", f"time [{unit}]", "found", "published", "band", ""]
        )
        for row in compared.itertuples():
            verdict = "[green]agrees[/]" if row.agrees else "[red bold]DIFFERS[/]"
            how = " (assumed)" if row.how == "assumed" else ""
            shown.add_row(row.condition, row.group, f"{row.time:g}", f"{row.found:+.1f}", f"{row.published:+g}{how}",
                          f"{row.tolerance:g}", verdict)  # fmt: skip
        console.data.print(shown)


def _compete(found: Any, target: Path, seed: int, as_json: bool) -> None:
    """Run the continuum model of several spines stimulated at once."""
    from spinula.core.files import write_text
    from spinula.faces.report import write_competition_report
    from spinula.studies.competition import multi_spine_growth

    table = multi_spine_growth(tuple(found.file.competition.counts))
    content = {"protocol": found.name, "sources": [found.file.about.source]}
    provenance = folder.write_provenance(target, "run", seed=seed, content=content)
    write_text(target / "changes.csv", table.to_csv(index=False))
    write_competition_report(target / "report.html", found.file.about, table, provenance)
    if as_json:
        console.print_json("run", protocol=found.name, seed=seed, out=target, growth=table.to_dict("records"))
        return
    shown = console.table("Growth per spine [%]", ["spines at once", "minute", "mean", "edge", "middle"])
    for row in table.itertuples():
        shown.add_row(
            str(row.count), f"{row.minute:g}", *(f"{100 * v:.1f}" for v in (row.growth, row.edge, row.middle))
        )
    console.data.print(shown)
    typer.echo(target / "report.html")
