"""Actor-critics that learn step by step: by D1 and D2 spines, and the two rules that they are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.core.files import replacing
from spinula.core.streams import Streams
from spinula.engines.agents.features import Features
from spinula.engines.agents.kernels import step as kernel
from spinula.engines.agents.life import live
from spinula.engines.agents.rule import IntrinsicDynamics, SpineRule

_LUCK = 4096


class ActorCritic:
    """What all actor-critics here share: features, a softmax policy, one compiled call per step, files.

    Call :meth:`begin` with the first observation of an episode, then :meth:`learn` with what came of each action.
    """

    kind: ClassVar[float] = kernel.SIGNED

    def __init__(
        self, features: Features, actions: int, rule: SpineRule | None = None, *, seed: int,
        density: float = 1.0, size: float = 0.1,
    ) -> None:  # fmt: skip
        """Make an agent that knows nothing: D1 and D2 spines of one size.

        Parameters
        ----------
        features : Features, made for the world's observations
        actions : int, how many there are to choose from
        rule : SpineRule; the usual one if not given
        density : float, share of sites with a spine, 0 to 1
        size : float, um3, of all spines

        Raises
        ------
        OutOfRangeError
            If there are no two actions, no spine, or no size.
        """
        if actions < 2:
            raise OutOfRangeError("actions", actions, "wanted 2 or more to choose from")
        if not 0.0 < density <= 1.0:
            raise OutOfRangeError("density", density, "wanted a share of sites above 0 and at most 1")
        if not size > 0.0:
            raise OutOfRangeError("size", size, "wanted a volume above 0 um3")
        self.features, self.actions, self.rule = features, actions, rule or SpineRule()
        streams = Streams(seed)
        self._generators = {name: streams.generator(name) for name in ("choice", "life")}
        self.sizes = self._start((features.count, actions + 1, 2), size, density, streams.generator("sites"))
        self._traces = np.zeros((features.count, actions + 1))
        self._listed = np.zeros((3, features.count), np.int64)
        self._listed[1] = -1
        self._memory = np.zeros(kernel.POLICY + actions)
        self._numbers = self.rule.numbers(self.kind)
        self._index, self._strength = np.zeros(features.most, np.int64), np.zeros(features.most)
        self._luck, self._used = np.zeros(0), 0
        self.steps = self.eliminated = 0

    def _start(self, shape: tuple[int, ...], size: float, density: float, generator: np.random.Generator) -> Any:
        return np.zeros(shape)

    def change_rates(self, factor: float) -> None:
        """Let the agent learn at a factor of the rates of its rule from now on, as in a schedule."""
        self._numbers[kernel.ACTOR_RATE] = self.rule.actor_rate * factor
        self._numbers[kernel.CRITIC_RATE] = self.rule.critic_rate * factor

    def begin(self, observation: Any) -> int:
        """Begin an episode: return the first action."""
        kernel.forget(self._traces, self._listed, self._memory)
        count = self.features.encode(observation, self._index, self._strength)
        return int(kernel.choose(self.sizes, self._traces, self._listed, self._memory, self._numbers, self._index,
                                 self._strength, count, self._next()))  # fmt: skip

    def learn(self, observation: Any, reward: float, *, terminated: bool = False, truncated: bool = False) -> int:
        """Learn from what the last action brought, and return the next action; -1 if the episode has ended.

        Parameters
        ----------
        observation : what the world shows after the action
        reward : float
        terminated, truncated : bool
            Whether the world ended (nothing is worth anything after it), or only was stopped (its value counts).
        """
        ended = terminated or truncated
        count = self.features.encode(observation, self._index, self._strength)
        event = (float(reward), 0.0 if terminated else self.rule.discount, -1.0 if ended else self._next())
        chosen = kernel.step(self.sizes, self._traces, self._listed, self._memory, self._numbers, self._index,
                             self._strength, count, event)  # fmt: skip
        self.steps += 1
        return int(chosen)

    def _next(self) -> float:
        if self._used == len(self._luck):
            self._luck, self._used = self._generators["choice"].random(_LUCK), 0
        self._used += 1
        return float(self._luck[self._used - 1])

    def policy(self, observation: Any) -> np.ndarray:
        """Return the chance of each action, shape (actions,); nothing is learned."""
        memory = self._memory.copy()
        count = self.features.encode(observation, self._index, self._strength)
        kernel.weigh(self.sizes, memory, self._numbers, self._index, self._strength, count)
        return memory[kernel.POLICY :]

    def act(self, observation: Any) -> int:
        """Return the likeliest action; nothing is learned."""
        return int(self.policy(observation).argmax())

    def value(self, observation: Any) -> float:
        """Return the predicted return."""
        count = self.features.encode(observation, self._index, self._strength)
        return float(kernel.preference(self.sizes, self._numbers, self._index, self._strength, count, self.actions))

    @property
    def error(self) -> float:
        """The error of the last step, in rewards: dopamine."""
        return float(self._memory[kernel.ERROR])

    def dopamine(self) -> tuple[float, float]:
        """Return the mean burst and the mean dip per step, in rewards, since they were asked for last."""
        steps = max(self._memory[kernel.STEPS], 1.0)
        mean = float(self._memory[kernel.BURSTS] / steps), float(self._memory[kernel.DIPS] / steps)
        self._memory[[kernel.BURSTS, kernel.DIPS, kernel.STEPS]] = 0.0
        return mean

    def state(self) -> dict[str, np.ndarray]:
        """Return all that decides how learning goes on between two episodes."""
        words = [generator_words(generator) for generator in self._generators.values()]
        return {"sizes": self.sizes, "luck": self._luck[self._used :], "random": np.array(words, np.uint64),
                "met": self._listed[2] > 0,
                "counts": np.array([self.steps, self.eliminated, self.features.count, self.actions])}  # fmt: skip

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`state` gave.

        Raises
        ------
        InvalidInputError
            If it is the state of an agent of another shape.
        """
        if state["sizes"].shape != self.sizes.shape:
            raise InvalidInputError(
                f"the policy has shape {state['sizes'].shape}, this agent {self.sizes.shape}.\n"
                "  It belongs to another world or to other features: make the agent as it was made then."
            )
        self.sizes = state["sizes"].astype(float)
        self._luck, self._used = state["luck"].astype(float), 0
        self._listed[2] = state["met"]
        for generator, words in zip(self._generators.values(), state["random"], strict=True):
            set_generator_words(generator, words)
        self.steps, self.eliminated = (int(count) for count in state["counts"][:2])

    def save(self, path: str | Path) -> None:
        """Write the agent's state to an npz, whole or not at all."""
        with replacing(path) as temporary:
            np.savez(temporary, **self.state())

    def load(self, path: str | Path) -> None:
        """Take over a state that :meth:`save` wrote."""
        with np.load(path) as stored:
            self.restore({name: stored[name] for name in stored.files})


