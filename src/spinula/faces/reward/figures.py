"""Figures of experiments of cues and rewards: dopamine, spines and behaviour on one axis of time."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from spinula.faces.figures import COLOURS, FAINT
from spinula.law.circuits.conditioning import dopamine_course
from spinula.studies.reinforcement.running import Course, Outcome

# What is drawn from top to bottom: column, whether it has an interval, label.
_ROWS = (
    ("burst", False, "dopamine burst\n(uM)"),
    ("pause", False, "dopamine dip\n(s)"),
    ("d1_drive", True, "D1 volume\n(naive = 1)"),
    ("d2_drive", True, "D2 volume\n(naive = 1)"),
    ("licks", True, "licks (1/s)"),
)
COLUMNS = 3
PARTS = 6


def draw_courses(ax: Axes, outcome: Outcome, conditions: list[str]) -> None:
    """Draw dopamine at the outcome, spine volume at each cue's inputs and licks over days, conditions side by side."""
    figure: Any = ax.figure
    ax.remove()
    frame = outcome.trials(parts=PARTS)
    model = outcome.courses[0].records[0].session.model
    assert model is not None
    frame["burst"] *= model.dopamine.burst
    axes = figure.subplots(len(_ROWS), len(conditions), sharex=True, sharey="row", squeeze=False)
    for column, condition in enumerate(conditions):
        mine = frame[frame["condition"] == condition]
        for row, (name, banded, label) in enumerate(_ROWS):
            at = axes[row, column]
            for number, cue in enumerate(outcome.experiment.file.cues):
                _line(at, mine[mine["cue"] == cue], name, banded, COLOURS[number], cue)
            _nights(at, outcome, condition)
            if column == 0:
                at.set_ylabel(label)
        axes[0, column].set_title("\n".join(textwrap.wrap(condition, 30)), fontsize=9, pad=26)
        _phases(axes[0, column], outcome, condition)
        axes[-1, column].set_xlabel("day")
        axes[-1, column].xaxis.set_major_locator(MaxNLocator(integer=True))
    for row, (name, _, _) in enumerate(_ROWS):
        if name in ("burst", "pause", "licks"):
            axes[row, 0].set_ylim(bottom=0)
    figure.align_ylabels(axes[:, 0])
    figure.legend(*axes[-1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _line(ax: Axes, part: pd.DataFrame, name: str, banded: bool, colour: str, label: str) -> None:
    # Lines stop at the night, so that what changes in it shows as a step.
    x, y = part["day"].to_numpy(float), part[name].to_numpy(float)
    breaks = np.flatnonzero(np.diff(np.floor(x + 1e-9)) > 0) + 1
    drawn = False
    for piece in np.split(np.arange(len(x)), breaks):
        if banded:
            low, high = (part[f"{name}_{end}"].to_numpy(float)[piece] for end in ("low", "high"))
            ax.fill_between(x[piece], low, high, color=colour, alpha=0.2, linewidth=0)
        if np.isfinite(y[piece]).any():
            ax.plot(x[piece], y[piece], color=colour, linewidth=1.4, label=None if drawn else label)
            drawn = True


def _starts(outcome: Outcome, condition: str) -> list[tuple[str, float]]:
    """Return the phases and the days on which they begin."""
    starts: dict[str, float] = {}
    for record in outcome.course(condition).records:
        starts.setdefault(record.session.phase, record.session.day)
    return list(starts.items())


def _nights(ax: Axes, outcome: Outcome, condition: str) -> None:
    for record in outcome.course(condition).records[1:]:
        ax.axvline(record.session.day, color=FAINT, linewidth=0.3, alpha=0.5, zorder=0)
    for _, day in _starts(outcome, condition)[1:]:
        ax.axvline(day, color=FAINT, linewidth=1.0, linestyle="--", zorder=0)


def _phases(ax: Axes, outcome: Outcome, condition: str) -> None:
    """Write the phases' names above an axis, those that are too long for their days in the line above the others."""
    for number, (name, day) in enumerate(_starts(outcome, condition)):
        ax.text(day + 0.05, 1.02 if number % 2 else 1.13, name, transform=ax.get_xaxis_transform(), fontsize=6.5,
                color="#555555", ha="left", va="bottom")  # fmt: skip


def draw_trial(ax: Axes, course: Course, cues: list[str]) -> Axes:
    """Draw dopamine in the first and the last trials of each cue, for the mean burst and pause of all animals."""
    model = course.records[0].session.model
    assert model is not None
    times = np.linspace(-0.5, 3.0, 1401)
    for number, cue in enumerate(cues):
        shown = [_course_of(course, number, first, times) for first in (True, False)]
        for level, style, name in zip(shown, ("--", "-"), ("first", "last"), strict=True):
            if level is not None:
                ax.plot(times, level, style, color=COLOURS[number], linewidth=1.4, label=f"{cue}, {name} trials")
    ax.axvline(0.0, color=FAINT, linewidth=0.8, zorder=0)
    ax.axhline(model.dopamine.basal, color=FAINT, linewidth=0.5, zorder=0)
    ax.set(xlabel="time from the cue (s)", ylabel="dopamine (uM)", ylim=(0, None), title="Dopamine in a trial")
    figure: Any = ax.figure
    figure.legend(loc="outside lower center", ncols=2)
    return ax


def _course_of(course: Course, cue: int, first: bool, times: np.ndarray) -> np.ndarray | None:
    """Return the concentration in the first or the last session with a cue, for its mean value, burst and pause."""
    with_cue = [record for record in course.records if (record.cue == cue).any()]
    if not with_cue:
        return None
    record = with_cue[0 if first else -1]
    trials = len(record.cue)
    chosen = np.zeros_like(record.cue, bool)
    edge = slice(0, max(2, trials // 10)) if first else slice(-max(2, trials // 10), None)
    chosen[edge] = record.cue[edge] == cue
    model = record.session.model
    assert model is not None
    kinds = np.array([trial.delay_s for trial in record.session.trials])
    if not chosen.any():
        return None
    delay = float(kinds[record.kind[chosen]].mean())
    dopamine = model.dopamine
    announced = float(dopamine.bursts(record.value[..., cue][chosen]).mean())
    burst, pause = float(record.burst[chosen].mean()), float(record.pause[chosen].mean())
    return dopamine_course(
        times, basal=dopamine.basal, clearance=max(dopamine.clearance, 1e-3),
        bursts=[(0.0, dopamine.burst * announced), (delay, dopamine.burst * burst)], pauses=[(delay, pause)],
    )  # fmt: skip


def draw_sweep(ax: Axes, outcome: Outcome, name: str, label: str) -> Axes:
    """Draw a quantity at the end against the value of the sweep: conditions by colour, cues by dashes."""
    sweep = outcome.experiment.file.sweep
    assert sweep is not None
    table = outcome.sessions()
    table = table[table["day"] == table["day"].max()]
    # The cue of the last trials is what is probed; others are drawn thinner.
    cues = [trial.cue for trial in outcome.experiment.file.phase[-1].trial if trial.cue]
    for number, condition in enumerate(dict.fromkeys(table["condition"])):
        part = table[(table["condition"] == condition) & (table["cue"] == cues[0])].sort_values("value")
        colour = COLOURS[number % len(COLOURS)]
        ax.fill_between(part["value"], part[f"{name}_low"], part[f"{name}_high"], color=colour, alpha=0.2, linewidth=0)
        ax.plot(part["value"], part[name], "o-", markersize=3, color=colour, label=condition)
    ax.set(xlabel=sweep.label, ylabel=label, title=f"{cues[0]} on the last day")
    figure: Any = ax.figure
    figure.legend(loc="outside lower center", ncols=2)
    return ax
