"""SGD for models with sparse layers, where every connection is a spine with drift, drive, spread, birth and death."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import torch
from numba import njit
from torch import nn

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines.sparse.pytorch import state
from spinula.engines.sparse.pytorch.modules import SpineLinear, layer_of
from spinula.engines.sparse.rewire import replace
from spinula.engines.sparse.update import Numbers, law_step
from spinula.law.training import TrainingLaw

FORMATIONS = ("uniform", "guided")
OTHER = ("lr", "momentum", "weight_decay")


@njit(nogil=True, cache=True)
def spine_step(store, dw, numbers, key, counters, slab):
    """Move the spines of a layer one step and replace the eliminated; return how many there were.

    counters is (steps, formed, eliminated); slab is (x, dy) of some samples, or None where connections stay.
    """
    law_step(store, dw, numbers, (0, store.col.size), slab is not None, key, counters[0])
    counters[0] += 1
    if slab is None:
        return 0
    found, _ = replace(store, numbers, key, counters[1], slab[0], slab[1])
    counters[1] += found
    counters[2] += found
    return found


def _parameters(source: nn.Module | Iterable[Any]) -> list[dict[str, Any]]:
    """Return parameter groups of a model, of parameters, or of groups."""
    groups = list(source.parameters()) if isinstance(source, nn.Module) else list(source)
    if not groups:
        raise InvalidInputError("no parameters came; wanted a model or its parameters.")
    groups = groups if isinstance(groups[0], dict) else [{"params": groups}]
    return [
        {**g, "params": [g["params"]] if isinstance(g["params"], torch.Tensor) else list(g["params"])} for g in groups
    ]


class SpineOptimizer(torch.optim.Optimizer):
    """Train sparse layers by the law of spines, and all other parameters by SGD with momentum.

        size <- size + [-shrinkage - decay*size + drive]*lr + (noise_slope*size + noise_floor)*sqrt(lr)*noise
        size <= size_min  -> eliminated, and another one formed at size_new

    drive is minus sign*gradient with momentum; |weight| is the size. The number of connections never changes.

    Parameters
    ----------
    params : nn.Module, parameters, or parameter groups
    lr : float
        Learning rate; schedulers may change it. 0.2 to 0.3 is a good start for spines.
    momentum : float
    law : TrainingLaw or None
        None: no drift and no noise.
    formation : "uniform", "guided" or None
        Where spines form: anywhere; at the best of some ``candidates``, the one that the gradient would make grow
        most; or not at all, and none is eliminated.
    candidates : int
        For guided formation.
    signed : bool or None
        Whether a formed spine takes its site's sign, or the sign that the gradient asks for. None: as the layer says.
    other : dict
        "lr", "momentum" and "weight_decay" of the parameters that are no spines, where they differ.

    Notes
    -----
    ``state_dict`` holds momentum and the slots of the connections: with the model's own state, a training that was cut
    goes on bit for bit. Load the two in either order. All numbers of the law are in ``param_groups``.

    Raises
    ------
    OutOfRangeError, UnknownNameError
        If a setting is out of bounds, or a name unknown.
    """

    def __init__(
        self,
        params: nn.Module | Iterable[Any],
        lr: float,
        *,
        momentum: float = 0.9,
        law: TrainingLaw | None = None,
        formation: Literal["uniform", "guided"] | None = "uniform",
        candidates: int = 4,
        signed: bool | None = None,
        other: dict[str, float] | None = None,
    ) -> None:
        if formation is not None and formation not in FORMATIONS:
            raise UnknownNameError("formation", str(formation), FORMATIONS)
        if candidates < 1:
            raise OutOfRangeError("candidates", candidates, "wanted at least 1")
        other = dict(other or {})
        for name in other:
            if name not in OTHER:
                raise UnknownNameError("setting of other parameters", name, OTHER)
        defaults = {
            "lr": lr, "momentum": momentum, "weight_decay": 0.0, "formation": formation, "candidates": candidates,
            "signed": signed, **(law or TrainingLaw()).model_dump(),
        }  # fmt: skip
        groups = []
        for group in _parameters(params):
            spines = [p for p in group["params"] if layer_of(p) is not None]
            rest = [p for p in group["params"] if layer_of(p) is None]
            groups += [{**group, "params": spines}] if spines else []
            groups += [{**other, **group, "params": rest}] if rest else []
        super().__init__(groups, defaults)
        self._watch()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, after a check of their settings."""
        for name in ("lr", "weight_decay"):
            value = float(param_group.get(name, self.defaults[name]))
            if not value >= 0:
                raise OutOfRangeError(name, value, "wanted at least 0")
        momentum = param_group.get("momentum", self.defaults["momentum"])
        if not 0 <= momentum < 1:
            raise OutOfRangeError("momentum", momentum, "wanted at least 0 and less than 1")
        super().add_param_group(param_group)

    def layers(self) -> list[SpineLinear]:
        """Return the sparse layers that this optimiser trains."""
        found = [layer_of(p) for group in self.param_groups for p in group["params"]]
        return [layer for layer in found if layer is not None]

    def _watch(self) -> None:
        """Ask the layers to keep what formation needs from the backward pass."""
        for group in self.param_groups:
            for layer in filter(None, map(layer_of, group["params"])):
                guided = group["formation"] == "guided" and group["candidates"] > 1
                watched = guided or (group["formation"] is not None and not _signed(group, layer))
                if layer.watched != watched:
                    layer.watched = watched

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move all parameters that have a gradient by one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._watch()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                layer = layer_of(p)
                if layer is None:
                    self._sgd(p, group)
                else:
                    self._advance(layer, group)
        return loss

    def _sgd(self, p: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        slope = p.grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else p.grad
        if group["momentum"]:
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(p)
            slope = state["momentum_buffer"].mul_(group["momentum"]).add_(slope)
        p.add_(slope, alpha=-float(group["lr"]))

    def _advance(self, layer: SpineLinear, group: dict[str, Any]) -> None:
        if layer.pending is not None:
            raise InvalidInputError(
                "the optimiser's state belongs to other connections than the model has.\n"
                "  Load the model's state of the same moment as well."
            )
        numbers = _numbers(group, layer)
        dw = layer.weight.grad.detach().cpu().numpy()
        slab = None
        if group["formation"] is not None:
            slab = _slab(layer)
        with layer.editing() as store:
            counters = layer.counters.cpu().numpy()
            spine_step(store, dw, numbers, np.uint64(layer.key), counters, slab)
            layer.counters.copy_(torch.from_numpy(counters))

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all parameters, and the slots and momentum of spines under "spines"."""
        return {**super().state_dict(), "spines": [state.layout(layer) for layer in self.layers()]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state.

        Raises
        ------
        InvalidInputError
            If it has no spines, or those of other layers.
        """
        spines, layers = state_dict.get("spines"), self.layers()
        if spines is None or len(spines) != len(layers):
            count = "no" if spines is None else len(spines)
            raise InvalidInputError(f"the state has the spines of {count} layers; the optimiser trains {len(layers)}.")
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "spines"})
        for layer, layout in zip(layers, spines, strict=True):
            state.set_layout(layer, layout)
        self._watch()


def _signed(group: dict[str, Any], layer: SpineLinear) -> bool:
    return layer.signed if group["signed"] is None else bool(group["signed"])


def _numbers(group: dict[str, Any], layer: SpineLinear) -> Numbers:
    """Return the numbers of a step, all floats, so that the kernel is compiled once."""
    guided = group["formation"] == "guided"
    values = {
        "rate": group["lr"], "candidates": group["candidates"] if guided else 1, "signed": _signed(group, layer),
        "births": -1.0,
    }  # fmt: skip
    return Numbers(*(float(values[name] if name in values else group[name]) for name in Numbers._fields))


def _slab(layer: SpineLinear) -> tuple[np.ndarray, np.ndarray]:
    """Return x and dy of some samples of the last backward pass; zeros where no one asked to keep them."""
    if layer.watched and layer.slab is not None:
        return tuple(tensor.cpu().numpy() for tensor in layer.slab)
    dtype = layer.store().weight.dtype
    return np.zeros((layer.in_features, 1), dtype), np.zeros((layer.out_features, 1), dtype)
