"""Courses in time: dendrites near a plaque, and stress followed by ketamine; density by density, without Monte Carlo.

Spines are formed at a rate and do not interact, so that a course is a chain of relaxations of one density, and a pulse
of formation is a cohort of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np
import pandas as pd

from spinula.engines.density import Density
from spinula.presets.compose import Composition, compose
from spinula.studies.disorders.model import base_formation, rated

STRESS_DAYS = 21.0  # of unpredictable stress, as in the paper on ketamine and Ro 25-6981
FAST_HOURS, LATE_DAYS = 3.0, 7.0  # when behaviour is looked at after the drug. A choice.
_STEPS = 60

MEASURES = {
    "onset_day": "days from cause to loss",
    "recovered_spines": "share of lost spines back after 1 day",
    "behaviour_fast": "behaviour mended after 3 h",
    "behaviour_late": "behaviour mended after 7 days",
}


def measured(composition: Composition, wanted: Collection[str] | None = None) -> dict[str, float]:
    """Return what the courses of a composition say, only of those that it has: all, or those that are wanted."""
    elimination, found = composition.levers.elimination, {}
    asked = set(MEASURES) if wanted is None else set(MEASURES) & set(wanted)
    if not asked or composition.dynamics.boundary is None or composition.mechanisms.activity is not None:
        return {}
    if "onset_day" in asked:
        # Without a cause nothing has an onset; 0 stands for an effect that is there from the start.
        found["onset_day"] = onset(plaque(composition)) if elimination.onset > 0 else 0.0
    if elimination.rate > 0 and elimination.branches < 1.0 and asked - {"onset_day"}:
        course = ketamine(composition)
        day = course["day"].to_numpy()
        found["recovered_spines"] = float(np.interp(1.0, day, course["recovered"]))
        found["behaviour_fast"] = float(np.interp(FAST_HOURS / 24.0, day, course["behaviour"]))
        found["behaviour_late"] = float(np.interp(LATE_DAYS, day, course["behaviour"]))
    return found


def plaque(
    composition: Composition, *, distance_um: float = 0.0, days: float = 112.0, every: float = 7.0
) -> pd.DataFrame:
    """Follow a dendrite at a distance from a plaque that is born on day 0.

    elimination(distance) = rate*exp(-distance/reach) from the onset on, beside that by the threshold

    Returns
    -------
    DataFrame, one row per session
        day, density (1/um), and of the interval before it: formed (1/(um day)), eliminated (share per day)
    """
    lever = composition.levers.elimination
    near = np.exp(-distance_um / lever.reach) if lever.reach > 0 else 1.0
    formed = base_formation(composition.preset.name) * composition.levers.formation.factor
    dynamics = rated(composition.dynamics, formed)
    before = Density(dynamics)
    after = Density(dynamics, killing=lambda sizes: np.full(len(sizes), lever.rate * near))
    _, shares = before.stationary()
    mass = shares * formed / before.turnover_rate()
    rows = [(0.0, float(mass.sum()), np.nan, np.nan)]
    for start, end in pairwise(np.arange(0.0, days + 1e-9, every)):
        first = mass.sum()
        for density, span in ((before, min(end, lever.onset) - start), (after, end - max(start, lever.onset))):
            if span > 0:
                mass = density.relax(mass, float(span), steps=_STEPS)
        lost = first + formed * every - mass.sum()
        rows.append((float(end), float(mass.sum()), formed, float(lost / (0.5 * (first + mass.sum())) / every)))
    return pd.DataFrame(rows, columns=["day", "density", "formed", "eliminated"])


def onset(course: pd.DataFrame, *, excess: float = 1.1) -> float:
    """Return the day before the first interval whose elimination exceeds that of the first one by a tenth; or NaN."""
    rate = course["eliminated"].to_numpy()
    late = np.flatnonzero(rate[1:] > excess * rate[1])
    return float(course["day"].iloc[late[0]]) if len(late) else float("nan")


def ketamine(composition: Composition, *, days: float = 14.0, spines: bool = True) -> pd.DataFrame:
    """Follow spines and behaviour after three weeks of stress that end on day 0, when the drug is given.

    behaviour = fast(t) + (1 - fast(t))*recovered(t),  fast(t) = fast*exp(-t/fast_days)
    recovered = spines of the pulse at former sites that are still there, over those lost

    Parameters
    ----------
    spines : bool
        Whether the pulse of formation happens; without it only the fast part is left.

    Returns
    -------
    DataFrame: day, density (1/um, all spines), recovered (1), fast (1), behaviour (1: no deficit)

    Source
    ------
    [modasava2019]: behaviour is mended before spines are, and stays mended only with them. The form is a design.
    """
    levers, base = composition.levers, compose(composition.preset.name)
    usual = base_formation(composition.preset.name)
    own = Density(rated(base.dynamics, usual))
    _, shares = own.stationary()
    rest = shares * usual / own.turnover_rate()
    stressed = _stressed(composition, rest)
    lost = float(rest.sum() - stressed.sum())
    times = np.unique(np.concatenate([np.arange(0.0, 1.0, 1 / 24), np.arange(1.0, days + 1e-9, 0.5)]))
    pulse = levers.formation.pulse if spines else 0.0
    forming = Density(rated(base.dynamics, usual * pulse))
    fading = Density(rated(base.dynamics, 0.0))
    end, cohort, rows = levers.formation.pulse_days, np.zeros_like(rest), []
    background = stressed
    for start, now in pairwise([0.0, *times]):
        if now > start:
            for density, span in ((forming, min(now, end) - start), (fading, now - max(start, end))):
                if span > 0:
                    cohort = density.relax(cohort, float(span), steps=10)
            background = own.relax(background, float(now - start), steps=10)
        recovered = min(levers.formation.former_sites * float(cohort.sum()) / lost, 1.0) if lost > 0 else 0.0
        fast = levers.behaviour.fast * float(np.exp(-now / levers.behaviour.fast_days))
        total = float(background.sum() + cohort.sum())
        rows.append((now, total, recovered, fast, fast + (1.0 - fast) * recovered))
    return pd.DataFrame(rows, columns=["day", "density", "recovered", "fast", "behaviour"])


def _stressed(composition: Composition, rest: np.ndarray) -> np.ndarray:
    """Return the density after the weeks of stress: branches that are hit, and branches that are not."""
    levers = composition.levers
    usual = base_formation(composition.preset.name)
    dynamics = rated(composition.dynamics, usual * levers.formation.factor)
    hit = Density(dynamics, killing=lambda sizes: np.full(len(sizes), levers.elimination.rate))
    share = levers.elimination.branches
    after = [density.relax(rest, STRESS_DAYS, steps=_STEPS) for density in (hit, Density(dynamics))]
    return share * after[0] + (1.0 - share) * after[1]


def half_time(course: pd.DataFrame, column: str) -> float:
    """Return the day on which a column first reaches half of its largest value; NaN if it never leaves 0."""
    values = course[column].to_numpy()
    if values.max() <= 0:
        return float("nan")
    return float(course["day"].iloc[int(np.argmax(values >= 0.5 * values.max()))])
