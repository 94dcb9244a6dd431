"""The report of a protocol: what was done, what was published, what came out, in pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes

from spinula.core.files import write_text
from spinula.faces import dendrite_figures as figures
from spinula.faces.report.page import draw, environment, papers, records
from spinula.presets import load_preset
from spinula.studies.protocol import Result

_COLUMNS = [
    "condition",
    "value",
    "group",
    "time",
    "found",
    "sem",
    "published",
    "tolerance",
    "agrees",
    "how",
    "source",
    "note",
]


def write_protocol_report(path: Path, result: Result, run: dict[str, Any]) -> None:
    """Write the report of a protocol that was run on dendrites."""
    found, compared = result.protocol.file, result.compare()
    changes = result.changes()
    last = changes[changes["time"] == changes["time"].max()].drop(columns="time")
    shown = {"condition": "condition", "value": found.sweep.label if found.sweep else "value", "group": "spines",
             "change": "change [%]", "sem": "s.e.m. [%]", "n": "dendrites"}  # fmt: skip
    if found.sweep is None:
        shown.pop("value")
    if not found.group:  # a population: no spine was chosen, and most of the first ones are gone
        everyone = result.population()
        last = everyone[everyone["time"] == everyone["time"].max()]
        shown = {"condition": "condition", "count": "spines", "mean": "mean [um3]", "std": "SD [um3]", "cv": "CV"}
    place = found.dendrite
    assert place is not None
    presets = [place.preset, *(condition.preset for condition in found.condition if condition.preset)]
    page = environment().get_template("protocol.html.j2").render(
        title=found.about.title, about=found.about, run=run, figures=drawn(result, changes, compared), place=place,
        presets=[load_preset(name) for name in dict.fromkeys(presets)], unit=result.unit,
        compared=_compared(compared, result), summary=records(last, shown), replicates=int(changes["n"].max()),
        last=f"{changes['time'].max():g} {result.unit}", papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)


def _compared(frame: pd.DataFrame, result: Result) -> dict[str, Any] | None:
    """Return the published numbers beside those found, as a page shows them."""
    if frame.empty:
        return None
    shown = frame.assign(agrees=["yes" if good else "NO" for good in frame["agrees"]])
    columns = {"condition": "condition", "value": "value", "group": "spines", "time": f"time [{result.unit}]",
               "found": "found [%]", "sem": "s.e.m.", "published": "published [%]", "tolerance": "band",
               "agrees": "agrees", "how": "how known", "source": "source", "note": "note"}  # fmt: skip
    if result.protocol.file.sweep is None:
        columns.pop("value")
    return records(shown, columns)


def drawn(result: Result, changes: pd.DataFrame, compared: pd.DataFrame) -> list[Markup]:
    """Return the figures that suit a protocol."""
    found, unit, made = result.protocol.file, result.unit, []
    if compared.empty:
        compared = pd.DataFrame(columns=_COLUMNS)

    def add(paint: Callable[[Axes], object], name: str) -> None:
        made.append(draw(paint, name))

    groups = [group.name for group in found.group]
    first = result.spines[result.spines["condition"] == result.spines["condition"].iloc[0]]
    if found.sweep:
        label = found.sweep.label
        for group in groups[:1]:
            add(lambda ax, g=group: figures.timing_curve(ax, changes, compared, group=g, label=label),
                f"Change against {label}, {group}")  # fmt: skip
        best = changes.loc[changes["change"].idxmax()]
        first = first[first["value"] == best["value"]]
        changes = changes[changes["value"] == best["value"]]
        compared = compared[compared["value"] == best["value"]]
    for group in groups:
        add(lambda ax, g=group: figures.time_course(ax, changes, compared, group=g, unit=unit),
            f"Change against time, {group}")  # fmt: skip
    if first["position_um"][first["start"].notna()].nunique() > 4 and groups:
        add(lambda ax: figures.kymograph(ax, first, unit=unit), "Change by position and time")
    if not found.sweep and first["distance_um"].nunique() > 8 and found.dendrite and found.dendrite.spine_density:
        add(lambda ax: figures.distance_profile(ax, result.spines, unit=unit), "Change against distance")
    if not groups or (found.dendrite and found.dendrite.activity):
        add(lambda ax: figures.population_size(ax, result.population(), unit=unit), "Mean size against time")
    if found.recording and found.recording.release:
        add(lambda ax: figures.release_course(ax, result.spines, group=groups[0], unit=unit), "Release against time")
    return made


def write_competition_report(path: Path, about: Any, table: pd.DataFrame, run: dict[str, Any]) -> None:
    """Write the report of several spines stimulated at once."""
    minutes = sorted(table["minute"].unique())[:2]  # later all spines have settled to one size
    columns = {name: name for name in table.columns}
    pictures = [
        draw(lambda ax, m=minute: figures.multi_spine(ax, table, minute=m), f"Growth after {minute:g} min")
        for minute in minutes
    ]
    page = environment().get_template("competition.html.j2").render(
        title=about.title, about=about, run=run, table=records(table, columns), papers=papers(run["sources"]),
        figures=pictures,
    )  # fmt: skip
    write_text(path, page)
