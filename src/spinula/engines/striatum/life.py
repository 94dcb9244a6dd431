"""Intrinsic dynamics of all spines between sessions: fluctuation, elimination at the threshold, formation elsewhere."""

from __future__ import annotations

import math

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.coordinate import Coordinate
from spinula.engines.striatum.model import StriatumModel
from spinula.law import Dynamics
from spinula.law.additive import bridge_crossing

STEP = 0.25  # day, at most; the bridge makes elimination independent of it


class Life:
    """The intrinsic law on sites: a spine that reaches the threshold is lost, and one forms at another vacant site.

    A cell keeps its number of spines (fixed count); the partner of a new one is any input that the cell has no spine
    of. Each animal draws from its own stream, as many numbers in every step, so that two conditions differ by what
    is done to their spines and not by their noise.
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
        steps = math.ceil(days / STEP - 1e-9)
        return sum(self._step(size, days / steps) for _ in range(steps)) if days > 0 else 0

    def _step(self, size: np.ndarray, dt: float) -> int:
        shape, lost = size.shape[1:], 0
        noise = np.stack([generator.standard_normal(shape) for generator in self._generators])
        luck, place = np.moveaxis([generator.random((2, *shape)) for generator in self._generators], 1, 0)
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
            lost += _renew(here, there, died, place[:, kind], boundary.size_new)
        return lost


def _renew(size: np.ndarray, there: np.ndarray, died: np.ndarray, place: np.ndarray, size_new: float) -> int:
    """Form as many spines on each cell as it lost, at the vacant sites that drew the smallest numbers.

    Parameters
    ----------
    size : Array, shape (animals, cells, inputs), um3, changed in place; 0 where spines died
    there : Array of bool, same shape, where spines were; died : Array of bool, one per spine that was there
    place : Array, same shape as size, uniform draws
    """
    gone = np.zeros(there.shape, np.int64)
    gone[there] = died
    count = gone.sum(-1)
    cells = np.nonzero(count)
    key = np.where(size[cells] == 0, place[cells], 2.0)
    last = np.take_along_axis(np.sort(key, axis=1), count[cells][:, None] - 1, axis=1)
    # A cell whose sites are all taken cannot renew more than it has vacant: the site that a spine left is one.
    formed = (key <= last) & (key < 2.0)
    size[cells] = np.where(formed, size_new, size[cells])
    return int(count.sum())


def _coordinate(dynamics: Dynamics) -> Coordinate:
    assert dynamics.boundary is not None
    return Coordinate(dynamics.law, dynamics.boundary.size_min)
