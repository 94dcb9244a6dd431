"""The methods of the continual studies by name, and the settings that are tried for each: six, whoever it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spinula.core.errors import UnknownNameError
from spinula.engines.continual.dense import DensePerceptron, parameters
from spinula.engines.continual.guards import ContinualBackprop, ElasticConsolidation, SynapticIntelligence
from spinula.engines.continual.replay import Reservoir
from spinula.engines.continual.spines import ContinualPerceptron
from spinula.engines.sparse.rules import RULES, Rule
from spinula.law.training import SizeStability

DENSITY = 0.1
Learner = DensePerceptron | ContinualPerceptron


@dataclass(frozen=True)
class Setting:
    """What is tuned; each method looks at its own numbers.

    Attributes
    ----------
    rate : float, learning rate
    decay : float, weight decay
    shrinkage : float, of spines without a gradient
    share : float, of units that continual backprop renews per step
    strength : float, of EWC or SI
    scale : float, size at which a spine changes at half its rate; 0: no stability
    """

    rate: float = 0.1
    decay: float = 0.0
    shrinkage: float = 0.0
    share: float = 0.0
    strength: float = 0.0
    scale: float = 0.0


@dataclass(frozen=True)
class Ground:
    """What all methods get alike: widths, batch, the tasks of classes (or None), the room for memory in bytes (or
    None), and the bounds of a feature."""

    widths: list[int]
    batch: int
    bounds: tuple[float, float]
    groups: np.ndarray | None = None
    room: int | None = None


def _grid(rates: tuple[float, ...], name: str | None = None, values: tuple[float, ...] = (0.0,)) -> list[Setting]:
    """Return a setting for every learning rate and every value of a number."""
    made = [Setting(rate=rate) for rate in rates]
    return [replace(one, **{name: value}) for one in made for value in values] if name else made


_RATES = (0.05, 0.1)
ONLINE: dict[str, list[Setting]] = {
    "dense": _grid((0.005, 0.01, 0.02, 0.05, 0.1, 0.2)),
    "dense_l2": _grid(_RATES, "decay", (1e-3, 3e-3, 1e-2)),
    "dense_cbp": _grid(_RATES, "share", (1e-4, 3e-4, 1e-3)),
    "static_l2": _grid(_RATES, "decay", (5e-4, 1e-3, 3e-3)),
    "sparse_evolutionary": _grid(_RATES, "decay", (5e-4, 1e-3, 3e-3)),
    "deep_r": _grid(_RATES, "shrinkage", (3e-5, 1e-4, 3e-4)),
    "spine": _grid(_RATES, "shrinkage", (1e-4, 3e-4, 1e-3)),
}
_SLOW = (0.03, 0.1)
SPLIT: dict[str, list[Setting]] = {
    "dense": _grid((0.003, 0.01, 0.03, 0.1, 0.2, 0.3)),
    "static": _grid((0.003, 0.01, 0.03, 0.1, 0.2, 0.3)),
    "ewc": _grid(_SLOW, "strength", (1e2, 1e3, 1e4)),
    "si": _grid(_SLOW, "strength", (0.1, 1.0, 10.0)),
    "replay": _grid(_SLOW, "decay", (0.0, 1e-4, 1e-3)),
    "spine_plain": _grid(_SLOW, "shrinkage", (0.0, 1e-4, 1e-3)),
    "spine": _grid(_SLOW, "scale", (0.01, 0.03, 0.1)),
    "static_replay": _grid(_SLOW, "decay", (0.0, 1e-4, 1e-3)),
    "spine_replay": _grid(_SLOW, "shrinkage", (0.0, 1e-4, 1e-3)),
}
COPIES = {"ewc": 3, "si": 4}  # vectors as long as the parameters, these included


def learner(method: str, setting: Setting, ground: Ground, *, seed: int) -> Learner:
    """Return a fresh network of a method; one with a memory of samples fills the room that its weights leave.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    """
    if method not in ONLINE and method not in SPLIT:
        raise UnknownNameError("method", method, list(dict.fromkeys([*ONLINE, *SPLIT])))
    memory = None
    if method.endswith("replay"):
        assert ground.room is not None
        bare = _build(method, setting, ground, seed, None)
        memory = Reservoir(ground.room - bare.bytes, ground.widths[0], ground.bounds, seed=seed)
    return _build(method, setting, ground, seed, memory)


def _build(method: str, setting: Setting, ground: Ground, seed: int, memory: Reservoir | None) -> Learner:
    shared: dict[str, Any] = {"seed": seed, "batch": ground.batch, "memory": memory, "groups": ground.groups}
    if method.startswith(("dense", "replay")) or method in COPIES:
        widths = _fitting(ground, COPIES.get(method, 1))
        return DensePerceptron(widths, rate=setting.rate, decay=setting.decay, guard=_guard(method, setting, seed),
                               **shared)  # fmt: skip
    stability = SizeStability(scale=setting.scale, power=2.0) if setting.scale > 0 else None
    return ContinualPerceptron(ground.widths, DENSITY, _rule(method, setting), stability=stability, **shared)


def _fitting(ground: Ground, copies: int) -> list[int]:
    """Return the widths, the hidden ones narrowed in common until the vectors of a method fit into the room."""
    widths, hidden = list(ground.widths), np.array(ground.widths[1:-1])
    for percent in range(100, 0, -1):
        widths[1:-1] = [int(width) for width in np.maximum(1, hidden * percent // 100)]
        if ground.room is None or 4 * copies * parameters(widths) <= ground.room:
            break
    return widths


def _guard(method: str, setting: Setting, seed: int) -> Any:
    if method == "ewc":
        return ElasticConsolidation(setting.strength)
    if method == "si":
        return SynapticIntelligence(setting.strength)
    return ContinualBackprop(setting.share, seed=seed) if method == "dense_cbp" else None


def _rule(method: str, setting: Setting) -> Rule:
    name = method.removesuffix("_plain").removesuffix("_replay").removesuffix("_l2")
    changes = {"decay": setting.decay, "shrinkage": setting.shrinkage}
    if name == "spine":
        changes["size_new"] = 5e-3  # it has some hundred small steps to prove itself
    rule = RULES[name]
    return replace(rule, law=rule.law.model_copy(update=changes), rate=setting.rate, momentum=0.0, drop=0.1)
