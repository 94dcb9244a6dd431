"""Adam for spines: the moments are torch's, and follow their spines wherever these move."""

import copy
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinula.core.errors import OutOfRangeError, UnknownNameError
from spinula.law.training import TrainingLaw

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from spinula.engines.sparse.pytorch import SpineLinear, SpineOptimizer, sparsify  # noqa: E402

BUSY = TrainingLaw(shrinkage=0.3, size_min=1e-3, size_new=0.01)
BETAS, EPS = (0.8, 0.95), 1e-6


@pytest.mark.parametrize(("dtype", "reach"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_on_fixed_connections_it_is_torch_adam(dtype, reach):
    layer = SpineLinear(30, 20, density=0.3, seed=1, dtype=dtype)
    _, _, places = layer.sites()
    twin = nn.Parameter(layer.weight.detach()[places].clone())
    bias = nn.Parameter(layer.bias.detach().clone())
    mine = SpineOptimizer(layer, 0.01, law=TrainingLaw(decay=0.1), formation=None, method="adam", betas=BETAS, eps=EPS,
                          other={"weight_decay": 0.1})  # fmt: skip
    reference = torch.optim.AdamW([twin, bias], 0.01, betas=BETAS, eps=EPS, weight_decay=0.1)
    for _ in range(60):
        gradient = torch.where(layer.col >= 0, torch.randn(layer.weight.shape, dtype=dtype), 0.0)
        layer.weight.grad, twin.grad = gradient, gradient[places].clone()
        layer.bias.grad = torch.randn(20, dtype=dtype)
        bias.grad = layer.bias.grad.clone()
        mine.step()
        reference.step()
    torch.testing.assert_close(layer.bias.detach(), bias.detach(), rtol=reach, atol=reach)
    torch.testing.assert_close(layer.weight.detach()[places], twin.detach(), rtol=reach, atol=reach)


def _by_site(layer, optimizer):
    kept = optimizer.state[layer.weight]
    rows, cols, places = (part.tolist() for part in layer.sites())
    return {
        (r, c): (float(layer.momentum[p]), float(kept["exp_avg_sq"][p]), int(kept["step"][p]), p)
        for r, c, p in zip(rows, cols, places, strict=True)
    }


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**16), st.sampled_from([0.1, 0.5, 0.95]), st.sampled_from(["uniform", "guided"]))
def test_moments_follow_their_spines(seed, density, formation):
    layer = SpineLinear(24, 18, density=density, seed=seed)
    optimizer = SpineOptimizer(layer, 0.05, law=BUSY, formation=formation, method="adam", betas=BETAS, eps=EPS)
    random = torch.Generator().manual_seed(seed)
    expected, moved, new, weights = {}, 0, 0, {}
    for _ in range(40):
        layer.zero_grad()
        x, dy = (torch.randn(8, size, generator=random) for size in (24, 18))
        layer(x).backward(dy)
        rows, cols, places = (part.tolist() for part in layer.sites())
        slope = dict(zip(zip(rows, cols, strict=True), layer.weight.grad[places].tolist(), strict=True))
        weights = dict(zip(slope, layer.weight.detach()[places].tolist(), strict=True))
        optimizer.step()
        found = _by_site(layer, optimizer)
        for site, (first, second, age, place) in found.items():
            m, v, steps, was = expected.get(site, (0.0, 0.0, 0, None)) if site in slope else (0.0, 0.0, 0, None)
            if site in slope:
                g = slope[site]
                m, v = BETAS[0] * m + (1 - BETAS[0]) * g, BETAS[1] * v + (1 - BETAS[1]) * g * g
                drive = m / (1 - BETAS[0] ** (steps + 1)) / (np.sqrt(v / (1 - BETAS[1] ** (steps + 1))) + EPS)
                sign = 1.0 if weights[site] >= 0 else -1.0
                size = BUSY.advance(sign * weights[site], drive=-sign * drive, noise=0.0, dt=0.05)
                if age == 0:  # it was eliminated, and one formed at the same site at once
                    assert size < BUSY.size_min + 1e-6
                    m, v, steps = 0.0, 0.0, -1
                else:
                    assert float(layer.weight.detach()[place]) == pytest.approx(sign * size, rel=1e-4)
                assert age == steps + 1
            else:
                new += 1
                assert age == 0
            assert first == pytest.approx(m, rel=1e-4, abs=1e-6)
            assert second == pytest.approx(v, rel=1e-4, abs=1e-6)
            moved += was is not None and was != place
        vacant = layer.col < 0
        kept = optimizer.state[layer.weight]
        for values in (layer.momentum, kept["exp_avg_sq"], kept["step"]):
            assert not values[vacant].any()
        expected = found
    assert new > 5
    assert moved > 5  # else the test would not see moments that stay behind


