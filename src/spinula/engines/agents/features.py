"""From what an agent observes to the inputs that fire: a few active features, each with a strength of at least 0.

The strengths of an observation have length 1 (sum of squares; linear features: at most about 1), so that a learning
rate means the same for every coder.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.agents.kernels import coding

_MOST = 20_000_000


class Features(ABC):
    """Turns an observation into active features.

    Attributes
    ----------
    count : int, features altogether
    most : int, features that one observation can activate
    """

    def __init__(self, count: int, most: int) -> None:
        if not 0 < count <= _MOST:
            raise InvalidInputError(
                f"{count} features were asked for, wanted 1 to {_MOST}.\n  Take fewer tiles, states or channels."
            )
        self.count, self.most = int(count), int(most)

    @abstractmethod
    def encode(self, observation: Any, index: np.ndarray, strength: np.ndarray) -> int:
        """Write the active features and their strengths, and return how many there are.

        Parameters
        ----------
        observation : what the environment shows
        index : Array of int64, shape (most,), written
        strength : Array of float, shape (most,), written, 1
        """


class OneHot(Features):
    """One feature per state of a world with a known number of states.

    Examples
    --------
    >>> index, strength = np.zeros(1, np.int64), np.zeros(1)
    >>> OneHot(16).encode(5, index, strength), index.tolist(), strength.tolist()
    (1, [5], [1.0])
    """

    def __init__(self, states: int) -> None:
        super().__init__(states, 1)

    def encode(self, observation: Any, index: np.ndarray, strength: np.ndarray) -> int:
        """Write the state."""
        index[0], strength[0] = observation, 1.0
        return 1


class Tiles(Features):
    """Tile coding of continuous observations: several grids, each displaced by a share of a tile.

    Parameters
    ----------
    low, high : sequences of float, one per dimension, in the observation's units; what lies outside counts as the edge
    tiles : int, tiles per dimension of a grid
    tilings : int, grids

    Source
    ------
    Tile coding as in [sutton2018] 9.5.4, with its displacement by odd numbers.

    Examples
    --------
    >>> coder = Tiles([0.0], [1.0], tiles=4, tilings=2)
    >>> index, strength = np.zeros(2, np.int64), np.zeros(2)
    >>> coder.encode(np.array([0.3]), index, strength), index.tolist(), coder.count
    (2, [1, 6], 10)
    """

    def __init__(self, low: Any, high: Any, *, tiles: int = 8, tilings: int = 8) -> None:
        self.low, high = np.asarray(low, float), np.asarray(high, float)
        if self.low.shape != high.shape or self.low.ndim != 1 or not (high > self.low).all():
            raise InvalidInputError(
                f"tiles from {self.low.tolist()} to {high.tolist()}: wanted two lists, the second above the first.\n"
                "  Give the bounds of each dimension that matter; observations outside count as the edge."
            )
        if tiles < 1 or tilings < 1:
            raise InvalidInputError(f"{tilings} tilings of {tiles} tiles: wanted at least 1 of both.")
        self.scale = tiles / (high - self.low)
        # A displaced grid needs one more tile per dimension to cover the same range.
        self.side = tiles + 1
        odd = 2 * np.arange(len(self.low)) + 1
        self.shift = (np.arange(tilings)[:, None] * odd / tilings) % 1.0
        super().__init__(tilings * self.side ** len(self.low), tilings)

    def encode(self, observation: Any, index: np.ndarray, strength: np.ndarray) -> int:
        """Write one tile per grid."""
        return coding.tiles(observation, self.low, self.scale, self.shift, self.side, index, strength)


class Linear(Features):
    """The observation itself: two features per dimension, what is above 0 and what is below, and one that is always on.

    Parameters
    ----------
    scale : sequence of float, one per dimension: the size at which a feature has the strength 1

    Examples
    --------
    >>> index, strength = np.zeros(3, np.int64), np.zeros(3)
    >>> Linear([2.0, 1.0]).encode(np.array([-1.0, 0.5]), index, strength), index.tolist(), strength.round(3).tolist()
    (3, [1, 2, 4], [0.289, 0.289, 0.577])
    """

    def __init__(self, scale: Any) -> None:
        self.scale = np.asarray(scale, float)
        if self.scale.ndim != 1 or not (self.scale > 0).all():
            raise InvalidInputError(
                f"scales of linear features {self.scale.tolist()}: wanted a list of numbers above 0."
            )
        super().__init__(2 * len(self.scale) + 1, len(self.scale) + 1)

    def encode(self, observation: Any, index: np.ndarray, strength: np.ndarray) -> int:
        """Write one feature per dimension and the constant one."""
        return coding.linear(observation, self.scale, index, strength)


class Pixels(Features):
    """Binary images in channels: every pixel of every channel, and near pairs of pixels of different channels.

    A pair says where an object of one channel is relative to one of another: the ball to its trail, or to the paddle.

    Parameters
    ----------
    shape : (rows, columns, channels)
    reach : int, pixels, how far apart a pair may be in each direction; -1: no pairs, 1: windows of 3 x 3

    Source
    ------
    Pairwise conjunctions as in the features for Atari of [liang2016]; here with absolute places.

    Examples
    --------
    >>> coder = Pixels((2, 2, 2), reach=1)
    >>> image = np.zeros((2, 2, 2), bool)
    >>> image[0, 0, 0] = image[1, 1, 1] = True
    >>> index, strength = np.zeros(coder.most, np.int64), np.zeros(coder.most)
    >>> coder.encode(image, index, strength), coder.count
    (3, 44)
    """

    def __init__(self, shape: tuple[int, int, int], *, reach: int = 1) -> None:
        rows, columns, channels = shape
        self.reach = min(reach, max(rows, columns) - 1)
        window = (2 * self.reach + 1) ** 2 if reach >= 0 else 0
        self.pairs = np.full((channels, channels), -1, np.int64)
        for number, pair in enumerate(itertools.combinations(range(channels), 2)):
            self.pairs[pair] = number
        pixels = rows * columns * channels
        self.shape = np.array(shape, np.int64)
        total = pixels + rows * columns * (channels * (channels - 1) // 2) * window
        super().__init__(total, min(total, 4096))

    def encode(self, observation: Any, index: np.ndarray, strength: np.ndarray) -> int:
        """Write the pixels that are on and the pairs of them; what goes beyond ``most`` is left out."""
        return coding.pixels(observation, self.pairs, self.reach, index, strength)
