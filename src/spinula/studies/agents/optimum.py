"""What the best policy of a world earns, and what a given one does, computed from the world's table of transitions."""

from __future__ import annotations

from typing import Any

import numpy as np


class Transitions:
    """The transitions of a world with states that can be counted, as Gymnasium's ``P`` has them.

    Attributes
    ----------
    chance : Array, shape (states, actions, states), of going on there (an end goes nowhere)
    reward : Array, shape (states, actions), expected
    start : Array, shape (states,), chance of beginning there

    Examples
    --------
    >>> class Corridor:
    ...     P = {0: {0: [(1.0, 0, 0.0, False)], 1: [(0.5, 1, 1.0, True), (0.5, 0, 0.0, False)]}, 1: {0: [], 1: []}}
    ...     initial_state_distrib = [1.0, 0.0]
    >>> world = Transitions(Corridor())
    >>> world.best(2), world.earned(np.array([1, 0]), 2), world.earned(np.array([0, 0]), 2)
    (0.75, 0.75, 0.0)
    """

    def __init__(self, environment: Any) -> None:
        table = environment.P
        states, actions = len(table), len(table[0])
        self.chance, self.reward = np.zeros((states, actions, states)), np.zeros((states, actions))
        for state, rows in table.items():
            for action, outcomes in rows.items():
                for share, after, reward, ended in outcomes:
                    self.reward[state, action] += share * reward
                    if not ended:
                        self.chance[state, action, after] += share
        self.start = np.asarray(environment.initial_state_distrib, float)

    def best(self, horizon: int) -> float:
        """Return the largest expected return within a number of steps, by backward induction (value iteration).

        The best policy may look at how many steps are left, so that no other can earn more.
        """
        value = np.zeros(len(self.start))
        for _ in range(horizon):
            value = (self.reward + self.chance @ value).max(1)
        return float(self.start @ value)

    def earned(self, policy: np.ndarray, horizon: int) -> float:
        """Return the expected return of a policy, shape (states,), one action for each state."""
        states = np.arange(len(self.start))
        chance, reward = self.chance[states, policy], self.reward[states, policy]
        value = np.zeros(len(self.start))
        for _ in range(horizon):
            value = reward + chance @ value
        return float(self.start @ value)
