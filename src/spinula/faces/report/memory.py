"""The report of a study of memory: question, verdict, figures, what each claim found, and the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from spinula.core.files import write_text
from spinula.faces.memory_figures import draw_panel, height
from spinula.faces.report.page import draw, environment, papers
from spinula.studies.memory.study import Finding, Study

_COLUMNS = ["panel", "label", "x", "value", "low", "high"]


def write_memory_report(path: Path, study: Study, found: Finding, run: dict[str, Any]) -> None:
    """Write the page of a study of memory."""
    figures = [
        draw(lambda ax, panel=panel: draw_panel(ax, panel), panel.title, height=height(panel)) for panel in found.panels
    ]
    claims = [claim for claim in found.claims if not claim.control]
    controls = [claim for claim in found.claims if claim.control]
    page = environment().get_template("memory.html.j2").render(
        title=study.title, study=study, found=found, figures=figures, run=run,
        groups={"Claims": claims, "Negative controls": controls}, papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)


def all_points(found: Finding) -> pd.DataFrame:
    """Return the points of all panels as one table."""
    frames = [panel.curves.assign(panel=panel.title) for panel in found.panels]
    return pd.concat(frames, ignore_index=True)[_COLUMNS] if frames else pd.DataFrame(columns=_COLUMNS)
