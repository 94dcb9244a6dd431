"""What a condition may change that is no number of a law: formation, elimination, dopamine, experience.

Each lever is a number with a unit and a value that changes nothing. A study turns them into what an engine runs; which
measure needs which lever is written in ``studies/disorders``.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


class _Levers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FormationLever(_Levers):
    """Formation of new spines, against the rate that keeps the base at its spine density."""

    factor: float = quantity(1.0, unit="1", what="formation rate, in rates of the base", ge=0)
    pulse: float = quantity(0.0, unit="1", what="further formation during a pulse, in rates of the base", ge=0)
    pulse_days: float = quantity(0.0, unit="day", what="duration of that pulse", ge=0)
    former_sites: float = quantity(0.0, unit="1", what="share of the pulse at sites of lost spines", ge=0, le=1)


class EliminationLever(_Levers):
    """Elimination that is not by the size threshold: a rate that every spine is exposed to."""

    rate: float = quantity(0.0, unit="1/day", what="further rate of elimination, whatever the size", ge=0)
    branches: float = quantity(1.0, unit="1", what="share of branches on which it acts", gt=0, le=1)
    onset: float = quantity(0.0, unit="day", what="days after the cause until it begins", ge=0)
    reach: float = quantity(0.0, unit="um", what="length constant around the cause; 0: everywhere", ge=0)


class InputsLever(_Levers):
    """Which spines the edit of the law acts on."""

    affected: float = quantity(1.0, unit="1", what="share of spines whose law is edited", ge=0, le=1)


class ExperienceLever(_Levers):
    """How much of the fluctuation that experience adds is there."""

    gain: float = quantity(1.0, unit="1", what="variance that experience adds, in that of the base", ge=0)


class DopamineLever(_Levers):
    """Dopamine at spines of the striatum, in units of its usual tonic level; and D2 antagonists."""

    tonic: float = quantity(1.0, unit="1", what="dopamine outside a dip", ge=0)
    floor: float = quantity(0.0, unit="1", what="share of it that is left within a dip", ge=0, le=1)
    occupancy: float = quantity(0.0, unit="1", what="share of D2 receptors that an antagonist holds", ge=0, le=1)


class DetectionLever(_Levers):
    """The molecules that detect a dip of dopamine, against control."""

    d2_receptor: float = quantity(1.0, unit="1", what="D2 receptor, in amounts of the control", gt=0)
    rgs: float = quantity(1.0, unit="1", what="RGS protein, in amounts of the control", gt=0)


class BehaviourLever(_Levers):
    """What a drug does to behaviour without any spine."""

    fast: float = quantity(0.0, unit="1", what="share of a deficit that it mends at once", ge=0, le=1)
    fast_days: float = quantity(1.0, unit="day", what="time constant with which that wears off", gt=0)


class DendriteLever(_Levers):
    """The dendrite that carries the spines."""

    length: float = quantity(1.0, unit="1", what="length of the dendrites, in that of the base", gt=0)


class Levers(_Levers):
    """All levers; as they stand they change nothing."""

    formation: FormationLever = FormationLever()
    elimination: EliminationLever = EliminationLever()
    inputs: InputsLever = InputsLever()
    experience: ExperienceLever = ExperienceLever()
    dopamine: DopamineLever = DopamineLever()
    detection: DetectionLever = DetectionLever()
    behaviour: BehaviourLever = BehaviourLever()
    dendrite: DendriteLever = DendriteLever()


LEVERS: dict[str, type[BaseModel]] = {name: type(field.default) for name, field in Levers.model_fields.items()}


def is_lever(key: str) -> bool:
    """Tell whether a dotted key names a lever.

    Examples
    --------
    >>> is_lever("elimination.rate"), is_lever("law.noise_slope"), is_lever("formation.rate")
    (True, False, False)
    """
    table, _, name = key.partition(".")
    return table in LEVERS and name in LEVERS[table].model_fields
