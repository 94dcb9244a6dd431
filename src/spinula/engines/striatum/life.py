"""Intrinsic dynamics of all spines between sessions: fluctuation, elimination at the threshold, formation elsewhere."""

from __future__ import annotations

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.coordinate import Coordinate
from spinula.engines.striatum.model import StriatumModel
from spinula.law import Dynamics
from spinula.law.additive import bridge_crossing

STEP = 0.1  # day; the bridge makes elimination independent of it


class Life:
    """The intrinsic law on sites: a spine that reaches the threshold is lost, and one forms at another vacant site.

    A cell keeps its number of spines (fixed count); the partner of a new one is any input that the cell has no spine
    of. Each animal draws from its own stream.
    """

    def __init__(self, model: StriatumModel, generators: list[np.random.Generator]) -> None:
        self._dynamics = (model.dynamics, model.dynamics_d2)
        self._generators = generators
        for dynamics in self._dynamics:
            if dynamics.boundary is None or dynamics.law.family == "kesten_map":
                raise InvalidInputError("a striatum needs an intrinsic law in continuous time with a boundary.")
        self._coordinates = [_coordinate(dynamics) for dynamics in self._dynamics]

    def live(self, size: np.ndarray, days: float) -> int:
        """Advance sizes, shape (animals, 2, cells, inputs), in place; return how many spines were eliminated."""
        steps = max(1, round(days / STEP))
        return sum(self._step(size, days / steps) for _ in range(steps)) if days > 0 else 0

    def _step(self, size: np.ndarray, dt: float) -> int:
        shape, lost = size.shape[1:], 0
        noise = np.stack([generator.standard_normal(shape) for generator in self._generators])
        luck = np.stack([generator.random(shape) for generator in self._generators])
        for kind, dynamics in enumerate(self._dynamics):
            boundary = dynamics.boundary
            assert boundary is not None
            here = size[:, kind]
            there = here > 0
            # What reinforcement or depression took below the threshold is gone before the step.
            before = np.maximum(here[there], boundary.size_min)
            after = dynamics.law.step(before, drive=0.0, noise=noise[:, kind][there], dt=dt)
            left = [self._coordinates[kind].additive(np.maximum(value, 1e-9)) for value in (before, after)]
            touched = np.exp(-bridge_crossing(left[0], np.maximum(left[1], 0.0), dt))
            died = (after <= boundary.size_min) | (luck[:, kind][there] < touched)
            here[there] = np.where(died, 0.0, after)
            lost += self._renew(here, there, died, boundary.size_new)
        return lost

    def _renew(self, size: np.ndarray, there: np.ndarray, died: np.ndarray, size_new: float) -> int:
        """Form as many spines on each cell as it lost, at vacant sites drawn at random."""
        gone = np.zeros(there.shape, np.int64)
        gone[there] = died
        count = gone.sum(-1)
        for animal in range(len(size)):
            cells = np.flatnonzero(count[animal])
            if len(cells):
                vacant = size[animal, cells] == 0
                key = np.where(vacant, self._generators[animal].random(vacant.shape), 2.0)
                rank = np.argsort(np.argsort(key, axis=1), axis=1)
                formed = (rank < count[animal, cells][:, None]) & vacant
                size[animal, cells] = np.where(formed, size_new, size[animal, cells])
        return int(count.sum())


def _coordinate(dynamics: Dynamics) -> Coordinate:
    assert dynamics.boundary is not None
    return Coordinate(dynamics.law, dynamics.boundary.size_min)
