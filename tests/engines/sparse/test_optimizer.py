"""The law of spines as a PyTorch optimiser."""

import copy
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines import philox as rng
from spinula.engines.sparse import store as slots
from spinula.law.training import TrainingLaw

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from spinula.engines.sparse.pytorch import SpineLinear, SpineOptimizer, sparsify  # noqa: E402

BUSY = TrainingLaw(shrinkage=0.02, decay=1e-3, noise_slope=0.02, noise_floor=0.02, size_min=1e-3, size_new=0.01)


@njit
def _noise(places, step, key):
    """Return the normals that the law's step draws for some slots."""
    k0, k1 = rng.split_key(key)
    out = np.empty(places.size)
    for i in range(places.size):
        words = rng.philox(np.uint32(places[i]), np.uint32(step), np.uint32(0), np.uint32(41), k0, k1)
        out[i] = rng.normal_pair(words[0], words[1])[0]
    return out


def _moons(count=512, seed=0):
    """Two half circles in two dimensions, lifted by fixed random features to 40; labels."""
    random = np.random.default_rng(seed)
    angle, label = random.uniform(0, np.pi, count), random.integers(2, size=count)
    x = np.where(label, 1 - np.cos(angle), np.cos(angle))
    y = np.where(label, 0.5 - np.sin(angle), np.sin(angle))
    plane = np.stack([x, y], 1) + random.normal(0, 0.08, (count, 2))
    lift = np.random.default_rng(99)
    features = np.cos(plane @ lift.normal(0, 1.5, (2, 40)) + lift.uniform(0, 6.28, 40))
    return torch.tensor(features, dtype=torch.float32), torch.tensor(label)


def _network(seed=1, density=0.2):
    return sparsify(nn.Sequential(nn.Linear(40, 48), nn.ReLU(), nn.Linear(48, 2)), density, seed=seed)


def _fresh(seed=1):
    torch.manual_seed(0)
    return _network(seed)


def _train(model, optimizer, steps, first=0, batch=64):
    x, y = _moons()
    losses = []
    for step in range(first, first + steps):
        chosen = np.random.default_rng(step).integers(len(x), size=batch)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**16), st.floats(0.01, 0.5), st.floats(0, 0.99), st.booleans())
def test_one_step_equals_the_law(seed, lr, momentum, noisy):
    law = BUSY if noisy else BUSY.model_copy(update={"noise_slope": 0.0, "noise_floor": 0.0})
    layer = SpineLinear(20, 15, density=0.3, seed=seed, dtype=torch.float64)
    optimizer = SpineOptimizer(layer, lr, momentum=momentum, law=law, formation=None)
    gradient = torch.from_numpy(np.random.default_rng(seed).normal(size=layer.weight.shape))
    _, _, places = layer.sites()
    weights, speed, size = layer.weight.detach()[places].numpy(), 0.0, None
    for step in range(2):
        layer.weight.grad = torch.where(layer.col >= 0, gradient, 0.0)
        optimizer.step()
        speed = momentum * speed + gradient[places].numpy()
        sign = np.where(weights >= 0, 1.0, -1.0)
        noise = _noise(places.numpy(), step, np.uint64(layer.key)) if noisy else 0.0
        size = law.advance(sign * weights, drive=-sign * speed, noise=noise, dt=lr)
        weights = sign * size
        np.testing.assert_allclose(layer.weight.detach()[places].numpy(), weights, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("formation", ["uniform", "guided"])
@pytest.mark.parametrize(("density", "signed"), [(0.1, True), (0.95, False), (1.0, True)])
def test_the_count_is_exact_at_every_step(formation, density, signed):
    layer = SpineLinear(30, 20, density=density, seed=3, signed=signed)
    count, seen = layer.nnz, 0
    optimizer = SpineOptimizer(layer, 0.3, law=BUSY, formation=formation, candidates=3)
    random = torch.Generator().manual_seed(1)
    for _ in range(300):
        before = dict.fromkeys(zip(*(part.tolist() for part in layer.sites()[:2]), strict=True))
        layer.zero_grad()
        y = layer(torch.randn(10, 30, generator=random))
        (y * torch.randn(10, 20, generator=random) * 0.05).sum().backward()
        optimizer.step()
        store = layer.store()
        slots.check(store)
        assert layer.nnz == count
        assert (store.weight[store.col < 0] == 0).all()
        assert (store.momentum[store.col < 0] == 0).all()
        rows, cols, weights = layer.connections()
        assert float(weights.abs().min()) > BUSY.size_min
        new = [k for k, pair in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)) if pair not in before]
        places = layer.sites()[2][new]
        assert (layer.momentum[places] == 0).all()
        np.testing.assert_allclose(weights[new].abs(), BUSY.size_new, rtol=1e-6)
        seen += len(new)
    steps, formed, eliminated = layer.counters.tolist()
    assert steps == 300
    assert formed == eliminated >= seen
    assert formed > 100


