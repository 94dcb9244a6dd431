"""Figures of a network in training: accuracy, sizes, turnover, where connections are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spinula.faces.figures import COLOURS, FAINT


def learning_curve(ax: Axes, history: pd.DataFrame, *, scored: str) -> Axes:
    """Draw the accuracy of every epoch, on training data and on what was held out."""
    ax.plot(history["epoch"], 100 * history["train_accuracy"], color=FAINT, marker="o", markersize=3, label="training")
    ax.plot(history["epoch"], 100 * history["accuracy"], color=COLOURS[0], marker="o", markersize=4, label=scored)
    ax.set(xlabel="epoch", ylabel="accuracy [%]", title="Accuracy")
    ax.legend(loc="lower right")
    return ax


def turnover_by_epoch(ax: Axes, history: pd.DataFrame) -> Axes:
    """Draw the turnover ratio between the ends of epochs."""
    ax.plot(history["epoch"], history["turnover_ratio"], color=COLOURS[1], marker="o", markersize=4)
    ax.set(xlabel="epoch", ylabel="(lost + gained) / (n1 + n2)", title="Turnover ratio between epochs", ylim=(0, None))
    return ax


def weight_sizes(ax: Axes, weights: list[np.ndarray]) -> Axes:
    """Draw the distribution of sizes (magnitudes) by layer, on a logarithmic axis."""
    for number, values in enumerate(weights):
        sizes = np.abs(values[values != 0])
        if len(sizes) < 2:
            continue
        edges = np.geomspace(np.quantile(sizes, 0.01), sizes.max() * 1.01, 40)
        share = np.histogram(sizes, edges)[0] / len(sizes) / np.diff(np.log(edges))
        ax.stairs(share, edges, color=COLOURS[number % len(COLOURS)], linewidth=1.4, label=f"layer {number + 1}")
    ax.set(xscale="log", xlabel="size of a connection (|weight|)", ylabel="share per unit of log-size", title="Sizes")
    ax.legend(loc="upper left")
    return ax


def connection_map(ax: Axes, cols: np.ndarray, inputs: int) -> Axes:
    """Draw how many connections each input has: as a picture where the inputs are one, else in order."""
    counts, side = np.bincount(cols, minlength=inputs), round(np.sqrt(inputs))
    if side * side == inputs:
        shown = ax.imshow(counts.reshape(side, side), cmap="viridis")
        ax.figure.colorbar(shown, ax=ax, label="connections of an input")
        ax.set(title="Where the first layer looks", xticks=[], yticks=[])
    else:
        ax.plot(counts, color=COLOURS[2], linewidth=0.8)
        ax.set(title="Where the first layer looks", xlabel="input", ylabel="connections")
    return ax
