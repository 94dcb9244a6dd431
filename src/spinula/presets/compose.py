"""Compose a base, disorders, drugs and an age into one model, and check that they fit together.

    composed = compose("fragile_x+mmp9_inhibitor")
    composed.dynamics, composed.mechanisms, composed.levers      what runs
    composed.changes                                             every number that moved, by whom, and from where

Values are set first, then factors multiply, then treatments restore; so the order of the names does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from spinula.core.errors import ConfigError, InvalidInputError, UnknownNameError
from spinula.core.quantity import unit_of
from spinula.law import Dynamics
from spinula.law.mechanisms import Mechanisms
from spinula.presets.condition import Condition, Edit, condition_names, load_condition
from spinula.presets.levers import LEVERS, Levers, is_lever
from spinula.presets.loader import Preset, load_preset, preset_names

WILD_TYPE = "wild_type"  # what is left when every condition is taken away: the base
BASE = "neocortex_adult"
NOT_FOR_DIAGNOSIS = "A model for research: it describes no patient, and nothing it says is fit for diagnosis."


@dataclass(frozen=True)
class Change:
    """One number that differs from the base.

    Attributes
    ----------
    key, unit : str
    base, value : float
    edits : (condition, edit) pairs that made it
    beyond : bool, whether it left the range that the base states for it
    """

    key: str
    unit: str
    base: float
    value: float
    edits: tuple[tuple[str, Edit], ...]
    beyond: bool


@dataclass(frozen=True)
class Composition:
    """A base with conditions: what runs, and what was changed.

    Attributes
    ----------
    name : str, such as neocortex_adult+fragile_x+mmp9_inhibitor
    preset : Preset, the base
    conditions : the conditions, disorders first, then treatments, then ages
    """

    name: str
    preset: Preset
    conditions: tuple[Condition, ...]
    dynamics: Dynamics
    mechanisms: Mechanisms
    levers: Levers
    changes: tuple[Change, ...]

    @property
    def assumed(self) -> list[str]:
        """The changed numbers that rest on memory or design."""
        return [change.key for change in self.changes if any(edit.how == "assumed" for _, edit in change.edits)]

    @property
    def sources(self) -> list[str]:
        """The keys of all papers of the base and of the conditions."""
        return sorted({*self.preset.sources, *(key for one in self.conditions for key in one.sources)})


def compose(names: str | Sequence[str], *, edits: Sequence[tuple[str, Edit]] | None = None) -> Composition:
    """Compose a base and conditions.

    Parameters
    ----------
    names : str or list of str
        Names, or one text with ``+`` between them. A preset among them is the base; without one the disorder's own
        base is taken, or the adult neocortex. ``wild_type`` stands for no condition.
    edits : (condition, edit) pairs, optional
        In place of the conditions' own, such as the ends of their ranges.

    Raises
    ------
    UnknownNameError
        If a name is neither a preset nor a condition.
    InvalidInputError
        If conditions contradict each other, have different bases, or edit what the base does not have.
    ConfigError
        If a number leaves its bounds.

    Examples
    --------
    >>> compose("fragile_x").dynamics.law.noise_slope, compose("fragile_x+mmp9_inhibitor").dynamics.law.noise_slope
    (0.25, 0.2)
    >>> compose("mmp9_inhibitor+fragile_x").name
    'neocortex_adult+fragile_x+mmp9_inhibitor'
    """
    base, conditions = _parts(names)
    preset = load_preset(base)
    _check_company(conditions)
    pairs = list(edits) if edits is not None else [(one.name, edit) for one in conditions for edit in one.edits]
    data = _numbers(preset)
    changes = []
    for key in dict.fromkeys(edit.key for _, edit in pairs):
        mine = tuple((name, edit) for name, edit in pairs if edit.key == key)
        before = _read(data, key, preset)
        after = _applied(before, mine, key)
        stated = preset.quantities[key].range if key in preset.quantities else None
        beyond = stated is not None and not stated[0] <= after <= stated[1]
        # Edits that undo each other are told too.
        if after != before or len(mine) > 1:
            changes.append(Change(key, _unit(key, data), before, after, mine, beyond))
    for change in changes:
        table, _, field = change.key.partition(".")
        part = "levers" if is_lever(change.key) else "parts"
        data[part][table] = {**data[part][table], field: change.value}
    name = "+".join([base, *(one.name for one in conditions)])
    dynamics, mechanisms, levers = _built(data, name)
    return Composition(name, preset, tuple(conditions), dynamics, mechanisms, levers, tuple(changes))


def is_composition(name: str) -> bool:
    """Tell whether a name is one of conditions rather than of a preset.

    Examples
    --------
    >>> is_composition("fragile_x"), is_composition("fragile_x+mmp9_inhibitor"), is_composition("chronic_stress")
    (False, True, False)
    """
    return "+" in name or (name in [*condition_names(), WILD_TYPE] and name not in preset_names())


def _parts(names: str | Sequence[str]) -> tuple[str, list[Condition]]:
    """Return the base and the conditions of a list of names, in one order whatever that of the names."""
    given = [one.strip() for one in (names.split("+") if isinstance(names, str) else names)]
    given = [one for one in given if one != WILD_TYPE]
    known = condition_names()
    bases = [one for one in given if one not in known and one in preset_names()]
    for one in given:
        if one not in known and one not in bases and not one.endswith(".toml"):
            raise UnknownNameError("preset or condition", one, [*known, *preset_names(), WILD_TYPE], see="spinula list")
    conditions = [load_condition(one) for one in dict.fromkeys(given) if one not in bases]
    order = ("disorder", "treatment", "age")
    conditions.sort(key=lambda one: (order.index(one.about.kind), one.name))
    own = sorted({one.base for one in conditions if one.base})
    if len(bases) > 1 or (not bases and len(own) > 1):
        of = ", ".join(f"{one.name} of {one.base}" for one in conditions if one.base)
        raise InvalidInputError(
            f"{' + '.join(given)} has more than one base ({', '.join(bases) or of}).\n"
            "  Combine conditions of one base, or name one preset as the base."
        )
    return (bases or own or [BASE])[0], conditions


def _check_company(conditions: Sequence[Condition]) -> None:
    """Refuse conditions that exclude each other, and two ages."""
    names = {one.name for one in conditions}
    for one in conditions:
        if clash := sorted(names & set(one.excludes)):
            raise InvalidInputError(
                f"{one.name} cannot go with {', '.join(clash)}.\n  They are separate edits: choose."
            )
    ages = [one.name for one in conditions if one.about.kind == "age"]
    if len(ages) > 1:
        raise InvalidInputError(f"{' and '.join(ages)} are two ages of one animal.\n  Give one age.")


def _numbers(preset: Preset) -> dict[str, dict[str, Any]]:
    """Return the numbers of a base and the levers, as tables that can be changed."""
    parts = {**preset.dynamics.model_dump(), **preset.mechanisms.model_dump()}
    if parts["law"]["family"] == "linear":
        # The linear law is the linear-quadratic one without crowding, so that crowding can be edited.
        parts["law"] = {**parts["law"], "crowding": 0.0}
    return {"parts": parts, "levers": Levers().model_dump()}


def _read(data: dict[str, dict[str, Any]], key: str, preset: Preset) -> float:
    table, _, field = key.partition(".")
    found = data["levers" if is_lever(key) else "parts"].get(table)
    if not isinstance(found, dict) or field not in found:
        raise InvalidInputError(
            f"{key} is edited, but the base {preset.name!r} has no such number.\n  Name a base that has it."
        )
    return float(found[field])


def _unit(key: str, data: dict[str, dict[str, Any]]) -> str:
    table, _, field = key.partition(".")
    if is_lever(key):
        return unit_of(LEVERS[table], field)
    from spinula.law import FAMILIES, Boundary
    from spinula.law.mechanisms import MECHANISMS

    if table == "law":
        laws = [FAMILIES[data["parts"]["law"]["family"]], *FAMILIES.values()]
        return next(unit_of(law, field) for law in laws if field in law.model_fields)
    models: dict[str, type[BaseModel]] = {"boundary": Boundary, **MECHANISMS}
    return unit_of(models[table], field)


def _applied(before: float, edits: Sequence[tuple[str, Edit]], key: str) -> float:
    """Return a number after its edits: values, then factors, then what is restored."""
    values = {edit.amount: name for name, edit in edits if edit.operation == "value"}
    factors = [name for name, edit in edits if edit.operation == "factor"]
    if len(values) > 1 or (values and factors):
        said = [f"{name} sets it to {value:g}" for value, name in values.items()]
        said += [f"{name} multiplies it" for name in factors]
        raise InvalidInputError(f"{key}: {'; '.join(said)}.\n  The conditions contradict each other: choose one.")
    after = next(iter(values), before)
    for _, edit in edits:
        if edit.operation == "factor":
            after *= edit.amount
    for _, edit in edits:
        if edit.operation == "restore":
            after += edit.amount * (before - after)
    return after


def _built(data: dict[str, dict[str, Any]], name: str) -> tuple[Dynamics, Mechanisms, Levers]:
    parts = dict(data["parts"])
    if parts["law"]["family"] == "linear":
        crowding = parts["law"]["crowding"]
        kept = {field: value for field, value in parts["law"].items() if crowding or field != "crowding"}
        parts["law"] = {**kept, "family": "linear_quadratic" if crowding else "linear"}
    try:
        return (
            Dynamics.model_validate({field: parts[field] for field in Dynamics.model_fields}),
            Mechanisms.model_validate({field: parts[field] for field in Mechanisms.model_fields}),
            Levers.model_validate(data["levers"]),
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            name, where, first["msg"].removeprefix("Value error, "), cure="Leave a condition out, or weaken one."
        ) from None
