"""SGD or Adam for models with sparse layers, where every connection is a spine with drift, drive, birth and death."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numba import njit
from torch import nn

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines.sparse.pytorch import state
from spinula.engines.sparse.pytorch.modules import SpineLinear, layer_of
from spinula.engines.sparse.rewire import replace
from spinula.engines.sparse.store import Store
from spinula.engines.sparse.update import Numbers, birth_size, law_step
from spinula.law.training import TrainingLaw

FORMATIONS = ("uniform", "guided")
METHODS = ("sgd", "adam")
OTHER = ("lr", "momentum", "weight_decay")


@njit(nogil=True, cache=True)
def spine_step(store, dw, numbers, key, counters, slab):
    """Move the spines of a layer one step and replace the eliminated.

    counters is (steps, formed, eliminated); slab is (x, dy) of some samples, or None where connections stay.
    """
    law_step(store, dw, numbers, (0, store.col.size), slab is not None, key, counters[0])
    counters[0] += 1
    if slab is not None:
        lost, formed = replace(store, numbers, key, counters[1], slab[0], slab[1])
        counters[1] += formed
        counters[2] += lost


@njit(nogil=True)
def _adam_drive(store, dw, moments, drive, first):
    """Write the first moments and what Adam makes of a gradient; a spine's bias is corrected by its own age."""
    second, age, (beta1, beta2, eps), corrections, _ = moments
    oldest = corrections.shape[1] - 1
    for slot in range(store.col.size):
        if store.col[slot] < 0:
            drive[slot] = first[slot] = second[slot] = 0.0
            age[slot] = 0
            continue
        slope = dw[slot]
        age[slot] = min(age[slot] + 1, oldest)
        first[slot] = beta1 * store.momentum[slot] + (1.0 - beta1) * slope
        second[slot] = beta2 * second[slot] + (1.0 - beta2) * slope * slope
        mean, square = first[slot] / corrections[0, age[slot]], second[slot] / corrections[1, age[slot]]
        drive[slot] = mean / (np.sqrt(square) + eps)


@njit(nogil=True)
def _follow(values, origin):
    """Bring each value to the slot where its spine is now; ``origin`` is the slot it was in plus one, 0 for none."""
    before = values.copy()
    for slot in range(values.size):
        if origin[slot] != slot + 1:
            values[slot] = before[origin[slot] - 1] if origin[slot] > 0 else 0


@njit(nogil=True, cache=True)
def adam_step(store, slopes, numbers, key, counters, slab):
    """Move the spines of a layer by Adam.

    ``slopes`` is (dw, moments); moments are (second moments, ages, betas and eps, bias corrections by age, the slots
    counted from 1: as integers, and as the same bits in the type of weights). First moments are kept where SGD keeps
    its momentum, and the law's step takes Adam's drive for its gradient.
    """
    dw, moments = slopes
    drive, first = np.empty_like(dw), np.empty_like(dw)
    _adam_drive(store, dw, moments, drive, first)
    law_step(store, drive, numbers, (0, store.col.size), slab is not None, key, counters[0])
    store.momentum[:] = first
    counters[0] += 1
    if slab is not None:
        # What moves spines between slots moves these numbers with them, in momentum's place.
        origin, bits = moments[4]
        marked = Store(store.row_start, store.row_count, store.col, store.weight, bits, store.col_start,
                       store.col_count, store.row, store.slot)  # fmt: skip
        lost, formed = replace(marked, numbers, key, counters[1], slab[0], slab[1])
        counters[1] += formed
        counters[2] += lost
        _follow(store.momentum, origin)
        _follow(moments[0], origin)
        _follow(moments[1], origin)


