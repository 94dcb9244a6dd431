"""Figures of what fluctuation does to a network: calibration by method, dose and response, a network as a cortex."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spinula.faces.figures import COLOURS, FAINT


def measure_by_method(ax: Axes, found: pd.DataFrame, measure: str, titles: dict[str, str], *, label: str) -> Axes:
    """Draw one measure of every method with its interval, as it is and after temperature scaling.

    ``found`` : DataFrame of :func:`spinula.studies.training.uncertainty.summary`, of one data set
    """
    names = list(titles)
    for tempered, colour, away, text in ((False, COLOURS[0], -0.14, "as it is"), (True, COLOURS[1], 0.14, "tempered")):
        rows = found[(found["measure"] == measure) & (found["tempered"] == tempered)].set_index("method").loc[names]
        reach = np.stack([rows["mean"] - rows["low"], rows["high"] - rows["mean"]])
        place = np.arange(len(names)) + away
        ax.errorbar(rows["mean"], place, xerr=reach, fmt="o", markersize=4, color=colour, elinewidth=1.2, label=text)
    ax.set(yticks=np.arange(len(names)), yticklabels=list(titles.values()), xlabel=label)
    ax.invert_yaxis()
    ax.grid(axis="x", color=FAINT, linewidth=0.4, alpha=0.5)
    return ax


def dose_and_response(ax: Axes, rows: pd.DataFrame, *, label: str, colour: str = COLOURS[0]) -> Axes:
    """Draw accuracy against the factor of the spread: every run, and the mean."""
    means = rows.groupby("factor")["accuracy"].mean()
    ax.plot(rows["factor"], 100 * rows["accuracy"], ".", color=colour, markersize=4, alpha=0.5)
    ax.plot(means.index, 100 * means, color=colour, linewidth=1.4, label=label)
    ax.set(xlabel="spread, as a multiple of the base's", ylabel="test accuracy [%]", ylim=(None, 100))
    return ax


def survival_beside(ax: Axes, curves: dict[str, pd.DataFrame]) -> Axes:
    """Draw survival curves of networks and cortices, by session."""
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(curve["session"], curve["survival"], color=colour, marker="o", markersize=3, label=name)
        ax.fill_between(curve["session"], curve["low"], curve["high"], color=colour, alpha=0.15, linewidth=0)
    ax.set(xlabel="session", ylabel="share of the first session's spines", ylim=(0, 1.03))
    ax.legend(loc="best", fontsize="small")
    return ax


def change_beside(ax: Axes, changes: dict[str, pd.DataFrame]) -> Axes:
    """Draw the SD of the change of size against size, both over the mean size, of networks and cortices."""
    for number, (name, found) in enumerate(changes.items()):
        mean = np.average(found["size"], weights=found["n"])
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(found["size"] / mean, found["sd"] / mean, color=colour, marker="o", markersize=3, label=name)
    ax.set(xscale="log", yscale="log", xlabel="size / mean size", ylabel="SD of change / mean size")
    ax.legend(loc="best", fontsize="small")
    return ax
