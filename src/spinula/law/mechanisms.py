"""All mechanisms of extrinsic dynamics that a dendrite may have, as one validated whole; absent ones do nothing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.law.activity import Activity
from spinula.law.modulation.dips import DipReinforcement
from spinula.law.modulation.reinforcement import Reinforcement
from spinula.law.modulation.traces import ModulatorTraces
from spinula.law.plasticity.calcium import CalciumRule
from spinula.law.plasticity.clustering import Clustering
from spinula.law.plasticity.depression import Depression
from spinula.law.plasticity.heterosynaptic import Heterosynaptic
from spinula.law.plasticity.homeostasis import Homeostasis
from spinula.law.plasticity.mechanics import Mechanics
from spinula.law.plasticity.potentiation import Potentiation
from spinula.law.plasticity.spiketiming import SpikeTiming


class Mechanisms(BaseModel):
    """What activity does to the spines of one cell: each mechanism is there or is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    activity: Activity | None = None
    potentiation: Potentiation | None = None
    depression: Depression | None = None
    heterosynaptic: Heterosynaptic | None = None
    spiketiming: SpikeTiming | None = None
    calcium: CalciumRule | None = None
    homeostasis: Homeostasis | None = None
    clustering: Clustering | None = None
    mechanics: Mechanics | None = None
    reinforcement: Reinforcement | None = None
    dips: DipReinforcement | None = None
    traces: ModulatorTraces | None = None


MECHANISMS: dict[str, type[BaseModel]] = {
    "activity": Activity,
    "potentiation": Potentiation,
    "depression": Depression,
    "heterosynaptic": Heterosynaptic,
    "spiketiming": SpikeTiming,
    "calcium": CalciumRule,
    "homeostasis": Homeostasis,
    "clustering": Clustering,
    "mechanics": Mechanics,
    "reinforcement": Reinforcement,
    "dips": DipReinforcement,
    "traces": ModulatorTraces,
}
