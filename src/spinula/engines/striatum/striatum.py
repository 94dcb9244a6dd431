"""Many animals at once: sites with and without spines on D1 and D2 cells, what drives them, what changes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.streams import Streams
from spinula.engines.population import draw_stationary
from spinula.engines.striatum.life import Life
from spinula.engines.striatum.model import Detector, StriatumModel
from spinula.law.circuits.conditioning import enlarged

D1, D2 = 0, 1


class Striatum:
    """The striata of several animals, one per seed.

    A site is a pair of an input and a cell: it has one spine, or is vacant (size 0). A cue is a row of 0 and 1 over
    the inputs. D1 spines of active inputs grow with bursts, D2 spines with dips, by the laws of the presets.

    Parameters
    ----------
    model : StriatumModel
    seeds : sequence of int, one animal each; the same seed is the same animal in any company
    cues : int
        How many cues there are; each shares ``overlap`` of its inputs with the one before it.
    size : float or None, um3
        One size for every spine at the start; None draws from the stationary law.

    Attributes
    ----------
    size : Array, shape (animals, 2, cells, inputs), um3; 0 at a vacant site
    pattern : Array, shape (cues + 1, inputs); the last row is no cue

    Raises
    ------
    InvalidInputError
        If there are no seeds, or the cues need more inputs than there are.
    """

    def __init__(self, model: StriatumModel, *, seeds: Sequence[int], cues: int = 2, size: float | None = None) -> None:
        if len(seeds) == 0:
            raise InvalidInputError("seeds is empty: give one seed per animal.")
        self.seeds = [int(seed) for seed in seeds]
        self.pattern = patterns(model, cues)
        self._streams = [Streams(seed) for seed in self.seeds]
        self.size = self._start(model, size)
        self._life = Life(model, [streams.generator("life") for streams in self._streams])
        self.detector = Detector.of(model)
        self.rewards = np.zeros(len(self.seeds))
        # What a downstream reader takes as no prediction: each animal's drives when it is naive.
        self._unit = self.size.mean(axis=(1, 2, 3))[:, None, None] * self.pattern.sum(1)
        self._naive = self._relative()

    @property
    def model(self) -> StriatumModel:
        """The model; drugs and clamps may be changed with :meth:`use`."""
        return self.detector.model

    def use(self, model: StriatumModel) -> None:
        """Go on with another model: drugs, clamps, dopamine or receptors may differ, the circuit and laws may not.

        Raises
        ------
        InvalidInputError
            If the circuit or the intrinsic laws differ.
        """
        for name in ("circuit", "dynamics", "dynamics_d2", "intrinsic"):
            if getattr(model, name) != getattr(self.model, name):
                raise InvalidInputError(f"{name} cannot change during a run: make a new Striatum.")
        self.detector = Detector.of(model)

    def generator(self, name: str) -> list[np.random.Generator]:
        """Return one generator per animal for a named purpose."""
        return [streams.generator(name) for streams in self._streams]

    def _relative(self) -> np.ndarray:
        """Return drives over that of as many average inputs when naive, shape (animals, 2, cues + 1); 0 for no cue."""
        drive = self.size.mean(axis=2) @ self.pattern.T
        return np.divide(drive, self._unit, out=np.zeros_like(drive), where=self._unit > 0)

    def drives(self) -> np.ndarray:
        """Return the drive of each kind of cell by each cue over its own naive drive.

        Returns
        -------
        Array, shape (animals, 2, cues), 1; D1 first
        """
        return (self._relative() / np.where(self._naive > 0, self._naive, 1.0))[:, :, :-1]

    def values(self) -> np.ndarray:
        """Return the reward that each cue predicts, shape (animals, cues + 1); 0 for no cue.

        value_gain * (D1 - D2 - the same when naive), each a drive over that of as many average naive inputs.
        """
        change = self._relative() - self._naive
        return self.model.readout.value_gain * (change[:, D1] - change[:, D2])

    def reinforce(
        self, pattern: np.ndarray, *, bursts: np.ndarray | float = 0.0, dips: np.ndarray | float = 0.0
    ) -> None:
        """Enlarge paired spines: D1 by the strength of bursts, D2 by that of dips.

        Parameters
        ----------
        pattern : Array, shape (animals, inputs), 1
            How strongly each input was paired with spikes.
        bursts, dips : Array, shape (animals,), 1
            Strengths, from :meth:`Detector.burst_strength` and :meth:`Detector.dip_strength`.
        """
        for kind, strengths, law in ((D1, bursts, self.model.reinforcement), (D2, dips, self.model.dips)):
            strength = np.broadcast_to(strengths, len(self.seeds))
            if (strength > 0).any():
                # Only inputs that some animal's cue activates are touched.
                used = np.flatnonzero(pattern.any(0))
                paired = strength[:, None, None] * pattern[:, None, used]
                part = self.size[:, kind][:, :, used]
                self.size[:, kind, :, used] = np.moveaxis(part + enlarged(part, paired, law.size_scale), 2, 0)

    def forget(self, pattern: np.ndarray, cue: np.ndarray, reward: np.ndarray) -> None:
        """Shrink D1 spines that were paired while rewards stay away, and follow the reward rate.

        Parameters
        ----------
        pattern : Array, shape (animals, inputs); cue : Array of int, shape (animals,); reward : Array, shape (animals,)
        """
        law = self.model.unreinforced
        self.rewards = law.follow(self.rewards, reward)
        if not self.detector.d1_open:
            return
        here = np.arange(len(self.seeds))
        naive = self._naive[here, D1, cue]
        excess = np.divide(self._relative()[here, D1, cue], naive, out=np.ones_like(naive), where=naive > 0) - 1.0
        lost = np.where(reward > 0, 0.0, law.loss(excess, self.rewards))
        if (lost > 0).any():
            self.size[:, D1] *= 1.0 - lost[:, None, None] * pattern[:, None, :]

    def live(self, days: float) -> int:
        """Let all spines live by their intrinsic law; return how many were eliminated (and as many formed)."""
        if not self.model.intrinsic:
            return 0
        return self._life.live(self.size, days)

    def _start(self, model: StriatumModel, size: float | None) -> np.ndarray:
        circuit = model.circuit
        shape = (circuit.cells, circuit.inputs)
        spines = round(circuit.connection_density * circuit.inputs)
        made = np.zeros((len(self.seeds), 2, *shape))
        for animal, streams in enumerate(self._streams):
            wiring, sizes = streams.generator("wiring"), streams.generator("sizes")
            for kind, dynamics in ((D1, model.dynamics), (D2, model.dynamics_d2)):
                taken = np.argsort(wiring.random(shape), axis=1) < spines
                count = int(taken.sum())
                drawn = draw_stationary(dynamics, sizes, count) if size is None else np.full(count, size)
                made[animal, kind][taken] = drawn
        return made


def patterns(model: StriatumModel, cues: int) -> np.ndarray:
    """Return which inputs each cue activates, shape (cues + 1, inputs); the last row is no cue.

    Raises
    ------
    InvalidInputError
        If the cues need more inputs than there are.
    """
    circuit = model.circuit
    stride = circuit.active - round(circuit.overlap * circuit.active)
    if (needed := circuit.active + (cues - 1) * stride) > circuit.inputs:
        raise InvalidInputError(
            f"{cues} cues of {circuit.active} inputs need {needed} inputs; there are {circuit.inputs}.\n"
            "  Raise circuit.inputs or circuit.overlap."
        )
    made = np.zeros((cues + 1, circuit.inputs))
    for cue in range(cues):
        made[cue, cue * stride : cue * stride + circuit.active] = 1.0
    return made
