"""Read a preset: TOML to validated dynamics, with every number's provenance beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from spinula.core.errors import ConfigError
from spinula.core.quantity import Quantity, canonical_unit, unit_of
from spinula.core.toml import line_of, read_toml, validate
from spinula.law import FAMILIES, Boundary, Dynamics, FixedCount, FormationRate
from spinula.law.mechanisms import MECHANISMS, Mechanisms
from spinula.presets.references import bibliography
from spinula.presets.shipped import shipped_names, shipped_path


class About(BaseModel):
    """What a preset describes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    status: Literal["published", "fitted", "assumed"]
    species: str = ""
    region: str = ""
    age: str = ""
    method: str = ""
    note: str = ""


class Check(BaseModel):
    """One question of a preset's exam: what it must reproduce when it is simulated and imaged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    observable: Literal["turnover_ratio", "survival"]
    over_days: float = Field(gt=0)
    activity: bool = Field(False, description="with the preset's spontaneous activity, not intrinsic dynamics alone")
    published: float
    tolerance: float = Field(gt=0)
    source: str
    note: str = ""


class _Observation(BaseModel):
    """The size floor and the error of the microscope that a preset's data came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size_floor: Quantity | None = None
    log_noise: Quantity | None = None
    spine_density: Quantity | None = None


class _Tables(BaseModel):
    """The tables a preset file may have beside its mechanisms'."""

    model_config = ConfigDict(extra="forbid")

    base: str | None = None
    without: list[str] = Field([], description="mechanisms of the base that are absent here")
    about: About
    law: dict[str, Any] = {}
    boundary: dict[str, Quantity] = {}
    formation: dict[str, Any] = {}
    observation: _Observation = _Observation()
    check: list[Check] = []


_File = create_model("_File", __base__=_Tables, **{name: (dict[str, Any], {}) for name in MECHANISMS})


@dataclass(frozen=True)
class Preset:
    """A named parameter set.

    Attributes
    ----------
    quantities : dict of dotted key to Quantity, such as ``law.noise_slope``
    dynamics, mechanisms : intrinsic dynamics, and what activity does
    microscope : dict with ``size_floor`` and ``log_noise`` where the preset states them
    spine_density : float or None, 1/um
    checks : the preset's exam
    """

    name: str
    about: About
    dynamics: Dynamics
    quantities: dict[str, Quantity]
    base: str | None = None
    checks: tuple[Check, ...] = ()
    path: Path | None = None
    microscope: dict[str, float] = field(default_factory=dict)
    spine_density: float | None = None
    mechanisms: Mechanisms = field(default_factory=Mechanisms)

    @property
    def assumed(self) -> list[str]:
        """The keys whose values are from memory or design, not from a source that was read."""
        return [key for key, quantity in self.quantities.items() if quantity.is_assumed]

    @property
    def sources(self) -> list[str]:
        """The keys of all papers that the numbers and the exam name."""
        named = [quantity.source for quantity in self.quantities.values()] + [check.source for check in self.checks]
        return sorted({key for key in named if key in bibliography()})


def preset_names() -> list[str]:
    """Return the names of the presets that ship with spinula."""
    return shipped_names("sets")


def load_preset(name: str | Path) -> Preset:
    """Load a preset by name, or a TOML file of the same form by path.

    Raises
    ------
    UnknownNameError
        If no preset has that name.
    ConfigError
        If the file has an unknown key, a wrong unit, a value out of bounds or an unknown source; names file and line.

    Examples
    --------
    >>> load_preset("neocortex_adult").dynamics.law.noise_slope
    0.2
    """
    path = shipped_path("preset", "sets", name)
    data, text = read_toml(path)
    parsed: Any = validate(_File, data, file=path, text=text)
    base = load_preset(parsed.base) if parsed.base else None
    quantities = _inherited(base, parsed.without, path, text)
    family = parsed.law.pop("family", base.dynamics.law.family if base else None)
    if family not in FAMILIES:
        known = ", ".join(FAMILIES)
        line = line_of(text, ["law", "family"])
        raise ConfigError(path, "law.family", f"{family!r} is not a family", line=line, cure=f"Families: {known}.")
    mode = parsed.formation.pop("mode", base.dynamics.formation.mode if base else "fixed_count")
    stated = {"law": parsed.law, "boundary": parsed.boundary, "formation": parsed.formation}
    models = {"law": FAMILIES[family], "boundary": Boundary, "formation": _formation(mode, path, text), **MECHANISMS}
    stated.update({name: getattr(parsed, name) for name in MECHANISMS})
    for table, entries in stated.items():
        for key, entry in entries.items():
            quantity = entry if isinstance(entry, Quantity) else _quantity(entry, table, key, path, text)
            _check_quantity(models[table], quantity, [table, key], path, text)
            quantities[f"{table}.{key}"] = quantity
    for key, quantity in parsed.observation:
        if quantity is not None:
            quantities[f"observation.{key}"] = quantity
    _check_sources(quantities, parsed.check, path, text)
    observed = {key.partition(".")[2]: q.value for key, q in quantities.items() if key.startswith("observation.")}
    return Preset(
        name=path.stem,
        about=parsed.about,
        dynamics=Dynamics(**_parts(quantities, models, ("law", "boundary", "formation"), path, text)),
        mechanisms=Mechanisms(**_parts(quantities, models, tuple(MECHANISMS), path, text)),
        quantities=quantities,
        base=parsed.base,
        checks=tuple(parsed.check),
        path=path,
        spine_density=observed.pop("spine_density", None),
        microscope=observed,
    )


