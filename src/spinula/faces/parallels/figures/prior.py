"""Regularisation paths side by side, the shapes of the penalties, and the errors they lead to."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spinula.faces.figures import COLOURS, FAINT, INK
from spinula.faces.memory_figures import draw_panel
from spinula.studies.memory.study import Panel
from spinula.studies.parallels.parallel import Judged


def draw(figure: Figure, found: Judged) -> None:
    """Draw the paths above, shapes and errors below."""
    paths, (shapes, errors) = found.panels[:-2], found.panels[-2:]
    above, below = figure.subfigures(2, 1, height_ratios=(3.0, 4.2))
    axes = above.subplots(1, len(paths), sharey=True)
    for ax, panel in zip(axes, paths, strict=True):
        _path(ax, panel)
    axes[0].set_ylabel("weight")
    handles = [axes[0].plot([], [], color=colour)[0] for colour in (COLOURS[1], FAINT)]
    above.legend(handles, ["weight that counts", "weight that is 0 in truth"], loc="outside lower center", ncols=2)
    left, right = below.subfigures(1, 2)
    draw_panel(left.add_subplot(), shapes)
    draw_panel(right.add_subplot(), errors)


def _path(ax: Axes, panel: Panel) -> None:
    for label, part in panel.curves.groupby("label", sort=False):
        counts = str(label).startswith("counts")
        ax.plot(part["x"], part["value"], color=COLOURS[1] if counts else FAINT, linewidth=1.3 if counts else 0.6,
                zorder=3 if counts else 2)  # fmt: skip
    ax.axhline(0.0, color=INK, linewidth=0.5)
    ax.set(xscale="log", xlabel="strength", title=panel.title)
