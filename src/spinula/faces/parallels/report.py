"""The page of the parallels: the table of verdicts, then each with its figure, its claims and what both sides got."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup

from spinula.core.files import write_text
from spinula.faces import figures
from spinula.faces.parallels.drawing import figure_of
from spinula.faces.report.page import environment, papers
from spinula.studies.parallels import catalogue
from spinula.studies.parallels.parallel import Judged

mpl.use("svg")


def write_parallels_report(path: Path, found: dict[str, Judged], table: pd.DataFrame, run: dict[str, Any]) -> None:
    """Write the page."""
    parts = [
        {"name": name, "said": catalogue.parallel(name), "found": judged, "figure": _drawn(name, judged)}
        for name, judged in found.items()
    ]
    page = environment().get_template("parallels.html.j2").render(
        title="Spines and machine learning: where they agree, and where they part" if len(parts) > 1
        else parts[0]["said"].title,
        parts=parts, table=table.to_dict("records"), run=run, papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)


def _drawn(name: str, found: Judged) -> Markup:
    said, buffer = catalogue.parallel(name), io.StringIO()
    with figures.style():
        figure_of(said, found).savefig(
            buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    text = buffer.getvalue()
    return Markup('<svg role="img" aria-label="{}" ').format(said.title) + Markup(text[text.index("<svg") + 5 :])
