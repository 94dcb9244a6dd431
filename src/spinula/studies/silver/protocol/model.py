"""What a protocol's TOML may say: stimuli on electrodes, conditions as steps in time, and claims about what is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spinula.core.quantity import quantity

_STRICT = ConfigDict(extra="forbid", frozen=True)


class About(BaseModel):
    """What a protocol asks."""

    model_config = _STRICT

    title: str
    note: str = ""
    source: str = ""


class Scale(BaseModel):
    """The unit of all levels: the voltage at which a ramp switches a fresh device between two electrodes."""

    model_config = _STRICT

    source: str
    sink: str


class Stimulus(BaseModel):
    """A voltage on one electrode while the stimulus is on, in thresholds of the device."""

    model_config = _STRICT

    name: str
    electrode: str
    level: float = quantity(unit="1", what="voltage over the threshold of the device", ge=-10, le=10)
    compliance_ua: float | None = quantity(None, unit="uA", what="largest current", gt=0, le=1e6)
    scale: Scale | None = Field(None, description="electrodes whose threshold is meant, if not those of the protocol")


class Probe(BaseModel):
    """A pair of electrodes whose conductance is read at 10 mV; the device does not change."""

    model_config = _STRICT

    name: str
    source: str
    sink: str


class Step(BaseModel):
    """One thing after another: stimuli repeated, a sweep, or rest; then a reading.

    ``give`` names stimuli that are on together, joined by ``+``; a list gives one after the other in each repetition.
    """

    model_config = _STRICT

    give: str | list[str] = Field("", description="stimuli: 'bell', 'bell+food', or several one after the other")
    count: int = quantity(1, unit="1", what="repetitions", ge=1, le=10000)
    on: float = quantity(0.1, unit="s", what="length of a stimulus", gt=0, le=1e5)
    off: float = quantity(0.1, unit="s", what="pause after it", ge=0, le=1e5)
    sweep: bool = Field(False, description="the stimulus rises and falls in a triangle of the length `on`")
    both: bool = Field(False, description="a sweep goes on through the same negative voltages")
    series: str | None = Field(None, description="name under which the response to each repetition is kept")
    rest: float = quantity(0.0, unit="s", what="rest after the stimuli", ge=0, le=1e7)
    read: str | None = Field(None, description="name under which the conductance at the end of the step is kept")

    @model_validator(mode="after")
    def _check(self) -> Step:
        if self.series and not self.give:
            raise ValueError("a series needs stimuli: say what to give")
        if self.sweep and (isinstance(self.give, list) or "+" in self.give or not self.give):
            raise ValueError("a sweep needs one stimulus")
        if self.both and not self.sweep:
            raise ValueError("both belongs to a sweep")
        return self


class Condition(BaseModel):
    """What one fresh device is given."""

    model_config = _STRICT

    name: str
    control: bool = Field(False, description="a negative control")
    set: dict[str, float] = Field({}, description="parameters of the law that a control changes")
    step: list[Step] = Field(min_length=1)


class Claim(BaseModel):
    """What must hold of what was read, for a device to show the behaviour.

    A term is ``condition.reading`` or ``condition.series.statistic`` (see :data:`STATISTICS`, or the number of the
    repetition), with ``@probe`` behind it for another probe than the first. The value is (of - minus)/(over - minus).
    """

    model_config = _STRICT

    name: str
    of: str
    over: str | None = None
    minus: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    control: bool = Field(False, description="a claim about a negative control")

    @model_validator(mode="after")
    def _check(self) -> Claim:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a claim needs at_least or at_most")
        return self

    @property
    def measured(self) -> str:
        """What is measured, as text."""
        of, over = (f"({one} - {self.minus})" if self.minus else one for one in (self.of, self.over or ""))
        return f"{of} / {over}" if self.over else of

    @property
    def wanted(self) -> str:
        """What it must be, as text."""
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        return ", ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


STATISTICS = ("first", "last", "largest", "smallest", "rises", "falls", "linear", "peak_at")
SWEPT = ("up", "down", "left")


class ProtocolFile(BaseModel):
    """A file of a protocol."""

    model_config = _STRICT

    about: About
    device: str = Field("dewetted", description="name of a device's preset, or a TOML file")
    scale: Scale
    grounded: list[str] = Field([], description="electrodes at 0 V when nothing is given on them; others float")
    stimulus: list[Stimulus] = Field(min_length=1)
    probe: list[Probe] = Field(min_length=1)
    condition: list[Condition] = Field(min_length=1)
    claim: list[Claim] = Field(min_length=1)


@dataclass(frozen=True)
class Protocol:
    """A protocol that was read: its name, its content, its file and the file's text."""

    name: str
    file: ProtocolFile
    path: Path
    text: str
