"""What an experiment's TOML may say: cues, days of trials, and conditions that differ in one thing each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from spinula.core.quantity import quantity

_STRICT = ConfigDict(extra="forbid", frozen=True)


class About(BaseModel):
    """What an experiment is, and whose."""

    model_config = _STRICT

    title: str
    source: str = ""
    note: str = ""
    study: str = Field("", description="the study whose claims it belongs to")


class TrialKind(BaseModel):
    """One kind of trial; see :class:`spinula.engines.striatum.Trial`."""

    model_config = _STRICT

    cue: str | None = Field(None, description="name of a cue; absent: no cue")
    reward: float = quantity(0.0, unit="1", what="size of the reward", ge=0, le=10)
    probability: float = quantity(1.0, unit="1", what="chance that it is given", ge=0, le=1)
    delay_s: float = quantity(0.8, unit="s", what="from the cue to the reward", ge=-10, le=60)
    count: int = quantity(unit="1", what="trials in a session", ge=1, le=10000)
    dip_s: float = quantity(0.0, unit="s", what="imposed pause of dopamine neurons", ge=0, le=10)
    dip_at_s: float = quantity(0.8, unit="s", what="begin of that pause", ge=-10, le=60)


class Phase(BaseModel):
    """Some sessions, one a day, of the same trials in random order."""

    model_config = _STRICT

    name: str
    days: int = quantity(1, unit="1", what="sessions", ge=1, le=1000)
    every_days: float = quantity(1.0, unit="day", what="from the begin of a session to that of the next", gt=0, le=1000)
    trial: list[TrialKind] = Field([], description="kinds of trials; none: days of rest")


class Condition(BaseModel):
    """A variant: other numbers, drugs, or cells whose spines do not learn, from a phase on."""

    model_config = _STRICT

    name: str
    since: str | None = Field(None, description="first phase in which it differs; absent: from the start")
    until: str | None = Field(None, description="last phase in which it differs; absent: to the end")
    set: dict[str, float] = Field({}, description="numbers of the striatum: {'table.key' = number}")
    drugs: dict[str, float] = Field({}, description="doses, 0 to 1")
    clamped: list[Literal["d1", "d2"]] = Field([], description="kinds of cells whose spines do not learn")
    intrinsic: bool = Field(True, description="whether spines live by their intrinsic law")


class Sweep(BaseModel):
    """A field that takes one value after another in trials with a reward (``dip_...``: with an imposed dip)."""

    model_config = _STRICT

    field: Literal["reward", "probability", "delay_s", "dip_s", "dip_at_s"]
    values: list[float] = Field(min_length=1)
    label: str


class ExperimentFile(BaseModel):
    """A file of an experiment."""

    model_config = _STRICT

    about: About
    animals: int = quantity(20, unit="1", what="animals, one seed each", ge=2, le=10000)
    cues: list[str] = Field(["CS+", "CS-"], min_length=1, description="names; each shares inputs with the one before")
    phase: list[Phase] = Field(min_length=1)
    condition: list[Condition] = Field([])
    sweep: Sweep | None = None


@dataclass(frozen=True)
class Experiment:
    """An experiment that was read: its name, its content, its file and the file's text."""

    name: str
    file: ExperimentFile
    path: Path
    text: str
