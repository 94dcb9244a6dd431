"""The sparse linear layer, held to the dense one with the same weights."""

import copy
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines.sparse import store as slots

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from spinula.engines.sparse.pytorch import SpineLinear, densify, sparsify  # noqa: E402
from spinula.engines.sparse.pytorch.modules import layer_of  # noqa: E402

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def _reference(layer, x, dy):
    """Return y, dx, the gradients of the connections and of the bias, by autograd on the dense matrix."""
    dense = layer.to_dense().requires_grad_()
    bias = None if layer.bias is None else layer.bias.detach().clone().requires_grad_()
    x = x.detach().clone().requires_grad_()
    y = nn.functional.linear(x, dense, bias)
    y.backward(dy)
    rows, cols, _ = layer.connections()
    return y.detach(), x.grad, dense.grad[rows, cols], None if bias is None else bias.grad


def _near(a, b, dtype):
    scale = max(1.0, float(b.abs().max()) if b.numel() else 1.0)
    torch.testing.assert_close(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 70), st.integers(1, 40), st.floats(0.01, 1.0), st.integers(0, 200), st.integers(0, 2**16),
    st.sampled_from([torch.float32, torch.float64]), st.sampled_from(["numba", "torch"]),
    st.tuples(*[st.booleans()] * 5),
)  # fmt: skip
def test_gradients_agree_with_autograd(inputs, outputs, density, batch, seed, dtype, backend, flags):
    with_bias, wants_x, wants_weight, by_features, as_made = flags
    torch.manual_seed(seed)
    layer = SpineLinear(
        inputs, outputs, density=density, bias=with_bias, seed=seed, dtype=dtype, backend=backend, signed=False
    )
    layer.weight.requires_grad_(wants_weight)
    layer.feature_major = as_made
    x = torch.randn(inputs, batch, dtype=dtype).t() if by_features else torch.randn(batch, inputs, dtype=dtype)
    dy = torch.randn(batch, outputs, dtype=dtype)
    y, dx, dw, db = _reference(layer, x, dy)
    x.requires_grad_(wants_x)
    result = layer(x)
    assert (result.t() if as_made and backend == "numba" else result).is_contiguous()
    _near(result.detach(), y, dtype)
    if not result.requires_grad:
        return
    result.backward(dy)
    if wants_x:
        _near(x.grad, dx, dtype)
    if wants_weight:
        _, _, places = layer.sites()
        _near(layer.weight.grad[places], dw, dtype)
        assert (layer.weight.grad[layer.col < 0] == 0).all()
    else:
        assert layer.weight.grad is None
    if with_bias:
        _near(layer.bias.grad, db, dtype)


def test_numerical_gradients_agree():
    layer = SpineLinear(7, 5, density=0.4, seed=2, dtype=torch.float64)
    x = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, w: torch.func.functional_call(layer, {"weight": w}, (x,)), (x, layer.weight)
    )


@pytest.mark.parametrize("shape", [(12,), (2, 3, 12), (0, 12)])
def test_any_leading_shape_is_taken(shape):
    layer = SpineLinear(12, 5, density=0.3, seed=1)
    x = torch.randn(shape)
    y = layer(x)
    assert y.shape == (*shape[:-1], 5)
    torch.testing.assert_close(y, nn.functional.linear(x, layer.to_dense(), layer.bias))


def test_feature_major_storage_is_kept_from_sparse_layer_to_sparse_layer():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10), nn.LayerNorm(10), nn.Linear(10, 4))
    model = sparsify(plain, 0.3, allocation="uniform", seed=1)
    assert [layer.feature_major for layer in model if isinstance(layer, SpineLinear)] == [True, False, False]
    x = torch.randn(70, 20)
    hidden = model[1](model[0](x))
    assert hidden.t().is_contiguous()
    seen = []
    hidden.register_hook(lambda grad: seen.append(grad.t().is_contiguous()))
    y = model[2](hidden)
    assert y.is_contiguous()
    assert y.grad_fn.saved_tensors[0].data_ptr() == hidden.data_ptr()
    model[4](model[3](y)).square().sum().backward()
    assert seen == [True]
    kept = [layer.weight.grad.clone() for layer in (model[0], model[2])]
    for layer in model:
        layer.feature_major = False  # the negative control: a copy more, and the same numbers
    model.zero_grad()
    hidden = model[1](model[0](x))
    assert hidden.is_contiguous()
    model[4](model[3](model[2](hidden))).square().sum().backward()
    for layer, grad in zip((model[0], model[2]), kept, strict=True):
        torch.testing.assert_close(layer.weight.grad, grad)


