"""Small models: what they see, what sparsify replaces, and a session that can be cut."""

from itertools import pairwise

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.law.training import TrainingLaw

torch = pytest.importorskip("torch")

from spinula.engines.sparse.pytorch import SpineLinear, SpineOptimizer, sparsify  # noqa: E402
from spinula.engines.sparse.pytorch.models import CharTransformer, ConvNet, Session, seeded  # noqa: E402


def test_a_transformer_sees_what_was_and_not_what_will_be():
    model = seeded(lambda: CharTransformer(30, context=12, width=16, heads=2), seed=1)
    codes = torch.randint(30, (1, 12), generator=torch.Generator().manual_seed(0))
    changed = codes.clone()
    changed[0, 7] = (changed[0, 7] + 1) % 30
    one, other = model(codes), model(changed)
    assert torch.equal(one[:, :7], other[:, :7])
    assert not torch.isclose(one[:, 7:], other[:, 7:]).all(-1).any()
    assert model(codes[:, :5]).shape == (1, 5, 30)


def test_linear_layers_become_sparse_but_for_the_last():
    model = sparsify(CharTransformer(30, width=16, heads=2, depth=3), 0.2, skip=("scores",))
    assert sum(isinstance(layer, SpineLinear) for layer in model.modules()) == 12
    assert not isinstance(model.scores, SpineLinear)
    images = sparsify(ConvNet(64, 10), 0.2, skip=("scores",))
    assert isinstance(images.hidden, SpineLinear)


def test_initial_weights_follow_from_the_seed_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    nets = [seeded(lambda: ConvNet(64, 10), seed) for seed in (1, 1, 2)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(nets[0].hidden.weight, nets[1].hidden.weight)
    assert not torch.equal(nets[0].hidden.weight, nets[2].hidden.weight)


def test_impossible_sizes_are_refused():
    with pytest.raises(InvalidInputError, match="no square image"):
        ConvNet(65, 10)
    with pytest.raises(OutOfRangeError, match="heads"):
        CharTransformer(10, width=18, heads=4)


def _session(seed=1, steps=40):
    model = sparsify(seeded(lambda: ConvNet(36, 3, hidden=24), seed), 0.3, skip=("scores",), seed=seed)
    law = TrainingLaw(shrinkage=0.3, size_new=0.01)
    optimizer = SpineOptimizer(model, 0.01, law=law, formation="guided", method="adam")
    return Session(model, optimizer, steps=steps, warmup=4, clip=1.0, generator=np.random.default_rng(seed))


def _batches(session, count):
    for _ in range(count):
        x = session.generator.normal(size=(16, 36)).astype(np.float32)
        yield x, x[:, :3].argmax(1)


def test_a_session_that_was_cut_ends_with_the_same_weights(tmp_path):
    whole, cut = _session(), _session()
    whole.train(_batches(whole, 40))
    cut.train(_batches(cut, 15))
    cut.write(tmp_path / "state.pt", {"note": np.arange(3)})
    resumed = _session(seed=7)
    assert resumed.read(tmp_path / "state.pt")["note"].tolist() == [0, 1, 2]
    resumed.train(_batches(resumed, 25))
    assert resumed.eliminated() == whole.eliminated() > 0
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert not torch.equal(cut.model.scores.weight, whole.model.scores.weight)


def test_the_learning_rate_rises_and_falls_and_a_session_learns():
    session = _session(steps=300)
    rates = [session.rate(step) for step in range(300)]
    assert rates[0] < rates[1] < rates[4]
    assert all(a > b for a, b in pairwise(rates[4:]))
    assert rates[-1] < 1e-3
    fresh, _ = session.score(_batches(session, 5))
    session.train(_batches(session, 300))
    assert session.optimizer.param_groups[0]["lr"] < 1e-4
    loss, right = session.score(_batches(session, 20))
    assert loss < 0.6 * fresh
    assert right > 0.7
