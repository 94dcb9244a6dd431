"""Train an agent in a world, a row at a time, so that it can be cut anywhere and go on to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.core.files import replacing
from spinula.engines.agents import (
    IntrinsicDynamics,
    LinearActorCritic,
    OpponentActorCritic,
    SpineActorCritic,
    SpineRule,
)
from spinula.studies.agents.tables import EXPLORE, RATE, TableAgent
from spinula.studies.agents.worlds import World, known, open_world

KINDS = ("spine", "spine_saturating", "linear", "opal", "q", "sarsa")
# The numbers of the rule that each kind uses; a plan that names another is refused, as it would be ignored.
_SPINES = set(SpineRule.model_fields)
_SIGNED = _SPINES - {"enlargement", "size_scale"}
_TAKEN = {
    "spine": _SPINES, "spine_saturating": _SPINES - {"enlargement"}, "linear": _SIGNED,
    # The rate of OpAL acts on weights of 1, which are preferences themselves.
    "opal": _SIGNED - {"actor_gain"}, "q": {"discount"}, "sarsa": {"discount"},
}  # fmt: skip
_EPISODES, _SLOWEST = 100, 0.02
# Seeds of training episodes are below, those of test episodes from here on: no agent is tested on what it has seen.
_FIRST_TEST = 2**31


@dataclass(frozen=True)
class Plan:
    """What to train, where and for how long.

    Attributes
    ----------
    world : str
    steps : int, steps of the world, at least; the last episode is finished
    seed : int
    kind : one of KINDS
    rule : dict of numbers of the rule that differ from the world's
    intrinsic : dict of numbers of the intrinsic dynamics, or None (off)
    changed : bool, whether the world is the changed one
    anneal : bool, whether rates fall to 2 % over the training
    rows : int, rows of the history, at most
    episodes : episodes after which training ends, if not for ``steps`` before; None: no matter how many
    """

    world: str
    steps: int
    seed: int
    kind: str = "spine"
    rule: dict[str, Any] = field(default_factory=dict)
    intrinsic: dict[str, Any] | None = None
    changed: bool = False
    anneal: bool = True
    rows: int = 100
    episodes: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return asdict(self)

    def check(self) -> None:
        """Refuse what cannot be trained."""
        if self.kind not in KINDS:
            raise UnknownNameError("kind of agent", self.kind, KINDS)
        for name, value in (("steps", self.steps), ("episodes", 1 if self.episodes is None else self.episodes)):
            if value < 1:
                raise OutOfRangeError(name, value, "wanted at least one of training")
        if self.kind in ("q", "sarsa") and not known(self.world).tabular:
            raise InvalidInputError(
                f"{self.kind} needs a table of states, which {self.world} has not.\n  Take linear, opal or spine."
            )
        if self.intrinsic is not None and self.kind not in ("spine", "spine_saturating"):
            raise InvalidInputError(
                f"{self.kind} has no spines that could live by themselves.\n"
                "  Leave --intrinsic out, or take the rule spine or spine_saturating."
            )
        for name in self.rule:
            if name not in _TAKEN[self.kind]:
                raise InvalidInputError(
                    f"{self.kind} does not use {name}: it would change nothing.\n"
                    f"  Leave --set {name} out; {self.kind} takes {', '.join(sorted(_TAKEN[self.kind]))}."
                )


def rule_of(plan: Plan) -> SpineRule:
    """Return the numbers that an agent with spines or weights learns by: the world's, the plan's, the kind's."""
    rule = known(plan.world).rule.model_copy(update=plan.rule)
    if plan.kind == "opal":
        # At weights of 1 the difference G - N then moves as fast as that of the others.
        return rule.model_copy(update={"actor_gain": 1.0, "actor_rate": 0.5 * rule.actor_rate})
    if plan.kind == "spine_saturating":
        return rule.model_copy(update={"enlargement": "saturating"})
    return rule


def settings(plan: Plan) -> dict[str, Any]:
    """Return all numbers that an agent of a plan learns by, as plain values."""
    rule = rule_of(plan)
    if plan.kind in ("q", "sarsa"):
        return {"rate": RATE, "discount": rule.discount, "exploration at first": EXPLORE}
    return rule.model_dump()


def make_agent(plan: Plan, world: World) -> Any:
    """Return the agent that a plan names, untrained."""
    plan.check()
    rule = rule_of(plan)
    features = world.known.features(world.environment)
    if plan.kind in ("q", "sarsa"):
        return TableAgent(features.count, world.actions, seed=plan.seed, kind=plan.kind, discount=rule.discount)  # type: ignore[arg-type]
    if plan.kind == "linear":
        return LinearActorCritic(features, world.actions, rule, seed=plan.seed)
    if plan.kind == "opal":
        return OpponentActorCritic(features, world.actions, rule, seed=plan.seed)
    intrinsic = None if plan.intrinsic is None else IntrinsicDynamics(**plan.intrinsic)
    return SpineActorCritic(features, world.actions, rule, seed=plan.seed, intrinsic=intrinsic)


