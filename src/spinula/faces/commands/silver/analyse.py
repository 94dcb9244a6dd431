"""``silver analyse``: what the dynamics of a film or of a published network are like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder

_OURS = ("analysis.json", "analysis.png", "series.npz")


def analyse(
    network: Path = typer.Argument(help="graph.npz of `silver grow` or `silver image`; or .mat, .csv, .npz of others."),
    what: str = typer.Option(..., help="avalanches, lyapunov, spectrum, memory, waves, narma or digits."),
    law: str = typer.Option("silver", help="silver, tunnel, balance, drift, or a published program's (…_compat)."),
    voltage: float = typer.Option(None, help="Largest voltage [V]; of silver gaps 1.5 times the threshold of the "
                                  "easiest path if not given.", min=0.0),
    duration: float = typer.Option(20.0, help="Of the run [s]."),
    dt: float = typer.Option(0.01, help="A step; a value of a signal lasts one [s]."),
    frequency: float = typer.Option(0.5, help="Of the triangle (lyapunov) or the sine (waves) [Hz]."),
    spread: float = typer.Option(0.1, help="Of distances across gaps: standard deviation of the logarithm.", min=0.0),
    source: str = typer.Option("left", help="Electrode; or the number of a node in another program's file."),
    sink: str = typer.Option("right", help="Electrode; or the number of a node in another program's file."),
    first: int = typer.Option(1, help="Number of the first node in another program's file.", min=0),
    seed: int = typer.Option(None, help="Drawn and stored if not given.", min=0),
    out: Path = typer.Option(Path("out") / "silver_analysis", "--out", help="Folder for analysis.json, .png, series."),
    resume: bool = typer.Option(False, help="Go on with digits that were cut."),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:  # fmt: skip
    """Measure avalanches, a Lyapunov exponent, a spectrum, memory, or what a network computes."""
    import json

    import numpy as np

    from spinula.core.errors import UnknownNameError
    from spinula.core.files import replacing, write_text
    from spinula.faces.silver.analysis_figures import save_analysis
    from spinula.studies.silver.analysis import run

    if what not in run.KINDS:
        raise UnknownNameError("analysis", what, run.KINDS)
    graph, ends = _read(network, source, sink, first)
    junction = run.law_called(law)
    if voltage is None:
        voltage = run.usual_voltage(graph, junction, source=ends[0], sink=ends[1])
    seed = console.choose_seed(seed)
    settings = run.Settings(voltage, duration, dt, frequency, seed, spread, *ends)
    target = folder.open_folder(out, force=force, resume=resume)
    for name in _OURS if force else ():
        (target / name).unlink(missing_ok=True)
    # The folder of a run that was cut is known by this name.
    partial = target / "partial" if what == "digits" else None
    found = run.analyse(graph, junction, what, settings, folder=partial)
    write_text(target / "analysis.json", json.dumps(found.numbers, indent=1, default=float))
    if found.series:
        with replacing(target / "series.npz") as temporary:
            np.savez_compressed(temporary, **found.series)
    save_analysis(target / "analysis.png", found)
    content: dict[str, Any] = {"network": network.name, "what": what, "law": law, "voltage": voltage,
                               "duration": duration, "dt": dt, "frequency": frequency, "spread": spread}  # fmt: skip
    folder.write_provenance(target, "silver analyse", seed=seed, content={**content, **found.numbers})
    if as_json:
        console.print_json("silver analyse", out=target, **{**content, **found.numbers})
        return
    rows = console.table(f"silver analyse {what}: {target}", ["", ""])
    for name, value in {"voltage_V": voltage, **found.numbers}.items():
        rows.add_row(name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
    console.data.print(rows)


def _read(network: Path, source: str, sink: str, first: int) -> tuple[Any, tuple[str, str]]:
    """Return the part of the network that joins its electrodes, and their names."""
    from spinula.core.errors import InvalidInputError
    from spinula.engines.silver.graph import GapGraph
    from spinula.engines.silver.published import read_network

    if source.isdigit() and sink.isdigit():
        nodes = {"left": [int(source)], "right": [int(sink)]}
        return read_network(network, electrodes=nodes, first=first).component(), ("left", "right")
    if network.suffix != ".npz":
        raise InvalidInputError(f"{network.name} has no electrodes of its own.\n  Give the numbers of two nodes: "
                                "--source 1 --sink 20.")  # fmt: skip
    return GapGraph.read(network).component(), (source, sink)
