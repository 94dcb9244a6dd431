"""Figures of protocols on silver devices: responses in the order in which they were given, and yields over films."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from spinula.faces.figures import COLOURS, FAINT, INK
from spinula.studies.silver.protocol.running import Kept, Trace
from spinula.studies.silver.protocol.yields import Yield

_ROW = 2.3


def draw_trace(ax: Axes, trace: Trace, probe: str, controls: set[str]) -> None:
    """Draw the conductance of a probe against what was read one after another, one panel per condition."""
    figure: Any = ax.figure
    ax.remove()
    figure.get_layout_engine().set(h_pad=0.12, hspace=0.06)  # or titles touch the numbers of the row above
    columns = min(2, len(trace.kept))
    axes = figure.subplots(-(-len(trace.kept) // columns), columns, sharey=True, squeeze=False)
    for at in axes.ravel()[len(trace.kept) :]:
        at.remove()
    for number, (name, kept) in enumerate(trace.kept.items()):
        at = axes.ravel()[number]
        _draw_condition(at, kept, probe)
        at.set_title(name + (" (control)" if name in controls else ""), color=FAINT if name in controls else INK)
        if number % columns == 0:
            at.set_ylabel("conductance [S]")
        if number >= len(trace.kept) - columns:
            at.set_xlabel("number of the reading")


def trace_height(trace: Trace) -> float:
    """Return the height of the figure of a trace, inches."""
    return 0.5 + _ROW * -(-len(trace.kept) // min(2, len(trace.kept)))


def _draw_condition(ax: Axes, kept: Kept, probe: str) -> None:
    """Draw series as lines and readings as diamonds, in the order in which they came."""
    parts = [(kept.times[name][0], name) for name in (*kept.reads, *kept.series) if not _of_sweep(name, kept)]
    start = 1
    for number, (_, name) in enumerate(sorted(parts)):
        colour = COLOURS[number % len(COLOURS)]
        values = kept.series[name][probe] if name in kept.series else [kept.reads[name][probe]]
        x = np.arange(start, start + len(values))
        mark = "." if name in kept.series else "D"
        ax.plot(x, values, color=colour, marker=mark, markersize=5, linewidth=1.2, label=name)
        start += len(values)
    ax.set_yscale("log")
    ax.set_xlim(0, max(start, 5))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(y=0.2)
    if parts:
        ax.legend(fontsize=7, loc="best", framealpha=0.7, frameon=True, edgecolor="none")


def _of_sweep(name: str, kept: Kept) -> bool:
    """Whether a series holds voltages of a sweep rather than conductances."""
    return name in kept.series and name.rsplit(".", 1)[-1] in ("up", "down")


def draw_yields(ax: Axes, yields: list[Yield]) -> Axes:
    """Draw the share of films that show each behaviour, with 95 % Wilson intervals."""
    for row, one in enumerate(reversed(yields)):
        share = one.shown / one.films
        ax.plot([one.low, one.high], [row, row], color=COLOURS[0], linewidth=2.5, alpha=0.4, solid_capstyle="butt")
        ax.plot(share, row, "o", color=COLOURS[0])
        ax.text(1.03, row, f"{one.shown}/{one.films}", va="center", fontsize=8)
    names = [one.protocol.replace("_", " ") for one in reversed(yields)]
    ax.set_yticks(range(len(yields)), names)
    ax.set(xlim=(0, 1), ylim=(-0.6, len(yields) - 0.4), xlabel="share of films on which every claim holds")
    return ax