def test_without_formation_the_connections_stay():
    layer = SpineLinear(30, 20, density=0.1, seed=3)
    rows, cols, weights = layer.connections()
    optimizer = SpineOptimizer(layer, 0.3, law=BUSY, formation=None)
    for _ in range(20):
        layer.zero_grad()
        layer(torch.randn(8, 30)).square().sum().backward()
        optimizer.step()
    assert torch.equal(layer.connections()[0], rows)
    assert torch.equal(layer.connections()[1], cols)
    assert not torch.equal(layer.connections()[2], weights)
    assert layer.counters.tolist() == [20, 0, 0]


def test_guided_formation_finds_sites_that_the_gradient_wants():
    def mean_slope(candidates):
        layer = SpineLinear(60, 40, density=0.1, seed=3)
        law = TrainingLaw(shrinkage=1.0, size_new=0.01)
        optimizer = SpineOptimizer(layer, 1.0, momentum=0.0, law=law, formation="guided", candidates=candidates)
        random = torch.Generator().manual_seed(1)
        x, dy = torch.randn(64, 60, generator=random), 1e-4 * torch.randn(64, 40, generator=random)
        layer(x).backward(dy)
        before = set(zip(*(part.tolist() for part in layer.sites()[:2]), strict=True))
        optimizer.step()
        slope = dy.t() @ x
        return float(np.mean([
            -slope[r, c] * np.sign(w) for r, c, w in zip(*(part.tolist() for part in layer.connections()), strict=True)
            if (r, c) not in before
        ]))  # fmt: skip

    few, many = mean_slope(1), mean_slope(16)
    assert abs(few) < many / 3


def test_other_parameters_move_by_sgd():
    model = nn.Sequential(SpineLinear(6, 4, density=0.5, seed=1), nn.Linear(4, 3))
    twin = copy.deepcopy(model)
    mine = SpineOptimizer(model, 0.1, momentum=0.8, formation=None, other={"weight_decay": 0.01, "lr": 0.05})
    reference = torch.optim.SGD(twin[1].parameters(), 0.05, momentum=0.8, weight_decay=0.01)
    for _ in range(4):
        x = torch.randn(5, 6)
        for net, optimizer in ((model, mine), (twin, reference)):
            net.zero_grad()
            net[1](net[0](x).detach()).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(model[1].weight, twin[1].weight)
    assert torch.equal(model[0].weight, twin[0].weight)  # it had no gradient


@pytest.mark.parametrize("formation", ["uniform", "guided"])
def test_it_learns(formation):
    model = _fresh()
    law = TrainingLaw(shrinkage=1e-3)
    optimizer = SpineOptimizer(model, 0.2, law=law, formation=formation)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)
    for epoch in range(4):
        _train(model, optimizer, 75, first=75 * epoch)
        schedule.step()
    assert optimizer.param_groups[0]["lr"] < 1e-6
    x, y = _moons(seed=5)
    assert float((model(x).argmax(1) == y).float().mean()) > 0.97
    assert int(model[0].counters[1]) > 50


