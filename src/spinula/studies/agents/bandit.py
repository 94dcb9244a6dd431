"""Arms that pay by chance: the smallest world in which something can be learned and reversed."""

from __future__ import annotations

from typing import Any

import numpy as np


class _Count:
    def __init__(self, n: int) -> None:
        self.n = n


class Bandit:
    """Arms that pay 1 with a chance of 0.1 to 0.9, in even steps; there is one state.

    It speaks as an environment of Gymnasium does, and needs no library.

    Examples
    --------
    >>> world = Bandit(arms=3)
    >>> world.reset(seed=1), float(np.mean([world.step(2)[1] for _ in range(2000)])) > 0.85
    ((0, {}), True)
    """

    def __init__(self, arms: int = 5) -> None:
        self.observation_space, self.action_space = _Count(1), _Count(arms)
        self.chances = np.linspace(0.1, 0.9, arms)
        self._generator = np.random.default_rng(0)

    def reset(self, *, seed: int) -> tuple[int, dict[str, Any]]:
        """Begin again with other luck."""
        self._generator = np.random.default_rng(seed)
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Pull an arm; nothing ends."""
        return 0, float(self._generator.random() < self.chances[action]), False, False, {}
