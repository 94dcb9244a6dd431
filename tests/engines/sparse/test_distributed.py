"""Data-parallel training over two processes: every rank has the same connections and weights."""

import warnings

import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.sparse.rules import RULES
from spinula.law.training import TrainingLaw

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from spinula.engines.sparse.pytorch import SpineLinear, SpineOptimizer, sparsify  # noqa: E402
from spinula.engines.sparse.pytorch.distributed import agree, fingerprint, share_slabs, synchronise  # noqa: E402
from spinula.engines.sparse.pytorch.masked import SpineSparsity  # noqa: E402

LAW = TrainingLaw(shrinkage=0.01, noise_floor=0.01, size_min=1e-4, size_new=1e-3)
needs_gloo = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="no gloo")


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3))


def _train(model, optimizer, steps, rank):
    for step in range(steps):
        random = torch.Generator().manual_seed(2 * step + rank)  # other data on each rank
        y = torch.randint(3, (8 + rank,), generator=random)
        x = torch.randn(len(y), 12, generator=random) + y[:, None]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def _spines(rank, steps, together=True, buffers=False):
    from torch.nn.parallel import DistributedDataParallel

    model = sparsify(_net(), 0.3, seed=1, signed=False)
    optimizer = SpineOptimizer(model, 0.1, law=LAW, formation="guided")
    if together:
        synchronise(optimizer)
    # Without buffers sent at each step the connections must agree by themselves.
    _train(DistributedDataParallel(model, broadcast_buffers=buffers), optimizer, steps, rank)
    return agree(optimizer), agree(model), int(model[0].counters[1]), fingerprint(model)


def _masked(rank, steps, name):
    from torch.nn.parallel import DistributedDataParallel

    model = _net()
    with torch.no_grad():
        model[0].weight.add_(rank)  # the ranks differ before they are synchronised
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    sparsity = SpineSparsity(model, rule=RULES[name], density=0.3, steps=steps, keep="magnitude", seed=rank)
    sparsity.attach(optimizer)
    before = agree(sparsity)
    assert synchronise(sparsity) is None
    _train(DistributedDataParallel(model), optimizer, steps, rank)
    return agree(sparsity), not before, sparsity.layers["0"].formed, fingerprint(sparsity)


def _worker(rank, folder, steps):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    store = torch.distributed.FileStore(f"{folder}/store", 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    try:
        found = {
            "spines": _spines(rank, steps),
            "sent": _spines(rank, 200, buffers=True),
            "apart": _spines(rank, 200, together=False),
            "spine": _masked(rank, steps, "spine"),
            "rigl": _masked(rank, 400, "rigl"),
        }
        layer = SpineLinear(4, 3, density=0.5, seed=rank)
        with pytest.raises(InvalidInputError, match="same seed"):
            synchronise(SpineOptimizer(layer, 0.1))
        torch.save(found, f"{folder}/{rank}.pt")
    finally:
        torch.distributed.destroy_process_group()


@needs_gloo
@pytest.mark.slow
def test_connections_stay_identical_over_a_thousand_steps(tmp_path):
    torch.multiprocessing.spawn(_worker, (str(tmp_path), 1000), nprocs=2)
    one, two = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for name in ("spines", "sent", "spine", "rigl"):
        assert one[name] == two[name]
        same, also, formed, _ = one[name]
        assert same, name
        assert also, name
        assert formed > 10, name
    assert not one["apart"][0]  # without synchronise, guided formation goes its own way on each rank
    assert one["apart"][3] != two["apart"][3]


@needs_gloo
def test_alone_it_changes_nothing_but_the_padding(tmp_path):
    with pytest.raises(InvalidInputError, match="no process group"):
        synchronise(SpineOptimizer(SpineLinear(4, 3, density=0.5), 0.1))
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        alone, model = (sparsify(_net(), 0.3, seed=1) for _ in range(2))
        one, optimizer = (SpineOptimizer(net, 0.1, law=LAW, formation="guided") for net in (alone, model))
        handle = synchronise(optimizer)
        _train(alone, one, 30, 0)
        _train(model, optimizer, 30, 0)
        assert fingerprint(model) == fingerprint(alone) == fingerprint(optimizer)
        handle.remove()
        x, dy = model[0].slab
        model[0].slab = x[:, :8], dy[:, :8]
        share_slabs(optimizer)
        assert torch.equal(model[0].slab[0], x)
        assert torch.equal(model[0].slab[1], dy)
        with pytest.raises(InvalidInputError, match="not attached"):
            synchronise(SpineSparsity(_net()))
    finally:
        torch.distributed.destroy_process_group()
