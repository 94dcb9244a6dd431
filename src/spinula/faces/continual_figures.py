"""Figures of learning task after task: online accuracy by task, and what is known and forgotten at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spinula.faces.figures import COLOURS, FAINT, INK, style
from spinula.measures.intervals import mean_interval

_NAMES = {
    "spine": "spines, 10 %", "spine_plain": "spines, 10 %", "spine_replay": "spines + replay",
    "static": "fixed connections, 10 %", "static_l2": "fixed, 10 % + L2", "static_replay": "fixed, 10 % + replay",
    "sparse_evolutionary": "SET, 10 %", "deep_r": "DEEP R, 10 %", "dense": "dense", "dense_l2": "dense + L2",
    "dense_cbp": "dense + CBP", "dense_cbp_narrow": "dense, narrow + CBP",
    "spine_same_bytes": "spines, 18 %", "dense_l2_narrow": "dense, narrow + L2",
    "ewc": "dense + EWC", "si": "dense + SI",
    "replay": "dense + replay", "replay_narrow": "dense, narrow + replay",
}  # fmt: skip
_SHOWN = {
    "spine": COLOURS[0], "spine_same_bytes": COLOURS[5], "dense_cbp": COLOURS[1],
    "static_l2": COLOURS[2], "deep_r": COLOURS[3], "dense_l2": COLOURS[4], "dense": FAINT,
}  # fmt: skip


def online_accuracy(ax: Axes, frame: pd.DataFrame, *, smooth: int = 5) -> Axes:
    """Draw the online accuracy by task, a moving mean of ``smooth`` tasks, with the 95 % interval over seeds.

    ``frame`` : of :func:`online_permuted`; methods without a colour of their own are left out.
    """
    ends = []
    for method, colour in _SHOWN.items():
        part = frame[frame["method"] == method].pivot(index="task", columns="seed", values="accuracy")
        if part.empty:
            continue
        shown = 100 * part.rolling(min(smooth, len(part)), center=True, min_periods=1).mean()
        mean = shown.mean(axis=1)
        if shown.shape[1] > 1:
            _, low, high = np.array([mean_interval(row) for row in shown.to_numpy()]).T
            ax.fill_between(mean.index, low, high, color=colour, alpha=0.25, linewidth=0)
        ax.plot(mean.index, mean, color=colour)
        ends.append((float(mean.iloc[-1]), method, colour))
    low, high = ax.get_ylim()
    placed, last = -np.inf, float(frame["task"].max())
    for value, method, colour in sorted(ends):
        placed = max(value, placed + 0.055 * (high - low))  # names must not lie on each other
        ax.annotate(_NAMES[method], (last, value), (last * 1.03, placed), color=colour if colour != FAINT else INK,
                    va="center", fontsize=8, annotation_clip=False)  # fmt: skip
    ax.set(xlabel="task", ylabel="online accuracy [%]", title="Permuted MNIST: able to learn?", xlim=(1, last))
    return ax


def final_bars(ax: Axes, frame: pd.DataFrame, *, column: str, title: str) -> Axes:
    """Draw a column of :func:`split` as bars with 95 % intervals over seeds, in the order of the methods."""
    from spinula.studies.training.continual import summary

    table = summary(frame, [column]).iloc[::-1]
    place = np.arange(len(table))
    colours = [COLOURS[0] if "spine" in name else COLOURS[2] if "static" in name else FAINT for name in table["method"]]
    reach = np.nan_to_num(table["high"] - table["mean"])
    ax.barh(place, table["mean"], color=colours, height=0.7)
    ax.errorbar(table["mean"], place, xerr=reach, fmt="none", ecolor=INK, capsize=2, linewidth=1)
    for y, value, wide in zip(place, table["mean"], reach, strict=True):
        ax.annotate(f"{value:.1f}", (value + wide, y), (3, 0), textcoords="offset points", va="center", fontsize=7)
    # Of the split courses the spines without a suffix are the steady ones.
    names = {**_NAMES, "spine": "spines, steady by size"}
    ax.set_yticks(place, [names[name] for name in table["method"]], fontsize=8)
    ax.set(xlabel=f"{column} [%]", title=title, xlim=(0, 1.15 * (table["mean"] + reach).max()))
    return ax


def draw_continual(path: Path, online: pd.DataFrame, known: pd.DataFrame, unknown: pd.DataFrame) -> Path:
    """Draw the page's figure: online accuracy; forgetting with tasks known, average accuracy with tasks unknown."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(10.5, 5.8), layout="constrained")
        grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1.0))
        online_accuracy(figure.add_subplot(grid[:, 0]), online)
        above, below = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
        final_bars(above, known, column="forgetting", title="Split MNIST, tasks known: forgotten")
        final_bars(below, unknown, column="average", title="Split MNIST, tasks unknown: accuracy")
        figure.savefig(path, dpi=110)
    return path
