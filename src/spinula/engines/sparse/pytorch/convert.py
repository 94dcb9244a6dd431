"""From an ordinary model to a sparse one, and back."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Literal

from torch import nn

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.core.streams import Streams
from spinula.engines.sparse.allocation import erk_densities
from spinula.engines.sparse.pytorch.convolution import SpineConv2d, can_be_sparse
from spinula.engines.sparse.pytorch.modules import SpineLinear

ALLOCATIONS = ("erk", "uniform")
ELEMENTWISE = (
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Hardtanh, nn.Sigmoid, nn.Tanh,
    nn.Dropout, nn.Identity,
)  # fmt: skip


def _replace(model: nn.Module, name: str, module: nn.Module) -> nn.Module:
    """Put a module in the place that a name path points to; return the model (the module itself for the path "")."""
    if not name:
        return module
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
    return model


def _dense_layers(model: nn.Module, skip: Collection[str | type], convolutions: bool) -> dict[str, nn.Module]:
    """Return the layers to replace by name path; refuse those that cannot be."""
    names = {name for name in skip if isinstance(name, str)}
    types = tuple(kind for kind in skip if isinstance(kind, type))
    modules = dict(model.named_modules(remove_duplicate=False))
    for name in names:
        if name not in modules:
            raise UnknownNameError("module", name, modules)

    def skipped(name: str) -> bool:
        paths = [name.rsplit(".", depth)[0] for depth in range(name.count(".") + 1)]
        return any(path in names or isinstance(modules[path], types) for path in paths)

    # Subclasses have a purpose of their own (attention reads its projection's matrix).
    layers = {
        name: layer
        for name, layer in modules.items()
        if (type(layer) is nn.Linear or (convolutions and can_be_sparse(layer))) and not skipped(name)
    }
    if not layers:
        raise InvalidInputError("the model has no linear layer to make sparse (nn.Linear that is not in skip).")
    uses: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        uses.setdefault(id(parameter), []).append(name)
    for name, layer in layers.items():
        shared = uses[id(layer.weight)]
        if len(shared) > 1:
            raise InvalidInputError(f"the weights of {name!r} are tied ({', '.join(shared)}).\n  Use skip=({name!r},).")
        if not layer.weight.requires_grad:
            raise InvalidInputError(f"the weights of {name!r} are frozen.\n  Use skip=({name!r},).")
    return layers


def _densities(
    shapes: dict[str, tuple[int, int]], density: float, allocation: str | dict[str, float]
) -> dict[str, float]:
    """Return the density of each layer by name path; a shape is (outputs, inputs)."""
    if isinstance(allocation, dict):
        for name in allocation:
            if name not in shapes:
                raise UnknownNameError("linear layer", name, shapes)
        return {name: allocation.get(name, density) for name in shapes}
    if allocation == "uniform":
        return dict.fromkeys(shapes, density)
    if allocation != "erk":
        raise UnknownNameError("allocation", allocation, ALLOCATIONS)
    return dict(zip(shapes, erk_densities(list(shapes.values()), density), strict=True))


def sparsify(
    model: nn.Module,
    density: float = 0.05,
    *,
    allocation: Literal["erk", "uniform"] | dict[str, float] = "erk",
    skip: Collection[str | type] = (),
    signed: bool = True,
    seed: int = 0,
    keep: Literal["new", "magnitude", "random"] = "new",
    convolutions: bool = False,
) -> nn.Module:
    """Replace the linear layers of a model by sparse ones, in place; return the model.

    Parameters
    ----------
    model : nn.Module
        If it is itself a linear layer, the sparse one is returned.
    density : float
        Share of the sites of all these layers that hold a connection.
    allocation : "erk", "uniform" or dict
        How layers share the connections: small ones denser, all alike, or densities by name path (others: ``density``).
    skip : names or types
        Modules to leave as they are, with all that is in them.
    signed : bool
        Whether a site has a sign of its own.
    seed : int
    keep : "new", "magnitude" or "random"
        New weights to be trained from scratch; or the largest, or some, of the present ones. Biases are kept.
    convolutions : bool
        Whether two-dimensional convolutions are replaced too, but for those in groups or with other padding than zeros.
        See SpineConv2d for when that saves time.

    Raises
    ------
    InvalidInputError
        If there is no linear layer, or one is tied or frozen and not in ``skip``.
    UnknownNameError
        If ``skip`` or ``allocation`` names what is not there.

    Examples
    --------
    >>> model = sparsify(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), density=0.2, seed=1)
    >>> [round(layer.density, 2) for layer in model if isinstance(layer, SpineLinear)]
    [0.16, 0.45]
    """
    if keep not in ("new", "magnitude", "random"):
        raise UnknownNameError("choice of weights to keep", keep, ("new", "magnitude", "random"))
    layers = _dense_layers(model, skip, convolutions)
    shapes = {name: (len(layer.weight), layer.weight[0].numel()) for name, layer in layers.items()}
    for name, share in _densities(shapes, density, allocation).items():
        old, own_seed = layers[name], Streams(seed).child(name).seed
        kind = SpineConv2d if isinstance(old, nn.Conv2d) else SpineLinear
        if keep == "new":
            new = kind.like(old, density=share, seed=own_seed, signed=signed)
        else:
            new = kind.from_dense(old, density=share, keep=keep, seed=own_seed, signed=signed)
        model = _replace(model, name, new)
    _keep_layouts(model)
    return model


def _keep_layouts(model: nn.Module) -> None:
    """Let results stay as the kernels make them where a Sequential hands them, elementwise, to another sparse layer."""
    for chain in (module for module in model.modules() if isinstance(module, nn.Sequential)):
        layers = [layer for layer in chain if not isinstance(layer, ELEMENTWISE)]
        for layer, follower in pairwise(layers):
            if type(layer) is SpineLinear:
                layer.feature_major = type(follower) is SpineLinear


def densify(model: nn.Module) -> nn.Module:
    """Replace the sparse layers of a model by ordinary ones with the same weights, in place; return the model.

    Raises
    ------
    InvalidInputError
        If there is no sparse layer.
    """
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, SpineLinear)}
    if not layers:
        raise InvalidInputError("the model has no SpineLinear to make dense.")
    for name, layer in layers.items():
        model = _replace(model, name, layer.dense_module())
    return model
