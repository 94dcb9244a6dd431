"""The report of an experiment of cues and rewards: courses, tables, and the claims of its study if they were judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from spinula.core.files import write_text
from spinula.faces.memory_figures import draw_panel, height
from spinula.faces.report.page import draw, environment, papers, records
from spinula.faces.reward.figures import COLUMNS, draw_courses, draw_sweep, draw_trial
from spinula.studies.memory.study import Finding
from spinula.studies.reinforcement.numbers import striatum
from spinula.studies.reinforcement.running import Outcome

_SHOWN = {
    "condition": "condition", "value": "value", "phase": "phase", "day": "day", "cue": "cue", "licks": "licks [1/s]",
    "licks_low": "from", "licks_high": "to", "predicted": "prediction", "d1_drive": "D1 [naive = 1]",
    "d2_drive": "D2 [naive = 1]",
}  # fmt: skip


def write_experiment_report(path: Path, outcome: Outcome, run: dict[str, Any], finding: Finding | None = None) -> None:
    """Write the page of an experiment."""
    found = outcome.experiment.file
    table = outcome.sessions()
    last = table[table["day"] == table.groupby("phase")["day"].transform("max")]
    shown = _SHOWN | ({"value": found.sweep.label} if found.sweep else {})
    if not found.sweep:
        shown.pop("value")
    quantities = striatum()[1]
    page = environment().get_template("experiment.html.j2").render(
        title=found.about.title, about=found.about, run=run, figures=drawn(outcome), summary=records(last, shown),
        panels=_panels(finding), claims=_groups(finding), animals=outcome.animals, papers=papers(run["sources"]),
        assumed=sum(quantity.is_assumed for quantity in quantities.values()), quantities=quantities,
    )  # fmt: skip
    write_text(path, page)


def drawn(outcome: Outcome) -> list[Markup]:
    """Return the figures of an experiment."""
    found = outcome.experiment.file
    if found.sweep:
        labels = {"predicted": "prediction (rewards)", "licks": "licks in anticipation (1/s)"}
        return [
            draw(lambda ax, name=name, label=label: draw_sweep(ax, outcome, name, label), label, width=5.6, height=4.2)
            for name, label in labels.items()
        ]
    names = [course.condition for course in outcome.courses]
    made = []
    for start in range(0, len(names), COLUMNS):
        chosen = names[start : start + COLUMNS]
        text = f"Dopamine, spine volumes and licks over days: {', '.join(chosen)}"
        width = 3.4 + 2.9 * (len(chosen) - 1)
        made.append(draw(lambda ax, chosen=chosen: draw_courses(ax, outcome, chosen), text, width=width, height=7.4))
    course = outcome.courses[0]
    return [*made, draw(lambda ax: draw_trial(ax, course, found.cues), "Dopamine in a trial", width=5.0, height=3.6)]


def _panels(finding: Finding | None) -> list[Markup]:
    panels = finding.panels if finding else []
    return [draw(lambda ax, panel=panel: draw_panel(ax, panel), panel.title, height=height(panel)) for panel in panels]


def _groups(finding: Finding | None) -> dict[str, Any]:
    claims = finding.claims if finding else []
    return {
        "Claims": [claim for claim in claims if not claim.control],
        "Negative controls": [claim for claim in claims if claim.control],
    }
