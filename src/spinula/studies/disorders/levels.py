"""All levels of a condition in one dict, and what the names of the measures mean.

A further level (circuit, striatum, a trained network) is a module with ``MEASURES`` (name to what it is) and
``measured(composition, wanted) -> dict``; it joins by an entry in ``LEVELS``.
"""

from __future__ import annotations

from collections.abc import Collection
from types import ModuleType

from spinula.core.errors import UnknownNameError
from spinula.presets.compose import Composition
from spinula.studies.disorders import courses, dendrite, population

LEVELS: dict[str, ModuleType] = {"population": population, "dendrite": dendrite, "course": courses}
MEASURES: dict[str, str] = {name: what for level in LEVELS.values() for name, what in level.MEASURES.items()}
# Shares, days and responses whose base may be 0: their effect is a difference, not a ratio.
DIFFERENCES = frozenset(
    {
        "branch_difference", "onset_day", "recovered_spines", "behaviour_fast", "behaviour_late",
        "new_spine_clustering", "dip_response",
    }
)  # fmt: skip
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


def direction(size: float) -> str:
    """Return up, down or same for an effect.

    Examples
    --------
    >>> [direction(size) for size in (0.2, -0.2, 0.01)]
    ['up', 'down', 'same']
    """
    return "same" if abs(size) < SAME else "up" if size > 0 else "down"