@lru_cache
def _corrections(beta1: float, beta2: float) -> np.ndarray:
    """Return 1 - beta^age for both moments, by age, up to where they are 1 in single precision."""
    slowest = max(beta1, beta2, 0.5)
    ages = np.arange(2 + min(int(np.ceil(np.log(1e-9) / np.log(slowest))), 10_000_000))
    made = 1.0 - np.array([[beta1], [beta2]]) ** ages
    made[:, 0] = 1.0  # age 0 does not occur
    return made


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
    """Train sparse layers by the law of spines, and all other parameters by SGD with momentum or by Adam.

        size <- size + [-shrinkage - decay*size + drive]*lr + (noise_slope*size + noise_floor)*sqrt(lr)*noise
        size <= size_min  -> eliminated, and another one formed at size_new

    drive is minus sign*gradient with momentum, or minus sign times Adam's ratio of moments; |weight| is the size. The
    number of connections never changes.

    Parameters
    ----------
    params : nn.Module, parameters, or parameter groups
    lr : float
        Learning rate; schedulers may change it. 0.2 to 0.3 is a good start for spines.
    momentum : float
        For SGD.
    law : TrainingLaw or None
        None: no drift and no noise. Under Adam a drive is at most about 1, so that ``shrinkage`` says which share of
        consistent gradients supports a spine.
    formation : "uniform", "guided" or None
        Where spines form: anywhere; at the best of some ``candidates``, the one that the gradient would make grow
        most; or not at all, and none is eliminated.
    candidates : int
        For guided formation.
    signed : bool or None
        Whether a formed spine takes its site's sign, or the sign that the gradient asks for. None: as the layer says.
    other : dict
        "lr", "momentum" (SGD) and "weight_decay" of the parameters that are no spines, where they differ. Under Adam
        weight decay is decoupled, as the law's ``decay`` is.
    method : "sgd" or "adam"
    betas, eps : as for torch.optim.Adam
        Moments follow their spines; a new spine starts at zero moments and with a bias correction of its own age.

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
        method: Literal["sgd", "adam"] = "sgd",
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        if formation is not None and formation not in FORMATIONS:
            raise UnknownNameError("formation", str(formation), FORMATIONS)
        if candidates < 1:
            raise OutOfRangeError("candidates", candidates, "wanted at least 1")
        if method not in METHODS:
            raise UnknownNameError("method", str(method), METHODS)
        other = dict(other or {})
        for name in other:
            if name not in OTHER:
                raise UnknownNameError("setting of other parameters", name, OTHER)
        own = {"betas": tuple(betas), "eps": eps} if method == "adam" else {"momentum": momentum}
        defaults = {
            "lr": lr, **own, "weight_decay": 0.0, "formation": formation, "candidates": candidates, "signed": signed,
            **(law or TrainingLaw()).model_dump(),
        }  # fmt: skip
        groups = []
        for group in _parameters(params):
            spines = [p for p in group["params"] if layer_of(p) is not None]
            rest = [p for p in group["params"] if layer_of(p) is None]
            groups += [{**group, "params": spines}] if spines else []
            groups += [{**other, **group, "params": rest}] if rest else []
        super().__init__(groups, defaults)
        self._known: dict[SpineLinear, torch.Tensor] = {}
        self._watch()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, after a check of their settings."""
        for name in ("lr", "weight_decay"):
            value = float(param_group.get(name, self.defaults[name]))
            if not value >= 0:
                raise OutOfRangeError(name, value, "wanted at least 0")
        settings = {**self.defaults, **param_group}
        for name, value in (("momentum", settings.get("momentum", 0.0)),
                            *(("betas", beta) for beta in settings.get("betas", ()))):  # fmt: skip
            if not 0 <= value < 1:
                raise OutOfRangeError(name, value, "wanted at least 0 and less than 1")
        if "momentum" in param_group and "betas" in self.defaults:
            raise UnknownNameError("setting of Adam", "momentum", ("betas", *OTHER[::2]))
        super().add_param_group(param_group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._known = {}

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
                    (self._adam if "betas" in group else self._sgd)(p, group)
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

    def _adam(self, p: torch.Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self.state[p], group["betas"]
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
        state["step"] += 1
        first = state["exp_avg"].lerp_(p.grad, 1 - beta1)
        second = state["exp_avg_sq"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
        scale = (second.sqrt() / (1 - beta2 ** state["step"]) ** 0.5).add_(group["eps"])
        p.mul_(1 - float(group["lr"]) * group["weight_decay"])
        p.addcdiv_(first, scale, value=-float(group["lr"]) / (1 - beta1 ** state["step"]))

    def _moments(self, layer: SpineLinear, group: dict[str, Any]) -> tuple[Any, ...]:
        """Return the second moments and ages of a layer's spines, zero at first and where it got other connections."""
        kept, col = self.state[layer.weight], self._known.get(layer, layer.col)
        same = layer.col is col or (layer.col.shape == col.shape and torch.equal(layer.col.to(col.device), col))
        if not kept or not same or kept["exp_avg_sq"].shape != layer.weight.shape:
            kept["exp_avg_sq"] = torch.zeros_like(layer.weight, requires_grad=False)
            kept["step"] = torch.zeros(layer.weight.shape, dtype=torch.int32)
        self._known[layer] = layer.col
        kept["step"] = kept["step"].cpu()
        betas = tuple(map(float, group["betas"]))
        second = kept["exp_avg_sq"].cpu().numpy()
        numbers = np.arange(1, second.size + 1, dtype=np.int32 if second.itemsize == 4 else np.int64)
        tracks = numbers, numbers.view(second.dtype)
        return second, kept["step"].numpy(), (*betas, float(group["eps"])), _corrections(*betas), tracks

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
            if "betas" in group:
                moments = self._moments(layer, group)
                adam_step(store, (dw, moments), numbers, np.uint64(layer.key), counters, slab)
                self.state[layer.weight]["exp_avg_sq"].copy_(torch.from_numpy(moments[0]))
            else:
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
        for kept in self.state.values():  # PyTorch copies only what it casts
            kept.update({key: value.clone() for key, value in kept.items() if isinstance(value, torch.Tensor)})
        for layer, layout in zip(layers, spines, strict=True):
            state.set_layout(layer, layout)
        self._watch()


def _signed(group: dict[str, Any], layer: SpineLinear) -> bool:
    return layer.signed if group["signed"] is None else bool(group["signed"])


def _numbers(group: dict[str, Any], layer: SpineLinear) -> Numbers:
    """Return the numbers of a step, all floats, so that the kernel is compiled once."""
    guided, rate = group["formation"] == "guided", float(group["lr"])
    peak = float(group.get("initial_lr", rate))  # schedulers leave it there
    born = birth_size.py_func(group["size_min"], group["size_new"], rate, peak)
    values = {
        "rate": rate, "size_new": born, "momentum": group.get("momentum", 0.0), "births": -1.0,
        "signed": _signed(group, layer), "candidates": group["candidates"] if guided else 1,
    }  # fmt: skip
    return Numbers(*(float(values[name] if name in values else group[name]) for name in Numbers._fields))


def _slab(layer: SpineLinear) -> tuple[np.ndarray, np.ndarray]:
    """Return x and dy of some samples of the last backward pass; zeros where no one asked to keep them."""
    if layer.watched and layer.slab is not None:
        return tuple(tensor.cpu().numpy() for tensor in layer.slab)
    dtype = layer.store().weight.dtype
    return np.zeros((layer.in_features, 1), dtype), np.zeros((layer.out_features, 1), dtype)
