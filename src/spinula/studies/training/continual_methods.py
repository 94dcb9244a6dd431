"""The methods of the continual studies by name, and the settings that are tried for each: six, whoever it is.

``_narrow``: a dense network with its hidden layers so narrow that it takes the bytes of the sparse one;
``_same_bytes``: the sparse network with so many connections that it takes the bytes of the dense one; ``_plain``:
spines without stability by size; ``_l2``: weight decay; ``_cbp``: continual backprop; ``static``: fixed connections.
"""

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
_SAME_BYTES = 0.178  # a sparse network of 784-300-100-10 then takes the bytes of the dense one
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


def _grid(rates: tuple[float, float], name: str, values: tuple[float, float, float]) -> list[Setting]:
    """Return a setting for each of two learning rates and each of three values of a number."""
    return [replace(Setting(rate=rate), **{name: value}) for rate in rates for value in values]


def _by_rate(rates: tuple[float, ...]) -> list[Setting]:
    return [Setting(rate=rate) for rate in rates]


def _with_decay(settings: list[Setting]) -> list[Setting]:
    """Return settings with the weight decay that served the others best."""
    return [replace(one, decay=3e-3) for one in settings]


# Dense networks do better at lower rates than sparse ones; each got two rates about its best.
_SLOW, _FAST, _DECAYS = (0.05, 0.1), (0.1, 0.2), (1e-3, 3e-3, 1e-2)
ONLINE: dict[str, list[Setting]] = {
    "spine": _with_decay(_grid(_FAST, "shrinkage", (3e-5, 1e-4, 3e-4))),
    "spine_same_bytes": _with_decay(_grid(_FAST, "shrinkage", (3e-5, 1e-4, 3e-4))),
    "dense_cbp": _grid(_SLOW, "share", (3e-4, 1e-3, 3e-3)),
    "static_l2": _grid(_FAST, "decay", _DECAYS),
    "dense_l2": _grid(_SLOW, "decay", _DECAYS),
    "deep_r": _with_decay(_grid(_FAST, "shrinkage", (3e-5, 1e-4, 3e-4))),
    "sparse_evolutionary": _grid(_FAST, "decay", _DECAYS),
    "dense_cbp_narrow": _grid(_SLOW, "share", (3e-4, 1e-3, 3e-3)),
    "dense_l2_narrow": _grid(_SLOW, "decay", _DECAYS),
    "dense": _by_rate((0.005, 0.01, 0.02, 0.05, 0.1, 0.2)),
}
_LOW = (0.03, 0.1)
SPLIT: dict[str, list[Setting]] = {
    "dense": _by_rate((0.003, 0.01, 0.03, 0.1, 0.2, 0.3)),
    "ewc": _grid(_LOW, "strength", (1e2, 1e3, 1e4)),
    "si": _grid(_LOW, "strength", (1.0, 10.0, 100.0)),
    "replay": _grid(_LOW, "decay", (0.0, 1e-4, 1e-3)),
    "replay_narrow": _grid(_FAST, "decay", (0.0, 1e-4, 1e-3)),
    "static": _by_rate((0.003, 0.01, 0.03, 0.1, 0.2, 0.3)),
    "spine_plain": _grid(_FAST, "shrinkage", (0.0, 1e-4, 3e-4)),
    "spine": _grid((0.1, 0.3), "scale", (0.03, 0.1, 0.3)),
    "static_replay": _grid(_FAST, "decay", (0.0, 1e-4, 1e-3)),
    "spine_replay": _grid(_FAST, "shrinkage", (0.0, 1e-4, 3e-4)),
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
    if "replay" in method:
        assert ground.room is not None
        bare = _build(method, setting, ground, seed, None)
        memory = Reservoir(ground.room - bare.bytes, ground.widths[0], ground.bounds, seed=seed)
    return _build(method, setting, ground, seed, memory)


def _build(method: str, setting: Setting, ground: Ground, seed: int, memory: Reservoir | None) -> Learner:
    shared: dict[str, Any] = {"seed": seed, "batch": ground.batch, "memory": memory, "groups": ground.groups}
    if method.startswith(("dense", "replay")) or method in COPIES:
        room = ground.room
        if method.endswith("_narrow"):
            room = ContinualPerceptron(ground.widths, DENSITY, RULES["static"], seed=seed, batch=ground.batch).bytes
        widths = _fitting(ground.widths, COPIES.get(method, 1), room)
        return DensePerceptron(widths, rate=setting.rate, decay=setting.decay, guard=_guard(method, setting, seed),
                               **shared)  # fmt: skip
    stability = SizeStability(scale=setting.scale, power=2.0) if setting.scale > 0 else None
    density = _SAME_BYTES if method.endswith("_same_bytes") else DENSITY
    return ContinualPerceptron(ground.widths, density, _rule(method, setting), stability=stability, **shared)


def _fitting(widths: list[int], copies: int, room: int | None) -> list[int]:
    """Return the widths, the hidden ones narrowed in common until the vectors of a method fit into the room."""
    made, hidden = list(widths), np.array(widths[1:-1])
    for percent in range(100, 0, -1):
        made[1:-1] = [int(width) for width in np.maximum(1, hidden * percent // 100)]
        if room is None or 4 * copies * parameters(made) <= room:
            break
    return made


def _guard(method: str, setting: Setting, seed: int) -> Any:
    if method == "ewc":
        return ElasticConsolidation(setting.strength)
    if method == "si":
        return SynapticIntelligence(setting.strength)
    return ContinualBackprop(setting.share, seed=seed) if method.startswith("dense_cbp") else None


def _rule(method: str, setting: Setting) -> Rule:
    name = method.removesuffix("_same_bytes").removesuffix("_plain").removesuffix("_replay").removesuffix("_l2")
    changes = {
        "decay": setting.decay,
        "shrinkage": setting.shrinkage,
        "rate": setting.rate,
        "momentum": 0.0,
        "drop": 0.1,
    }
    if name == "spine":
        changes["size_new"] = 5e-3  # it has some hundred small steps to prove itself
    return RULES[name].changed(changes)
