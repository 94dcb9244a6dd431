"""Figures of studies of memory: a panel is data, and this draws it."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spinula.faces.figures import COLOURS, FAINT
from spinula.studies.memory.study import Panel

_DASHES = ("-", "--", ":", "-.")
_MARKERS = "osD^vP"
_TITLE = 50  # characters of a title on one line
_WIDE = 84  # characters of a legend's font side by side under a figure


def draw_panel(ax: Axes, panel: Panel) -> Axes:
    """Draw a panel: lines with bands, points with bars (names down the side), or histograms; a legend below."""
    labels = [str(label) for label in panel.curves["label"].unique()]
    parts = [part for _, part in panel.curves.groupby("label", sort=False)]
    named = panel.kind == "points" and not pd.api.types.is_numeric_dtype(panel.curves["x"])
    ax.grid(axis="x" if named else "y", color=FAINT, linewidth=0.4, alpha=0.5)
    if named:
        _by_name(ax, panel, parts)
    else:
        paint = {"line": _line, "points": _points, "histogram": _histogram}[panel.kind]
        for number, (label, part) in enumerate(zip(labels, parts, strict=True)):
            paint(ax, part, number, label)
        ax.set(xlabel=_folded(panel.x, 60), ylabel=_folded(panel.y, 40))
        if panel.log_x:
            ax.set_xscale("log")
        if panel.log_y:
            ax.set_yscale("log")
        elif panel.kind == "histogram":
            ax.set_ylim(bottom=0)
    _plain_numbers(ax)
    ax.set_title(_folded(panel.title, _TITLE))
    if len(labels) > 1 or (labels and labels[0]):
        _legend(ax, labels)
    return ax


def _plain_numbers(ax: Axes) -> None:
    """Write 0.1, 1 and 10 rather than powers on logarithmic axes of few decades, and numbers between on short ones."""
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        if axis.get_scale() == "log" and 1e-4 < low < high < 1e5:
            decades = np.log10(high / low)
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1,)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())


def height(panel: Panel) -> float:
    """Return the height, inch, that a panel needs with its names and its legend."""
    labels = [str(label) for label in panel.curves["label"].unique()]
    rows = -(-len(labels) // _columns(labels)) if len(labels) > 1 or (labels and labels[0]) else 0
    x = panel.curves["x"]
    inside = 3.2
    if panel.kind == "points" and not pd.api.types.is_numeric_dtype(x):
        inside = 1.1 + x.nunique() * max(0.3, 0.16 * len(labels))
    return inside + 0.2 * rows + 0.16 * (panel.title.count("\n") + len(panel.title) // _TITLE)


def _style(number: int) -> dict[str, Any]:
    """Return colour and dashes of a curve; colours that come again have other dashes."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": _DASHES[number // len(COLOURS) % len(_DASHES)]}


def _line(ax: Axes, part: pd.DataFrame, number: int, label: str) -> None:
    part = part.sort_values("x", kind="stable")
    x, low, high = (part[name].to_numpy(float) for name in ("x", "low", "high"))
    if np.isfinite(low).any():
        ax.fill_between(x, low, high, color=_style(number)["color"], alpha=0.18, linewidth=0)
    ax.plot(x, part["value"].to_numpy(float), label=label, **_style(number))


def _points(ax: Axes, part: pd.DataFrame, number: int, label: str) -> None:
    marker, colour = _MARKERS[number % len(_MARKERS)], _style(number)["color"]
    x, value = part["x"].to_numpy(float), part["value"].to_numpy(float)
    ax.errorbar(x, value, yerr=_reach(part), fmt=marker, markersize=4, elinewidth=1.2, color=colour, label=label)


def _histogram(ax: Axes, part: pd.DataFrame, number: int, label: str) -> None:
    part = part.sort_values("x", kind="stable")
    left, value = part["x"].to_numpy(float), part["value"].to_numpy(float)
    if len(left) < 2:
        edges = np.append(left, left + 1)
    else:
        # The last bin is as wide as the one before it: by its ratio where bins grow, by its width where they do not.
        grows = left[0] > 0 and left[-1] - left[-2] > 1.01 * (left[1] - left[0])
        edges = np.append(left, left[-1] ** 2 / left[-2] if grows else 2 * left[-1] - left[-2])
    low, high = (part[name].to_numpy(float) for name in ("low", "high"))
    style = _style(number)
    if np.isfinite(low).any():
        ax.stairs(high, edges, baseline=low, fill=True, color=style["color"], alpha=0.2)
    else:
        ax.stairs(value, edges, fill=True, color=style["color"], alpha=0.1)
    ax.stairs(value, edges, label=label, linewidth=1.4, baseline=None, **style)


def _by_name(ax: Axes, panel: Panel, parts: list[pd.DataFrame]) -> None:
    """Draw points whose x is a name: names from top to bottom, the labels of one name close together."""
    names = list(dict.fromkeys(panel.curves["x"].astype(str)))
    away = np.linspace(-0.25, 0.25, len(parts)) if len(parts) > 1 else np.zeros(1)
    for number, part in enumerate(parts):
        place = np.array([names.index(str(name)) for name in part["x"]]) + away[number]
        ax.errorbar(
            part["value"].to_numpy(float), place, xerr=_reach(part), fmt=_MARKERS[number % len(_MARKERS)], markersize=4,
            elinewidth=1.2, color=_style(number)["color"], label=str(part["label"].iloc[0]),
        )  # fmt: skip
    ax.set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
    ax.set_yticklabels([_folded(name.replace("_", " "), 26) for name in names])
    ax.set(xlabel=_folded(panel.y, 60), ylabel=_folded(panel.x, 40))
    if panel.log_y:
        ax.set_xscale("log")


def _reach(part: pd.DataFrame) -> np.ndarray | None:
    """Return how far the interval reaches below and above each value; None without intervals."""
    value, low, high = (part[name].to_numpy(float) for name in ("value", "low", "high"))
    if not np.isfinite(low).any():
        return None
    return np.nan_to_num(np.maximum([value - low, high - value], 0))


def _columns(labels: list[str]) -> int:
    longest = max(map(len, labels), default=0) + 7
    return max(1, min(len(labels), _WIDE // longest))


def _legend(ax: Axes, labels: list[str]) -> None:
    """Put the legend below the axis, where it cannot lie on the data."""
    figure: Any = ax.figure
    figure.legend(loc="outside lower center", ncols=_columns(labels), columnspacing=1.4, handlelength=2.2)


def _folded(text: str, width: int) -> str:
    return "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, width))