def test_the_store_is_the_memory_of_the_parameter():
    layer = SpineLinear(8, 6, density=0.5, seed=1)
    store = layer.store()
    store.weight[:] = 3.0
    assert (layer.weight == 3.0).all()
    slots.check(store)
    for name in slots.Store._fields[:3]:
        assert getattr(layer, name).dtype == torch.int32


def test_the_number_of_connections_and_their_spread_are_as_asked():
    layer = SpineLinear(500, 300, density=0.02, seed=1)
    assert layer.nnz == 3000
    assert layer.density == pytest.approx(0.02)
    weights = layer.connections()[2]
    assert float(weights.std()) == pytest.approx((2 / 10) ** 0.5, rel=0.06)
    halved = SpineLinear(500, 300, density=0.02, seed=1, init="lecun").connections()[2]
    torch.testing.assert_close(halved * 2**0.5, weights)
    other = SpineLinear(500, 300, density=0.02, seed=2)
    assert not torch.equal(other.sites()[1], layer.sites()[1])


def test_signs_follow_the_sites():
    layer = SpineLinear(30, 20, density=0.2, seed=4)
    rows, cols, weights = layer.connections()
    signs = [slots.site_sign(int(r), int(c), np.uint64(layer.key)) for r, c in zip(rows, cols, strict=True)]
    assert np.array_equal(np.sign(weights.numpy()), signs)


def test_layers_too_large_to_be_dense_are_made_at_once():
    layer = SpineLinear(10**6, 100, density=1e-4, seed=1)
    assert layer.nnz == 10_000
    assert layer(torch.ones(2, 10**6)).shape == (2, 100)
    wide = SpineLinear(10_000, 10_000, density=0.001, seed=1, bias=False)
    wide(torch.randn(3, 10_000)).sum().backward()
    assert wide.nnz == 100_000
    assert torch.count_nonzero(wide.weight.grad) > 0


def test_gradients_add_up():
    layer = SpineLinear(10, 6, density=0.5, seed=1, dtype=torch.float64)
    x = torch.randn(9, 10, dtype=torch.float64)
    layer(x).square().mean().backward()
    whole = layer.weight.grad.clone()
    layer.zero_grad()
    for part in x.split(3):
        (layer(part).square().mean() / 3).backward()
    torch.testing.assert_close(layer.weight.grad, whole)


def test_what_cannot_be_computed_is_refused():
    layer = SpineLinear(10, 6, density=0.5, seed=1)
    with pytest.raises(InvalidInputError, match="wanted"):
        layer(torch.randn(3, 9))
    with pytest.raises(InvalidInputError, match="float64"):
        layer(torch.randn(3, 10, dtype=torch.float64))
    with pytest.raises(InvalidInputError, match="float16"):
        copy.deepcopy(layer).half()(torch.randn(3, 10))
    with pytest.raises(InvalidInputError, match="float16"):
        SpineLinear(3, 3, dtype=torch.float16)
    with pytest.raises(OutOfRangeError):
        SpineLinear(10, 6, density=0)
    with pytest.raises(OutOfRangeError):
        SpineLinear(0, 6)
    with pytest.raises(UnknownNameError, match="he"):
        SpineLinear(10, 6, init="hee")
    with pytest.raises(UnknownNameError, match="numba"):
        SpineLinear(10, 6, backend="nunba")(torch.randn(3, 10))
    y = layer(torch.randn(3, 10))
    with layer.editing():
        pass
    with pytest.raises(RuntimeError, match=r"changed|modified"):
        y.sum().backward()


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_autocast_computes_in_float32(backend):
    layer = SpineLinear(10, 6, density=0.5, seed=1, backend=backend)
    dense = nn.Linear(8, 10)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = dense(torch.randn(4, 8))
        y = layer(hidden)
    assert (hidden.dtype, y.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(y, nn.functional.linear(hidden.float(), layer.to_dense(), layer.bias))
    y.sum().backward()
    assert dense.weight.grad is not None


def test_copies_and_casts_are_whole():
    layer = SpineLinear(10, 6, density=0.5, seed=1)
    twin = copy.deepcopy(layer)
    assert layer_of(twin.weight) is twin
    assert layer_of(layer.weight) is layer
    assert layer_of(nn.Parameter(torch.zeros(2))) is None
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=False)
    assert layer_of(loaded.weight) is loaded
    double = twin.double()
    slots.check(double.store())
    assert double.weight.dtype == double.momentum.dtype == torch.float64
    x = torch.randn(4, 10)
    torch.testing.assert_close(double(x.double()).float(), layer(x))
    torch.testing.assert_close(loaded(x), layer(x))


