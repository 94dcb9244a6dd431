"""The atlas as one figure: conditions down, measures across, colour for the effect, a mark for what a paper says."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from spinula.faces.figures import FAINT, INK
from spinula.presets.compose import NOT_FOR_DIAGNOSIS
from spinula.studies.disorders.atlas import Entry
from spinula.studies.disorders.imaging import SEEN
from spinula.studies.disorders.levels import DIFFERENCES, MEASURES, level_of

# Blue for less, orange for more: told apart by colour-blind readers too.
COLOURS = LinearSegmentedColormap.from_list("effect", ["#0b5a93", "#6fb1dd", "#f7f7f5", "#f0a35e", "#b34700"])
NOTHING = "#ececea"
_FULL = {"onset_day": 28.0}  # the difference that has the full colour; others 0.5
_CELL = 0.29  # inch
_NAMES = {
    "population": "population at rest", "dendrite": "dendrite and dopamine", "circuit": "circuit",
    "striatum": "striatum", "training": "trained", "course": "in time",
}  # fmt: skip


def shade(measure: str, effect: float) -> float:
    """Return where an effect lies on the colours, -1 to 1: a doubling, or a halving, has the full colour.

    Examples
    --------
    >>> shade("turnover_ratio", 1.0), shade("turnover_ratio", -0.5), shade("behaviour_late", 0.25)
    (1.0, -1.0, 0.5)
    """
    if measure in DIFFERENCES:
        return float(np.clip(effect / _FULL.get(measure, 0.5), -1.0, 1.0))
    return float(np.clip(np.log2(max(1.0 + effect, 1e-3)), -1.0, 1.0))


def columns(entries: Sequence[Entry]) -> list[str]:
    """Return the measures that any condition has a number for and that any moves, level by level."""
    found = []
    for measure in MEASURES:
        effects = np.array([entry.cells[measure].effect for entry in entries])
        told = any(entry.cells[measure].answers for entry in entries)
        if np.isfinite(effects).any() and (told or np.nanmax(np.abs(effects)) > 1e-6):
            found.append(measure)
    levels = list(_NAMES)
    return sorted(found, key=lambda name: levels.index(level_of(name)))


def atlas_figure(entries: Sequence[Entry], count: dict[str, int]) -> Figure:
    """Draw the atlas: the heat map, and beside it how many animals a laboratory needs."""
    measures = columns(entries)
    imaged = [entry for entry in entries if entry.needed is not None]
    wide, extra = len(measures), len(SEEN) if imaged else 0
    left, top, bottom = 4.3, 3.1, 1.5
    size = (left + _CELL * (wide + 1.6 * extra + 6.5), top + bottom + _CELL * (len(entries) + 2))
    figure = Figure(figsize=size)
    height = _CELL * (len(entries) + 2) / size[1]
    ax = figure.add_axes((left / size[0], bottom / size[1], _CELL * wide / size[0], height))
    _heat(ax, entries, measures)
    if imaged:
        start = left + _CELL * (wide + 1.2)
        beside = figure.add_axes((start / size[0], bottom / size[1], 1.6 * _CELL * extra / size[0], height))
        _animals(beside, entries)
    figure.text(0.012, 1 - 0.32 / size[1], "Atlas of spine disorders and treatments", fontsize=17, weight="bold",
                va="top", color=INK)  # fmt: skip
    said = (
        f"Each condition against its base.  {count['reproduced']} of {count['findings']} published or remembered "
        f"directions reproduced\n({count['restated']} of them are what the edit says itself, {count['assumed']} are "
        "remembered); an unmarked cell is a prediction."
    )
    figure.text(0.012, 1 - 0.72 / size[1], said, fontsize=9.5, va="top", color="#444444")
    figure.text(0.012, 1 - 1.22 / size[1], "\n".join(textwrap.wrap(NOT_FOR_DIAGNOSIS, 52)), fontsize=10, va="top",
                weight="bold", color="#9a4a00")  # fmt: skip
    _key(figure, size, left)
    return figure


def _places(entries: Sequence[Entry]) -> tuple[list[float], list[tuple[float, str]]]:
    """Return the height of each line, with a gap between kinds, and where each kind begins."""
    places, heads, at, kind = [], [], 0.0, ""
    for entry in entries:
        if entry.condition.about.kind != kind:
            at += 1.0 if kind else 0.0
            kind = entry.condition.about.kind
            heads.append((at, kind))
        places.append(at)
        at += 1.0
    return places, heads


def _frame(ax: Axes, wide: float, entries: Sequence[Entry]) -> list[float]:
    places, _ = _places(entries)
    ax.set(xlim=(0, wide), ylim=(len(entries) + 2, 0))
    for side in ax.spines.values():
        side.set_visible(False)
    ax.tick_params(length=0)
    return places


def _heat(ax: Axes, entries: Sequence[Entry], measures: Sequence[str]) -> None:
    places = _frame(ax, len(measures), entries)
    for y, entry in zip(places, entries, strict=True):
        for x, measure in enumerate(measures):
            cell = entry.cells[measure]
            known = np.isfinite(cell.effect)
            colour = COLOURS(0.5 + 0.5 * shade(measure, cell.effect)) if known else NOTHING
            ax.add_patch(Rectangle((x + 0.03, y + 0.03), 0.94, 0.94, facecolor=colour, edgecolor="none"))
            if cell.verdict == "contradicts":
                ax.plot(x + 0.5, y + 0.5, "x", color=INK, markersize=7.5, markeredgewidth=2.2)
            elif cell.verdict == "agrees":
                fill = "none" if cell.assumed else INK
                ax.plot(x + 0.5, y + 0.5, "o", color=INK, markersize=5.0, markerfacecolor=fill, markeredgewidth=1.1)
    ax.set_yticks([y + 0.5 for y in places], [_label(entry) for entry in entries], fontsize=8.5)
    ax.set_xticks(np.arange(len(measures)) + 0.5, [MEASURES[name] for name in measures], fontsize=8.5, rotation=55,
                  ha="left", rotation_mode="anchor")  # fmt: skip
    ax.xaxis.tick_top()
    levels = [level_of(name) for name in measures]
    for number in range(1, len(levels)):
        if levels[number] != levels[number - 1]:
            ax.axvline(number, color=INK, linewidth=1.2)
    for row, level in enumerate(dict.fromkeys(levels)):
        where = [number for number, one in enumerate(levels) if one == level]
        # Every other name is a line lower, since some levels are one column wide.
        low = len(entries) + (2.25 if row % 2 == 0 else 2.95)
        ax.text(np.mean(where) + 0.5, low, _NAMES[level], ha="center", va="top", fontsize=9,
                weight="bold", color="#444444")  # fmt: skip
    for y, kind in _places(entries)[1]:
        if y > 0:
            ax.text(-0.3, y - 0.12, f"{kind}s", ha="right", va="bottom", fontsize=9, weight="bold", color="#444444")


def _label(entry: Entry) -> str:
    name = entry.condition.name.replace("_", " ")
    background = " + ".join(one.replace("_", " ") for one in entry.background)
    return name + (f"  in {background}" if background else "")


def _animals(ax: Axes, entries: Sequence[Entry]) -> None:
    places = _frame(ax, len(SEEN), entries)
    for y, entry in zip(places, entries, strict=True):
        if entry.needed is None:
            continue
        for x, need in enumerate(entry.needed.set_index("measure")["needed"].reindex(list(SEEN))):
            known = np.isfinite(need) and need <= 100
            shown = f"{need:.0f}" if known else "·"
            weight = "bold" if known and need <= 10 else "normal"
            ax.text(x + 0.5, y + 0.5, shown, ha="center", va="center", fontsize=8, weight=weight,
                    color=INK if known else FAINT)  # fmt: skip
    ax.set_yticks([])
    ax.set_xticks(np.arange(len(SEEN)) + 0.5, list(SEEN.values()), fontsize=8.5, rotation=55, ha="left",
                  rotation_mode="anchor")  # fmt: skip
    ax.xaxis.tick_top()
    said = "animals per group\n(80 % power; ·: over 100,\nor nothing to see)"
    ax.text(len(SEEN) / 2, len(entries) + 2.25, said, ha="center", va="top", fontsize=9, weight="bold", color="#444444")


def _key(figure: Figure, size: tuple[float, float], left: float) -> None:
    """Draw what colours and marks mean."""
    box = figure.add_axes((left / size[0], 0.42 / size[1], 2.4 / size[0], 0.14 / size[1]))
    box.imshow(np.linspace(0, 1, 128)[None, :], aspect="auto", cmap=COLOURS, extent=(-1, 1, 0, 1))
    box.set(yticks=[])
    box.set_xticks([-1, 0, 1], ["halved", "as base", "doubled"], fontsize=8)
    box.tick_params(length=0)
    marks = [
        Line2D([], [], marker="o", color=INK, linestyle="", markersize=5, label="agrees with its paper"),
        Line2D([], [], marker="o", color=INK, linestyle="", markersize=5, markerfacecolor="none",
               label="agrees with what is remembered"),
        Line2D([], [], marker="x", color=INK, linestyle="", markersize=7, markeredgewidth=2.2,
               label="contradicts its paper"),
        Rectangle((0, 0), 1, 1, facecolor=NOTHING, label="no such measure"),
    ]  # fmt: skip
    figure.legend(handles=marks, loc="lower left", bbox_to_anchor=((left + 2.8) / size[0], 0.12 / size[1]), ncols=4,
                  frameon=False, fontsize=8.5, handletextpad=0.5, columnspacing=1.4)  # fmt: skip
