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
)
from spinula.studies.agents.tables import TableAgent
from spinula.studies.agents.worlds import World, known, open_world

KINDS = ("spine", "spine_saturating", "linear", "opal", "q", "sarsa")
# The rate of OpAL acts on weights of 1: its gain makes a preference of what spines have as volumes.
_EPISODES, _SLOWEST = 100, 0.02
_FIRST_TEST = 10**6


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
    rows : int, rows of the history
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


def make_agent(plan: Plan, world: World) -> Any:
    """Return the agent that a plan names, untrained."""
    plan.check()
    rule = world.known.rule.model_copy(update=plan.rule)
    features = world.known.features(world.environment)
    if plan.kind in ("q", "sarsa"):
        return TableAgent(features.count, world.actions, seed=plan.seed, kind=plan.kind, discount=rule.discount)  # type: ignore[arg-type]
    if plan.kind == "linear":
        return LinearActorCritic(features, world.actions, rule, seed=plan.seed)
    if plan.kind == "opal":
        # At weights of 1 the difference G - N then moves as fast as that of the others.
        update = {"actor_gain": 1.0, "actor_rate": 0.5 * rule.actor_rate}
        return OpponentActorCritic(features, world.actions, rule.model_copy(update=update), seed=plan.seed)
    if plan.kind == "spine_saturating":
        rule = rule.model_copy(update={"enlargement": "saturating"})
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


def evaluate(agent: Any, world: World, episodes: int = _EPISODES) -> np.ndarray:
    """Return the returns of episodes in which the agent takes the likeliest action and learns nothing."""
    act, order, limit = world.environment.step, world.order, world.known.limit
    found = np.zeros(episodes)
    for number in range(episodes):
        observation = world.reset(_FIRST_TEST + number)
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

    def share(self, plan: Plan) -> float:
        """Return how much of the training is done, by steps or by episodes, whichever ends first."""
        return max(self.steps / plan.steps, 0.0 if plan.episodes is None else self.episodes / plan.episodes)


def train(plan: Plan, *, agent: Any = None, checkpoint: Path | None = None) -> Iterator[tuple[dict[str, float], Any]]:
    """Train and yield (row, agent) as the history grows; go on from the checkpoint if there is one.

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
    while done.share(plan) < 1.0:
        returns, begun = [], done.steps
        while done.share(plan) < min((len(done.rows) + 1) / plan.rows, 1.0):
            if plan.anneal:
                agent.change_rates(max(1.0 - done.share(plan), _SLOWEST))
            found, taken = episode(agent, world, plan.seed * 1_000_003 % 2**31 + done.episodes)
            returns.append(found)
            done.steps, done.episodes = done.steps + taken, done.episodes + 1
        if not returns:  # a long episode went over several rows at once
            done.rows.append({**done.rows[-1]})
            continue
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
