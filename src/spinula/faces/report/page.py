"""Fill the page: pick figures and tables, render the template, write it whole."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinula.core.files import write_text
from spinula.engines.density import Density
from spinula.faces import figures
from spinula.presets import bibliography, load_preset
from spinula.studies.intrinsic import Comparison
from spinula.studies.longitudinal import Analysis

mpl.use("svg")


def draw(paint: Callable[[Axes], object], label: str, *, width: float = 5.0, height: float = 3.5) -> Markup:
    """Return a figure as inline SVG, with a label for those who cannot see it."""
    with figures.style():
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure.add_subplot())
        buffer = io.StringIO()
        # Without metadata there is no date, and no address of a vocabulary, in the page.
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = buffer.getvalue()
    return Markup('<svg role="img" aria-label="{}" ').format(label) + Markup(text[text.index("<svg") + 5 :])


def environment() -> jinja2.Environment:
    """Return what templates are rendered with."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("spinula.faces.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    made.filters["number"] = _number
    made.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    return made


def _number(value: Any) -> str:
    """Format a number for a table: four figures, a dash for what is not there."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "–"
    if isinstance(value, int | np.integer):
        return str(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def records(frame: pd.DataFrame | None, columns: dict[str, str]) -> dict[str, Any] | None:
    """Return a frame as header and rows, with the columns that a page shows."""
    if frame is None:
        return None
    kept = [name for name in columns if name in frame]
    rows = [[row[name] for name in kept] for row in frame[kept].to_dict("records")]
    return {"header": [columns[name] for name in kept], "rows": rows}


def write_fit_report(path: Path, analysis: Analysis, run: dict[str, Any]) -> None:
    """Write the report of one table."""
    tables, unit = analysis.tables, analysis.size_unit
    drawn = [
        (
            "Distribution of sizes",
            lambda ax: figures.size_distribution(ax, analysis.sizes, tables.get("families"), unit=unit),
        )
    ]
    if "survival" in tables:
        drawn.append(("Survival against time", lambda ax: figures.survival_curve(ax, tables["survival"])))
    if "turnover" in tables:
        drawn.append(("Turnover ratio by session", lambda ax: figures.turnover_by_session(ax, tables["turnover"])))
    if "autocorrelation" in tables:
        drawn.append(
            (
                "Correlation of log-size against lag",
                lambda ax: figures.autocorrelation(ax, tables["autocorrelation"], analysis.fit),
            )
        )
    if "predictive" in tables:
        drawn.append(
            ("SD of change against size", lambda ax: figures.change_against_size(ax, tables["predictive"], unit=unit))
        )
    if analysis.line:
        drawn.append(
            ("Spread against size", lambda ax: figures.spread_line(ax, tables["moments"], analysis.line, unit=unit))
        )
    fit = analysis.fit
    estimates = None if fit is None else records(
        fit.frame().reset_index(), {"name": "parameter", "value": "value", "low": "from", "high": "to", "unit": "unit"}
    )  # fmt: skip
    page = environment().get_template("fit.html.j2").render(
        title=analysis.label, analysis=analysis, fit=fit, estimates=estimates, run=run,
        figures=[draw(paint, name) for name, paint in drawn],
        tables={
            "Turnover, session by session": records(tables.get("turnover"), {
                "session": "from session", "days": "days", "n1": "n1", "n2": "n2", "lost": "lost", "gained": "gained",
                "turnover_ratio": "turnover ratio", "low": "from", "high": "to", "loss_rate": "loss [1/day]",
                "gain_rate": "gain [1/day]"}),
            "Survival of the first session's spines": records(tables.get("survival"), {
                "day": "day", "n": "n", "survival": "survival", "low": "from", "high": "to",
                "mean": "mean over dendrites", "sem": "s.e.m."}),
            "Survival to the last session, by size at the start": records(tables.get("survival_by_size"), {
                "n": "n", "mean_size": f"mean size [{unit}]", "survival": "survival", "low": "from", "high": "to"}),
            "Families of the size distribution": records(tables.get("families"), {
                "family": "family", "aic": "AIC", "delta": "ΔAIC", "p_ks": "KS p (indicative)"}),
        },
        papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)


def write_comparison_report(path: Path, comparison: Comparison, run: dict[str, Any]) -> None:
    """Write the report of simulated conditions: truth, fit and condition."""
    conditions = comparison.conditions
    names = [condition.name for condition in conditions]
    coloured = list(zip(conditions, figures.COLOURS, strict=False))

    def sizes(ax: Axes) -> None:
        for condition, colour in coloured:
            figures.imaged_density(ax, condition.analysis.sizes, colour=colour, label=f"{condition.name}, imaged")
            edges, mass = Density(condition.plan.dynamics).stationary()
            figures.truth_density(ax, edges, mass, colour=colour, label=f"{condition.name}, truth")
        everything = np.concatenate([condition.analysis.sizes for condition in conditions])
        ax.set_xlim(np.quantile(everything, 0.0005), everything.max())
        ax.legend()

    def survival(ax: Axes) -> None:
        for condition, colour in coloured:
            frame = condition.analysis.tables["survival"]
            figures.survival_curve(ax, frame, label=f"{condition.name}, imaged", colour=colour)
            density, floor = Density(condition.plan.dynamics), condition.plan.microscope.size_floor
            days = np.linspace(0.5, frame["day"].max(), 40)
            truth = [1 - density.turnover_ratio(day, size_floor=floor) for day in days]
            ax.plot(days, truth, color=colour, linestyle="--", linewidth=1.2, label=f"{condition.name}, truth")
        ax.legend()

    def turnover(ax: Axes) -> None:
        for condition, colour in coloured:
            figures.turnover_by_session(ax, condition.analysis.tables["turnover"], label=condition.name, colour=colour)
            ax.axhline(condition.truth["turnover_ratio"], color=colour, linestyle="--", linewidth=1.2)
        ax.set_title("Turnover ratio (dashed: truth)")
        ax.legend(loc="lower right")

    drawn = [
        draw(sizes, "Distribution of sizes, imaged and true"),
        draw(survival, "Survival against time, imaged and true"),
        draw(turnover, "Turnover ratio by session, imaged and true"),
        draw(lambda ax: figures.truth_and_found(ax, comparison.rows, names), "Found over true, quantity by quantity"),
    ]
    for condition in conditions:
        table = condition.analysis.tables["predictive"]

        def change(ax: Axes, table: pd.DataFrame = table, name: str = condition.name) -> None:
            figures.change_against_size(ax, table, unit="um3").set_title(f"Change against size: {name}")

        drawn.append(draw(change, f"SD of change against size, {condition.name}"))
    columns = {"condition": "condition", "quantity": "quantity", "truth": "truth", "found": "found", "low": "from",
               "high": "to", "meaning": "meaning"}  # fmt: skip
    page = environment().get_template("comparison.html.j2").render(
        title=" and ".join(names) + ": truth, images, fit", conditions=conditions, run=run, figures=drawn,
        rows=records(comparison.rows, columns),
        contrast=records(comparison.contrast(), {"quantity": "quantity", "truth": "true ratio", "found": "as found"}),
        presets=[load_preset(name) for name in names],
        papers=papers(run["sources"]), bibliography=bibliography(),
    )  # fmt: skip
    write_text(path, page)


def papers(keys: list[str]) -> list[dict[str, str]]:
    """Return the papers as author, year, title and journal."""
    known = bibliography()
    found = []
    for key in sorted(set(keys) & set(known)):
        fields = known[key].fields
        where = next((fields[name] for name in ("journal", "booktitle", "publisher") if name in fields), "")
        doi = f", doi {fields['doi']}" if "doi" in fields else ""
        found.append({"short": known[key].short, "title": fields["title"], "where": where, "doi": doi})
    return found
