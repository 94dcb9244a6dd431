"""All numbers of a striatum as one validated whole, and what drugs make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from spinula.core.errors import InvalidInputError
from spinula.core.quantity import quantity
from spinula.law import Dynamics
from spinula.law.circuits.conditioning import DopamineCode, Readout, Unreinforced, dip_at_half_depth, receptor_balance
from spinula.law.drugs import CLOSES
from spinula.law.modulation.detection import DipDetection
from spinula.law.modulation.dips import DipReinforcement, dip_contrast, duration_gain
from spinula.law.modulation.reinforcement import Reinforcement

# Drugs that do something in this engine.
DRUGS = ("methamphetamine", "d2_antagonist", "a2a_antagonist", "d1_antagonist", "camkii_inhibitor", "pka_inhibitor")


class Circuit(BaseModel):
    """How many cells and inputs there are, and which inputs a cue activates.

    Source
    ------
    Assumed; the overlap of the two cues' inputs is what makes learning generalise at first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: int = quantity(unit="1", what="cells of each kind (D1, D2)", ge=1, le=1000)
    inputs: int = quantity(unit="1", what="cortical inputs", ge=2, le=10000)
    active: int = quantity(unit="1", what="inputs that a cue activates", ge=1)
    overlap: float = quantity(unit="1", what="share of a cue's inputs that the next cue activates too", ge=0, le=1)
    connection_density: float = quantity(unit="1", what="share of sites with a spine", gt=0, le=1)

    @model_validator(mode="after")
    def _check(self) -> Circuit:
        if self.active > self.inputs:
            raise ValueError(f"active = {self.active} inputs of {self.inputs}")
        return self


class StriatumModel(BaseModel):
    """A striatum; ``intrinsic`` off leaves spines as they are between sessions.

    Attributes
    ----------
    drugs : dose of each drug, 0 to 1; the dose of an antagonist of D2 receptors is their occupancy
    clamped : kinds of cells ("d1", "d2") whose spines do not learn
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    circuit: Circuit
    dopamine: DopamineCode
    readout: Readout
    unreinforced: Unreinforced
    reinforcement: Reinforcement
    dips: DipReinforcement
    receptors: DipDetection = DipDetection()
    dynamics: Dynamics
    dynamics_d2: Dynamics
    intrinsic: bool = True
    drugs: dict[str, float] = {}
    clamped: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> StriatumModel:
        for drug, dose in self.drugs.items():
            if drug not in DRUGS:
                raise ValueError(f"{drug!r} does nothing here; drugs: {', '.join(DRUGS)}")
            if not 0.0 <= dose <= 1.0:
                raise ValueError(f"dose of {drug} = {dose:g}: wanted 0 to 1")
        if unknown := set(self.clamped) - {"d1", "d2"}:
            raise ValueError(f"clamped holds {sorted(unknown)}; kinds are 'd1' and 'd2'")
        return self


@dataclass(frozen=True)
class Detector:
    """What a spine's detectors make of dopamine, with drugs and clamps counted in.

    Attributes
    ----------
    clearance : float, s
    tonic, dip_level : float, dopamine outside and within a dip, in usual tonic levels
    contrast, slowing, amplitude : float, 1, how dips are seen
    """

    model: StriatumModel
    clearance: float
    tonic: float
    dip_level: float
    contrast: float
    slowing: float
    amplitude: float
    d1_open: bool
    d2_open: bool

    @classmethod
    def of(cls, model: StriatumModel) -> Detector:
        """Work out the detectors of a model."""
        drug = model.drugs.get("methamphetamine", 0.0)
        # The same two numbers as on the dendrite: more tonic dopamine, and a floor that dips do not pass.
        tonic = 1.0 + (model.dips.drug_tonic - 1.0) * drug
        dip_level = tonic * model.dips.drug_floor * drug
        slowing, amplitude = receptor_balance(model.receptors)
        closed = {gate for drug, dose in model.drugs.items() if dose > 0 for gate in CLOSES[drug]}
        closed |= set(model.clamped)
        return cls(
            model=model,
            clearance=model.dopamine.clearance * (1.0 + (model.dopamine.clearance_under_drug - 1.0) * drug),
            tonic=tonic,
            dip_level=dip_level,
            contrast=dip_contrast(tonic, dip_level, model.drugs.get("d2_antagonist", 0.0)),
            slowing=slowing,
            amplitude=amplitude,
            d1_open="d1" not in closed,
            d2_open="d2" not in closed,
        )

    def burst_strength(self, amplitude: float, delay: float) -> float:
        """Return the strength with which a burst (in full bursts) enlarges a D1 spine paired ``delay`` s before it."""
        if not self.d1_open or amplitude <= 0.0:
            return 0.0
        law = self.model.reinforcement
        return law.gain / law.bursts * law.kernel(delay) * amplitude

    def dip_strength(self, pause: float, delay: float) -> float:
        """Return the strength with which a pause (s) enlarges a D2 spine paired ``delay`` s before it."""
        if not self.d2_open or pause <= 0.0:
            return 0.0
        law = self.model.dips
        seen = float(dip_at_half_depth(pause, self.clearance)) * self.contrast
        size = self.amplitude * duration_gain(seen, law.duration_half * self.slowing, law.duration_power)
        return law.gain / law.dips * law.kernel(delay) * size


def changed(
    model: StriatumModel,
    changes: Mapping[str, float],
    *,
    drugs: Mapping[str, float] | None = None,
    clamped: tuple[str, ...] | None = None,
) -> StriatumModel:
    """Return a model with some numbers replaced, such as ``{"dopamine.dip": 0.0}``, and other drugs or clamps.

    Raises
    ------
    InvalidInputError
        If there is no such number, or a value is out of its bounds.
    """
    data = model.model_dump()
    data |= {} if drugs is None else {"drugs": dict(drugs)}
    data |= {} if clamped is None else {"clamped": clamped}
    for key, value in changes.items():
        *tables, name = key.split(".")
        inner = data
        for table in tables:
            inner = inner.get(table) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or name not in inner or isinstance(inner[name], dict):
            known = [f"{part}.{one}" for part, values in data.items() if isinstance(values, dict) for one in values]
            raise InvalidInputError(f"no number called {key!r}.\n  Numbers: intrinsic, {', '.join(known)}.")
        inner[name] = value
    try:
        return StriatumModel.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidInputError(
            f"{where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}."
        ) from None
