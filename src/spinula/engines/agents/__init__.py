"""Agents that learn from reward by D1 and D2 spines, for worlds of Gymnasium and others."""

from spinula.engines.agents.agent import ActorCritic, LinearActorCritic, OpponentActorCritic, SpineActorCritic
from spinula.engines.agents.features import Features, Linear, OneHot, Pixels, Tiles
from spinula.engines.agents.life import live
from spinula.engines.agents.rule import IntrinsicDynamics, SpineRule

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
    "live",
]
