"""The exam of a condition: each published finding beside what the model gives, with the reason of every miss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spinula.presets.compose import Composition, compose
from spinula.presets.condition import Condition, Finding, condition_names, load_condition
from spinula.studies.disorders.levels import direction, effect, measured

# Rows of the table of findings: condition class, and what was found.
TABLE = {
    1: "fragile X, visual cortex", 2: "fragile X, calcium block and MMP-9 inhibitor", 3: "fragile X, barrel cortex",
    4: "fragile X, motor learning", 5: "fragile X, receptors and spines", 6: "fragile X, first two weeks",
    7: "15q duplication and neuroligin-3", 8: "autism, network theory", 9: "schizophrenia, prefrontal density",
    10: "schizophrenia, auditory cortex", 11: "schizophrenia, three regions", 12: "schizophrenia, extra-large spines",
    13: "calcineurin knock-out", 14: "DISC1, Kalirin-7, Rac1", 15: "DISC1 knock-down and PAK inhibitors",
    16: "22q11 and SETD1A", 17: "psychosis, dips and methamphetamine", 18: "psychosis, D2 receptor and RGS",
    19: "D2 antagonists", 20: "chronic stress by region", 21: "prefrontal stress and ketamine",
    22: "unpredictable stress and NMDA antagonists", 23: "fear, frontal cortex", 24: "fear, auditory cortex",
    25: "acute stress, amygdala", 26: "cocaine", 27: "APPPS1 near plaques", 28: "Down, intellectual disability, OCD",
}  # fmt: skip


# Measures that a lever sets: that they move as published is what the edit says, and no consequence of it.
RESTATED = frozenset({"formation_rate", "dendrite_length", "spared_turnover", "onset_day"})


@dataclass(frozen=True)
class Answer:
    """A finding beside the model.

    Attributes
    ----------
    condition : str
    against, with_ : names of the two compositions that are compared
    base, value : float, the measure in either; NaN if the model has none
    effect : float, relative change (or difference; see ``levels.DIFFERENCES``)
    low, high : the effect over the ranges of the edits, one at a time; NaN where edits are tied to each other
    """

    condition: str
    finding: Finding
    against: str
    with_: str
    base: float
    value: float
    effect: float
    low: float
    high: float

    @property
    def found(self) -> str:
        """The direction that the model gives: up, down, same, or none."""
        return direction(self.effect) if np.isfinite(self.effect) else "none"

    @property
    def agrees(self) -> bool:
        """Whether the direction is the published one."""
        return self.found == self.finding.direction

    @property
    def restates(self) -> bool:
        """Whether the finding is what the edit itself says, rather than something that follows from it."""
        edited = {edit.key for edit in load_condition(self.condition).edits}
        proportional = self.finding.measure == "spine_density" and edited == {"formation.factor"}
        return self.finding.measure in RESTATED or proportional

    @property
    def within(self) -> bool | None:
        """Whether the effect lies in the published interval; None if there is none."""
        change = self.finding.change
        return None if change is None else bool(change[0] <= self.effect <= change[1])

    @property
    def robust(self) -> bool | None:
        """Whether the direction is the same at both ends of every edit's range; None if that was not asked."""
        if not (np.isfinite(self.low) and np.isfinite(self.high)):
            return None
        return direction(self.low) == direction(self.high) == self.found


def sides(condition: Condition, background: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names of what a condition is compared against, and of that with it."""
    from spinula.presets.loader import preset_names

    conditions = [name for name in background if name in condition_names()]
    presets = [name for name in background if name not in conditions and name in preset_names()]
    against = [*(presets or ([condition.base] if condition.base else [])), *conditions] or ["wild_type"]
    return against, [*against, condition.name]


def answer(condition: Condition, finding: Finding, *, ranges: bool = False) -> Answer:
    """Compare a condition with what it is against, on the measure of one finding.

    Parameters
    ----------
    ranges : bool
        Also move each edit of the condition to the ends of its range (twice as many runs as edits).
    """
    against, there = sides(condition, finding.background)
    first, second = compose(against), compose(there)
    base, value = _value(first, finding.measure), _value(second, finding.measure)
    size = effect(finding.measure, base, value)
    low, high = _over_ranges(condition, there, finding.measure, base) if ranges else (np.nan, np.nan)
    return Answer(condition.name, finding, first.name, second.name, base, value, size, low, high)


def _over_ranges(condition: Condition, names: list[str], measure: str, base: float) -> tuple[float, float]:
    if any(edit.how == "derived" for edit in condition.edits):
        return float("nan"), float("nan")  # tied edits do not move one at a time
    others = [(one.name, edit) for one in compose(names).conditions for edit in one.edits if one.name != condition.name]
    found = []
    for number, edit in enumerate(condition.edits):
        for end in edit.range:
            moved = [(condition.name, edit.at(end) if n == number else e) for n, e in enumerate(condition.edits)]
            found.append(effect(measure, base, _value(compose(names, edits=[*others, *moved]), measure)))
    if not np.isfinite(found).any():
        return float("nan"), float("nan")
    return float(np.nanmin(found)), float(np.nanmax(found))


def _value(composition: Composition, measure: str) -> float:
    key = tuple((change.key, change.value) for change in composition.changes)
    return _cached(composition.preset.name, key, measure, _Held(composition))


class _Held:
    """A composition that does not count for the cache: base and changes say it all."""

    def __init__(self, composition: Composition) -> None:
        self.composition = composition

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=4096)
def _cached(base: str, changes: tuple[tuple[str, float], ...], measure: str, held: _Held) -> float:
    return measured(held.composition, [measure]).get(measure, float("nan"))


def findings(row: int | None = None) -> list[tuple[Condition, Finding]]:
    """Return all findings, or those of one row of the table, with their conditions."""
    everything = [(load_condition(name), one) for name in condition_names() for one in load_condition(name).findings]
    return [(condition, one) for condition, one in everything if row is None or one.row == row]


def examine(row: int | None = None, *, ranges: bool = False) -> Iterator[Answer]:
    """Answer all findings, or those of one row, one after the other."""
    for condition, finding in findings(row):
        yield answer(condition, finding, ranges=ranges)
