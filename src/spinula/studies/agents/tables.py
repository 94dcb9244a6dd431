"""Q-learning and SARSA on tables: what agents of spines are compared with where states can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.streams import Streams
from spinula.engines.agents.agent import generator_words, set_generator_words

# Usual settings, untuned: how far a value moves with an error, and the share of steps that explore at first.
RATE, EXPLORE = 0.2, 1.0


class TableAgent:
    """An agent with a table of action values, which explores by chance.

    error = reward + discount*Q(next) - Q(state, action);   Q(next) is the best (q) or the chosen action's (sarsa)

    Source
    ------
    [watkins1992]; SARSA: [sutton2018] 6.4.
    """

    def __init__(
        self, states: int, actions: int, *, seed: int, kind: Literal["q", "sarsa"], rate: float = RATE,
        discount: float = 0.99, explore: float = EXPLORE,
    ) -> None:  # fmt: skip
        self.kind, self.rate, self.discount, self.explore = kind, rate, discount, explore
        self.table = np.zeros((states, actions))
        self._generator = Streams(seed).generator("table")
        self._factor, self._here, self._chosen = 1.0, 0, 0

    def change_rates(self, factor: float) -> None:
        """Learn, and explore, at a factor of what is usual."""
        self._factor = factor

    def begin(self, observation: int) -> int:
        """Begin an episode: return the first action."""
        self._here, self._chosen = observation, self._choose(observation)
        return self._chosen

    def learn(self, observation: int, reward: float, *, terminated: bool = False, truncated: bool = False) -> int:
        """Learn from a step and return the next action."""
        chosen = self._choose(observation)
        row = self.table[observation]
        later = 0.0 if terminated else (row.max() if self.kind == "q" else row[chosen])
        error = reward + self.discount * later - self.table[self._here, self._chosen]
        self.table[self._here, self._chosen] += self.rate * self._factor * error
        self._here, self._chosen = observation, chosen
        return chosen

    def _choose(self, observation: int) -> int:
        if self._generator.random() < self.explore * self._factor:
            return int(self._generator.integers(self.table.shape[1]))
        return self.act(observation)

    def act(self, observation: int) -> int:
        """Return the best action."""
        return int(self.table[observation].argmax())

    def dopamine(self) -> tuple[float, float]:
        """Return nothing that is known: these agents have no dopamine."""
        return float("nan"), float("nan")

    def state(self) -> dict[str, np.ndarray]:
        """Return all that decides how learning goes on between two episodes."""
        return {"table": self.table, "random": np.array(generator_words(self._generator), np.uint64)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave.

        Raises
        ------
        InvalidInputError
            If it is the state of an agent with another table.
        """
        if state["table"].shape != self.table.shape:
            raise InvalidInputError(
                f"the policy has a table of shape {state['table'].shape}, this agent {self.table.shape}.\n"
                "  It belongs to another world: make the agent as it was made then."
            )
        self.table = np.array(state["table"], float)
        set_generator_words(self._generator, state["random"])
