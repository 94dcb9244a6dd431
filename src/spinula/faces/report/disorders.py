"""The page of the atlas: the figure, what was missed and why, every finding, and the numbers that are only assumed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup

from spinula.core.files import write_text
from spinula.faces import figures
from spinula.faces.report.disorder_figures import atlas_figure
from spinula.faces.report.page import environment, papers, records
from spinula.presets.compose import NOT_FOR_DIAGNOSIS
from spinula.studies.disorders.atlas import Entry

mpl.use("svg")


def write_atlas_report(
    folder: Path, entries: Sequence[Entry], table: pd.DataFrame, count: dict[str, int], run: dict[str, Any]
) -> None:
    """Write atlas.svg and report.html."""
    with figures.style():
        buffer = io.StringIO()
        figure = atlas_figure(entries, count)
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = buffer.getvalue()
    write_text(folder / "atlas.svg", text)
    drawn = Markup('<svg role="img" aria-label="Atlas of conditions and measures" ') + Markup(
        text[text.index("<svg") + 5 :]
    )
    told = table[table["published"] != ""].assign(
        change=lambda frame: [f"{value:+.3f}" for value in frame["effect"]],
        over=lambda frame: [
            f"{a:+.2f} to {b:+.2f}" if a == a else "–" for a, b in zip(frame["low"], frame["high"], strict=True)
        ],
        remark=lambda frame: [
            reason or ("what the edit says itself" if own else "")
            for reason, own in zip(frame["reason"], frame["restated"], strict=True)
        ],
    )
    columns = {
        "condition": "condition", "background": "in", "measure": "measure", "published": "published", "how": "how",
        "change": "found", "over": "over the edit's range", "verdict": "verdict", "remark": "",
    }  # fmt: skip
    edits = [
        {
            "condition": entry.condition.name, "key": edit.key, "does": f"{edit.operation} {edit.amount:g} {edit.unit}",
            "how": edit.how, "where": edit.where,
        }
        for entry in {one.condition.name: one for one in entries}.values()
        for edit in entry.condition.edits
    ]  # fmt: skip
    named = {"condition": "condition", "key": "number", "does": "edit", "how": "how", "where": "where it comes from"}
    page = environment().get_template("atlas.html.j2").render(
        title="Atlas of spine disorders and treatments", note=NOT_FOR_DIAGNOSIS, drawn=drawn, count=count, run=run,
        missed=records(told[told["verdict"] == "contradicts"], columns), told=records(told, columns),
        edits=records(pd.DataFrame(edits), named), papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(folder / "report.html", page)
