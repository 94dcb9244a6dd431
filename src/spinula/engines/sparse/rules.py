"""The rules by which connections come and go, by name: the spine rule and its peers, on one truly sparse store.

Every rule is a law (what a step does to a size) and a way to rewire: at every step, where a size falls to its
threshold, or every so many steps, by magnitude. Formation is uniform, guided (a tournament of candidate sites by
pre x error), or by the dense gradient (RigL alone).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from spinula.core.errors import UnknownNameError
from spinula.engines.sparse.update import Numbers
from spinula.law.training import TrainingLaw

Growth = Literal["uniform", "gradient", "none"]


@dataclass(frozen=True)
class Rule:
    """How a network's connections are trained and rewired.

    Attributes
    ----------
    law : TrainingLaw
    rate, momentum : float, learning rate at its peak (annealed by a cosine) and momentum
    candidates : int, how many sites compete for each formation; 1: uniform
    signed : bool, whether a site has a sign of its own (Dale's law by connection), or a new spine takes the sign that
        the gradient asks for
    continuous : bool, eliminated and replaced at every step; else every ``every`` steps by magnitude
    every, drop, until : int, float, float: period, share dropped (annealed by a cosine), and the share of training
        after which nothing is rewired
    growth : "uniform", "gradient" or "none", for rewiring by magnitude
    blind : bool, whether what is dropped for uniform growth is drawn at random, whatever its size: a control
    births : float, formations per step as a share of the connections; negative: as many as were eliminated
    start_density : float or None, where pruning starts
    """

    name: str
    law: TrainingLaw = field(default_factory=TrainingLaw)
    rate: float = 0.2
    momentum: float = 0.9
    candidates: int = 1
    signed: bool = True
    continuous: bool = False
    every: int = 0
    drop: float = 0.3
    until: float = 0.75
    growth: Growth = "none"
    blind: bool = False
    births: float = -1.0
    start_density: float | None = None

    def changed(self, changes: Mapping[str, Any]) -> Rule:
        """Return the rule with other numbers, of its own or of its law, by name.

        Examples
        --------
        >>> rule("spine").changed({"rate": 0.1, "decay": 1e-3}).law.decay
        0.001
        """
        law = {name: value for name, value in changes.items() if name in TrainingLaw.model_fields}
        rest = {name: value for name, value in changes.items() if name not in law}
        return replace(self, law=self.law.model_copy(update=law), **rest)

    def numbers(self) -> Numbers:
        """Return what the compiled step needs."""
        law = self.law
        values = (
            self.rate, self.momentum, law.shrinkage, law.decay, law.noise_slope, law.noise_floor, law.size_min,
            law.size_new, self.candidates, self.signed, self.births,
        )  # fmt: skip
        return Numbers(*map(float, values))  # all of one type: one compiled kernel, which turns them into an array

    def share(self, progress: float) -> float:
        """Return the share of connections to drop at a point of the training (0 to 1)."""
        if progress >= self.until:
            return 0.0
        return 0.5 * self.drop * (1.0 + np.cos(np.pi * progress / self.until))

    def describe(self) -> dict[str, Any]:
        """Return the rule as plain values."""
        return {**{key: value for key, value in vars(self).items() if key != "law"}, "law": self.law.model_dump()}


def _rules() -> dict[str, Rule]:
    anneal = {"continuous": True}
    spine = TrainingLaw(shrinkage=1e-3, size_new=2e-2)
    deep_r = TrainingLaw(shrinkage=1e-3, noise_floor=1.4e-4)
    sampling = TrainingLaw(decay=5e-3, shrinkage=1e-3, noise_floor=1e-3)
    return {
        "static": Rule("static", TrainingLaw(decay=5e-4)),
        "spine": Rule("spine", spine, candidates=16, signed=False, **anneal),
        "spine_signed": Rule("spine_signed", spine, candidates=16, **anneal),
        "deep_r": Rule("deep_r", deep_r, rate=0.3, **anneal),
        "soft_deep_r": Rule("soft_deep_r", deep_r, rate=0.3, births=0.05, **anneal),
        "synaptic_sampling": Rule("synaptic_sampling", sampling, rate=0.3, births=0.005, **anneal),
        "sparse_evolutionary": Rule("sparse_evolutionary", TrainingLaw(decay=5e-4), every=100, growth="uniform"),
        "rigl": Rule("rigl", TrainingLaw(decay=5e-4), every=100, growth="gradient"),
        "magnitude_pruning": Rule("magnitude_pruning", TrainingLaw(decay=5e-4), every=100, start_density=0.5),
    }  # fmt: skip


RULES = _rules()


def rule(name: str, density: float = 0.05) -> Rule:
    """Return a rule by name, with numbers that suit a density.

    The sparser a network, the stronger the shrinkage that serves it: 1e-3 at 5 %, 3e-3 at 1 % (tuned on MNIST; see
    docs/explanation/sparse.md).

    Raises
    ------
    UnknownNameError
        If there is no such rule.

    Examples
    --------
    >>> rule("rigl").growth
    'gradient'
    """
    if name not in RULES:
        raise UnknownNameError("rule", name, RULES)
    chosen = RULES[name]
    shrinkage = chosen.law.shrinkage * (0.05 / density) ** 0.68
    return chosen.changed({"shrinkage": shrinkage})
