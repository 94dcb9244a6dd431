"""The numbers of a striatum, from TOML with their provenance to a validated model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from spinula.core.errors import ConfigError
from spinula.core.quantity import Quantity, canonical_unit, unit_of
from spinula.core.toml import line_of, read_toml, validate
from spinula.engines.striatum.model import Circuit, StriatumModel, changed
from spinula.law.circuits.conditioning import DopamineCode, Readout, Unreinforced
from spinula.presets import bibliography, load_preset
from spinula.presets.loader import About

_TABLES: dict[str, type[BaseModel]] = {
    "circuit": Circuit,
    "dopamine": DopamineCode,
    "readout": Readout,
    "unreinforced": Unreinforced,
}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    about: About
    d1: str
    d2: str
    circuit: dict[str, Quantity]
    dopamine: dict[str, Quantity]
    readout: dict[str, Quantity]
    unreinforced: dict[str, Quantity]


@cache
def striatum(path: Path | None = None) -> tuple[StriatumModel, dict[str, Quantity]]:
    """Return the striatum that ships with spinula, or that of a file of the same form, and its numbers' provenance.

    Raises
    ------
    ConfigError
        If the file has an unknown key, a wrong unit, a value out of bounds or an unknown source.

    Examples
    --------
    >>> model, quantities = striatum()
    >>> model.circuit.cells, quantities["dopamine.basal"].source
    (12, 'urakubo2020')
    """
    path = path or Path(str(files("spinula.presets").joinpath("circuits", "striatum.toml")))
    data, text = read_toml(path)
    found = validate(_File, data, file=path, text=text)
    quantities: dict[str, Quantity] = {}
    tables: dict[str, Any] = {}
    for table, model in _TABLES.items():
        for key, entry in getattr(found, table).items():
            _check(model, entry, [table, key], path, text)
            quantities[f"{table}.{key}"] = entry
        values = {key: entry.value for key, entry in getattr(found, table).items()}
        tables[table] = validate(model, values, file=path, text=text, at=(table,))
    first, second = load_preset(found.d1), load_preset(found.d2)
    for key, preset, wanted in (("d1", first, "reinforcement"), ("d2", second, "dips")):
        if getattr(preset.mechanisms, wanted) is None:
            raise ConfigError(path, key, f"preset {preset.name!r} has no {wanted}", line=line_of(text, [key]))
    model = StriatumModel(
        **tables, reinforcement=first.mechanisms.reinforcement, dips=second.mechanisms.dips,
        dynamics=first.dynamics, dynamics_d2=second.dynamics,
    )  # fmt: skip
    return model, quantities


def _check(model: type[BaseModel], entry: Quantity, key: list[str], path: Path, text: str) -> None:
    dotted, line = ".".join(key), line_of(text, list(key))
    if key[1] not in model.model_fields:
        raise ConfigError(path, dotted, "unknown key", line=line, cure=f"Known keys: {', '.join(model.model_fields)}.")
    if canonical_unit(entry.unit) != (wanted := unit_of(model, key[1])):
        raise ConfigError(path, f"{dotted}.unit", f"is {entry.unit!r}", line=line, cure=f"Wanted {wanted!r}.")
    if entry.source and entry.source not in bibliography():
        raise ConfigError(path, f"{dotted}.source", f"{entry.source!r} is not in references.bib", line=line)


def model_with(
    changes: Mapping[str, float] | None = None, *, drugs: Mapping[str, float] | None = None,
    clamped: tuple[str, ...] = (),
) -> StriatumModel:  # fmt: skip
    """Return the shipped striatum with some numbers replaced, drugs in it, or kinds of cells clamped.

    Raises
    ------
    InvalidInputError
        If there is no such number or drug, or a value is out of its bounds.

    Examples
    --------
    >>> model_with({"dopamine.dip": 0.0}, drugs={"methamphetamine": 1.0}).dopamine.dip
    0.0
    """
    model = changed(striatum()[0], changes or {})
    return changed(model, {}, drugs=dict(drugs or {}), clamped=clamped)
