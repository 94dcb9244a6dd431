"""Figures of a network in training: accuracy, loss, sizes, turnover, where connections are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spinula.faces.figures import COLOURS, FAINT


def _epochs(ax: Axes, history: pd.DataFrame) -> None:
    ax.set_xlabel("epoch")
    ax.set_xlim(history["epoch"].min() - 0.5, history["epoch"].max() + 0.5)
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def learning_curve(ax: Axes, history: pd.DataFrame, *, scored: str) -> Axes:
    """Draw the accuracy of every epoch, on training data and on what was held out."""
    ax.plot(history["epoch"], 100 * history["train_accuracy"], color=FAINT, marker="o", markersize=3, label="training")
    ax.plot(history["epoch"], 100 * history["accuracy"], color=COLOURS[0], marker="o", markersize=4, label=scored)
    ax.set(ylabel="accuracy [%]", title="Accuracy")
    _epochs(ax, history)
    ax.legend(loc="lower right")
    return ax


def loss_curve(
    ax: Axes, history: pd.DataFrame, *, scored: str, unit: str = "nat", entropy: float | None = None
) -> Axes:
    """Draw the loss of every epoch in nat or in bit, and the entropy of single characters where there is one."""
    scale = 1.0 / np.log(2) if unit == "bit" else 1.0
    ax.plot(history["epoch"], scale * history["loss"], color=FAINT, marker="o", markersize=3, label="training")
    if "held_out_loss" in history:
        ax.plot(history["epoch"], scale * history["held_out_loss"], color=COLOURS[0], marker="o", markersize=4,
                label=scored)  # fmt: skip
    if entropy is not None:
        ax.axhline(entropy, color=COLOURS[3], linestyle="--", linewidth=1.2, label="frequencies of characters alone")
    ax.set(ylabel=f"loss [{unit}{' per character' if unit == 'bit' else ''}]", title="Loss", ylim=(0, None))
    _epochs(ax, history)
    ax.legend(loc="best")
    return ax


def turnover_by_epoch(ax: Axes, history: pd.DataFrame) -> Axes:
    """Draw the turnover ratio between the ends of epochs."""
    ax.plot(history["epoch"], history["turnover_ratio"], color=COLOURS[1], marker="o", markersize=4)
    ax.set(ylabel="(lost + gained) / (n1 + n2)", title="Turnover ratio between epochs", ylim=(0, None))
    _epochs(ax, history)
    return ax


def births_and_deaths(ax: Axes, history: pd.DataFrame) -> Axes:
    """Draw how many spines formed (above) and were eliminated (below) in every epoch, as shares of all there are."""
    total = history["connections"]
    ax.bar(history["epoch"], history["formed"] / total, color=COLOURS[2], width=0.7, label="formed")
    ax.bar(history["epoch"], -history["eliminated"] / total, color=COLOURS[1], width=0.7, label="eliminated")
    ax.axhline(0, color="#666666", linewidth=0.8)
    ax.set(ylabel="events per connection in an epoch", title="Formed and eliminated")
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    _epochs(ax, history)
    ax.set_ylim(top=ax.get_ylim()[1] * 1.3)  # room for the legend
    ax.legend(loc="upper left", ncols=2)
    return ax


def size_by_epoch(ax: Axes, history: pd.DataFrame) -> Axes:
    """Draw the middle 90 % of sizes at the end of every epoch, and the sizes of those that came and went."""
    band = {"color": COLOURS[0], "alpha": 0.15, "linewidth": 0, "label": "5 to 95 % of all"}
    ax.fill_between(history["epoch"], history["size_low"], history["size_high"], **band)
    ax.plot(history["epoch"], history["size_median"], color=COLOURS[0], label="median of all")
    for column, colour, label in (("size_formed", COLOURS[2], "new at its end"),
                                  ("size_eliminated", COLOURS[1], "gone by its end, before")):  # fmt: skip
        known = history[history[column].notna()]
        if len(known):
            ax.plot(known["epoch"], known[column].astype(float), color=colour, marker="o", markersize=3.5, linewidth=1,
                    label=f"median of those {label}")  # fmt: skip
    ax.set(yscale="log", ylabel="size of a connection (|weight|)", title="Sizes by epoch")
    _epochs(ax, history)
    ax.set_ylim(top=ax.get_ylim()[1] * 8)  # room for the legend
    ax.legend(loc="upper left", ncols=2)
    return ax


def weight_sizes(ax: Axes, weights: dict[str, np.ndarray], *, size_new: float | None = None) -> Axes:
    """Draw the distribution of sizes (magnitudes) by layer, on a logarithmic axis; ``size_new`` is marked."""
    for number, (name, values) in enumerate(weights.items()):
        sizes = np.abs(values[values != 0])
        if len(sizes) < 2:
            continue
        edges = np.geomspace(np.quantile(sizes, 0.01), sizes.max() * 1.01, 40)
        share = np.histogram(sizes, edges)[0] / len(sizes) / np.diff(np.log(edges))
        colour, line = COLOURS[number % len(COLOURS)], ("-", "--", ":")[number // len(COLOURS) % 3]
        ax.stairs(share, edges, color=colour, linestyle=line, linewidth=1.3, label=name)
    if size_new is not None:
        ax.axvline(size_new, color=FAINT, linestyle="--", linewidth=1, label="a new spine, at first")
    ax.set(xscale="log", xlabel="size of a connection (|weight|)", ylabel="share per unit of log-size", title="Sizes")
    ax.set_ylim(top=ax.get_ylim()[1] * (1.3 if len(weights) < 6 else 1.5))  # room for the legend
    ax.legend(loc="upper left", ncols=2, fontsize=8 if len(weights) < 6 else 6.5)
    return ax


def connection_map(ax: Axes, cols: np.ndarray, inputs: int, *, name: str, picture: tuple | None) -> Axes:
    """Draw how many connections each input of a layer has.

    ``picture``: the inputs are (channels, rows, columns) of a picture, and channels are summed; None: they are drawn
    in order.
    """
    counts = np.bincount(cols, minlength=inputs)
    if picture is not None:
        shown = ax.imshow(counts.reshape(picture).sum(axis=0), cmap="viridis", vmin=0)
        ax.figure.colorbar(
            shown, ax=ax, label="connections of an input" if picture[0] == 1 else "connections at a place"
        )
        ax.set(title=f"Where {name} looks", xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    else:
        ax.bar(np.arange(inputs), counts, color=COLOURS[2], width=1.0)
        ax.set(title=f"Where {name} looks", xlabel="input", ylabel="connections", xlim=(-0.5, inputs - 0.5))
    return ax
