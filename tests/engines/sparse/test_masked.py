"""Spine sparsity of any model by hooks of its optimiser."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines.sparse.rules import RULES
from spinula.law.training import TrainingLaw

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from spinula.engines.sparse.pytorch.masked import SpineSparsity  # noqa: E402

FREE = ("soft_deep_r", "synaptic_sampling", "magnitude_pruning")
WILD = TrainingLaw(shrinkage=0.05, noise_slope=0.02, noise_floor=0.02, size_min=1e-4, size_new=1e-3)
BUSY = {
    name: replace(rule, every=10 if rule.every else 0, law=WILD if rule.continuous else rule.law)
    for name, rule in RULES.items()
}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 3))


def _cnn():
    torch.manual_seed(0)
    first = nn.Conv1d(1, 6, 3), nn.ReLU(), nn.Unflatten(1, (1, 6))
    return nn.Sequential(*first, nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(128, 3))


def _batch(model, step, size=16):
    random = torch.Generator().manual_seed(step)
    y = torch.randint(3, (size,), generator=random)
    x = torch.randn(size, 12, generator=random) + y[:, None] * torch.linspace(-2, 2, 12)
    return (x[:, None] if isinstance(model[0], nn.Conv1d) else x).to(model[0].weight.dtype), y


def _backward(model, step):
    x, y = _batch(model, step)
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    return float(loss.detach())


def _train(model, optimizer, steps, first=0):
    for step in range(first, first + steps):
        optimizer.zero_grad()
        _backward(model, step)
        optimizer.step()


def _sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr, momentum=0.9)


def _check(sparsity):
    for name, layer in sparsity.layers.items():
        weight = sparsity.model.get_submodule(name).weight
        flat = weight.detach().reshape(-1)
        assert len(layer.sites) == len(layer.sites.unique()) == len(layer.signs) == len(layer.ages) >= 1
        assert 0 <= int(layer.sites.min()) <= int(layer.sites.max()) < flat.numel()
        assert int(torch.count_nonzero(flat)) == int(torch.count_nonzero(flat[layer.sites]))
        if sparsity.rule.continuous:
            sizes = flat[layer.sites] * layer.signs
            assert float(sizes.min()) > sparsity.rule.law.size_min
        assert int(layer.ages.max()) <= layer.steps


@pytest.mark.parametrize("make", [_mlp, _cnn])
@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_counts_and_zeros(name, make):
    model = make()
    keys = list(model.state_dict())
    optimizer = _sgd(model)
    sparsity = SpineSparsity(model, rule=BUSY[name], density=0.2, steps=100, seed=3).attach(optimizer)
    first = {key: len(layer.sites) for key, layer in sparsity.layers.items()}
    for step in range(100):
        _train(model, optimizer, 1, first=step)
        _check(sparsity)
        counts = {key: len(layer.sites) for key, layer in sparsity.layers.items()}
        if name not in FREE:
            assert counts == first == sparsity.target
        for key, layer in sparsity.layers.items():
            assert counts[key] == first[key] + layer.formed - layer.eliminated
    if name == "magnitude_pruning":
        assert first == sparsity.first
        assert counts == sparsity.target != first
    assert list(model.state_dict()) == keys
    ratio, steps = sparsity.turnover()
    assert steps == 100
    assert (ratio > 0.05) == (name != "static")
    assert sparsity.turnover() == (0.0, 0)


@pytest.mark.parametrize("name", ["spine", "spine_signed"])
def test_one_step_equals_the_law(name):
    model = _mlp().double()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    rule = replace(BUSY[name], law=TrainingLaw(shrinkage=0.01, decay=0.2))
    SpineSparsity(model, rule=rule, density=0.3, rate=2.0).attach(optimizer)
    before = model[0].weight.detach().clone()
    _train(model, optimizer, 1)
    moved = before - 0.1 * model[0].weight.grad
    size = rule.law.advance(moved.abs(), drive=0.0, noise=0.0, dt=0.2)
    kept = (before != 0) & (moved * before > 0) & (size > 0)
    assert int(kept.sum()) > 50
    torch.testing.assert_close(model[0].weight.detach()[kept], (size * before.sign())[kept])


def test_densities_count_the_places_of_kernels():
    model = _cnn()
    sparsity = SpineSparsity(model, density=0.25, allocation="uniform")
    assert sparsity.shapes == {"0": (6, 3), "3": (4, 9), "5": (3, 128)}
    assert sparsity.first == {"0": 4, "3": 9, "5": 96}
    assert SpineSparsity(model, density=0.25, allocation={"5": 0.5}).first == {"0": 4, "3": 9, "5": 192}
    assert SpineSparsity(model, density=0.25, skip=(nn.Conv2d, "0")).first == {"5": 96}
    erk = SpineSparsity(_mlp(), density=0.2)
    assert erk.density == pytest.approx(0.2, abs=0.005)
    assert erk.first["2"] > erk.first["0"] / 4


def test_a_channels_last_convolution_is_trained_in_place():
    model = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(24, 3)).to(memory_format=torch.channels_last)
    optimizer = _sgd(model)
    sparsity = SpineSparsity(model, rule=BUSY["spine"], density=0.2).attach(optimizer)
    for step in range(5):
        optimizer.zero_grad()
        model(torch.randn(4, 4, 4, 4, generator=torch.Generator().manual_seed(step))).square().sum().backward()
        optimizer.step()
        _check(sparsity)
    rows, cols, weights = sparsity.connections("0")
    assert torch.equal(model[0].weight.detach().reshape(6, 36)[rows, cols], weights)


@pytest.mark.parametrize(("make", "name"), [(_mlp, name) for name in RULES] + [(_cnn, "spine"), (_cnn, "rigl")])
@pytest.mark.parametrize("order", ["model first", "sparsity first", "attached last", "loaded last"])
def test_a_resumed_training_gives_the_same_bits(name, make, order):
    def settings(seed):
        return {"rule": BUSY[name], "density": 0.2, "steps": 60, "seed": seed}

    whole, file = make(), io.BytesIO()
    optimizer = torch.optim.AdamW(whole.parameters(), 0.02, weight_decay=0.0)
    sparsity = SpineSparsity(whole, **settings(3)).attach(optimizer)
    _train(whole, optimizer, 30)
    sparsity.turnover()
    torch.save([whole.state_dict(), optimizer.state_dict(), sparsity.state_dict()], file)
    _train(whole, optimizer, 30, first=30)

    file.seek(0)
    weights, momenta, connections = torch.load(file, weights_only=True)
    cut = make()
    resumed = torch.optim.AdamW(cut.parameters(), 0.5)
    if order == "attached last":
        cut.load_state_dict(weights)
        other = SpineSparsity(cut, **settings(8))
        other.load_state_dict(connections)
        other.attach(resumed)
    elif order == "loaded last":
        cut.load_state_dict(weights)
        other = SpineSparsity(cut, **settings(3)).attach(resumed)
        if name in ("soft_deep_r", "synaptic_sampling"):
            cut.load_state_dict(weights)  # they hold more connections than a new start would
        other.load_state_dict(connections)
    else:
        other = SpineSparsity(cut, **settings(8)).attach(resumed)
        _train(cut, resumed, 3)
        for part in (cut, other) if order == "model first" else (other, cut):
            part.load_state_dict(weights if part is cut else connections)
    resumed.load_state_dict(momenta)
    _train(cut, resumed, 30, first=30)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, cut.state_dict()[key]), key
    for key, layer in sparsity.layers.items():
        for field, value in vars(layer).items():
            same = getattr(other.layers[key], field)
            assert torch.equal(value, same) if isinstance(value, torch.Tensor) else value == same
    assert sparsity.turnover() == other.turnover()


def test_a_state_of_another_moment_is_refused():
    model = _mlp()
    optimizer = _sgd(model)
    sparsity = SpineSparsity(model, rule=BUSY["spine"], density=0.2).attach(optimizer)
    state = sparsity.state_dict()
    _train(model, optimizer, 20)
    sparsity.load_state_dict(state)
    with pytest.raises(InvalidInputError, match="same moment"):
        _train(model, optimizer, 1)
    with pytest.raises(InvalidInputError, match="of rule 'spine'"):
        SpineSparsity(model, rule="deep_r").load_state_dict(state)
    with pytest.raises(InvalidInputError, match="of layers"):
        SpineSparsity(model, skip=("2",)).load_state_dict(state)
    state["layers"]["2"]["sites"][0] = 72
    with pytest.raises(InvalidInputError, match="do not fit"):
        sparsity.load_state_dict(state)


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_the_scaler_skips_does_nothing(fused):
    model = _mlp()
    optimizer = torch.optim.AdamW(model.parameters(), 0.01, fused=fused)
    sparsity = SpineSparsity(model, rule=BUSY["spine"], density=0.2).attach(optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)

    def step(number, spoil):
        optimizer.zero_grad()
        x, y = _batch(model, number)
        scaler.scale(nn.functional.cross_entropy(model(x), y)).backward()
        if spoil:
            model[0].weight.grad[0, 0] = math.inf
        scaler.step(optimizer)
        scaler.update()

    step(0, False)
    before, weights = sparsity.state_dict()["layers"]["0"], model[0].weight.detach().clone()
    step(1, True)
    assert torch.equal(model[0].weight, weights)
    assert sparsity.layers["0"].steps == before["steps"] == 1
    assert torch.equal(sparsity.layers["0"].sites, before["sites"])
    step(2, False)
    assert sparsity.layers["0"].steps == 2
    _check(sparsity)


def test_accumulated_gradients_are_one_step():
    model = _mlp()
    optimizer = _sgd(model)
    sparsity = SpineSparsity(model, rule=BUSY["spine"], density=0.2).attach(optimizer)
    for step in range(5):
        optimizer.zero_grad()
        for part in range(4):
            _backward(model, 4 * step + part)
        optimizer.step()
    assert sparsity.layers["0"].steps == 5


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_momentum_starts_at_zero(kind):
    model = _mlp()
    makers = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    optimizer = _sgd(model) if kind == "sgd" else makers[kind](model.parameters())
    sparsity = SpineSparsity(model, rule=BUSY["spine"], density=0.2, rate=300.0).attach(optimizer)
    seen = 0
    for step in range(40):
        _train(model, optimizer, 1, first=step)
        layer = sparsity.layers["0"]
        born = layer.sites[layer.ages == 0]
        seen += len(born)
        buffers = [v for v in optimizer.state[model[0].weight].values() if v is not None and v.dim()]
        assert len(buffers) == (1 if kind == "sgd" else 2)
        for buffer in buffers:
            assert (buffer.reshape(-1)[born] == 0).all()
    assert seen > 10


def test_parameters_that_are_made_anew_are_found():
    model = _mlp()
    sparsity = SpineSparsity(model, rule=BUSY["spine"], density=0.2).attach(_sgd(model))
    model[0].weight = nn.Parameter(model[0].weight.detach().clone())
    optimizer = _sgd(model)
    sparsity.attach(optimizer)
    _train(model, optimizer, 5)
    assert [layer.steps for layer in sparsity.layers.values()] == [5, 5]
    _check(sparsity)
    model[0] = nn.Linear(13, 24)
    with pytest.raises(InvalidInputError, match="is Shape"):
        sparsity.connections("0")


def test_two_optimisers_and_idle_layers():
    model = _mlp()
    one, two = _sgd(model[0]), _sgd(model[2])
    sparsity = SpineSparsity(model, density=0.2).attach(one).attach(two)
    for _ in range(3):
        _backward(model, 0)
        one.step()
    assert [layer.steps for layer in sparsity.layers.values()] == [3, 0]
    model.zero_grad()
    one.step()
    assert sparsity.layers["0"].steps == 3


def test_detached_it_lets_go():
    model = _mlp()
    optimizer = _sgd(model)
    sparsity = SpineSparsity(model, density=0.2).attach(optimizer)
    sparsity.detach()
    _train(model, optimizer, 1)
    assert sparsity.layers["0"].steps == 0
    assert int(torch.count_nonzero(model[0].weight)) > len(sparsity.layers["0"].sites)


def test_first_weights():
    model = _mlp()
    dense = model[0].weight.detach().clone()
    for keep in ("magnitude", "random"):
        twin = _mlp()
        sparsity = SpineSparsity(twin, density=0.2, keep=keep).attach(_sgd(twin))
        rows, cols, weights = sparsity.connections("0")
        assert torch.equal(dense[rows, cols], weights)
        if keep == "magnitude":
            assert float(weights.abs().min()) >= float(dense[twin[0].weight == 0].abs().max())
    sparse = twin[0].weight.detach().clone()
    SpineSparsity(twin, density=0.2, seed=9).attach(_sgd(twin))
    assert torch.equal(twin[0].weight, sparse)  # it was as sparse already
    wide = nn.Linear(400, 300)
    SpineSparsity(wide, density=0.1, rule="static").attach(_sgd(wide))
    assert float(wide.weight[wide.weight != 0].std().detach()) == pytest.approx((2 / 40) ** 0.5, rel=0.02)


def test_the_last_connection_stays():
    layer = nn.Linear(3, 2)
    optimizer = _sgd(layer)
    rule = replace(RULES["soft_deep_r"], births=0.0, law=TrainingLaw(shrinkage=100.0))
    sparsity = SpineSparsity(layer, density=0.5, rule=rule).attach(optimizer)
    for _ in range(3):
        layer(torch.ones(1, 3)).sum().backward()
        optimizer.step()
        assert len(sparsity.layers[""].sites) == 1
        _check(sparsity)


def test_guided_formation_finds_sites_that_the_gradient_wants():
    def wanted(candidates):
        layer = nn.Linear(60, 40)
        optimizer = torch.optim.SGD(layer.parameters(), 1e-3)
        rule = replace(RULES["spine_signed"], candidates=candidates, law=TrainingLaw(shrinkage=1e6))
        sparsity = SpineSparsity(layer, density=0.1, rule=rule).attach(optimizer)
        layer.weight.grad = torch.from_numpy(np.random.default_rng(1).normal(size=(40, 60))).float()
        optimizer.step()
        rows, cols, weights = sparsity.connections("")
        return float((-weights.sign() * layer.weight.grad[rows, cols]).mean())

    assert abs(wanted(1)) < 0.2
    assert wanted(16) > 1.0


@pytest.mark.parametrize("name", ["spine", "rigl", "deep_r"])
def test_it_learns(name):
    model = _mlp()
    optimizer = _sgd(model)
    sparsity = SpineSparsity(model, rule=replace(RULES[name], every=20), density=0.15, steps=200).attach(optimizer)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
    for step in range(200):
        _train(model, optimizer, 1, first=step)
        schedule.step()
    x, y = _batch(model, 9999, size=500)
    assert float((model(x).argmax(1) == y).float().mean()) > 0.85
    assert sparsity.turnover().ratio > 0


def test_impossible_settings_are_refused():
    model = _mlp()
    unknown = {"rule": "spines"}, {"allocation": "erks"}, {"allocation": {"1": 0.5}}, {"skip": ("fc",)}, {"keep": "all"}
    for settings in unknown:
        with pytest.raises(UnknownNameError):
            SpineSparsity(model, **settings)
    for settings in {"density": 0.0}, {"allocation": {"0": 2.0}}, {"rate": -1.0}, {"rule": "rigl", "steps": 0}:
        with pytest.raises(OutOfRangeError):
            SpineSparsity(model, **settings)
    with pytest.raises(InvalidInputError, match="no linear"):
        SpineSparsity(model, skip=(nn.Linear,))
    with pytest.raises(InvalidInputError, match="steps="):
        SpineSparsity(model, rule="sparse_evolutionary")
    sparsity, optimizer = SpineSparsity(model), _sgd(model)
    with pytest.raises(InvalidInputError, match="none of the sparse layers"):
        sparsity.attach(_sgd(_mlp()))
    with pytest.raises(InvalidInputError, match="already"):
        sparsity.attach(optimizer).attach(optimizer)
    with pytest.raises(UnknownNameError):
        sparsity.connections("fc")


def test_tied_frozen_and_unfinished_weights_are_refused():
    tied = nn.Sequential(nn.Embedding(8, 4), nn.Linear(4, 8, bias=False), nn.Linear(8, 2))
    tied[1].weight = tied[0].weight
    with pytest.raises(InvalidInputError, match="tied"):
        SpineSparsity(tied)
    assert set(SpineSparsity(tied, skip=("1",)).shapes) == {"2"}
    frozen = _mlp()
    frozen[0].weight.requires_grad_(False)
    with pytest.raises(InvalidInputError, match="frozen"):
        SpineSparsity(frozen)
    with pytest.raises(InvalidInputError, match="no shape"):
        SpineSparsity(nn.Sequential(nn.LazyLinear(3)))
