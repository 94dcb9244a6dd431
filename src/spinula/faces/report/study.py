"""The report of a study of trained networks: its question, one panel per measure, and all points as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from spinula.core.files import write_text
from spinula.faces.figures import COLOURS, FAINT
from spinula.faces.report.page import draw, environment, papers, records
from spinula.studies.training.catalogue import Study

_COLUMNS = {"panel": "measure", "label": "", "value": "mean", "low": "low (95 %)", "high": "high (95 %)"}


def points_by_label(ax: Axes, points: pd.DataFrame, *, label: str) -> Axes:
    """Draw means with their intervals, one line per label, in the order of the table."""
    place, (value, low, high) = range(len(points)), points[["value", "low", "high"]].to_numpy(float).T
    ax.errorbar(value, place, xerr=[value - low, high - value], fmt="o", markersize=5, color=COLOURS[0], elinewidth=1.4)
    ax.set(yticks=list(place), yticklabels=points["label"].str.replace("_", " "), xlabel=label)
    ax.set_ylim(len(points) - 0.5, -0.5)
    ax.grid(axis="x", color=FAINT, linewidth=0.4, alpha=0.5)
    return ax


def write_study_report(path: Path, study: Study, points: pd.DataFrame, run: dict[str, Any]) -> None:
    """Write the page of a study."""
    figures = [
        draw(lambda ax, part=part, panel=panel: points_by_label(ax, part, label=str(panel)), str(panel),
             height=1.2 + 0.28 * len(part))
        for panel, part in points.groupby("panel", sort=False)
    ]  # fmt: skip
    page = environment().get_template("study.html.j2").render(
        title=f"{study.title}, {run['data']}", study=study, figures=figures, run=run,
        table=records(points, _COLUMNS), papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)
