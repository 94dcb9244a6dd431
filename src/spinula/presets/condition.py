"""Conditions: disorders, treatments and ages as edits of a base, each number with its source, each with its exam.

    condition = load_condition("fragile_x")
    condition.edits       what differs from the base, and where each number comes from
    condition.findings    what papers report of it: the exam

An edit multiplies a number of the base (``factor``), replaces it (``value``, with its unit), or takes back a share of
what other conditions did to it (``restore``). ``how`` says how the number was got: *read* in the source, *derived* from
what was read, or *assumed* (from memory or by design).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spinula.core.errors import ConfigError
from spinula.core.quantity import canonical_unit, unit_of
from spinula.core.toml import line_of, read_toml, validate
from spinula.law import FAMILIES, Boundary
from spinula.law.mechanisms import MECHANISMS
from spinula.presets.levers import LEVERS, is_lever
from spinula.presets.loader import Preset, load_preset
from spinula.presets.references import bibliography
from spinula.presets.shipped import shipped_names, shipped_path

HOW = ("read", "derived", "assumed")
Kind = Literal["disorder", "treatment", "age"]
Direction = Literal["up", "down", "same"]


class AboutCondition(BaseModel):
    """What a condition describes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    kind: Kind
    species: str = ""
    region: str = ""
    age: str = ""
    method: str = ""
    note: str = ""


class Edit(BaseModel):
    """One number that differs from the base."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(description="a number of the base, such as law.noise_slope, or a lever")
    factor: float | None = Field(None, ge=0, allow_inf_nan=False)
    value: float | None = Field(None, allow_inf_nan=False)
    restore: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    unit: str = ""
    range: tuple[float, float]
    source: str = ""
    where: str
    how: Literal["read", "derived", "assumed"]

    @model_validator(mode="after")
    def _check(self) -> Edit:
        given = [name for name in ("factor", "value", "restore") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of factor, value and restore (given: {', '.join(given) or 'none'})")
        if not self.range[0] <= self.amount <= self.range[1]:
            raise ValueError(f"{given[0]} {self.amount:g} lies outside its own range {list(self.range)}")
        if self.how == "read" and not self.source:
            raise ValueError("how = 'read' needs a source (a key of references.bib)")
        if (self.value is None) != (not self.unit):
            raise ValueError("a value needs its unit; a factor and a restore have none")
        return self

    @property
    def operation(self) -> Literal["factor", "value", "restore"]:
        """What it does to the number."""
        return "factor" if self.factor is not None else "value" if self.value is not None else "restore"

    @property
    def amount(self) -> float:
        """The number that the operation takes."""
        found = self.factor if self.factor is not None else self.value if self.value is not None else self.restore
        assert found is not None
        return found

    def at(self, amount: float) -> Edit:
        """Return the same edit with another amount."""
        return self.model_copy(update={self.operation: amount})


class Finding(BaseModel):
    """What a paper reports of a condition, against what; one question of the condition's exam."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    row: int = Field(ge=1, description="row of the table of findings")
    measure: str
    direction: Direction
    change: tuple[float, float] | None = Field(None, description="published relative change, from and to")
    background: list[str] = Field([], description="conditions that are there on both sides")
    source: str = ""
    where: str
    how: Literal["read", "derived", "assumed"]
    reason: str = Field("", description="why spinula does not reproduce it, where it does not")

    @model_validator(mode="after")
    def _check(self) -> Finding:
        if self.how == "read" and not self.source:
            raise ValueError("how = 'read' needs a source (a key of references.bib)")
        if self.change is not None and not self.change[0] <= self.change[1]:
            raise ValueError(f"change = {list(self.change)} is not in order")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    about: AboutCondition
    base: str = ""
    preset: str = Field("", description="a preset whose differences from its base are edits too")
    excludes: list[str] = []
    edit: list[Edit] = []
    finding: list[Finding] = []


