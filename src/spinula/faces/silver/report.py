"""The page of a protocol on a silver device: verdicts, responses, the film at rest and in motion, every number."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from spinula.core.files import write_text
from spinula.faces.report.page import draw, environment, papers
from spinula.faces.silver.figures import draw_trace, draw_yields, trace_height
from spinula.studies.silver.devices import DevicePreset, Grown
from spinula.studies.silver.protocol import Protocol, Trace
from spinula.studies.silver.protocol.running import Verdict
from spinula.studies.silver.protocol.yields import Yield


@dataclass(frozen=True)
class Shown:
    """What a page shows of one film.

    Parameters
    ----------
    origin : str
        Where the film comes from, as a sentence.
    warnings : list of str
        What was doubtful about its picture.
    pictures : Path
        Folder that holds film.png and, if there is one, movie.gif.
    """

    preset: DevicePreset
    protocol: Protocol
    grown: Grown
    trace: Trace
    verdicts: list[Verdict]
    origin: str
    pictures: Path
    warnings: list[str]


def write_silver_report(path: Path, shown: Shown, run: dict[str, Any], yields: list[Yield]) -> None:
    """Write the page."""
    found = shown.protocol.file
    controls = {condition.name for condition in found.condition if condition.control}
    figures = [
        draw(
            lambda ax, probe=probe: draw_trace(ax, shown.trace, probe.name, controls),
            f"Conductance from {probe.source} to {probe.sink}, condition by condition",
            width=8.6, height=trace_height(shown.trace),
        )
        for probe in found.probe
    ]  # fmt: skip
    over = [draw(lambda ax: draw_yields(ax, yields), "Yield over films", width=6.4, height=1.3 + 0.3 * len(yields))]
    said = {claim.name: claim for claim in found.claim}
    judged = [(verdict, said[verdict.claim]) for verdict in shown.verdicts]
    page = environment().get_template("silver.html.j2").render(
        title=found.about.title, about=found.about, run=run, shown=shown, figures=figures, yields=yields,
        over=over if yields else [], holds=all(verdict.holds for verdict in shown.verdicts),
        claims={"Claims": [one for one in judged if not one[0].control],
                "Negative controls": [one for one in judged if one[0].control]},
        volts=shown.trace.volts, film=embed(shown.pictures / "film.png", "The film and its gaps"),
        movie=embed(shown.pictures / "movie.gif", "Filaments and currents on the film, stimulus by stimulus"),
        quantities=shown.preset.quantities, papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)


def embed(path: Path, label: str) -> Markup:
    """Return a picture as part of the page; nothing if there is none."""
    if not path.exists():
        return Markup("")
    kind, text = path.suffix.removeprefix("."), base64.b64encode(path.read_bytes()).decode("ascii")
    return Markup('<img alt="{}" style="max-width: 100%" src="data:image/{};base64,{}">').format(label, kind, text)