def test_the_seed_decides():
    nets = []
    for seed in (1, 1, 2):
        model = _fresh(seed)
        _train(model, SpineOptimizer(model, 0.2, law=BUSY, formation="guided"), 20)
        nets.append(model[0].to_dense())
    assert torch.equal(nets[0], nets[1])
    assert not torch.equal(nets[0], nets[2])


@pytest.mark.parametrize("model_first", [True, False])
def test_a_resumed_training_gives_the_same_weights(model_first):
    whole = _fresh()
    optimizer = SpineOptimizer(whole, 0.2, law=BUSY, formation="guided")
    _train(whole, optimizer, 40)
    buffer = io.BytesIO()
    torch.save({"model": whole.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
    _train(whole, optimizer, 40, first=40)

    buffer.seek(0)
    saved = torch.load(buffer)
    cut = _fresh(seed=7)
    resumed = SpineOptimizer(cut, 0.9, law=BUSY, formation="uniform")
    _train(cut, resumed, 3)
    for part in (cut, resumed) if model_first else (resumed, cut):
        part.load_state_dict(saved["model" if part is cut else "optimizer"])
    _train(cut, resumed, 40, first=40)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, cut.state_dict()[name]), name
    for one, other in zip(optimizer.layers(), resumed.layers(), strict=True):
        for name in slots.Store._fields:
            assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_half_a_resumption_is_refused():
    trained = _fresh()
    optimizer = SpineOptimizer(trained, 0.2, law=BUSY)
    _train(trained, optimizer, 20)
    other = _fresh(seed=7)
    resumed = SpineOptimizer(other, 0.2, law=BUSY)
    resumed.load_state_dict(optimizer.state_dict())
    with pytest.raises(InvalidInputError, match="Load the model's state"):
        _train(other, resumed, 1)
    with pytest.raises(InvalidInputError, match="1 layers; the optimiser trains 2"):
        resumed.load_state_dict({**optimizer.state_dict(), "spines": optimizer.state_dict()["spines"][:1]})
    with pytest.raises(InvalidInputError, match="no layers"):
        resumed.load_state_dict({key: v for key, v in optimizer.state_dict().items() if key != "spines"})


def test_gradients_can_be_clipped_and_scaled():
    model = _fresh()
    optimizer = SpineOptimizer(model, 0.1, law=BUSY)
    scaler = torch.amp.GradScaler("cpu")
    x, y = _moons(64)
    for _ in range(3):
        optimizer.zero_grad()
        scaler.scale(nn.functional.cross_entropy(model(x), y)).backward()
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        assert float(norm) > 1e-3
        total = sum(float(p.grad.square().sum()) for p in model.parameters()) ** 0.5
        assert total == pytest.approx(1e-3, rel=1e-3)
        scaler.step(optimizer)
        scaler.update()
    assert int(model[0].counters[0]) == 3


def test_groups_and_closures():
    model = _fresh()
    groups = [{"params": model[0].parameters(), "lr": 0.0}, {"params": list(model[2].parameters())}]
    optimizer = SpineOptimizer(groups, 0.3, law=TrainingLaw(shrinkage=0.1))
    assert [group["lr"] for group in optimizer.param_groups] == [0.0, 0.0, 0.3, 0.3]
    x, y = _moons(64)
    before = [layer.to_dense() for layer in optimizer.layers()]

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    assert float(optimizer.step(closure).detach()) > 0
    after = [layer.to_dense() for layer in optimizer.layers()]
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_impossible_settings_are_refused():
    layer = SpineLinear(4, 4, density=0.5)
    for kwargs, error in [
        ({"formation": "guide"}, UnknownNameError),
        ({"candidates": 0}, OutOfRangeError),
        ({"momentum": 1.0}, OutOfRangeError),
        ({"other": {"decay": 1.0}}, UnknownNameError),
        ({"other": {"weight_decay": -1.0}}, OutOfRangeError),
    ]:
        with pytest.raises(error):
            SpineOptimizer(layer, 0.1, **kwargs)
    with pytest.raises(OutOfRangeError):
        SpineOptimizer(layer, -0.1)
    with pytest.raises(InvalidInputError, match="no parameters"):
        SpineOptimizer([], 0.1)
