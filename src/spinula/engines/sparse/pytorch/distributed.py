"""Data-parallel training: the same connections on every rank of torch.distributed.

    model = sparsify(model, density=0.05, seed=1)             # the same seed on every rank
    optimizer = SpineOptimizer(model, lr=0.2, formation="guided")
    synchronise(optimizer)                                    # or synchronise(sparsity), once attached
    model = DistributedDataParallel(model)

DistributedDataParallel averages the gradients of sparse layers like all others. Eliminations, sites and noise follow
from weights, counters and seed, which are the same everywhere; what is not are the samples that guide a formation.
They are exchanged before each step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.hooks import RemovableHandle

from spinula.core.errors import InvalidInputError
from spinula.engines.sparse.kernels import LANES
from spinula.engines.sparse.pytorch.masked import SpineSparsity
from spinula.engines.sparse.pytorch.modules import SpineLinear
from spinula.engines.sparse.pytorch.optimizer import SpineOptimizer
from spinula.engines.sparse.store import Store


def _contents(source: SpineSparsity | SpineOptimizer | nn.Module) -> Iterator[Any]:
    """Yield all that decides how training goes on: connections, weights, momentum, counters, keys."""
    if isinstance(source, SpineSparsity):
        for name, layer in source.layers.items():
            yield name, source.streams.seed, layer.steps, layer.formed, layer.eliminated
            yield from (layer.sites, layer.signs, layer.ages, source.model.get_submodule(name).weight)
        return
    layers = source.layers() if isinstance(source, SpineOptimizer) else source.modules()
    for layer in layers:
        if isinstance(layer, SpineLinear):
            yield layer.key, layer.signed, layer.in_features, layer.out_features
            yield layer.counters
            yield from (getattr(layer, name) for name in Store._fields)


def fingerprint(source: SpineSparsity | SpineOptimizer | nn.Module) -> str:
    """Return a hash of the connections, weights and counters of all sparse layers: equal on ranks that agree.

    Examples
    --------
    >>> one, two, other = (SpineLinear(20, 10, density=0.2, seed=seed) for seed in (1, 1, 2))
    >>> fingerprint(one) == fingerprint(two), fingerprint(one) == fingerprint(other)
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in _contents(source):
        if isinstance(part, torch.Tensor):
            part = part.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
    return digest.hexdigest()


def agree(source: SpineSparsity | SpineOptimizer | nn.Module, group: dist.ProcessGroup | None = None) -> bool:
    """Return whether the sparse layers are the same on all ranks; all ranks must ask."""
    found: list[Any] = [None] * dist.get_world_size(group)
    dist.all_gather_object(found, fingerprint(source), group=group)
    return len(set(found)) == 1


def synchronise(
    source: SpineOptimizer | SpineSparsity, group: dist.ProcessGroup | None = None
) -> RemovableHandle | None:
    """Make sure that all ranks start from the same connections and form the same new ones; all ranks must call it.

    A SpineSparsity takes over the first rank's connections and weights; it needs nothing more, since it is guided by
    the gradients that the ranks have averaged. A SpineOptimizer's layers must be the same already; from then on the
    samples of all ranks guide its formations, through a hook before each step.

    Parameters
    ----------
    source : SpineOptimizer, or SpineSparsity that is attached
    group : ProcessGroup or None
        None: all ranks.

    Returns
    -------
    RemovableHandle or None
        The hook, to be removed when ranks are to part again.

    Raises
    ------
    InvalidInputError
        If no process group is there, the sparsity is not attached, or the ranks have different layers.
    """
    if not dist.is_available() or not dist.is_initialized():
        raise InvalidInputError("there is no process group; call torch.distributed.init_process_group before.")
    if isinstance(source, SpineSparsity):
        _share(source, group)
        return None
    if not agree(source, group):
        raise InvalidInputError(
            "the ranks have different sparse layers.\n"
            "  Make the model with the same seed on every rank, or load the same checkpoint."
        )
    return source.register_step_pre_hook(lambda optimizer, args, kwargs: share_slabs(optimizer, group))


@torch.no_grad()
def _share(sparsity: SpineSparsity, group: dist.ProcessGroup | None) -> None:
    """Give the first rank's connections and weights to all."""
    if not sparsity.layers:
        raise InvalidInputError("the sparsity is not attached to an optimiser yet.")
    source = dist.get_global_rank(group, 0) if group is not None else 0
    state = [sparsity.state_dict()]
    dist.broadcast_object_list(state, source, group=group)
    sparsity.load_state_dict(state[0])
    for name in sparsity.layers:
        weight = sparsity.model.get_submodule(name).weight
        values = weight.detach().contiguous()
        dist.broadcast(values, source, group=group)
        weight.copy_(values)


@torch.no_grad()
def share_slabs(optimizer: SpineOptimizer, group: dist.ProcessGroup | None = None) -> None:
    """Replace the samples that each layer kept by some of every rank, the same ones on all ranks.

    A slab has room for ``LANES`` samples; each rank fills its share of it, and the rest is 0.
    """
    world, rank = dist.get_world_size(group), dist.get_rank(group)
    share = max(1, LANES // world)
    first = rank * share
    for layer in optimizer.layers():
        if not layer.watched:
            continue
        shared = layer.weight.new_zeros(layer.in_features + layer.out_features, LANES)
        if layer.slab is not None:
            own = torch.cat(layer.slab)[:, :share]
            room = max(0, min(own.shape[1], LANES - first))
            shared[:, first : first + room] = own[:, :room]
        dist.all_reduce(shared, group=group)
        layer.slab = shared[: layer.in_features].contiguous(), shared[layer.in_features :].contiguous()