def _fresh(seed=1):
    torch.manual_seed(0)
    return sparsify(nn.Sequential(nn.Linear(20, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 3)), 0.2, seed=seed)


def _train(model, optimizer, first, last):
    for step in range(first, last):
        random = torch.Generator().manual_seed(step)
        x = torch.randn(32, 20, generator=random)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), x[:, :3].argmax(1)).backward()
        optimizer.step()


@pytest.mark.parametrize("model_first", [True, False])
def test_a_resumed_training_gives_the_same_weights(model_first):
    whole = _fresh()
    optimizer = SpineOptimizer(whole, 0.01, law=BUSY, formation="guided", method="adam")
    _train(whole, optimizer, 0, 20)
    buffer = io.BytesIO()
    torch.save({"model": whole.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
    kept = copy.deepcopy(optimizer.state_dict())
    _train(whole, optimizer, 20, 40)
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=True)
    cut = _fresh(seed=5)
    resumed = SpineOptimizer(cut, 0.5, law=BUSY, method="adam", betas=(0.5, 0.6))
    _train(cut, resumed, 0, 3)
    for part in (cut, resumed) if model_first else (resumed, cut):
        part.load_state_dict(saved["model" if part is cut else "optimizer"])
    _train(cut, resumed, 20, 40)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, cut.state_dict()[name]), name
    for one, other in zip(kept["state"].values(), saved["optimizer"]["state"].values(), strict=True):
        assert all(torch.equal(torch.as_tensor(one[key]), torch.as_tensor(other[key])) for key in one)


def test_other_connections_start_at_zero_moments():
    layer = SpineLinear(20, 10, density=0.3, seed=1)
    optimizer = SpineOptimizer(layer, 0.01, formation=None, method="adam")
    for step in range(3):
        if step == 2:
            rows, cols, weights = layer.connections()
            layer.set_connections(rows, (cols + 1) % 20, weights)
        layer.weight.grad = torch.where(layer.col >= 0, 1.0, 0.0)
        optimizer.step()
    assert {age for *_, age, _ in _by_site(layer, optimizer).values()} == {1}
    layer.load_state_dict(layer.state_dict())  # the same connections: they keep theirs
    layer.weight.grad = torch.where(layer.col >= 0, 1.0, 0.0)
    optimizer.step()
    assert {age for *_, age, _ in _by_site(layer, optimizer).values()} == {2}


def test_it_learns_where_gradients_differ_in_scale():
    x = torch.randn(512, 20, generator=torch.Generator().manual_seed(9))
    losses = {}
    for method, lr in (("adam", 0.01), ("sgd", 0.1)):
        model = _fresh()
        law = TrainingLaw(shrinkage=0.05 if method == "adam" else 1e-3, size_new=0.01)
        optimizer = SpineOptimizer(model, lr, law=law, formation="guided", method=method)
        # A loss in other units: SGD would need another learning rate, Adam does not.
        for step in range(200):
            batch = torch.randn(32, 20, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            (1e-3 * nn.functional.cross_entropy(model(batch), batch[:, :3].argmax(1))).backward()
            optimizer.step()
        losses[method] = float(nn.functional.cross_entropy(model(x), x[:, :3].argmax(1)).detach())
    assert losses["adam"] < 0.4 < losses["sgd"]


def test_impossible_settings_are_refused():
    layer = SpineLinear(4, 4, density=0.5)
    with pytest.raises(UnknownNameError, match="Did you mean 'adam'"):
        SpineOptimizer(layer, 0.1, method="adm")
    with pytest.raises(OutOfRangeError, match="betas"):
        SpineOptimizer(layer, 0.1, method="adam", betas=(0.9, 1.0))
    with pytest.raises(UnknownNameError, match="momentum"):
        SpineOptimizer(layer, 0.1, method="adam", other={"momentum": 0.5})