def _inherited(base: Preset | None, without: list[str], path: Path, text: str) -> dict[str, Quantity]:
    """Return the numbers of a base, less those of the mechanisms that are absent here."""
    for name in without:
        if name not in MECHANISMS:
            known = ", ".join(MECHANISMS)
            line = line_of(text, ["without"])
            raise ConfigError(path, "without", f"{name!r} is no mechanism", line=line, cure=f"Mechanisms: {known}.")
    inherited = base.quantities if base else {}
    return {key: quantity for key, quantity in inherited.items() if key.partition(".")[0] not in without}


def _formation(mode: str, path: Path, text: str) -> type[BaseModel]:
    modes: dict[str, type[BaseModel]] = {"fixed_count": FixedCount, "rate": FormationRate}
    if mode not in modes:
        line = line_of(text, ["formation", "mode"])
        raise ConfigError(path, "formation.mode", f"{mode!r} is neither 'rate' nor 'fixed_count'", line=line)
    return modes[mode]


def _quantity(entry: Any, table: str, key: str, path: Path, text: str) -> Quantity:
    if not isinstance(entry, dict):
        raise ConfigError(
            path, f"{table}.{key}", f"is a bare {entry!r}", line=line_of(text, [table, key]),
            cure=f"Write a table [{table}.{key}] with value, unit, source and how.",
        )  # fmt: skip
    return validate(Quantity, entry, file=path, text=text, at=(table, key))


def _check_quantity(model: type[BaseModel], quantity: Quantity, key: list[str], path: Path, text: str) -> None:
    """Refuse a quantity that the model does not know or whose unit is another."""
    dotted, line = ".".join(key), line_of(text, key)
    if key[1] not in model.model_fields:
        known = ", ".join(name for name in model.model_fields if name not in ("family", "mode"))
        raise ConfigError(path, dotted, "unknown key", line=line, cure=f"Known keys: {known}.")
    wanted, found = unit_of(model, key[1]), canonical_unit(quantity.unit)
    # A fitted size may be in the unit of its table (a.u.); its logarithm's offset carries that unit in the name.
    if found != wanted and not (wanted == "log(um3)" and found.startswith("log(")):
        unit_line = line_of(text, [*key, "unit"])
        raise ConfigError(path, f"{dotted}.unit", f"is {quantity.unit!r}", line=unit_line, cure=f"Wanted {wanted!r}.")


def _check_sources(quantities: dict[str, Quantity], checks: list[Check], path: Path, text: str) -> None:
    known = bibliography()
    for key, quantity in quantities.items():
        if quantity.how in ("stated", "digitised") and quantity.source not in known:
            line = line_of(text, [*key.split("."), "source"])
            raise ConfigError(path, f"{key}.source", f"{quantity.source!r} is not in references.bib", line=line)
    for number, check in enumerate(checks):
        if check.source not in known:
            line = line_of(text, ["check", number, "source"])
            raise ConfigError(path, "check.source", f"{check.source!r} is not in references.bib", line=line)


def _parts(
    quantities: dict[str, Quantity], models: dict[str, type[BaseModel]], tables: tuple[str, ...], path: Path, text: str
) -> dict[str, Any]:
    """Build the validated models of some tables from the values; a table without values is absent."""
    parts: dict[str, Any] = {}
    for table in tables:
        wanted = models[table].model_fields
        values = {
            key.partition(".")[2]: quantity.value
            for key, quantity in quantities.items()
            if key.startswith(f"{table}.") and key.partition(".")[2] in wanted
        }
        if values or table in ("law", "formation"):
            parts[table] = validate(models[table], values, file=path, text=text, at=(table,))
    return parts