def generator_words(generator: np.random.Generator) -> list[int]:
    """Return the state of a Philox generator as 13 integers."""
    state: Any = generator.bit_generator.state
    inner = state["state"]
    return [*inner["counter"], *inner["key"], *state["buffer"], state["buffer_pos"], state["has_uint32"],
            state["uinteger"]]  # fmt: skip


def set_generator_words(generator: np.random.Generator, words: np.ndarray) -> None:
    """Put a Philox generator into the state that :func:`generator_words` gave, shape (13,)."""
    generator.bit_generator.state = {
        "bit_generator": "Philox", "state": {"counter": words[:4], "key": words[4:6]}, "buffer": words[6:10],
        "buffer_pos": int(words[10]), "has_uint32": int(words[11]), "uinteger": int(words[12]),
    }  # fmt: skip


class SpineActorCritic(ActorCritic):
    """An agent whose preferences and values are differences of D1 (Go) and D2 (NoGo) spine volumes.

    preference(a) = actor_gain * sum of x*(D1 - D2) on the cell of a;   value likewise on the critic's cell
    error = reward + discount*value(next) - value
    D1 grows by rate*[error]+*eligibility/gain,   D2 by rate*[-error]+*eligibility/gain      (linear enlargement)

    Without intrinsic dynamics, with linear enlargement and equal shares, it is the actor-critic of Sutton and Barto in
    other coordinates: differences D1 - D2 are its weights. What can be added to it: sizes that enlarge as the law says,
    dips that are seen by their duration, and spines that fluctuate, return to rest, are eliminated and formed.

    Source
    ------
    [barto1983], [sutton2018] 13.5; the two pathways as [collins2014] has them, with additive instead of multiplicative
    growth; [yagishita2014], [iino2020].

    Examples
    --------
    >>> from spinula.engines.agents import OneHot
    >>> agent = SpineActorCritic(OneHot(1), 2, SpineRule(actor_rate=0.5, discount=0.0), seed=1)
    >>> for _ in range(200):
    ...     action = agent.begin(0)
    ...     _ = agent.learn(0, float(action == 1), terminated=True)
    >>> agent.act(0), bool(agent.policy(0)[1] > 0.9)
    (1, True)
    """

    kind = kernel.SPINES

    def __init__(
        self, features: Features, actions: int, rule: SpineRule | None = None, *, seed: int,
        intrinsic: IntrinsicDynamics | None = None, density: float = 1.0, size: float | None = None,
    ) -> None:  # fmt: skip
        """Make an agent that knows nothing; ``intrinsic`` None leaves its spines as dopamine makes them.

        Parameters as of the class above; spines begin at the resting size if ``size`` is not given.
        """
        start = (intrinsic.size_rest if intrinsic else 0.1) if size is None else size
        super().__init__(features, actions, rule, seed=seed, density=density, size=start)
        self.intrinsic = intrinsic

    def _start(self, shape: tuple[int, ...], size: float, density: float, generator: np.random.Generator) -> Any:
        return np.where(generator.random(shape) < density, size, 0.0) if density < 1.0 else np.full(shape, size)

    def learn(self, observation: Any, reward: float, *, terminated: bool = False, truncated: bool = False) -> int:
        """Learn from a step, as every actor-critic; now and then the spines live by themselves."""
        chosen = super().learn(observation, reward, terminated=terminated, truncated=truncated)
        if self.intrinsic is not None and self.steps % self.intrinsic.every == 0:
            self.eliminated += live(self.sizes, self.intrinsic, self._generators["life"], self.intrinsic.every)
        return chosen

    def volumes(self) -> tuple[float, float]:
        """Return the mean volume of the actor's D1 and D2 spines, um3, over features that were ever active."""
        met = self.sizes[self._listed[2] > 0, :-1]
        return _mean(met[..., 0]), _mean(met[..., 1])


def _mean(sizes: np.ndarray) -> float:
    spines = sizes[sizes > 0]
    return float(spines.mean()) if spines.size else float("nan")


class LinearActorCritic(ActorCritic):
    """The same agent with signed weights, which an error moves up and down: the usual linear actor-critic.

    Source
    ------
    [barto1983], [sutton2018] 13.5.
    """

    kind = kernel.SIGNED


class OpponentActorCritic(ActorCritic):
    """OpAL: Go and NoGo weights that grow and shrink by error times weight; the critic is linear.

    G <- G + actor_rate*G*error*eligibility,   N <- N - actor_rate*N*error*eligibility,   preference = gain*(G - N)

    Source
    ------
    [collins2014], with eligibility traces and features, which the paper does not have; both gains alike. All weights
    begin at 1.
    """

    kind = kernel.OPPONENT

    def _start(self, shape: tuple[int, ...], size: float, density: float, generator: np.random.Generator) -> Any:
        return np.ones(shape)