def episode(agent: Any, world: World, seed: int) -> tuple[float, int]:
    """Let an agent learn for an episode; return the return and the steps."""
    act, order, limit = world.environment.step, world.order, world.known.limit
    action, total, steps = agent.begin(world.reset(seed)), 0.0, 0
    while True:
        observation, reward, terminated, _, _ = act(order[action])
        steps += 1
        total += reward
        stopped = steps >= limit
        action = agent.learn(observation, reward, terminated=terminated, truncated=stopped and not terminated)
        if terminated or stopped:
            return float(total), steps


def training_seed(plan: Plan, number: int) -> int:
    """Return the seed of a plan's training episode, below 2**31."""
    return (plan.seed * 1_000_003 + number) % _FIRST_TEST


def evaluation_seed(number: int) -> int:
    """Return the seed of a test episode, 2**31 or above."""
    return _FIRST_TEST + number


def evaluate(agent: Any, world: World, episodes: int = _EPISODES) -> np.ndarray:
    """Return the returns of episodes in which the agent takes the likeliest action and learns nothing."""
    act, order, limit = world.environment.step, world.order, world.known.limit
    found = np.zeros(episodes)
    for number in range(episodes):
        observation = world.reset(evaluation_seed(number))
        for _ in range(limit):
            observation, reward, terminated, _, _ = act(order[agent.act(observation)])
            found[number] += reward
            if terminated:
                break
    return found


@dataclass
class _Progress:
    """How far a training is: what a checkpoint holds beside the agent."""

    steps: int = 0
    episodes: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)

    def row(self, plan: Plan) -> int:
        """Return how many rows of the history are over; whole numbers, so that no row is skipped by rounding."""
        played = 0 if plan.episodes is None else self.episodes * plan.rows // plan.episodes
        return max(self.steps * plan.rows // plan.steps, played)

    def share(self, plan: Plan) -> float:
        """Return how much of the training is done, by steps or by episodes, whichever ends first."""
        return max(self.steps / plan.steps, 0.0 if plan.episodes is None else self.episodes / plan.episodes)


def train(plan: Plan, *, agent: Any = None, checkpoint: Path | None = None) -> Iterator[tuple[dict[str, float], Any]]:
    """Train and yield (row, agent) as the history grows; go on from the checkpoint if there is one.

    An episode that spans several rows gives one: there are at most ``plan.rows``.

    Parameters
    ----------
    agent : an agent to train on, or None for a new one
    checkpoint : file that holds all that decides how training goes on, written with each row

    Yields
    ------
    row : dict
        steps, episodes, return (mean of the episodes since the last row), length (steps of an episode), burst and dip
        (mean per step, in rewards), d1 and d2 (mean volume of the actor's spines, um3), eliminated
    """
    plan.check()
    world = open_world(plan.world, changed=plan.changed)
    agent = agent if agent is not None else make_agent(plan, world)
    done = _Progress()
    if checkpoint is not None and checkpoint.exists():
        done = _restore(agent, checkpoint)
        yield from ((row, agent) for row in done.rows)
    while done.row(plan) < plan.rows:
        returns, begun, row = [], done.steps, done.row(plan)
        while done.row(plan) == row:
            if plan.anneal:
                agent.change_rates(max(1.0 - done.share(plan), _SLOWEST))
            found, taken = episode(agent, world, training_seed(plan, done.episodes))
            returns.append(found)
            done.steps, done.episodes = done.steps + taken, done.episodes + 1
        done.rows.append(_row(agent, done, returns, begun))
        if checkpoint is not None:
            _keep(agent, done, checkpoint)
        yield done.rows[-1], agent


def _row(agent: Any, done: _Progress, returns: list[float], begun: int) -> dict[str, float]:
    burst, dip = agent.dopamine()
    d1, d2 = agent.volumes() if hasattr(agent, "volumes") else (float("nan"), float("nan"))
    return {
        "steps": done.steps, "episodes": done.episodes, "return": float(np.mean(returns)),
        "length": (done.steps - begun) / len(returns), "burst": burst, "dip": dip, "d1": d1, "d2": d2,
        "eliminated": getattr(agent, "eliminated", 0),
    }  # fmt: skip


def _keep(agent: Any, done: _Progress, path: Path) -> None:
    with replacing(path) as temporary:
        np.savez(temporary, progress=np.array(json.dumps(asdict(done))), **agent.state())


def _restore(agent: Any, path: Path) -> _Progress:
    with np.load(path) as stored:
        agent.restore({name: stored[name] for name in stored.files if name != "progress"})
        return _Progress(**json.loads(str(stored["progress"])))