def test_from_dense_keeps_the_largest():
    linear = nn.Linear(20, 10)
    layer = SpineLinear.from_dense(linear, density=0.1)
    dense, kept = linear.weight.detach(), layer.to_dense()
    assert layer.nnz == 20
    assert torch.equal(kept[kept != 0], dense[kept != 0])
    assert dense[kept == 0].abs().max() <= kept[kept != 0].abs().min()
    assert torch.equal(layer.bias, linear.bias)
    some = SpineLinear.from_dense(linear, density=0.1, keep="random", seed=3).to_dense()
    assert torch.equal(some[some != 0], dense[some != 0])
    assert not torch.equal(some, kept)
    with pytest.raises(UnknownNameError):
        SpineLinear.from_dense(linear, keep="largest")


def test_the_state_goes_round_bit_by_bit():
    layer = SpineLinear(30, 20, density=0.1, seed=1)
    state = layer.state_dict()
    assert sorted(state) == ["bias", "cols", "counters", "rows", "shape", "sign_key", "weights"]
    assert len(state["weights"]) == layer.nnz
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    for other in (
        SpineLinear(30, 20, density=0.3, seed=2),
        SpineLinear(30, 20, density=0.01, seed=2, backend="torch", signed=False),
    ):
        parameter = other.weight
        buffer.seek(0)
        other.load_state_dict(torch.load(buffer))
        assert other.weight is parameter
        slots.check(other.store())
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in state.items())
        assert (other.key, other.signed) == (layer.key, True)
        torch.testing.assert_close(other(torch.ones(2, 30)), layer(torch.ones(2, 30)))


def test_a_state_that_does_not_fit_is_refused_by_name():
    layer = SpineLinear(30, 20, density=0.1, seed=1)
    model, good = nn.Sequential(layer), layer.state_dict()

    def load(**changes):
        entries = {**good, **changes}
        model.load_state_dict({f"0.{name}": value for name, value in entries.items() if value is not None})

    double = good["cols"].clone()
    double[1], rows = double[0], good["rows"].clone()
    rows[1] = rows[0]
    for changes, message in [
        ({"rows": good["rows"] + 15}, r"0\.rows: holds 34; wanted integers from 0 to 19"),
        ({"cols": good["cols"].float()}, r"0\.cols: torch\.float32"),
        ({"cols": double, "rows": rows}, r"0\.cols: a connection is there twice"),
        ({"weights": good["weights"][1:]}, r"0\.weights: shape \(59,\) in the state; wanted \(60,\)"),
        ({"shape": torch.tensor([20, 31])}, r"0\.shape: \[20, 31\] in the state, \[20, 30\]"),
        ({"bias": torch.zeros(3)}, r"0\.bias: shape"),
        ({"bias": None}, r"Missing key.*0\.bias"),
        ({"extra": torch.zeros(3)}, r"Unexpected key.*0\.extra"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            load(**changes)
    with pytest.raises(RuntimeError, match="matrix of a dense layer"):
        layer.load_state_dict(nn.Linear(30, 20).state_dict())


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # the compiler's own
def test_a_compiled_model_runs():
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), SpineLinear(8, 5, density=0.5, seed=1), nn.ReLU())
    x = torch.randn(4, 6)
    compiled = torch.compile(model, backend="eager")
    try:
        y = compiled(x)
    except ImportError as error:
        pytest.skip(f"no compiler: {error}")
    torch.testing.assert_close(y, model(x))
    y.sum().backward()
    assert model[2].weight.grad is not None


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.b.weight = self.a.weight


