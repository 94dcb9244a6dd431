"""The worlds that agents are trained in, what agents see of them, and how each can be changed after training.

Rates and tile bounds are choices of ours: a few settings were tried by hand for spines. The linear actor-critic and
OpAL take the numbers of the spines, untuned, as Q-learning and SARSA take their discount.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spinula.core.errors import MissingExtraError, UnknownNameError
from spinula.engines.agents import Features, OneHot, Pixels, SpineRule, Tiles
from spinula.studies.agents.bandit import Bandit

# Another lake of the same size and of about the same difficulty: the holes have moved.
_OTHER_LAKE = ["SHFF", "FFFF", "FFHF", "HFFG"]


@dataclass(frozen=True)
class Known:
    """A world that ships with its features and rule.

    Attributes
    ----------
    name : str, as Gymnasium calls it
    features : function(environment) -> Features
    rule : SpineRule, of the spine agent
    steps : int, steps of training by default
    limit : int, steps after which an episode is stopped
    swap : order of actions after the change, or () if the change is another map
    tabular : bool, whether its transitions are known as a table
    """

    name: str
    features: Callable[[Any], Features]
    rule: SpineRule
    steps: int
    limit: int
    swap: tuple[int, ...] = ()
    tabular: bool = False
    seeds: int = 5


def _cart(environment: Any) -> Features:
    edge = np.array([2.4, 2.5, 0.21, 2.5])
    return Tiles(-edge, edge, tiles=6, tilings=16)


def _states(environment: Any) -> Features:
    return OneHot(int(environment.observation_space.n))


def _pixels(environment: Any) -> Features:
    return Pixels(environment.observation_space.shape, reach=9)


_CART = SpineRule(actor_rate=0.07, critic_rate=0.2, critic_gain=100.0, trace=0.9, discount=0.995)
_LAKE = SpineRule(actor_rate=0.2, critic_rate=0.1, critic_gain=10.0, trace=0.9, discount=0.995)
_TAXI = SpineRule(actor_rate=0.05, critic_rate=0.3, critic_gain=100.0, trace=0.0, discount=0.97)
_ARMS = SpineRule(actor_rate=0.1, critic_rate=0.1, critic_gain=10.0, discount=0.0)
_BRICKS = SpineRule(actor_rate=0.1, critic_rate=0.1, critic_gain=10.0, trace=0.8, discount=0.99, trace_cut=0.01)

WORLDS = {
    known.name: known
    for known in (
        Known("CartPole-v1", _cart, _CART, 200_000, 500, swap=(1, 0), seeds=10),
        Known("FrozenLake-v1", _states, _LAKE, 100_000, 100, tabular=True),
        Known("Taxi-v4", _states, _TAXI, 400_000, 200, swap=(1, 0, 3, 2, 4, 5), tabular=True),
        Known("Bandit", _states, _ARMS, 5000, 100, swap=(4, 3, 2, 1, 0)),
        Known("MinAtar/Breakout-v1", _pixels, _BRICKS, 300_000, 5000, swap=(0, 2, 1), seeds=3),
    )
}
# Taxi-v3 has the same rules; newer libraries have only v4.
_SAME = {"Taxi-v3": "Taxi-v4"}


def known(name: str) -> Known:
    """Return a world by name.

    Raises
    ------
    UnknownNameError
        If there is none of the name.
    """
    name = _SAME.get(name, name)
    if name not in WORLDS:
        raise UnknownNameError("world", name, WORLDS)
    return WORLDS[name]


@dataclass
class World:
    """An open world: an environment without wrappers, and the order in which it takes actions.

    Attributes
    ----------
    known : Known
    environment : Any, Gymnasium's
    order : list of int, what each action of the agent does
    """

    known: Known
    environment: Any
    order: list[int] = field(default_factory=list)

    @property
    def actions(self) -> int:
        """How many actions there are."""
        return len(self.order)

    def reset(self, seed: int) -> Any:
        """Begin an episode that the seed alone decides (with the actions); return the observation."""
        observation, _ = self.environment.reset(seed=seed)
        if hasattr(self.environment, "game"):
            self.environment.game.last_action = 0  # MinAtar repeats it at random, and keeps it over episodes
        return observation


def open_world(name: str, *, changed: bool = False) -> World:
    """Open a world, as it is or changed: actions in another order, or another map.

    Raises
    ------
    MissingExtraError
        If Gymnasium or MinAtar is not installed.
    """
    found = known(name)
    if found.name == "Bandit":
        return World(found, Bandit(), list(found.swap) if changed else list(range(len(found.swap))))
    try:
        import gymnasium

        if name.startswith("MinAtar/"):
            from minatar.gym import register_envs

            if name not in gymnasium.registry:
                register_envs()
    except ImportError:
        raise MissingExtraError("gymnasium and minatar", "rl") from None
    more: dict[str, Any] = {"desc": _OTHER_LAKE} if changed and found.name.startswith("FrozenLake") else {}
    # Wrappers check what is known to be right and count the steps: a quarter of the time of a step.
    environment = gymnasium.make(found.name, disable_env_checker=True, **more).unwrapped
    actions = int(environment.action_space.n)  # type: ignore[attr-defined]
    order = list(found.swap) if changed and found.swap else list(range(actions))
    return World(found, environment, order)
