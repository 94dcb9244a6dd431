"""A film in motion: filaments by their conductance, currents by their size, one frame after each stimulus and pause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure

from spinula.core.files import replacing
from spinula.engines.silver.graph import GapGraph
from spinula.engines.silver.islands import Film
from spinula.faces.figures import COLOURS, style
from spinula.studies.silver.protocol.running import Moment

_PALETTE = ListedColormap(["#15181d", "#4a5058"])  # substrate, silver: dark, so that currents stand out
_FAINTEST = 1e-9  # S: thinner filaments are not drawn
_LEAST = 1e-8  # A: a filament that carries less is drawn grey
_CURRENT = LogNorm(_LEAST, 1e-3)
_FRAMES, _MS = 48, 260


@dataclass
class Reel:
    """The moments of one condition, as ``run_silver`` shows them to ``watch``.

    Parameters
    ----------
    condition : str
        The only one that is kept.
    """

    condition: str
    given: list[str] = field(default_factory=list)
    repetition: list[int] = field(default_factory=list)
    time: list[float] = field(default_factory=list)
    conductance: list[np.ndarray] = field(default_factory=list)
    current: list[np.ndarray] = field(default_factory=list)

    def watch(self, condition: str, moment: Moment) -> None:
        """Keep a moment of the condition."""
        if condition != self.condition:
            return
        self.given.append(moment.given)
        self.repetition.append(moment.repetition)
        self.time.append(moment.device.time)
        self.conductance.append(moment.device.conductance.copy())
        self.current.append(np.abs(moment.device.solve(moment.drives).current))

    def chosen(self) -> list[int]:
        """Return at most 48 moments: the first 24, in which most is learnt, and others evenly spread to the last."""
        first = min(_FRAMES // 2, len(self.time))
        later = np.linspace(first, len(self.time) - 1, min(_FRAMES - first, len(self.time) - first))
        return sorted({*range(first), *(round(place) for place in later)})


def save_movie(path: Path, film: Film, masks: Mapping[str, np.ndarray], graph: GapGraph, reel: Reel) -> None:
    """Write an animated GIF of the film during a condition."""
    from PIL import Image

    frames = []
    with style():
        for place in reel.chosen():
            canvas = FigureCanvasAgg(Figure(figsize=(5.6, 5.4), dpi=90, layout="constrained"))
            _draw(canvas.figure, film, masks, graph, reel, place)
            canvas.draw()
            picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3].copy())
            frames.append(picture.quantize(96, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))
    lasts = [_MS] * (len(frames) - 1) + [4 * _MS]
    with replacing(path) as temporary:
        frames[0].save(temporary, format="GIF", save_all=True, append_images=frames[1:], duration=lasts, loop=0)


def _draw(figure: Any, film: Film, masks: Mapping[str, np.ndarray], graph: GapGraph, reel: Reel, place: int) -> None:
    ax = figure.add_subplot()
    rows, columns = film.silver.shape
    reach = (0.0, columns * film.nm_per_px, rows * film.nm_per_px, 0.0)
    ax.imshow(film.silver, cmap=_PALETTE, extent=reach, interpolation="nearest", vmin=0, vmax=1)
    for number, (name, mask) in enumerate(masks.items()):
        tint = np.zeros((rows, columns, 4))
        tint[mask] = (*mpl.colors.to_rgb(COLOURS[number % len(COLOURS)]), 0.55)
        ax.imshow(tint, extent=reach, interpolation="nearest")
        y, x = (np.argwhere(mask).mean(axis=0) + 0.5) * film.nm_per_px
        ax.text(x, y, name, color="white", fontsize=11, fontweight="bold", ha="center", va="center")
    conductance, current = reel.conductance[place], reel.current[place]
    seen = np.flatnonzero(conductance > _FAINTEST)
    ends = np.stack([graph.position[graph.tail[seen]], graph.position[graph.head[seen]]], axis=1)
    wide = 0.4 + 0.75 * np.log10(conductance[seen] / _FAINTEST)
    carries = current[seen] > _LEAST
    lines = LineCollection(
        list(ends[carries]), cmap="plasma", norm=_CURRENT, linewidths=wide[carries], capstyle="round"
    )
    lines.set_array(current[seen][carries])
    ax.add_collection(LineCollection(list(ends), colors="#8fa9c0", linewidths=wide, capstyle="round"))
    ax.add_collection(lines)
    figure.colorbar(lines, ax=ax, label="current through a filament [A]", shrink=0.8, extend="max")
    given = reel.given[place] or "pause"
    count = f" {reel.repetition[place]}" if reel.given[place] else ""
    ax.set_title(f"{reel.condition}: {given}{count}   t = {reel.time[place]:.4g} s")
    ax.set(xlabel="x [nm]", ylabel="y [nm]", xlim=reach[:2], ylim=reach[2:])
