"""The sparse convolution, held to the dense one with the same weights."""

import copy
import io

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.sparse import store as slots

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from spinula.engines.sparse.pytorch import (  # noqa: E402
    SpineConv2d,
    SpineLinear,
    SpineOptimizer,
    densify,
    sparsify,
)
from spinula.engines.sparse.pytorch.modules import layer_of  # noqa: E402
from spinula.law.training import TrainingLaw  # noqa: E402

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def _near(a, b, dtype):
    scale = max(1.0, float(b.detach().abs().max()) if b.numel() else 1.0)
    torch.testing.assert_close(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale)


_AXIS = st.tuples(st.integers(1, 14), st.integers(1, 4), st.integers(1, 3), st.integers(0, 4), st.integers(1, 2))


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 5), st.integers(1, 5), st.integers(1, 20), _AXIS, _AXIS,
    st.sampled_from([torch.float32, torch.float64]), st.sampled_from(["numba", "torch"]),
    st.tuples(*[st.booleans()] * 4), st.floats(0.02, 1.0),
)  # fmt: skip
def test_gradients_agree_with_autograd(images, inputs, outputs, down, right, dtype, backend, flags, density):
    (rows, cols), *shape = zip(down, right, strict=True)
    kernel, _, padding, dilation = shape
    for axis, size in enumerate((rows, cols)):
        assume(size + 2 * padding[axis] > dilation[axis] * (kernel[axis] - 1))
    with_bias, wants_x, wants_weight, last = flags
    torch.manual_seed(images)
    layer = SpineConv2d(inputs, outputs, *shape, density=density, bias=with_bias, dtype=dtype, backend=backend)
    layer.weight.requires_grad_(wants_weight)
    x = torch.randn(images, inputs, rows, cols, dtype=dtype)
    x = x.to(memory_format=torch.channels_last) if last else x
    dense, bias = layer.to_dense().requires_grad_(), torch.randn(outputs, dtype=dtype).requires_grad_()
    if with_bias:
        layer.bias.data.copy_(bias.detach())
    other = x.clone().requires_grad_()
    wanted = nn.functional.conv2d(other, dense, bias if with_bias else None, *shape[1:])
    x.requires_grad_(wants_x)
    y = layer(x)
    assert y.shape == wanted.shape
    _near(y, wanted, dtype)
    if not y.requires_grad:
        return
    dy = torch.randn_like(wanted)
    wanted.backward(dy)
    y.backward(dy)
    if wants_x:
        _near(x.grad, other.grad, dtype)
    if wants_weight:
        where, what, places = layer.sites()
        _near(layer.weight.grad[places], dense.grad.reshape(outputs, -1)[where, what], dtype)
        assert (layer.weight.grad[layer.col < 0] == 0).all()
    if with_bias:
        _near(layer.bias.grad, bias.grad, dtype)


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_autocast_computes_in_float32_and_one_image_will_do(backend):
    layer = SpineConv2d(3, 4, 3, padding=1, density=0.5, seed=1, backend=backend)
    x = torch.randn(3, 6, 6)
    wanted = nn.functional.conv2d(x, layer.to_dense(), layer.bias, padding=1)
    torch.testing.assert_close(layer(x), wanted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x.bfloat16())
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, wanted, rtol=0.05, atol=0.05)


def test_what_cannot_be_computed_is_refused():
    layer = SpineConv2d(3, 4, 3, density=0.5)
    with pytest.raises(InvalidInputError, match="smaller than the kernel"):
        layer(torch.zeros(1, 3, 2, 5))
    with pytest.raises(InvalidInputError, match="wanted \\(samples, 3"):
        layer(torch.zeros(1, 2, 5, 5))
    with pytest.raises(InvalidInputError, match="float64"):
        layer(torch.zeros(1, 3, 5, 5, dtype=torch.float64))
    with pytest.raises(InvalidInputError, match="kernel_size"):
        SpineConv2d(3, 4, (1, 2, 3))
    for wrong in ({"stride": 0}, {"padding": -1}, {"dilation": 0}, {"density": 0.0}):
        with pytest.raises(OutOfRangeError):
            SpineConv2d(3, 4, 3, **wrong)
    with pytest.raises(InvalidInputError, match="groups"):
        SpineConv2d.from_dense(nn.Conv2d(4, 4, 3, groups=2))
    y = layer(torch.zeros(1, 3, 5, 5))
    with layer.editing():
        pass
    with pytest.raises(RuntimeError, match=r"changed|modified"):
        y.sum().backward()


@pytest.mark.parametrize("padding", [1, "same", "valid", (0, 2)])
def test_from_dense_and_back(padding):
    dense = nn.Conv2d(3, 8, 3, padding=padding)
    x = torch.randn(2, 3, 7, 9)
    whole = SpineConv2d.from_dense(dense, density=1.0)
    torch.testing.assert_close(whole(x), dense(x))
    layer = SpineConv2d.from_dense(dense, density=0.25)
    kept = layer.to_dense()
    assert layer.nnz == 54
    assert torch.equal(kept[kept != 0], dense.weight.detach()[kept != 0])
    assert dense.weight.detach()[kept == 0].abs().max() <= kept[kept != 0].abs().min()
    torch.testing.assert_close(layer.dense_module()(x), layer(x))
    assert not torch.allclose(layer(x), dense(x))


