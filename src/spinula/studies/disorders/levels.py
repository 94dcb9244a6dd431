"""All levels of a condition in one dict, and what the names of the measures mean.

A level is a module with ``MEASURES`` (name to what it is) and ``measured(composition, wanted) -> dict``; it joins by an
entry in ``LEVELS``. One whose measures come from networks or animals with seeds also has ``series``, which gives one
number per seed: the same seeds draw the same numbers under every condition, so that effects have intervals.
"""

from __future__ import annotations

from collections.abc import Collection
from types import ModuleType

import numpy as np

from spinula.core.errors import UnknownNameError
from spinula.measures.intervals import mean_interval
from spinula.presets.compose import Composition
from spinula.studies.disorders import courses, dendrite, population
from spinula.studies.disorders.circuit import network, striatum, training

LEVELS: dict[str, ModuleType] = {
    "population": population, "dendrite": dendrite, "circuit": network, "striatum": striatum, "training": training,
    "course": courses,
}  # fmt: skip
MEASURES: dict[str, str] = {name: what for level in LEVELS.values() for name, what in level.MEASURES.items()}
# Shares, days and responses whose base may be 0: their effect is a difference, not a ratio.
DIFFERENCES = frozenset(
    {
        "branch_difference", "onset_day", "recovered_spines", "behaviour_fast", "behaviour_late",
        "new_spine_clustering", "dip_response", "generalisation", "discrimination", "recall", "working_memory",
        "firing", "supralinear_firing", "trained_accuracy",
    }
)  # fmt: skip
Interval = tuple[float, float, float]
SAME = 0.03  # an effect below this counts as none: a choice, larger than any rounding, smaller than any paper resolves


def level_of(measure: str) -> str:
    """Return the level that a measure belongs to (the first, where two have it).

    Raises
    ------
    UnknownNameError
        If there is no such measure.
    """
    for name, level in LEVELS.items():
        if measure in level.MEASURES:
            return name
    raise UnknownNameError("measure of a condition", measure, MEASURES)


def measured(composition: Composition, wanted: Collection[str] | None = None) -> dict[str, float]:
    """Return the measures of a composition at all levels: those that are wanted, or all."""
    found: dict[str, float] = {}
    for name in wanted or ():
        level_of(name)
    for level in LEVELS.values():
        found |= level.measured(composition, wanted)
    return found


def effect(measure: str, base: float, value: float) -> float:
    """Return the effect on a measure: value/base - 1, or value - base where the base may be 0.

    Examples
    --------
    >>> round(effect("turnover_ratio", 0.05, 0.06), 3), round(effect("behaviour_late", 0.0, 0.4), 3)
    (0.2, 0.4)
    """
    if measure in DIFFERENCES:
        return value - base
    return value / base - 1.0 if base else float("nan")


def spread(first: Composition, second: Composition, wanted: Collection[str] | None = None) -> dict[str, Interval]:
    """Return the effect of the second against the first on every measure that has seeds, with its interval over them.

    Returns
    -------
    dict of measure to (effect, low, high): 95 % by Student's t of the paired differences within networks or animals;
    measures that are ratios are taken as log-ratios, and given back as effects

    Source
    ------
    Paired differences: the same seeds draw the same random numbers on both sides.
    """
    found: dict[str, Interval] = {}
    for level in LEVELS.values():
        if not hasattr(level, "series"):
            continue
        before, after = (level.series(one, wanted) for one in (first, second))
        for name in before.keys() & after.keys():
            one, other = before[name], after[name]
            if name in DIFFERENCES:
                found[name] = mean_interval(other - one)
            elif (one > 0).all() and (other > 0).all():
                middle, low, high = np.expm1(mean_interval(np.log(other / one)))
                found[name] = float(middle), float(low), float(high)
    return found


def direction(size: float) -> str:
    """Return up, down or same for an effect.

    Examples
    --------
    >>> [direction(size) for size in (0.2, -0.2, 0.01)]
    ['up', 'down', 'same']
    """
    return "same" if abs(size) < SAME else "up" if size > 0 else "down"
