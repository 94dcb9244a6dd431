"""Run the cooperative lattice: thousands of synapses that share one pool of molecules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from spinula.core.errors import OutOfRangeError
from spinula.core.streams import Streams
from spinula.engines import philox as rng
from spinula.law import lattice
from spinula.law.lattice import LatticeLaw


@dataclass(frozen=True)
class LatticeSnapshot:
    """Sizes (bound molecules) of all synapses after a step, and how many molecules are free."""

    step: int
    size: np.ndarray
    free: int


@njit(nogil=True)
def _step_one(before, after, synapse, step, chances, key):
    """Advance one synapse by one step; both lattices have an empty rim. Return its size."""
    k0, k1 = rng.split_key(key)
    side, size, word = before.shape[0] - 2, 0, 4
    words = np.empty(4, np.uint32)
    for row in range(1, side + 1):
        for column in range(1, side + 1):
            neighbours = -np.int64(before[row, column])
            for i in range(row - 1, row + 2):
                for j in range(column - 1, column + 2):
                    neighbours += before[i, j]
            if word == 4:
                place = np.uint32(row * (side + 2) + column)
                a, b, c, d = rng.philox(place, np.uint32(synapse), np.uint32(step), np.uint32(0), k0, k1)
                words[0], words[1], words[2], words[3], word = a, b, c, d, 0
            occupied = before[row, column]
            chance = chances[1, neighbours] if occupied else chances[0, neighbours]
            changes = rng.unit(words[word]) < chance
            word += 1
            after[row, column] = occupied ^ np.uint8(changes)
            size += after[row, column]
    return size


@njit(parallel=True, cache=True, nogil=True)
def _step_all(before, after, step, chances, key):
    """Advance all synapses by one step (synchronously: all see the same number of free molecules)."""
    sizes = np.empty(before.shape[0], np.int64)
    for synapse in prange(before.shape[0]):
        sizes[synapse] = _step_one(before[synapse], after[synapse], synapse, step, chances, key)
    return sizes


def run(law: LatticeLaw, *, seed: int, steps: int, occupied: float = 0.0) -> Iterator[LatticeSnapshot]:
    """Yield the sizes of all synapses at the start and after each step.

    Parameters
    ----------
    occupied : float, 1
        Share of sites that hold a molecule at the start.

    Raises
    ------
    OutOfRangeError
        If ``steps`` is not positive or ``occupied`` is not a share.

    Examples
    --------
    >>> law = LatticeLaw(synapses=2, molecules=320)
    >>> len(list(run(law, seed=1, steps=3)))
    4
    """
    if steps <= 0:
        raise OutOfRangeError("steps", steps, "wanted a positive number")
    if not 0 <= occupied < 1:
        raise OutOfRangeError("occupied", occupied, "wanted a share from 0 to 1")
    streams = Streams(seed)
    shape = (law.synapses, law.side + 2, law.side + 2)
    before, after = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    inner = (slice(None), slice(1, -1), slice(1, -1))
    before[inner] = streams.generator("start").random((law.synapses, law.side, law.side)) < occupied
    sizes = before.sum(axis=(1, 2), dtype=np.int64)
    neighbours = np.arange(9.0)
    key = np.uint64(streams.key("lattice"))
    yield LatticeSnapshot(0, sizes, law.molecules - int(sizes.sum()))
    for step in range(1, steps + 1):
        free = max(law.molecules - int(sizes.sum()), 0)
        chances = np.stack(
            [
                lattice.binding_chance(neighbours, free, law.bind / 8, law.nucleate),
                lattice.unbinding_chance(neighbours, law.unbind / 8),
            ]
        )
        sizes = _step_all(before, after, step, chances, key)
        before, after = after, before
        yield LatticeSnapshot(step, sizes, law.molecules - int(sizes.sum()))