class Condition(BaseModel):
    """A disorder, a treatment or an age.

    Attributes
    ----------
    base : str, the preset it is an edit of; "" for a treatment or an age, which go with any
    excludes : names of conditions that it cannot be combined with
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    about: AboutCondition
    base: str
    excludes: tuple[str, ...]
    edits: tuple[Edit, ...]
    findings: tuple[Finding, ...]

    @property
    def assumed(self) -> list[str]:
        """The keys whose edits are from memory or design."""
        return [edit.key for edit in self.edits if edit.how == "assumed"]

    @property
    def sources(self) -> list[str]:
        """The keys of all papers that its edits and its exam name."""
        named = [edit.source for edit in self.edits] + [finding.source for finding in self.findings]
        return sorted({key for key in named if key in bibliography()})


def condition_names(kind: Kind | None = None) -> list[str]:
    """Return the names of the conditions that ship with spinula, of one kind or of all."""
    return [name for name in shipped_names("conditions") if kind is None or load_condition(name).about.kind == kind]


@cache
def load_condition(name: str) -> Condition:
    """Load a condition by name, or a TOML file of the same form by path.

    Raises
    ------
    UnknownNameError
        If no condition has that name.
    ConfigError
        If the file has an unknown key or source, a wrong unit, or a number out of its range; names file and line.

    Examples
    --------
    >>> [(edit.key, edit.amount, edit.how) for edit in load_condition("fragile_x").edits]
    [('law.noise_slope', 1.25, 'assumed')]
    """
    path = shipped_path("condition", "conditions", name)
    data, text = read_toml(path)
    parsed = validate(_File, data, file=path, text=text)
    if parsed.about.kind == "disorder" and not (parsed.base or parsed.preset):
        raise ConfigError(path, "base", "is missing", cure="A disorder names the preset that it is an edit of.")
    edits, base = list(parsed.edit), parsed.base
    if parsed.preset:
        taken = load_preset(parsed.preset)
        base = base or taken.base or ""
        edits = [*_differences(taken, path), *edits]
    if not edits:
        raise ConfigError(path, "edit", "is missing", cure="A condition states what differs: [[edit]] tables.")
    for number, edit in enumerate(parsed.edit):
        _check_edit(edit, path, line_of(text, ["edit", number, "key"]))
    for kind, entries in (("edit", parsed.edit), ("finding", parsed.finding)):
        for number, one in enumerate(entries):
            if one.source and one.source not in bibliography():
                line = line_of(text, [kind, number, "source"])
                raise ConfigError(path, f"{kind}.source", f"{one.source!r} is not in references.bib", line=line)
    return Condition(
        name=path.stem, about=parsed.about, base=base, excludes=tuple(parsed.excludes), edits=tuple(edits),
        findings=tuple(parsed.finding),
    )  # fmt: skip


def _differences(preset: Preset, path: Path) -> list[Edit]:
    """Return what a preset changes in its base, as factors; its numbers stay in one place."""
    if preset.base is None:
        raise ConfigError(path, "preset", f"{preset.name!r} has no base that it differs from")
    base, edits = load_preset(preset.base).quantities, []
    for key, here in preset.quantities.items():
        if key in base and here.value == base[key].value:
            continue
        before = base[key].value if key in base else 0.0
        if before == 0.0:
            raise ConfigError(path, "preset", f"{key} of {preset.name!r} has no counterpart in its base")
        low, high = here.range or (here.value, here.value)
        how = {"stated": "read", "digitised": "read", "fitted": "derived"}.get(here.how, "assumed")
        edits.append(
            Edit(
                key=key, factor=here.value / before, range=(low / before, high / before), source=here.source,
                where=here.where, how=how,  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return edits


def _check_edit(edit: Edit, path: Path, line: int | None) -> None:
    """Refuse an edit of what no base has, or with another unit."""
    table, _, name = edit.key.partition(".")
    if is_lever(edit.key):
        models = [LEVERS[table]]
    elif table == "law":
        models = [law for law in FAMILIES.values() if name in law.model_fields]
    else:
        known = {"boundary": Boundary, **MECHANISMS}
        models = [known[table]] if table in known and name in known[table].model_fields else []
    if not models:
        cure = f"Numbers of a law, boundary or mechanism, or levers: {', '.join(_lever_keys())}."
        raise ConfigError(path, edit.key, "is no number that can be edited", line=line, cure=cure)
    wanted = unit_of(models[0], name)
    if edit.operation == "value" and canonical_unit(edit.unit) != wanted:
        raise ConfigError(path, f"{edit.key}.unit", f"is {edit.unit!r}", line=line, cure=f"Wanted {wanted!r}.")


def _lever_keys() -> list[str]:
    return [f"{table}.{name}" for table, model in LEVERS.items() for name in model.model_fields]
