"""Figures of agents: dopamine, spine volumes and returns on one axis of time."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from spinula.faces.figures import COLOURS, FAINT

# Above the axis, where no curve can come.
_ABOVE: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 0.98), "ncols": 2, "borderaxespad": 0.0}


def draw_history(ax: Axes, history: pd.DataFrame, *, goal: float | None = None, goal_name: str = "goal") -> None:
    """Draw bursts and dips, D1 and D2 volumes, and the return, one above the other, against steps of the world.

    Parameters
    ----------
    history : DataFrame with steps, burst, dip, d1, d2, return (rows that an agent lacks are left out)
    goal : float or None, a return that is drawn as a line
    """
    figure: Any = ax.figure
    ax.remove()
    rows = [kind for kind, name in (("dopamine", "burst"), ("volume", "d1")) if history[name].notna().any()]
    axes = figure.subplots(len(rows) + 1, 1, sharex=True, squeeze=False)[:, 0]
    thousands = history["steps"] / 1000
    for at, kind in zip(axes, rows, strict=False):
        _DRAWN[kind](at, thousands, history)
    at = axes[-1]
    at.plot(thousands, history["return"], color=COLOURS[2])
    if goal is not None:
        at.axhline(goal, color=FAINT, linewidth=0.9, linestyle="--")
        at.text(0.01 * thousands.iloc[-1], goal, goal_name, fontsize=7.5, color="#555555", ha="left", va="bottom")
    at.set(ylabel="return of\nan episode", xlabel="steps of the world (thousands)", xlim=(0, thousands.iloc[-1]))
    at.margins(y=0.12)
    figure.align_ylabels(axes)


def _dopamine(at: Axes, thousands: pd.Series, history: pd.DataFrame) -> None:
    at.plot(thousands, history["burst"], color=COLOURS[0], label="bursts")
    at.plot(thousands, -history["dip"], color=COLOURS[1], label="dips")
    at.axhline(0.0, color=FAINT, linewidth=0.6, zorder=0)
    at.set_ylabel("dopamine: error\nper step (rewards)")
    at.legend(**_ABOVE)


def _volume(at: Axes, thousands: pd.Series, history: pd.DataFrame) -> None:
    at.plot(thousands, history["d1"], color=COLOURS[0], label="D1 (Go)")
    at.plot(thousands, history["d2"], color=COLOURS[1], linestyle="--", label="D2 (NoGo)")
    at.set_ylabel("mean volume\n(um3)")
    at.legend(**_ABOVE)


_DRAWN = {"dopamine": _dopamine, "volume": _volume}
