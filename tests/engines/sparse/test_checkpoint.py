"""The state of a perceptron: what is restored goes on as if it had never been cut."""

import io

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.sparse import checkpoint
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import RULES


def _data():
    random = np.random.default_rng(0)
    images = random.normal(size=(960, 20)).astype(np.float32)
    return images, (images[:, 0] > images[:, 1]).astype(np.int64)


def _network(name="spine", seed=1):
    return Perceptron([20, 16, 2], 0.3, RULES[name], seed=seed, batch=32)


@pytest.mark.parametrize("name", ["spine", "soft_deep_r", "sparse_evolutionary"])
def test_a_restored_network_ends_with_the_same_bytes(name):
    whole = _network(name)
    images, labels = _data()
    losses = [epoch.loss for epoch in whole.fit(images, labels, epochs=6)]
    cut = _network(name)
    running = cut.fit(images, labels, epochs=6)
    for _ in range(2):
        next(running)
    file = io.BytesIO()
    np.savez(file, **checkpoint.state(cut))
    for _ in running:  # the state is a copy: what comes later is not in it
        pass
    file.seek(0)
    other = _network(name)
    with np.load(file) as saved:
        checkpoint.restore(other, saved)
    assert other.step == 60
    assert [epoch.loss for epoch in other.fit(images, labels, epochs=4)] == losses[2:]
    for field, values in whole.flat._asdict().items():
        assert np.array_equal(values, getattr(other.flat, field)), field
    # Without the order of the samples it would be another training.
    file.seek(0)
    lost = _network(name)
    with np.load(file) as saved:
        checkpoint.restore(lost, {**saved, "order": checkpoint.state(lost)["order"]})
    assert [epoch.loss for epoch in lost.fit(images, labels, epochs=4)] != losses[2:]


def test_a_state_of_another_network_is_refused():
    saved = checkpoint.state(_network())
    with pytest.raises(InvalidInputError, match="another network"):
        checkpoint.restore(Perceptron([20, 12, 2], 0.3, RULES["spine"], seed=1, batch=32), saved)
    with pytest.raises(InvalidInputError, match="counts has nothing"):
        checkpoint.restore(_network(), {name: values for name, values in saved.items() if name != "counts"})
