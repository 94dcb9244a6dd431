"""Spine sparsity for any model and any training loop: zeros in ordinary weights, kept by hooks of the optimiser.

Modules, parameters and state_dict keys of the model stay what they are. Products and optimiser still run on dense
matrices: masks save no time and no memory. For that there is ``sparsify``.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.core.streams import Streams
from spinula.engines.sparse.allocation import check_density, sample_sites
from spinula.engines.sparse.pytorch.convert import _densities
from spinula.engines.sparse.pytorch.functional import site_signs
from spinula.engines.sparse.rules import Rule
from spinula.engines.sparse.rules import rule as named_rule
from spinula.engines.sparse.update import birth_size

KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d)
KEEP = ("new", "magnitude", "random")
Turnover = namedtuple("Turnover", "ratio steps")
Turnover.__doc__ = "Half of the connections formed and eliminated over those that exist, and the steps that it took."
Shape = namedtuple("Shape", "out_features in_features")
Shape.__doc__ = "A layer as a matrix; each place of a kernel is an input."


@dataclass
class Connected:
    """Where one layer is connected, and since when.

    Attributes
    ----------
    sites, signs, ages : Tensor, shape (connections,)
        Place in the flattened weight; the sign that it keeps under a continuous rule; steps since formation.
    steps, formed, eliminated : int
    """

    sites: torch.Tensor
    signs: torch.Tensor
    ages: torch.Tensor
    steps: int = 0
    formed: int = 0
    eliminated: int = 0


def _matrix_shape(weight: torch.Tensor) -> Shape:
    return Shape(weight.shape[0], math.prod(weight.shape[1:]))


def _find_layers(model: nn.Module, skip: Collection[str | type]) -> dict[str, Shape]:
    """Return the layers to make sparse by name path; refuse those that cannot be."""
    names, types = {n for n in skip if isinstance(n, str)}, tuple(kind for kind in skip if isinstance(kind, type))
    modules, found = dict(model.named_modules()), {}
    for name in names - set(modules):
        raise UnknownNameError("module", name, modules)
    uses: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        uses.setdefault(id(parameter), []).append(name)
    for name, layer in modules.items():
        paths = [name.rsplit(".", depth)[0] for depth in range(name.count(".") + 1)]
        skipped = any(path in names or isinstance(modules[path], types) for path in paths)
        weight = layer._parameters.get("weight")  # None where a parametrisation computes it
        if skipped or weight is None or not isinstance(layer, KINDS):
            continue
        tied = uses[id(weight)]
        if isinstance(weight, nn.parameter.UninitializedParameter):
            raise InvalidInputError(f"the weights of {name!r} have no shape yet.\n  Run the model once before.")
        if len(tied) > 1 or not weight.requires_grad:
            why = f"tied ({', '.join(tied)})" if len(tied) > 1 else "frozen"
            raise InvalidInputError(f"the weights of {name!r} are {why}.\n  Use skip=({name!r},).")
        found[name] = _matrix_shape(weight)
    if not found:
        raise InvalidInputError("the model has no linear or convolutional layer (1-d, 2-d) that is not in skip.")
    return found


def _counts(shapes: dict[str, Shape], density: float, allocation: str | dict[str, float]) -> dict[str, int]:
    """Return how many connections each layer gets."""
    shares = _densities(shapes, check_density(density), allocation)
    return {name: max(1, round(check_density(shares[name]) * math.prod(shape))) for name, shape in shapes.items()}


def _rule(rule: str | Rule, steps: int | None) -> Rule:
    rule = named_rule(rule) if isinstance(rule, str) else rule
    if rule.every and not rule.continuous and steps is None:
        why = f"rule {rule.name!r} rewires less and less until the end of training, so it must know when that is."
        raise InvalidInputError(f"{why}\n  Give steps=, the number of optimiser steps in all.")
    if steps is not None and steps < 1:
        raise OutOfRangeError("steps", steps, "wanted at least 1")
    return rule


def _copied(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in part.items()}


def _forget(optimizer: torch.optim.Optimizer, weight: torch.Tensor, sites: torch.Tensor) -> None:
    """Set what an optimiser remembers of some sites to 0."""
    place = torch.unravel_index(sites, weight.shape)
    for value in optimizer.state.get(weight, {}).values():
        if isinstance(value, torch.Tensor) and value.shape == weight.shape and value.dim():
            value[place] = 0


class SpineSparsity:
    """Keep a model sparse while any optimiser trains it, and rewire it by a rule.

    After each step of the optimiser the law acts on what it left:

        size <- size + [-shrinkage - decay*size]*dt + (noise_slope*size + noise_floor)*sqrt(dt)*noise

    with size = sign*weight and dt = rate times the learning rate of the parameter's group. A continuous rule then
    eliminates what fell to size_min and forms as many at vacant sites; a periodic one drops the smallest connections
    every ``rule.every`` steps. Weights at vacant sites are exactly 0. Matrices stay dense: this saves no time.

    Parameters
    ----------
    model : nn.Module
        Its nn.Linear, nn.Conv1d and nn.Conv2d become sparse when an optimiser is attached; nothing is replaced.
    density : float
        Share of the sites of all these layers that hold a connection; each place of a kernel is a site.
    rule : str or Rule
        A name of ``rules.RULES``, or a rule with numbers of your own.
    allocation : "erk", "uniform" or dict
        Small layers denser, all alike, or densities by name path (others: ``density``).
    skip : names or types
        Modules to leave dense, with all that is in them.
    seed : int
    rate : float or None
        Time that passes for the law per unit of learning rate; None: 1. Adam's steps do not scale with the gradient
        and its learning rates are small: there, try 100.
    steps : int or None
        Optimiser steps of the whole training; periodic rules need it.
    keep : "new", "magnitude" or "random"
        Weights at first: new ones at random sites; or the largest, or some, of those that are there. "new" leaves a
        model alone that is as sparse already, say from a checkpoint.

    Notes
    -----
    Weight decay is in the law of most rules: let the optimiser's own be 0. Gradients stay dense and are not touched, so
    their norm counts vacant sites too. A parameter without a gradient is left alone at that step.

    Raises
    ------
    InvalidInputError, OutOfRangeError, UnknownNameError
        If a setting is impossible, or a layer is tied or frozen and not in ``skip``.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    >>> sparsity = SpineSparsity(model, density=0.2, seed=1).attach(torch.optim.SGD(model.parameters(), lr=0.3))
    >>> int((model[0].weight != 0).sum()), round(sparsity.density, 2)
    (329, 0.2)
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        density: float = 0.05,
        rule: str | Rule = "spine",
        allocation: Literal["erk", "uniform"] | dict[str, float] = "erk",
        skip: Collection[str | type] = (),
        seed: int = 0,
        rate: float | None = None,
        steps: int | None = None,
        keep: Literal["new", "magnitude", "random"] = "new",
    ) -> None:
        if keep not in KEEP:
            raise UnknownNameError("choice of weights to keep", str(keep), KEEP)
        self.rate, self.streams = 1.0 if rate is None else float(rate), Streams(seed)
        if not self.rate >= 0:
            raise OutOfRangeError("rate", self.rate, "wanted at least 0")
        self.model, self.rule, self.steps, self.keep = model, _rule(rule, steps), steps, keep
        self.shapes = _find_layers(model, skip)
        self.target = self.first = _counts(self.shapes, density, allocation)
        if (start := self.rule.start_density) is not None:
            given = isinstance(allocation, dict)
            raised = {name: max(start, share) for name, share in allocation.items()} if given else allocation
            self.first = _counts(self.shapes, max(start, density), raised)
        self.layers: dict[str, Connected] = {}
        self._handles: WeakKeyDictionary[torch.optim.Optimizer, tuple[Any, ...]] = WeakKeyDictionary()
        self._mark, self._unchecked = (0, 0), False

    def attach(self, optimizer: torch.optim.Optimizer) -> SpineSparsity:
        """Act after every step of an optimiser from now on; make the model sparse if it is not yet; return self.

        A layer is moved by the optimiser that has its weight. Where a loop makes a new optimiser, attach that as well.

        Raises
        ------
        InvalidInputError
            If the optimiser has none of the weights, or is attached already.
        """
        mine = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if not any(id(self._weight(name)) in mine for name in self.shapes):
            raise InvalidInputError("the optimiser trains none of the sparse layers; make it from the same model.")
        if optimizer in self._handles:
            raise InvalidInputError("this optimiser is attached already.")
        if not self.layers:
            self.layers = {name: self._start(name) for name in self.shapes}
        before, after = optimizer.register_step_pre_hook(self._before), optimizer.register_step_post_hook(self._after)
        self._handles[optimizer] = before, after
        return self

    def detach(self) -> None:
        """Let go of all optimisers; the model keeps its zeros until someone trains it."""
        for hook in chain(*self._handles.values()):
            hook.remove()
        self._handles.clear()

    def _weight(self, name: str) -> torch.Tensor:
        """Return the weight that a module has now; it may not be the one of the last step."""
        weight = self.model.get_submodule(name).weight
        if (now := _matrix_shape(weight)) != (then := self.shapes[name]):
            raise InvalidInputError(f"the weight of {name!r} was {then} and is {now} now.\n  Use skip=({name!r},).")
        return weight

    @torch.no_grad()
    def _start(self, name: str) -> Connected:
        """Choose the first connections of a layer, and their weights."""
        weight, shape, count = self._weight(name), self.shapes[name], self.first[name]
        flat, rng = weight.reshape(-1), self.streams.child(name).generator("weights")
        rows, cols = sample_sites(shape, count, rng)
        sites = torch.from_numpy(rows * shape[1] + cols).to(weight.device)
        there = torch.nonzero(flat).flatten()
        if self.keep == "magnitude":
            sites = torch.topk(flat.abs(), count).indices.sort().values
        elif self.keep == "new" and 0 < len(there) <= count and len(there) < flat.numel():
            rest = sites[~torch.isin(sites, there)]
            sites = torch.cat([there, rest[: count - len(there)]])
        elif self.keep == "new":
            drawn = rng.normal(0.0, (2.0 * shape[0] / count) ** 0.5, count)
            if self.rule.signed:
                drawn = np.abs(drawn) * self._site_signs(name, sites).cpu().numpy()
            flat = flat.index_copy(0, sites, torch.from_numpy(drawn).to(flat))
        values = flat[sites]
        self._write(weight, sites, values)
        return Connected(sites, torch.where(values >= 0, 1, -1).to(torch.int8), torch.zeros_like(sites))

    def _site_signs(self, name: str, sites: torch.Tensor) -> torch.Tensor:
        flat, inputs = sites.cpu().numpy(), self.shapes[name][1]
        signs = site_signs(flat // inputs, flat % inputs, np.uint64(self.streams.child(name).key("sites") >> 1))
        return torch.from_numpy(signs).to(sites.device, torch.int8)

    @staticmethod
    def _write(weight: torch.Tensor, sites: torch.Tensor, values: torch.Tensor) -> None:
        flat = weight.new_zeros(weight.numel()).index_copy_(0, sites, values.to(weight.dtype))
        weight.copy_(flat.view(weight.shape))

    def _before(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        """After a state was loaded: refuse a model of another moment."""
        for name, layer in self.layers.items() if self._unchecked else ():
            weight = self._weight(name).detach().reshape(-1)
            if torch.count_nonzero(weight) != torch.count_nonzero(weight[layer.sites.to(weight.device)]):
                cure = "Load the model's state of the same moment as well."
                raise InvalidInputError(f"the loaded connections are not those of the weights of {name!r}.\n  {cure}")
        self._unchecked = False

    @torch.no_grad()
    def _after(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if bool(getattr(optimizer, "found_inf", None)):  # a fused optimiser skips the step itself
            return
        groups, law = {id(p): group for group in optimizer.param_groups for p in group["params"]}, self.rule.law
        for name, layer in self.layers.items():
            weight = self._weight(name)
            if id(weight) in groups and weight.grad is not None:
                group = groups[id(weight)]
                rate, peak = float(group["lr"]), float(group.get("initial_lr", group["lr"]))
                self.size_new = birth_size.py_func(law.size_min, law.size_new, rate, peak)
                if len(born := self._advance(name, layer, weight, self.rate * rate)):
                    _forget(optimizer, weight, born)

    def _advance(self, name: str, layer: Connected, weight: torch.Tensor, dt: float) -> torch.Tensor:
        """Move the sizes, eliminate and form; return the sites of those formed."""
        for part in ("sites", "signs", "ages"):
            setattr(layer, part, getattr(layer, part).to(weight.device))
        layer.steps += 1
        key = self.streams.child(name).key("steps")
        rng = np.random.Generator(np.random.Philox(key=key, counter=layer.steps << 128))
        values, law = weight.reshape(-1)[layer.sites], self.rule.law
        signs = layer.signs if self.rule.continuous else torch.where(values >= 0, 1, -1)
        noise: Any = 0.0
        if law.noise_slope or law.noise_floor:
            noise = torch.from_numpy(rng.standard_normal(len(values))).to(values)
        sizes = law.advance(signs * values, drive=0.0, noise=noise, dt=dt)
        values = signs * sizes
        layer.ages += 1
        if self.rule.continuous:
            dead = sizes <= law.size_min
            wanted = found = int(dead.sum())
            if self.rule.births >= 0:
                wanted = int(self.rule.births * (len(sizes) - found) + rng.random())
                wanted = min(wanted, weight.numel() - len(sizes) + found)
                if found == len(sizes) and not wanted:  # its last connection stays
                    last = int(sizes.argmax())
                    dead[last], values[last] = False, signs[last] * self.size_new
        else:
            dead, wanted = self._smallest(name, layer, values.abs(), weight.numel())
        sites, born, sign, new = layer.sites[~dead], layer.sites[:0], layer.signs[:0], values[:0]
        if wanted:
            born, sign, new = self._form(name, sites, wanted, weight.grad, rng)
        layer.sites, layer.signs = torch.cat([sites, born]), torch.cat([layer.signs[~dead], sign])
        layer.ages = torch.cat([layer.ages[~dead], torch.zeros_like(born)])
        layer.formed, layer.eliminated = layer.formed + len(born), layer.eliminated + int(dead.sum())
        self._write(weight, layer.sites, torch.cat([values[~dead], new.to(values)]))
        return born

    def _smallest(self, name: str, layer: Connected, sizes: torch.Tensor, all_sites: int) -> tuple[torch.Tensor, int]:
        """Return which connections a periodic rule drops at this step, and how many it forms."""
        rule, step, drop = self.rule, layer.steps, 0
        dead = torch.zeros_like(sizes, dtype=torch.bool)
        if rule.every and rule.growth == "none":
            if step % rule.every == 0 or step == math.ceil(rule.until * self.steps):
                left, end = max(0.0, 1.0 - step / self.steps / rule.until), self.target[name]
                drop = len(sizes) - round(end + (self.first[name] - end) * left**3)
        elif rule.every and step % rule.every == 0:
            # A layer that is nearly full keeps what it has: there is nowhere to go.
            drop = min(int(rule.share(step / self.steps) * len(sizes)), all_sites - len(sizes))
        drop = max(0, min(drop, len(sizes) - 1))  # its last connection stays
        dead[torch.topk(sizes, drop, largest=False).indices] = True
        return dead, 0 if rule.growth == "none" else drop

    def _form(
        self, name: str, taken: torch.Tensor, wanted: int, gradient: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (sites, signs, weights) of connections that form at vacant sites."""
        slope = gradient.reshape(-1)
        if self.rule.growth == "gradient":
            born = torch.topk(slope.abs().index_fill(0, taken, -1.0), wanted).indices
            return born, torch.ones_like(born, dtype=torch.int8), slope.new_zeros(wanted)
        vacant = torch.ones_like(slope, dtype=torch.bool).index_fill_(0, taken, False).nonzero().flatten()
        rivals = min(self.rule.candidates, len(vacant) // wanted) if self.rule.continuous else 1
        chosen = vacant[torch.from_numpy(rng.choice(len(vacant), wanted * rivals, replace=False)).to(vacant.device)]
        if self.rule.signed:
            signs = self._site_signs(name, chosen)
        else:
            signs = torch.where(slope[chosen] > 0, -1, 1).to(torch.int8)
        best = (-signs * slope[chosen]).view(wanted, rivals).argmax(1, keepdim=True)
        born, signs = (part.view(wanted, rivals).gather(1, best).flatten() for part in (chosen, signs))
        return born, signs, signs * torch.full_like(slope[born], self.size_new)

    @property
    def density(self) -> float:
        """The share of the sites of all sparse layers that hold a connection."""
        counts = [len(layer.sites) for layer in self.layers.values()] or self.first.values()
        return sum(counts) / sum(outputs * inputs for outputs, inputs in self.shapes.values())

    def connections(self, name: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (rows, cols, weights) of a layer by row and column; a column is an input, or a place of a kernel."""
        if name not in self.layers:
            raise UnknownNameError("sparse layer", name, self.layers)
        sites, weight = self.layers[name].sites.sort().values, self._weight(name).detach().reshape(-1)
        inputs = self.shapes[name][1]
        return sites // inputs, sites % inputs, weight[sites]

    def turnover(self) -> Turnover:
        """Return the turnover since the last call, and over how many steps."""
        changes = sum(layer.formed + layer.eliminated for layer in self.layers.values())
        steps = max((layer.steps for layer in self.layers.values()), default=0)
        count = sum(len(layer.sites) for layer in self.layers.values())
        before, self._mark = self._mark, (changes, steps)
        return Turnover((changes - before[0]) / (2 * max(1, count)), steps - before[1])

    def state_dict(self) -> dict[str, Any]:
        """Return connections, ages, counters and random state (seed and steps); weights are in the model's own."""
        layers = {name: _copied(vars(layer)) for name, layer in self.layers.items()}
        return {"rule": self.rule.name, "seed": self.streams.seed, "turnover": list(self._mark), "layers": layers}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state, before or after the model's own and before or after ``attach``.

        Raises
        ------
        InvalidInputError
            If it is of another rule or of other layers.
        """
        if state["rule"] != self.rule.name:
            raise InvalidInputError(f"the state is of rule {state['rule']!r}; this is {self.rule.name!r}.")
        if set(state["layers"]) != set(self.shapes):
            raise InvalidInputError(f"the state is of layers {sorted(state['layers'])}; here: {sorted(self.shapes)}.")
        layers = {}
        for name, part in state["layers"].items():
            sites, end = part["sites"], math.prod(self.shapes[name])
            if len(sites) != len(sites.unique()) or not 0 <= int(sites.min()) <= int(sites.max()) < end:
                raise InvalidInputError(f"the connections of {name!r} do not fit into a layer of {self.shapes[name]}.")
            layers[name] = Connected(**_copied(part))
        self.layers, self.streams, self._mark = layers, Streams(state["seed"]), tuple(state["turnover"])
        self._unchecked = True