def test_the_state_goes_round_bit_by_bit():
    layer = SpineConv2d(3, 8, 3, padding=1, density=0.2, seed=1)
    x = torch.randn(2, 3, 7, 9)
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    for backend in ("numba", "torch"):
        other = SpineConv2d(3, 8, 3, padding=1, density=0.5, seed=2, backend=backend)
        buffer.seek(0)
        other.load_state_dict(torch.load(buffer))
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in layer.state_dict().items())
        torch.testing.assert_close(other(x), layer(x))
    twin = copy.deepcopy(layer).double()
    assert layer_of(twin.weight) is twin
    torch.testing.assert_close(twin(x.double()).float(), layer(x))


def test_sparsify_takes_convolutions_when_asked():
    def fresh():
        torch.manual_seed(0)
        grouped, padded = nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, padding_mode="reflect", padding=1)
        return nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.ReLU(), grouped, padded, nn.Conv2d(8, 8, 3, 2), nn.Flatten(), nn.Linear(32, 3)
        )

    left = sparsify(fresh(), 0.2)
    assert [type(module) for module in left if isinstance(module, SpineLinear)] == [SpineLinear]
    model = sparsify(fresh(), 0.2, convolutions=True, seed=1)
    assert [k for k, module in enumerate(model) if isinstance(module, SpineConv2d)] == [0, 4]
    layers = [model[0], model[4], model[6]]
    assert sum(layer.nnz for layer in layers) == pytest.approx(0.2 * (72 + 576 + 96), abs=3)
    assert layers[0].density > layers[1].density
    assert torch.equal(model[0].bias, fresh()[0].bias)
    x = torch.randn(2, 1, 9, 9)
    dense = densify(copy.deepcopy(model))
    assert not any(isinstance(module, SpineLinear) for module in dense.modules())
    torch.testing.assert_close(dense(x), model(x))
    kept = sparsify(fresh(), 1.0, convolutions=True, keep="magnitude")
    torch.testing.assert_close(kept(x), fresh()(x))


def _stripes(count, seed):
    """Images of 8 x 8 with a horizontal or a vertical stripe in noise; labels."""
    random = np.random.default_rng(seed)
    images, labels = random.normal(0, 0.5, (count, 1, 8, 8)), random.integers(2, size=count)
    for k, label in enumerate(labels):
        place = random.integers(8)
        images[k, 0, *((place, slice(None)) if label else (slice(None), place))] += 1.5
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels)


@pytest.mark.parametrize("formation", ["guided", None])
def test_the_optimiser_trains_it(formation):
    torch.manual_seed(0)
    model = nn.Sequential(
        SpineConv2d(1, 8, 3, padding=1, density=0.4, seed=1), nn.ReLU(), SpineConv2d(8, 8, 3, density=0.1, seed=2),
        nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 2),
    )  # fmt: skip
    law = TrainingLaw(shrinkage=2e-3, size_min=1e-3, size_new=0.01)
    optimizer = SpineOptimizer(model, 0.1, law=law, formation=formation, candidates=4)
    assert optimizer.layers() == [model[0], model[2]]
    count, before = [layer.nnz for layer in optimizer.layers()], model[2].sites()
    x, y = _stripes(256, 1)
    fresh, (test, answers) = copy.deepcopy(model), _stripes(200, 2)
    for step in range(80):
        part = slice(step % 4 * 64, step % 4 * 64 + 64)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[part]), y[part]).backward()
        optimizer.step()
    for layer, wanted in zip(optimizer.layers(), count, strict=True):
        slots.check(layer.store())
        assert layer.nnz == wanted
    trained, untrained = (float((net(test).argmax(1) == answers).float().mean()) for net in (model, fresh))
    assert untrained < 0.7
    assert trained > 0.85
    formed = int(model[2].counters[1])
    assert formed > 0 if formation else formed == 0
    assert torch.equal(model[2].sites()[1], before[1]) == (formation is None)


def test_what_is_remembered_are_places_of_the_backward_pass():
    layer = SpineConv2d(2, 3, 3, 2, 1, density=0.5, seed=1, dtype=torch.float64)
    layer.watched = True
    x, dy = torch.randn(5, 2, 7, 7, dtype=torch.float64), torch.randn(5, 3, 4, 4, dtype=torch.float64)
    layer(x).backward(dy)
    patches = nn.functional.unfold(x, 3, 1, 1, 2).transpose(0, 1).reshape(18, -1)
    slopes = dy.transpose(0, 1).reshape(3, -1)
    chosen = torch.arange(64) * 80 // 64
    assert torch.equal(layer.slab[0], patches[:, chosen])
    assert torch.equal(layer.slab[1], slopes[:, chosen])
    slope = layer.slab[1] @ layer.slab[0].t()  # and they point where the whole gradient does
    whole = slopes @ patches.t()
    assert float(torch.corrcoef(torch.stack([slope.flatten(), whole.flatten()]))[0, 1]) > 0.7


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # the compiler's own
def test_a_compiled_model_runs():
    model = nn.Sequential(SpineConv2d(2, 4, 3, density=0.5, seed=1), nn.ReLU())
    x = torch.randn(2, 2, 5, 5)
    try:
        y = torch.compile(model, backend="eager")(x)
    except ImportError as error:
        pytest.skip(f"no compiler: {error}")
    torch.testing.assert_close(y, model(x))
