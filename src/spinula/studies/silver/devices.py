"""A device from its preset: how its film is grown, the law of its gaps, their spread, and the circuit around it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from spinula.core.errors import ConfigError
from spinula.core.quantity import Quantity, canonical_unit, quantity, unit_of
from spinula.core.toml import line_of, read_toml, validate
from spinula.engines.silver.device import Device
from spinula.engines.silver.electrodes import ring
from spinula.engines.silver.film import deposits, fields
from spinula.engines.silver.graph import GapGraph
from spinula.engines.silver.islands import Film, find_gaps
from spinula.engines.silver.spread import Spread
from spinula.law.silver import SilverGap
from spinula.presets import bibliography
from spinula.presets.shipped import shipped_names, shipped_path

_STRICT = ConfigDict(extra="forbid", frozen=True)
ELECTRODES = ("a", "b", "c")  # against the clock, from the right


class FilmPlan(BaseModel):
    """How a film is grown: a cut Gaussian field, particles in its gaps, three pads on a circle."""

    model_config = _STRICT

    side: float = quantity(unit="px", what="side of the square film", ge=32, le=4096)
    nm_per_px: float = quantity(unit="nm", what="side of a pixel", gt=0, le=100)
    wavelength: float = quantity(unit="nm", what="distance between islands", gt=0, le=1e4)
    coverage: float = quantity(unit="1", what="share of silver before the particles", gt=0, lt=1)
    particles: float = quantity(unit="1/um2", what="particles tried per bare area", ge=0, le=1e6)
    diameter: float = quantity(unit="nm", what="median diameter of a particle", gt=0, le=1e3)
    largest_gap: float = quantity(unit="nm", what="wider gaps are left out", gt=0, le=1e3)
    pad: float = quantity(unit="nm", what="diameter of an electrode", gt=0, le=1e4)


class Circuit(BaseModel):
    """What is wired to a film, and how its gaps differ."""

    model_config = _STRICT

    resistance: float = quantity(unit="ohm", what="in series with every stimulus", ge=0, le=1e9)
    distance_spread: float = quantity(unit="1", what="s.d. of the log of a gap's distance", ge=0, le=1)


class About(BaseModel):
    """What a device is, and how far its numbers can be trusted."""

    model_config = _STRICT

    title: str
    status: Literal["published", "fitted", "assumed"]
    note: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    about: About
    film: dict[str, Quantity]
    law: dict[str, Quantity]
    circuit: dict[str, Quantity]


@dataclass(frozen=True)
class Grown:
    """A film with its electrodes, and the graph of its gaps."""

    film: Film
    masks: dict[str, np.ndarray]
    graph: GapGraph


@dataclass(frozen=True)
class DevicePreset:
    """A named set of parameters of a film, its gaps and its circuit; every number with its provenance."""

    name: str
    about: About
    plan: FilmPlan
    law: SilverGap
    circuit: Circuit
    quantities: dict[str, Quantity]

    def grow(self, seed: int, *, plan: dict[str, float] | None = None) -> Grown:
        """Grow the film of a seed; ``plan`` are numbers of the plan that differ here.

        Raises
        ------
        InvalidInputError
            If the film joins or parts its electrodes: take another seed.
        """
        made = validate(FilmPlan, self.plan.model_dump() | (plan or {}), file=self.name, text="", at=("film",))
        shape = (int(made.side), int(made.side))
        film = fields.spinodal(
            shape, nm_per_px=made.nm_per_px, wavelength=made.wavelength, coverage=made.coverage, seed=seed
        )
        if made.particles:
            film = deposits.add_particles(film, density=made.particles, diameter=made.diameter, seed=seed)
        masks = pads(shape, made.pad / made.nm_per_px)
        return Grown(film, masks, find_gaps(film, largest_gap=made.largest_gap, electrodes=masks)[0].component())

    def make(self, graph: GapGraph, *, seed: int, law: dict[str, float] | None = None) -> Device:
        """Make a device that was never used; ``law`` are parameters that a control changes."""
        changed = validate(SilverGap, self.law.model_dump() | (law or {}), file=self.name, text="", at=("law",))
        return Device(graph, changed, seed=seed, spread=Spread(distance=self.circuit.distance_spread))


def pads(shape: tuple[int, int], size: float) -> dict[str, np.ndarray]:
    """Return three round pads on a circle, ``a``, ``b`` and ``c``; ``size`` in px."""
    made = ring(shape, pads=len(ELECTRODES), size=size, radius=(min(shape) - size) / 2)
    return dict(zip(ELECTRODES, made.values(), strict=True))


def device_names() -> list[str]:
    """Return the names of the devices that ship with spinula."""
    return shipped_names("devices")


def load_device(name: str | Path) -> DevicePreset:
    """Load a device's preset by name, or a TOML file of the same form by path.

    Raises
    ------
    UnknownNameError
        If no device has that name.
    ConfigError
        If the file has an unknown, missing or wrong entry; names file, line and key.

    Examples
    --------
    >>> load_device("dewetted").law.field_threshold
    0.06
    """
    path = shipped_path("device", "devices", name)
    data, text = read_toml(path)
    parsed: Any = validate(_File, data, file=path, text=text)
    quantities, parts = {}, {}
    for table, model in (("film", FilmPlan), ("law", SilverGap), ("circuit", Circuit)):
        for key, entry in getattr(parsed, table).items():
            _check(model, entry, [table, key], path, text)
            quantities[f"{table}.{key}"] = entry
        values = {key: entry.value for key, entry in getattr(parsed, table).items()}
        missing = [key for key in model.model_fields if key not in values]
        if missing:
            raise ConfigError(path, f"{table}.{missing[0]}", "is missing", cure="A device states every number.")
        parts[table] = validate(model, values, file=path, text=text, at=(table,))
    return DevicePreset(path.stem, parsed.about, parts["film"], parts["law"], parts["circuit"], quantities)


def _check(model: type[BaseModel], entry: Quantity, key: list[str], path: Path, text: str) -> None:
    """Refuse a number that the model does not know, whose unit is another, or whose source is unknown."""
    dotted, line = ".".join(key), line_of(text, key)
    if key[1] not in model.model_fields:
        known = ", ".join(model.model_fields)
        raise ConfigError(path, dotted, "unknown key", line=line, cure=f"Known keys: {known}.")
    wanted = unit_of(model, key[1])
    if canonical_unit(entry.unit) != wanted:
        raise ConfigError(path, f"{dotted}.unit", f"is {entry.unit!r}", line=line, cure=f"Wanted {wanted!r}.")
    if entry.source and entry.source not in bibliography():
        raise ConfigError(path, f"{dotted}.source", f"{entry.source!r} is not in references.bib", line=line)
