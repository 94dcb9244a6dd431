"""What a protocol file may say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spinula.core.quantity import quantity
from spinula.engines.dendrite.events import Event, moment
from spinula.law.drugs import Drug

_STRICT = ConfigDict(extra="forbid", frozen=True)


class About(BaseModel):
    """What an experiment is."""

    model_config = _STRICT

    title: str
    source: str = ""
    note: str = ""


class Place(BaseModel):
    """The dendrites: which preset's spines, how long, how many replicates."""

    model_config = _STRICT

    preset: str
    length_um: float = quantity(60.0, unit="um", what="length of the branch", gt=0)
    swc: str | None = Field(None, description="a reconstructed neuron instead of a straight branch (path)")
    replicates: int = quantity(40, unit="1", what="dendrites, each with its own noise", ge=1)
    spine_density: float = quantity(0.0, unit="1/um", what="unstimulated spines besides the groups", ge=0)
    intrinsic: bool = Field(True, description="intrinsic dynamics, formation and elimination go on")
    activity: bool = Field(False, description="the preset's spontaneous activity goes on")
    slow_min: float = quantity(5.0, unit="min", what="step of the slow clock", gt=0)


class Group(BaseModel):
    """Spines at given places, of a given size or drawn."""

    model_config = _STRICT

    name: str
    positions_um: list[float] = Field(min_length=1, description="where, in um along the dendrite")
    size_um3: float | None = quantity(None, unit="um3", what="size of each at the start; drawn if absent", gt=0)
    sizes_um3: list[float] | None = Field(None, description="size of each at the start, one by one")

    @model_validator(mode="after")
    def _check_sizes(self) -> Group:
        if self.size_um3 is not None and self.sizes_um3 is not None:
            raise ValueError("give size_um3 or sizes_um3, not both")
        if self.sizes_um3 is not None and len(self.sizes_um3) != len(self.positions_um):
            raise ValueError(f"{len(self.sizes_um3)} sizes for {len(self.positions_um)} positions")
        return self


class Repeated(BaseModel):
    """An event with a name, which conditions and sweeps use, and its repetitions."""

    model_config = _STRICT

    name: str
    repeats: int = quantity(1, unit="1", what="how often it happens", ge=1)
    every_s: float = quantity(0.0, unit="s", what="from one repetition to the next", ge=0)
    event: Event

    @model_validator(mode="after")
    def _check_repeats(self) -> Repeated:
        if self.repeats > 1 and self.every_s <= 0:
            raise ValueError("repeats needs every_s")
        return self


class Condition(BaseModel):
    """A variant: events left out or changed, drugs in the bath throughout, another preset, other numbers."""

    model_config = _STRICT

    name: str
    without: list[str] = Field([], description="names of events that do not happen")
    drugs: list[Drug] = Field([], description="drugs present throughout")
    doses: list[float] = Field([], description="dose of each drug; 1 if absent")
    preset: str | None = None
    change: dict[str, float] = Field({}, description="fields of events: {'name.field' = number}")
    set: dict[str, float] = Field({}, description="numbers of the preset: {'table.key' = number}")


class Sweep(BaseModel):
    """A field of an event that takes one value after another; each is a condition, for every condition given."""

    model_config = _STRICT

    event: str
    field: str
    values: list[float] = Field(min_length=1)
    label: str = Field(description="what the horizontal axis says, with its unit")
    origin: float = Field(0.0, description="subtracted from the values in results")


class Recording(BaseModel):
    """When the spines are imaged, and with what error."""

    model_config = _STRICT

    at_s: list[float] | None = None
    at_min: list[float] | None = None
    at_day: list[float] | None = None
    zero_s: float = quantity(0.0, unit="s", what="moment from which times are counted in results", ge=0)
    log_noise: float = quantity(0.0, unit="1", what="SD of the error of log-size", ge=0, le=1)
    unit: Literal["min", "day", "s"] = "min"
    release: bool = Field(False, description="show the release of the boutons, too")

    @model_validator(mode="after")
    def _check_times(self) -> Recording:
        times = self.times_s
        if any(time < 0 for time in times):
            raise ValueError("an image is taken before the start of the run")
        if sorted(set(times)) != times:
            raise ValueError("times must rise")
        return self

    @property
    def times_s(self) -> list[float]:
        """When images are taken, s."""
        given = {"s": self.at_s, "min": self.at_min, "day": self.at_day}
        scale = moment({unit: None if times is None else 1.0 for unit, times in given.items()}, "at")
        return [time * scale for times in given.values() if times is not None for time in times]


class Expectation(BaseModel):
    """A published number: the mean change of a group, in per cent, at a time in a condition."""

    model_config = _STRICT

    condition: str
    group: str
    at: float = Field(description="time, in the recording's unit, counted from zero_s")
    change: float = quantity(unit="%", what="published change of size")
    tolerance: float = quantity(unit="%", what="band around it", gt=0)
    value: float | None = Field(None, description="value of the sweep")
    source: str = ""
    how: Literal["stated", "digitised", "computed", "assumed"] = "assumed"
    note: str = ""


class Competition(BaseModel):
    """Several spines stimulated at once, which share what the dendrite supplies (a continuum model)."""

    model_config = _STRICT

    counts: list[int] = Field([1, 3, 7, 15], min_length=1)


class ProtocolFile(BaseModel):
    """The tables of a protocol file."""

    model_config = ConfigDict(extra="forbid")

    about: About
    dendrite: Place | None = None
    group: list[Group] = []
    event: list[dict[str, Any]] = []
    condition: list[Condition] = []
    sweep: Sweep | None = None
    recording: Recording | None = None
    expect: list[Expectation] = []
    competition: Competition | None = None


@dataclass(frozen=True)
class Protocol:
    """A protocol that was read and checked.

    Attributes
    ----------
    name : str
    file : ProtocolFile
    events : tuple of Repeated
    path : Path
    text : str, for the lines of later errors
    """

    name: str
    file: ProtocolFile
    events: tuple[Repeated, ...]
    path: Path
    text: str
