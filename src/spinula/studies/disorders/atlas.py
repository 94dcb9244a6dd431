"""The atlas: every condition against its base on every measure, and whether a paper says the same.

A cell agrees with its paper, contradicts it, or has no data: a number without a finding is a prediction and is marked
as such. A model for research, not for diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.presets.compose import compose
from spinula.presets.condition import Condition, condition_names, load_condition
from spinula.studies.disorders.exam import Answer, answer, sides
from spinula.studies.disorders.imaging import SEEN, Laboratory, animals, contrast, expected
from spinula.studies.disorders.levels import MEASURES, effect, level_of, measured, spread

Verdict = Literal["agrees", "contradicts", "no data"]
_EXACT = (np.nan, np.nan)
_ORDER = ("disorder", "treatment", "age")


@dataclass(frozen=True)
class Cell:
    """One measure of one condition.

    Attributes
    ----------
    effect : float, relative change or difference against the base; NaN where the base has no such measure
    answers : what papers say of it, beside the model
    low, high : float, 95 % of the effect over networks or animals; NaN where the measure is exact for the model
    """

    measure: str
    base: float
    value: float
    effect: float
    answers: tuple[Answer, ...] = ()
    low: float = float("nan")
    high: float = float("nan")

    @property
    def verdict(self) -> Verdict:
        """Whether the papers say the same; one that does not is a contradiction."""
        if not self.answers:
            return "no data"
        return "agrees" if all(one.agrees for one in self.answers) else "contradicts"

    @property
    def assumed(self) -> bool:
        """Whether every finding here is from memory."""
        return bool(self.answers) and all(one.finding.how == "assumed" for one in self.answers)


@dataclass(frozen=True)
class Entry:
    """One condition against one background: a line of the atlas.

    Attributes
    ----------
    needed : DataFrame of :func:`imaging.contrast`, or None where the base cannot be imaged so
    """

    condition: Condition
    background: tuple[str, ...]
    against: str
    cells: dict[str, Cell]
    needed: pd.DataFrame | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """The condition, and on what background."""
        return self.condition.name + (f"  (in {', '.join(self.background)})" if self.background else "")


def lines(names: Sequence[str] | None = None) -> list[tuple[Condition, tuple[str, ...]]]:
    """Return the lines of the atlas: each condition once for every background that its papers use.

    Raises
    ------
    UnknownNameError
        If there is no such condition.
    """
    conditions = [load_condition(name) for name in names or condition_names()]
    conditions.sort(key=lambda one: _ORDER.index(one.about.kind))
    found = []
    for condition in conditions:
        backgrounds = list(dict.fromkeys(tuple(one.background) for one in condition.findings)) or [()]
        found += [(condition, background) for background in backgrounds]
    return found


def atlas(
    names: Sequence[str] | None = None, *, seed: int = 1, laboratory: Laboratory | None = None, ranges: bool = False
) -> Iterator[Entry]:
    """Run the conditions one after the other and yield each line as it comes.

    Parameters
    ----------
    laboratory : Laboratory or None
        With one, each condition that has a density of sizes is imaged, and the animals needed are told.
    ranges : bool
        Also move the edits to the ends of their ranges, for an interval at every finding.
    """
    bases: dict[str, dict[str, float]] = {}
    groups: dict[str, pd.DataFrame] = {}
    for condition, background in lines(names):
        against, there = sides(condition, background)
        first, second = compose(against), compose(there)
        if first.name not in bases:
            bases[first.name] = measured(first)
        base, value = bases[first.name], measured(second)
        told = [one for one in condition.findings if tuple(one.background) == background]
        answers = [answer(condition, one, ranges=ranges) for one in told]
        cells, seeds = {}, spread(first, second)
        for measure in MEASURES:
            mine = tuple(one for one in answers if one.finding.measure == measure)
            before, after = base.get(measure, np.nan), value.get(measure, np.nan)
            cells[measure] = Cell(
                measure, before, after, effect(measure, before, after), mine, *seeds.get(measure, _EXACT)[-2:]
            )
        needed = None
        if laboratory is not None and first.mechanisms.activity is None:
            if first.name not in groups:
                groups[first.name] = animals(first, laboratory, seed=Streams(seed).child(first.name).seed)
            group = animals(second, laboratory, seed=Streams(seed).child(second.name).seed)
            needed = contrast(groups[first.name], group, (expected(first, laboratory), expected(second, laboratory)))
        yield Entry(condition, background, first.name, cells, needed)


def table(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return the atlas as a table, one row per cell that has a number or a finding.

    Returns
    -------
    DataFrame
        condition, kind, background, against, level, measure, base, value, effect, seeds_low, seeds_high (95 % over
        networks or animals), low, high (over the edit's range), published (direction, or ""), found, verdict, how (of
        the finding), restated (what the edit itself says), source, reason, needed
    """
    rows = []
    for entry in entries:
        seen = {} if entry.needed is None else entry.needed.set_index("measure")["needed"].to_dict()
        for cell in entry.cells.values():
            if not np.isfinite(cell.effect) and not cell.answers:
                continue
            for one in cell.answers or (None,):
                verdict = "no data" if one is None else "agrees" if one.agrees else "contradicts"
                rows.append(
                    {
                        "condition": entry.condition.name, "kind": entry.condition.about.kind,
                        "background": "+".join(entry.background), "against": entry.against,
                        "level": level_of(cell.measure), "measure": cell.measure, "base": cell.base,
                        "value": cell.value, "effect": cell.effect,
                        "seeds_low": cell.low, "seeds_high": cell.high,
                        "low": one.low if one else np.nan, "high": one.high if one else np.nan,
                        "published": one.finding.direction if one else "", "found": one.found if one else "",
                        "verdict": verdict, "how": one.finding.how if one else "",
                        "restated": one.restates if one else False, "source": one.finding.source if one else "",
                        "reason": one.finding.reason if one and not one.agrees else "",
                        "needed": seen.get(cell.measure, np.nan),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def count(answers: Sequence[Answer]) -> dict[str, int]:
    """Return how many findings are reproduced, how many of those restate the edit, and how many are missed."""
    agreed = [one for one in answers if one.agrees]
    return {
        "findings": len(answers), "reproduced": len(agreed), "restated": sum(one.restates for one in agreed),
        "assumed": sum(one.finding.how == "assumed" for one in agreed), "missed": len(answers) - len(agreed),
    }  # fmt: skip


def answers_of(entries: Sequence[Entry]) -> list[Answer]:
    """Return all answers of the lines."""
    return [one for entry in entries for cell in entry.cells.values() for one in cell.answers]


__all__ = ["SEEN", "Cell", "Entry", "answers_of", "atlas", "count", "lines", "table"]
