"""What can happen to a dendrite: glutamate, spikes, GABA, dopamine, other modulators, drugs; each an event in a list.

An event says when it begins in one of ``at_s``, ``at_min``, ``at_day``. A train is ``pulses`` at ``rate_hz``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spinula.core.quantity import quantity
from spinula.law.drugs import Drug

SECONDS = {"s": 1.0, "min": 60.0, "day": 86400.0}
Spines = str | int | list[int]


def moment(values: dict[str, float | None], what: str) -> float:
    """Return in seconds a time that is given in exactly one unit.

    Raises
    ------
    ValueError
        If none or several units are given.

    Examples
    --------
    >>> moment({"s": None, "min": 2.0, "day": None}, "at")
    120.0
    """
    given = [unit for unit, value in values.items() if value is not None]
    names = ", ".join(f"{what}_{unit}" for unit in given or values)
    if len(given) != 1:
        raise ValueError(f"give one of {names}" if not given else f"mixed units: {names} are given; keep one")
    value = values[given[0]]
    assert value is not None
    return value * SECONDS[given[0]]


class _Event(BaseModel):
    """When an event begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_s: float | None = quantity(None, unit="s", what="when, from the start of the run")
    at_min: float | None = quantity(None, unit="min", what="when, from the start of the run")
    at_day: float | None = quantity(None, unit="day", what="when, from the start of the run")

    @model_validator(mode="after")
    def _check_time(self) -> Any:
        if self.begins < 0:
            raise ValueError(f"begins before the start of the run, at {self.begins:g} s")
        return self

    @property
    def begins(self) -> float:
        """When it begins, s."""
        return moment({"s": self.at_s, "min": self.at_min, "day": self.at_day}, "at")


class _Train(_Event):
    """An event that is a train of pulses."""

    pulses: int = quantity(1, unit="1", what="number of pulses", ge=1)
    rate_hz: float | None = quantity(None, unit="Hz", what="pulses per second", gt=0)
    poisson: bool = Field(False, description="intervals are exponential instead of even")

    @model_validator(mode="after")
    def _check_train(self) -> Any:
        if self.pulses > 1 and self.rate_hz is None:
            raise ValueError("a train of several pulses needs rate_hz")
        return self


class Uncaging(_Train):
    """Glutamate at spines. Without magnesium it potentiates alone; with it only when spikes follow."""

    kind: Literal["uncaging"]
    spines: Spines = Field(description="a group, a spine, or a list of spines")
    magnesium_free: bool = Field(False, description="NMDA receptors open without spikes")
    strength: float = quantity(1.0, unit="1", what="share of a full pulse", ge=0, le=1)


class Spikes(_Train):
    """Back-propagating action potentials, which reach every spine."""

    kind: Literal["spikes"]


class Pairing(_Train):
    """Glutamate at spines, and a spike that follows by ``lead_s`` (negative: that precedes)."""

    kind: Literal["pairing"]
    spines: Spines = Field(description="a group, a spine, or a list of spines")
    lead_s: float = quantity(0.01, unit="s", what="by how much glutamate leads the spike", ge=-1, le=1)


class Gaba(_Train):
    """GABA at a place on the dendrite: ``position_um``, or ``offset_um`` from a spine."""

    kind: Literal["gaba"]
    position_um: float | None = quantity(None, unit="um", what="where", ge=0)
    spine: str | int | None = Field(None, description="a spine, or a group of one")
    offset_um: float = quantity(0.0, unit="um", what="distance from the spine")
    strength: float = quantity(1.0, unit="1", what="share of full inhibition", ge=0, le=1)

    @model_validator(mode="after")
    def _check_place(self) -> Any:
        if (self.position_um is None) == (self.spine is None):
            raise ValueError("give either position_um or spine")
        return self


class Dopamine(_Event):
    """A burst of dopamine (``burst``, in full bursts), or a dip (``dip_s``, its duration, and ``depth``)."""

    kind: Literal["dopamine"]
    burst: float | None = quantity(None, unit="1", what="amplitude, in full bursts", gt=0)
    dip_s: float | None = quantity(None, unit="s", what="duration of a dip", gt=0)
    depth: float = quantity(1.0, unit="1", what="share of tonic dopamine that is missing in the dip", gt=0, le=1)

    @model_validator(mode="after")
    def _check_sign(self) -> Any:
        if (self.burst is None) == (self.dip_s is None):
            raise ValueError("give either burst or dip_s")
        return self


class Noradrenaline(_Event):
    """A puff of noradrenaline."""

    kind: Literal["noradrenaline"]
    strength: float = quantity(1.0, unit="1", what="share of a full puff", gt=0)


class Serotonin(_Event):
    """A puff of serotonin."""

    kind: Literal["serotonin"]
    strength: float = quantity(1.0, unit="1", what="share of a full puff", gt=0)


class DrugOn(_Event):
    """A drug in the bath, from its beginning until ``until_*`` (else to the end)."""

    kind: Literal["drug"]
    drug: Drug
    dose: float = quantity(1.0, unit="1", what="share of a full dose (an antagonist's occupancy)", gt=0, le=1)
    until_s: float | None = quantity(None, unit="s", what="when it is washed out")
    until_min: float | None = quantity(None, unit="min", what="when it is washed out")
    until_day: float | None = quantity(None, unit="day", what="when it is washed out")

    @model_validator(mode="after")
    def _check_end(self) -> Any:
        if self.ends is not None and self.ends <= self.begins:
            raise ValueError("is washed out before it is given")
        return self

    @property
    def ends(self) -> float | None:
        """When it is washed out, s; None: never."""
        values = {"s": self.until_s, "min": self.until_min, "day": self.until_day}
        return moment(values, "until") if any(value is not None for value in values.values()) else None


Event = Annotated[
    Uncaging | Spikes | Pairing | Gaba | Dopamine | Noradrenaline | Serotonin | DrugOn, Field(discriminator="kind")
]
KINDS: dict[str, type[BaseModel]] = {
    "uncaging": Uncaging, "spikes": Spikes, "pairing": Pairing, "gaba": Gaba, "dopamine": Dopamine,
    "noradrenaline": Noradrenaline, "serotonin": Serotonin, "drug": DrugOn,
}  # fmt: skip
