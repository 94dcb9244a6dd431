"""Agents that learn from reward by D1 (Go) and D2 (NoGo) spines, and the rules that they are compared with.

    import gymnasium
    from spinula.agents import SpineActorCritic, Tiles

    world = gymnasium.make("CartPole-v1")
    agent = SpineActorCritic(Tiles([-2.4, -2.5, -0.21, -2.5], [2.4, 2.5, 0.21, 2.5]), 2, seed=1)

The room is :mod:`spinula.engines.agents`.
"""

from spinula.engines.agents import (
    ActorCritic,
    Features,
    IntrinsicDynamics,
    Linear,
    LinearActorCritic,
    OneHot,
    OpponentActorCritic,
    Pixels,
    SpineActorCritic,
    SpineRule,
    Tiles,
)

__all__ = [
    "ActorCritic",
    "Features",
    "IntrinsicDynamics",
    "Linear",
    "LinearActorCritic",
    "OneHot",
    "OpponentActorCritic",
    "Pixels",
    "SpineActorCritic",
    "SpineRule",
    "Tiles",
]
