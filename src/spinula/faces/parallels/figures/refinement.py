"""Confusion matrices before and after refinement, beside what cues predict and how the refinement goes."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spinula.faces.memory_figures import draw_panel
from spinula.studies.parallels.pairs.refinement import CONFUSION
from spinula.studies.parallels.parallel import Judged


def draw(figure: Figure, found: Judged) -> None:
    """Draw panels above, and below them a row of confusion matrices before and one after."""
    above, below = figure.subfigures(2, 1, height_ratios=(2.0, 1.0))
    for place, panel in zip(above.subfigures(1, 2), found.panels[:2], strict=True):
        draw_panel(place.add_subplot(), panel)
    answered = found.panels[2].curves.set_index(["label", "x"])["value"]
    axes = below.subplots(1, 2 * len(CONFUSION))
    for place, kind in enumerate(CONFUSION):
        for late, when in enumerate(("before", "after")):
            ax = axes[2 * place + late]
            share = np.array([answered[f"{kind}, {when}", cue] for cue in ("rewarded", "unrewarded")])
            table = np.stack([share, 100.0 - share], axis=1)
            ax.imshow(table, cmap="Blues", vmin=0, vmax=130)
            for (row, column), value in np.ndenumerate(table):
                colour = "white" if value > 65 else "black"
                ax.text(column, row, f"{value:.0f} %", ha="center", va="center", fontsize=8, color=colour)
            ax.set_xticks([0, 1], ["answered", "not"], fontsize=7)
            first = place == late == 0
            ax.set_yticks([0, 1], ["rewarded", "unrewarded"] if first else [], fontsize=8)
            ax.set_title(f"{kind.replace('candidates, then mined rejects', 'two networks')},\n{when}", fontsize=8.5)
            ax.tick_params(length=0)
