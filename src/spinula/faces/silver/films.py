"""Figures of a silver film: islands, gaps coloured by distance, electrodes; and how distances and areas are spread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spinula.core.files import replacing
from spinula.engines.silver.graph import GapGraph
from spinula.engines.silver.islands import Film
from spinula.faces.figures import COLOURS, style

_PALETTE = ListedColormap(["#1b1f26", "#aeb4bc"])  # substrate, silver


def draw_film(ax: Axes, film: Film, graph: GapGraph, masks: Mapping[str, np.ndarray]) -> Any:
    """Draw the film, a line for each gap from island to island, and electrodes as tinted areas; return the lines."""
    rows, columns = film.silver.shape
    reach = (0.0, columns * film.nm_per_px, rows * film.nm_per_px, 0.0)
    ax.imshow(film.silver, cmap=_PALETTE, extent=reach, interpolation="nearest", vmin=0, vmax=1)
    ends = np.stack([graph.position[graph.tail], graph.position[graph.head]], axis=1)
    top = float(np.quantile(graph.distance, 0.98)) if graph.gaps else 1.0
    thin = float(np.clip(60 / np.sqrt(max(graph.gaps, 1)), 0.3, 1.6))
    lines = LineCollection(list(ends), cmap="plasma_r", linewidths=thin)
    lines.set_array(graph.distance)
    lines.set_clim(float(graph.distance.min(initial=top)), top)
    ax.add_collection(lines)
    for number, (name, mask) in enumerate(masks.items()):
        colour = mpl.colors.to_rgb(COLOURS[number % len(COLOURS)])
        tint = np.zeros((rows, columns, 4))
        tint[mask] = (*colour, 0.6)
        ax.imshow(tint, extent=reach, interpolation="nearest")
        y, x = (np.argwhere(mask).mean(axis=0) + 0.5) * film.nm_per_px
        if len(masks) > 2:
            ax.text(x, y, name.removeprefix("pad_"), color="white", fontsize=7, ha="center", va="center")
        else:
            ax.plot([], [], marker="s", linestyle="", color=colour, label=f"electrode {name}")
    ax.set(xlabel="x [nm]", ylabel="y [nm]", xlim=reach[:2], ylim=reach[2:])
    ax.set_title(f"{graph.islands} islands, {graph.gaps} gaps")
    if 0 < len(masks) <= 2:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    return lines


def draw_spread(ax: Axes, values: np.ndarray, *, name: str, unit: str) -> Axes:
    """Draw a histogram on a logarithmic axis, with its median."""
    low, high = values.min(), max(values.max(), values.min() * 1.01)
    ax.stairs(*np.histogram(values, np.geomspace(low, high * 1.0001, 31)), fill=True, color=COLOURS[0], alpha=0.6)
    middle = float(np.median(values))
    ax.axvline(middle, color=COLOURS[1], linewidth=1.2)
    ax.set(xscale="log", xlabel=f"{name} [{unit}]", ylabel="number", title=f"{name}, median {middle:.4g} {unit}")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 100 else (1,)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    return ax


def save_film(path: Path, film: Film, graph: GapGraph, masks: Mapping[str, np.ndarray]) -> None:
    """Write the figure of a film and its gap graph."""
    with style():
        figure, axes = plt.subplot_mosaic(
            [["film", "distance"], ["film", "area"]], figsize=(11, 6.4), layout="constrained", width_ratios=[1.7, 1],
        )  # fmt: skip
        lines = draw_film(axes["film"], film, graph, masks)
        figure.colorbar(lines, ax=axes["film"], label="smallest distance across the gap [nm]", shrink=0.8, extend="max")
        draw_spread(axes["distance"], graph.distance, name="distance across a gap", unit="nm")
        draw_spread(axes["area"], graph.area, name="area of an island", unit="nm²")
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=160, bbox_inches="tight")
        plt.close(figure)
