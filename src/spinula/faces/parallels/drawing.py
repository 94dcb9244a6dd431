"""The figure of a parallel: its panels side by side, or what its own module draws."""

from __future__ import annotations

from importlib import import_module

from matplotlib.figure import Figure

from spinula.faces.memory_figures import draw_panel, height
from spinula.studies.parallels.parallel import Judged, Parallel

# Parallels whose figure is drawn by a module of their name in ``figures``.
OWN: frozenset[str] = frozenset({"prior", "refinement"})
_WIDTH = 10.0  # inch, of two panels side by side


def figure_of(parallel: Parallel, found: Judged) -> Figure:
    """Return the figure of a parallel, with its title and its verdict; call it in the house style."""
    if parallel.name in OWN:
        figure = Figure(figsize=(_WIDTH, 7.0), layout="constrained")
        import_module(f"spinula.faces.parallels.figures.{parallel.name}").draw(figure, found)
    else:
        figure = _panels(found)
    figure.suptitle(
        f"{parallel.title}.  Useful for AI: {found.useful}", fontsize=11.5, x=0.01, ha="left", weight="bold"
    )
    return figure


def _panels(found: Judged) -> Figure:
    """Draw panels two by two; the rows are as high as their taller panel needs."""
    pairs = [found.panels[at : at + 2] for at in range(0, len(found.panels), 2)]
    heights = [max(height(panel) for panel in pair) + 0.15 for pair in pairs]
    figure = Figure(figsize=(_WIDTH, sum(heights) + 0.4), layout="constrained")
    rows = figure.subfigures(len(pairs), 1, height_ratios=heights, squeeze=False)[:, 0]
    for row, pair in zip(rows, pairs, strict=True):
        for place, panel in zip(row.subfigures(1, 2, squeeze=False)[0], pair, strict=False):
            draw_panel(place.add_subplot(), panel)
    return figure
