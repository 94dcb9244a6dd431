"""Bounded synapses that store one random memory per step, as Markov chains: signal, noise and lifetime in closed form.

    p <- p up   where the memory is +1,    p <- p down   where it is -1;    M = (up + down)/2
    signal(age) = (p up M^age w - p down M^age w)/2,   p = stationary law of M,   noise = SD of w under p
    signal to noise of N synapses = sqrt(N)*signal/noise;  the lifetime is the age at which it falls to 1

This is the ideal observer who knows every weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from spinula.law.boundary import Boundary
from spinula.law.intrinsic import LinearLaw


@dataclass(frozen=True)
class Synapse:
    """A synapse of finitely many levels.

    Attributes
    ----------
    up, down : Array, shape (levels, levels), rows sum to 1; what a memory of +1 or -1 does
    weight : Array, shape (levels,)
    """

    up: np.ndarray
    down: np.ndarray
    weight: np.ndarray

    @cached_property
    def mean(self) -> np.ndarray:
        """The transition of a memory that is +1 or -1 by a fair coin."""
        return 0.5 * (self.up + self.down)

    @cached_property
    def stationary(self) -> np.ndarray:
        """The law of levels after many memories, shape (levels,)."""
        levels = len(self.weight)
        equations = np.vstack([self.mean.T - np.eye(levels), np.ones(levels)])
        return np.linalg.lstsq(equations, np.append(np.zeros(levels), 1.0), rcond=None)[0]

    @cached_property
    def noise(self) -> float:
        """The SD of the weight."""
        mean = self.stationary @ self.weight
        return float(np.sqrt(self.stationary @ (self.weight - mean) ** 2))

    def signal(self, ages: np.ndarray) -> np.ndarray:
        """Return what a memory has left after so many others, in weight per synapse; ages are whole."""
        seen = 0.5 * self.stationary @ (self.up - self.down)
        left = np.empty(int(np.max(ages)) + 1)
        for age in range(len(left)):
            left[age] = seen @ self.weight
            seen = seen @ self.mean
        return left[np.asarray(ages, int)]


def binary(chance: float) -> Synapse:
    """Return a synapse of two levels, -1 and 1, that follows a memory with a chance.

    Source
    ------
    [fusi2007]: its signal is chance*(1 - chance)^age.

    Examples
    --------
    >>> binary(0.5).signal(np.array([0, 1, 2])).tolist()
    [0.5, 0.25, 0.125]
    """
    up = np.array([[1.0 - chance, chance], [0.0, 1.0]])
    return Synapse(up, up[::-1, ::-1], np.array([-1.0, 1.0]))


@dataclass(frozen=True)
class Storing:
    """How spines store: one memory per day, in between they fluctuate, below size_min they are replaced.

        potentiated: V + gain*V*exp(-V/size_scale);    depressed: V - gain*V*exp(-V/size_scale)

    Attributes
    ----------
    law : LinearLaw, intrinsic dynamics
    boundary : Boundary
    gain : float, 1
    size_scale : float, um3; large spines change little; infinite: all sizes change by the same factor
    fluctuating : bool, whether there is intrinsic noise (the drift stays)
    largest : float, um3, the size that no spine exceeds (assumed)
    """

    law: LinearLaw
    boundary: Boundary
    gain: float = 0.3
    size_scale: float = 0.12
    fluctuating: bool = True
    largest: float = 1.0

    def step(self, size: np.ndarray, memory: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return sizes a day later, um3; a spine that fell below size_min is a new one."""
        moved = size + memory * self.gain * size * np.exp(-size / self.size_scale)
        moved = self.law.step(moved, drive=0.0, noise=noise * self.fluctuating, dt=1.0)
        moved = np.where(moved <= self.boundary.size_min, self.boundary.size_new, moved)
        return np.minimum(moved, self.largest)

    def synapse(self, levels: int = 160) -> Synapse:
        """Return the same as a Markov chain of sizes that are even in the logarithm."""
        edges = np.geomspace(self.boundary.size_min, self.largest, levels + 1)
        size = np.sqrt(edges[1:] * edges[:-1])
        born = int(np.searchsorted(edges, self.boundary.size_new)) - 1
        moves = self._intrinsic(size, edges, born)
        change = self.gain * np.exp(-size / self.size_scale)
        # Born spines are put where the sizes are, and what is potentiated beyond the largest level stays there.
        return Synapse(_split(size * (1 + change), size) @ moves, _split(size * (1 - change), size) @ moves, size)

    def _intrinsic(self, size: np.ndarray, edges: np.ndarray, born: int) -> np.ndarray:
        """Return the transition of a day without memories: normal in the additive coordinate, cell by cell."""
        law, levels = self.law, len(size)
        if not self.fluctuating:
            moved = law.step(size, drive=0.0, noise=np.zeros(levels), dt=1.0)
            kept = _split(np.maximum(moved, size[0]), size)
            dead = moved <= self.boundary.size_min
            kept[dead] = np.eye(levels)[born]
            return kept
        offset, slope = law.noise_floor / law.noise_slope, law.noise_slope
        spread = law.spread(size)
        mean = law.drift(size) / spread - 0.5 * slope
        reach = np.log((edges[None, :] + offset) / (size[:, None] + offset)) / slope - mean[:, None]
        chance = ndtr(reach)
        moves = np.diff(chance, axis=1)
        moves[:, -1] += 1.0 - chance[:, -1]
        moves[:, born] += chance[:, 0]
        return moves


def _split(target: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the transition to targets between levels: each is shared by its two neighbours, so that the mean stays."""
    target = np.clip(target, levels[0], levels[-1])
    above = np.clip(np.searchsorted(levels, target), 1, len(levels) - 1)
    share = (target - levels[above - 1]) / (levels[above] - levels[above - 1])
    moves = np.zeros((len(target), len(levels)))
    rows = np.arange(len(target))
    moves[rows, above - 1], moves[rows, above] = 1.0 - share, share
    return moves


def lifetime(ages: np.ndarray, ratio: np.ndarray, synapses: float) -> float:
    """Return the age at which sqrt(synapses)*ratio first falls to 1, between the ages of a curve; 0 if it starts below.

    NaN if it has not fallen by the last age.

    Examples
    --------
    >>> round(lifetime(np.array([0, 1, 2]), np.array([1.0, 0.1, 0.01]), 100.0), 6)
    1.0
    """
    height = np.log(np.maximum(ratio, 1e-300)) + 0.5 * np.log(synapses)
    if height[0] <= 0.0:
        return 0.0
    below = np.flatnonzero(height <= 0.0)
    if not len(below):
        return float("nan")
    a, b = below[0] - 1, below[0]
    return float(ages[a] + (ages[b] - ages[a]) * height[a] / (height[a] - height[b]))


def best_binary(synapses: float) -> tuple[float, float]:
    """Return the chance of a binary synapse with the longest lifetime for so many synapses, and that lifetime.

    lifetime(q) = log(q*sqrt(N))/-log(1 - q); the best q is near e/sqrt(N), the lifetime near sqrt(N)/e.

    Examples
    --------
    >>> chance, life = best_binary(1e6)
    >>> round(chance * 1e3, 1), round(life)
    (2.7, 367)
    """
    chances = np.exp(1.0) / np.sqrt(synapses) * np.linspace(0.8, 1.2, 4001)
    chances = chances[chances < 1.0]
    lives = np.log(chances * np.sqrt(synapses)) / -np.log1p(-chances)
    return float(chances[lives.argmax()]), float(lives.max())