def test_sparsify_replaces_linear_layers_by_path():
    model = nn.Sequential(nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100)), nn.Linear(100, 10))
    bias = model[0][0].bias.detach().clone()
    assert sparsify(model, 0.05, seed=1) is model
    layers = [model[0][0], model[0][2], model[1]]
    assert [layer.density for layer in layers] == pytest.approx([0.038, 0.111, 0.919], rel=0.02)
    assert torch.equal(layers[0].bias, bias)
    assert sum(layer.nnz for layer in layers) == pytest.approx(0.05 * 266_200, abs=2)
    assert model(torch.randn(3, 784)).shape == (3, 10)
    dense = densify(copy.deepcopy(model))
    x = torch.randn(3, 784)
    torch.testing.assert_close(dense(x), model(x))
    assert not any(isinstance(module, SpineLinear) for module in dense.modules())


def test_sparsify_obeys_its_arguments():
    def fresh():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(40, 40), nn.Sequential(nn.Linear(40, 40)), nn.Linear(40, 10))

    model = sparsify(fresh(), 0.1, allocation="uniform", skip=("1",))
    assert [type(m) for m in (model[0], model[1][0], model[2])] == [SpineLinear, nn.Linear, SpineLinear]
    assert model[0].density == pytest.approx(0.1)
    model = sparsify(fresh(), 0.1, allocation={"2": 0.5}, signed=False)
    assert [model[0].density, model[2].density] == pytest.approx([0.1, 0.5])
    assert not model[0].signed
    dense = fresh()
    kept = sparsify(fresh(), 0.1, keep="magnitude")[0].to_dense()
    assert torch.equal(kept[kept != 0], dense[0].weight.detach()[kept != 0])
    a, b, c = (sparsify(fresh(), 0.1, allocation="uniform", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(a[0].to_dense(), b[0].to_dense())
    assert not torch.equal(a[0].to_dense(), c[0].to_dense())
    assert not torch.equal(a[0].to_dense(), a[1][0].to_dense())  # layers of one shape differ
    assert isinstance(sparsify(nn.Linear(8, 8), 0.5), SpineLinear)


def test_sparsify_refuses_what_it_cannot_do():
    with pytest.raises(InvalidInputError, match="no linear layer"):
        sparsify(nn.Sequential(nn.ReLU()))
    with pytest.raises(InvalidInputError, match="tied"):
        sparsify(Tied())
    frozen = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    frozen[0].requires_grad_(False)
    with pytest.raises(InvalidInputError, match="frozen"):
        sparsify(frozen)
    assert isinstance(sparsify(frozen, 0.5, skip=("0",))[1], SpineLinear)
    with pytest.raises(UnknownNameError, match="no module called '7'"):
        sparsify(frozen, skip=("7",))
    frozen[1] = nn.Linear(8, 8)
    with pytest.raises(UnknownNameError, match="allocation"):
        sparsify(frozen, allocation="erq", skip=("0",))
    with pytest.raises(UnknownNameError, match="linear layer"):
        sparsify(frozen, allocation={"x": 0.1}, skip=("0",))
    with pytest.raises(InvalidInputError, match="no SpineLinear"):
        densify(nn.Sequential(nn.ReLU()))
    attention = nn.Sequential(nn.MultiheadAttention(8, 2), nn.Linear(8, 8))
    assert type(sparsify(attention, 0.5)[0].out_proj) is not SpineLinear
