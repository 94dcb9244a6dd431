"""What a circuit is asked to be, before it is arrays: populations, projections, and the slow life of their spines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.network.spiking import state
from spinula.law.boundary import Dynamics, FormationRate
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import InhibitoryTiming, ReinforcedTiming, Timing, TripletTiming
from spinula.law.plasticity.homeostasis import Homeostasis

FAMILIES = ("linear", "linear_quadratic", "log_reverting", "kesten", "log_ou")


@dataclass(frozen=True)
class Living:
    """The intrinsic dynamics of a projection's spines, and how their time relates to that of spikes.

    Attributes
    ----------
    dynamics : Dynamics, law, threshold and formation. ``fixed_count``: every spine that ends is replaced at once, on
        the same neuron, by one with a new identity from a neuron drawn at random. ``rate``: spines are formed at random
        moments on every neuron, whatever ends
    day : float, ms of spike time that stand for one day of spine time; 86,400,000 is real time
    tick : float, ms of spike time between two steps of the law
    contacts : int, most spines that one pair may have
    length_um : float, um, dendrite of a neuron on which spines are formed at a rate
    scaling : Homeostasis or None; its ``rate_time`` is spike time, its ``scaling_time`` spine time
    """

    dynamics: Dynamics
    day: float = 86_400_000.0
    tick: float = 1000.0
    contacts: int = 1
    length_um: float = 0.0
    scaling: Homeostasis | None = None

    def __post_init__(self) -> None:
        family = self.dynamics.law.family
        if family not in FAMILIES:
            raise InvalidInputError(
                f"a circuit's spines cannot follow {family!r}; wanted one of {', '.join(FAMILIES)}."
            )
        if isinstance(self.dynamics.formation, FormationRate):
            self._check_rate(self.dynamics.formation)
        if not (0 < self.day < np.inf and 0 < self.tick < np.inf and self.contacts >= 1):
            raise InvalidInputError("day and tick must be positive, contacts at least 1.")
        self.dynamics.law.check_step(self.tick / self.day)

    def _check_rate(self, formation: FormationRate) -> None:
        if self.dynamics.boundary is None or self.length_um <= 0:
            raise InvalidInputError("formation at a rate needs a boundary and length_um, the dendrite of a neuron.")
        births = formation.rate * self.length_um * self.tick / self.day
        if births > 100:
            raise InvalidInputError(f"{births:.3g} spines would form on a neuron in one tick: take a shorter tick.")

    @property
    def compression(self) -> float:
        """How many times faster spines live than spikes pass."""
        return 86_400_000.0 / self.day


@dataclass(frozen=True)
class Population:
    """A population of neurons: a name, and the place of its neurons among all."""

    name: str
    first: int
    count: int
    model: IntegrateAndFire

    @property
    def stop(self) -> int:
        """The place after its last neuron."""
        return self.first + self.count


@dataclass(frozen=True, eq=False)  # one is itself alone: its arrays have no truth value
class Projection:
    """Connections from one population to another.

    ``size`` [um3] with which spines begin, where the wiring gives none; ``gain`` mV (or leak conductances) per um3;
    ``delay`` ms. What has neither ``timing`` nor ``living`` never changes.
    """

    pre: Population
    post: Population
    first: np.ndarray
    target: np.ndarray
    size: np.ndarray
    gain: float
    delay: float
    inhibitory: bool
    timing: Timing | None
    living: Living | None

    @property
    def is_fixed(self) -> bool:
        """Whether its weights never change."""
        return self.timing is None and self.living is None


def projection_row(projection: Projection, first_row: int, dt: float) -> np.ndarray:
    """Return what the kernels need to know of a projection, times in steps."""
    row, timing = np.zeros(23), projection.timing
    row[[state.PRE_FIRST, state.PRE_STOP, state.FIRST_ROW]] = projection.pre.first, projection.pre.stop, first_row
    row[[state.POST_FIRST, state.POST_STOP]] = projection.post.first, projection.post.stop
    row[state.DELAY], row[state.CHANNEL] = round(projection.delay / dt), float(projection.inhibitory)
    row[state.GAIN], row[state.RULE], row[state.SECONDS] = projection.gain, state.FIXED, 1e-3 * dt
    if timing is None:
        row[state.RULE] = state.FIXED if projection.is_fixed else state.STILL
        return row
    row[state.RULE] = state.GATED if isinstance(timing, ReinforcedTiming) else state.TIMED
    row[[state.SIZE_MAX, state.SIZE_FLOOR]] = timing.size_max, timing.size_floor
    row[[state.POTENTIATION, state.DEPRESSION]] = timing.potentiation_time / dt, timing.depression_time / dt
    row[state.LAG] = round(timing.lag / dt)
    if isinstance(timing, InhibitoryTiming):
        row[[state.BASE_STEP, state.LOSS]] = timing.step, -timing.step
        row[state.BIAS] = -2.0 * timing.step * timing.target_rate * 1e-3 * timing.depression_time
        return row
    row[[state.BASE_STEP, state.LOSS]] = timing.potentiation_step, timing.depression_step
    if isinstance(timing, TripletTiming):
        row[[state.TRIPLET_STEP, state.TRIPLET]] = timing.triplet_step, timing.triplet_time / dt
    if isinstance(timing, ReinforcedTiming):
        row[[state.ELIGIBILITY, state.DOPAMINE]] = timing.eligibility_time / dt, timing.dopamine_time / dt
        row[state.BASELINE] = timing.baseline
    return row


def population_row(population: Population, dt: float) -> np.ndarray:
    """Return what the kernels need to know of a population, times in steps."""
    model, row = population.model, np.zeros(10)
    row[:4] = model.numbers(dt)
    row[[state.E_KEPT, state.I_KEPT]] = np.exp([-dt / model.excitatory_time, -dt / model.inhibitory_time])
    row[[state.THRESHOLD, state.RESET]] = model.threshold, model.reset
    row[state.REFRACTORY] = round(model.refractory_time / dt)
    row[state.CONDUCTANCE] = float(model.synapses == "conductance")
    return row
