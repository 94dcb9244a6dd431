"""Do spines that are stimulated together pay for each other's growth?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spinula.core.errors import OutOfRangeError
from spinula.engines.competition.resources import co_stimulate
from spinula.law.plasticity.resources import ResourceCompetition, stimulation_share

# Distance between neighbours in the published program, in its unit; other counts take that of seven.
_SPACING = {3: 0.19, 7: 0.21, 15: 0.24}


def multi_spine_growth(
    counts: Sequence[int] = (1, 3, 7, 15), *, minutes: Sequence[float] = (2.0, 10.0, 20.0, 30.0, 40.0),
    model: ResourceCompetition | None = None, stretch: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Stimulate rows of spines of different number and return how much each spine grew.

    What the model does with the published illustration: edge spines stay above the middle one, and a spine among
    others grows less than a lone one. Between 7 and 15 spines growth does not fall at 2 min with the published
    distances: the share of a spine depends on its mean distance to the others, which a longer row raises. It falls
    where all spines lie in the same ``stretch``.

    Parameters
    ----------
    counts : sequence of int
        How many spines are stimulated together, evenly spaced.
    minutes : sequence of float, min
    model : ResourceCompetition
        The published illustration, if none is given.
    stretch : float, position units
        From the first to the last spine, the same for all counts; without it, neighbours lie as far apart as in the
        published program (0.19, 0.21 and 0.24 for 3, 7 and 15).

    Returns
    -------
    DataFrame: count, minute, share (of the divided stimulus, mean), growth (mean over spines), edge, middle;
    growth is S - 1, of the first and last spine (edge) and of the middle one or two

    Raises
    ------
    OutOfRangeError
        If a count or the stretch is not positive, or spines lie too close together.

    Source
    ------
    [chater2024]

    Examples
    --------
    >>> table = multi_spine_growth([1, 7], minutes=[2.0])
    >>> bool(table["growth"][1] < table["growth"][0]), bool(table["edge"][1] > table["middle"][1])
    (True, True)
    """
    model = model or ResourceCompetition.illustration()
    if stretch is not None and not 0 < stretch < np.inf:
        raise OutOfRangeError("stretch", stretch, "wanted a positive number")
    rows = []
    for count in counts:
        if count < 1:
            raise OutOfRangeError("count", count, "wanted at least one spine")
        spacing = _SPACING.get(count, _SPACING[7]) if stretch is None else stretch / max(count - 1, 1)
        positions = (np.arange(count) - (count - 1) / 2) * spacing
        seen = co_stimulate(model, positions, minutes=minutes, half_length=max(2.0, float(positions[-1]) + 0.3))
        share = float(stimulation_share(np.abs(positions[:, None] - positions)).mean())
        growth = seen.size - 1
        middle = growth[:, [(count - 1) // 2, count // 2]].mean(axis=1)
        for k, minute in enumerate(seen.minutes):
            edge = growth[k, [0, -1]].mean()
            rows.append((count, float(minute), share, growth[k].mean(), edge, middle[k]))
    return pd.DataFrame(rows, columns=["count", "minute", "share", "growth", "edge", "middle"])
