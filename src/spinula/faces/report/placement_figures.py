"""Where a mutant lies among the conditions; and how well such answers can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinula.faces.figures import COLOURS, FAINT, INK
from spinula.presets.compose import NOT_FOR_DIAGNOSIS

_MOST = 8  # candidates that are drawn; the others share one bar
_NAMED = 4  # names of one edit that are written out


def _plain(label: str) -> str:
    names = label.split(" = ")
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} more, see points.csv"]
    return "\n= ".join(names).replace("_", " ")


def placement_figure(table: pd.DataFrame, statistics: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Draw the probabilities of the candidates, and the measured difference beside what the first two predict.

    Parameters
    ----------
    table, statistics : as in ``placement.posterior.Placement``
    names : what each statistic is, for the axis
    """
    figure = Figure(figsize=(11.0, 1.4 + 0.31 * max(len(statistics), 10)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.25))
    _bars(left, table)
    _differences(right, table, statistics, names)
    figure.text(0.5, -0.02, NOT_FOR_DIAGNOSIS, ha="center", va="top", fontsize=9, weight="bold", color="#9a4a00")
    return figure


def _bars(ax: Axes, table: pd.DataFrame) -> None:
    shown = table.head(_MOST)
    labels, values = [_plain(one) for one in shown["label"]], list(shown["probability"])
    if len(table) > _MOST:
        labels.append(f"the other {len(table) - _MOST}")
        values.append(float(table["probability"].iloc[_MOST:].sum()))
    places = np.arange(len(values))
    colours = [COLOURS[1], COLOURS[0], *["#c4c4c4"] * len(values)][: len(values)]
    ax.barh(places, values, color=colours, height=0.72)
    for place, value in zip(places, values, strict=True):
        ax.text(value + 0.015, place, f"{value:.2f}" if value >= 0.005 else "< 0.01", va="center", fontsize=8.5)
    ax.set_yticks(places, labels, fontsize=8.5)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.12), xlabel="probability", title="Which edit explains the difference")


def _differences(ax: Axes, table: pd.DataFrame, statistics: pd.DataFrame, names: Mapping[str, str]) -> None:
    places = np.arange(len(statistics))
    ax.axvline(0.0, color=FAINT, linewidth=1.0)
    for shift, column, colour in ((0.22, "first", COLOURS[1]), (-0.22, "second", COLOURS[0])):
        label = table["label"].iloc[0 if column == "first" else min(1, len(table) - 1)]
        ax.plot(statistics[column] / statistics["sd"], places - shift, "D", color=colour, markersize=4.5,
                label=_plain(label).replace("\n", " "))  # fmt: skip
    measured = (statistics["difference"] / statistics["sd"]).to_numpy()
    ax.errorbar(measured, places, xerr=1.96, fmt="o", color=INK, markersize=5, linewidth=1.2, label="measured, 95 %")
    ax.set_yticks(places, [names.get(one, one) for one in statistics["statistic"]], fontsize=8.5)
    ax.invert_yaxis()
    ax.set(xlabel="mutant minus control, in standard errors", title="The difference, and what two edits predict")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, fontsize=8, handletextpad=0.3)


def reliability_figure(
    bins: pd.DataFrame, answers: pd.DataFrame, sizes: pd.DataFrame, score: Mapping[str, Any]
) -> Figure:
    """Draw how often a candidate of a stated probability was right, and how the score grows with the laboratory.

    Parameters
    ----------
    bins, answers : as ``placement.trial.reliability``, of all candidates and of first answers
    sizes : as rows of ``placement.trial.by_size``
    """
    figure = Figure(figsize=(10.0, 4.3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.2))
    left.plot([0, 1], [0, 1], color=FAINT, linewidth=1.0, linestyle="--", label="calibrated")
    for rows, name, marker, colour, away in (
        (bins, "all candidates", "o", COLOURS[0], (7, -9)), (answers, "first answers", "D", COLOURS[1], (-18, 4)),
    ):  # fmt: skip
        low, high = rows["right"] - rows["low"], rows["high"] - rows["right"]
        left.errorbar(rows["said"], rows["right"], yerr=np.array([low.clip(lower=0), high.clip(lower=0)]), fmt=marker,
                      color=colour, markersize=5, label=f"{name}, 95 %")  # fmt: skip
        for said, share, count in zip(rows["said"], rows["right"], rows["count"], strict=True):
            left.annotate(f"{count}", (said, share), xytext=away, textcoords="offset points", fontsize=7.5,
                          color=colour)  # fmt: skip
    left.set(xlim=(-0.04, 1.12), ylim=(-0.04, 1.04), xlabel="probability that was stated",
             ylabel="share that was right", title="Are the probabilities to be trusted?")  # fmt: skip
    left.set_aspect("equal")
    left.legend(loc="upper left", fontsize=8)
    left.text(0.98, 0.03, f"Brier {score['brier']:.2f}\n(prior alone {score['brier_chance']:.2f})", ha="right",
              fontsize=8, color="#555555", transform=left.transAxes)  # fmt: skip
    for number, (dendrites, here) in enumerate(sizes.groupby("dendrites")):
        for name, style in (("first", "-"), ("second", ":")):
            right.errorbar(
                here["animals"] * (0.97 + 0.06 * number), here[name],
                yerr=[here[name] - here[f"{name}_low"], here[f"{name}_high"] - here[name]],
                fmt="o" + style, color=COLOURS[number], markersize=4, capsize=2, linewidth=1.4,
                label=f"{dendrites} dendrites, {'first' if name == 'first' else 'first two'}",
            )  # fmt: skip
    for level in (0.7, 0.9):
        right.axhline(level, color=FAINT, linewidth=0.8)
    right.set(xlabel="animals per group", ylabel="share of laboratories with the right edit",
              title="How large a laboratory must be", ylim=(0.2, 1.02))  # fmt: skip
    right.set_xscale("log", base=2)
    ticks = sorted(sizes["animals"].unique())
    right.set_xticks(ticks, [str(one) for one in ticks])
    right.legend(loc="lower right", ncols=1)
    figure.text(0.5, -0.02, "Candidates of one laboratory are not independent (one of them is right): the intervals of "
                "all candidates are a guide only. First answers are independent.",
                ha="center", va="top", fontsize=8, color="#555555")  # fmt: skip
    return figure
