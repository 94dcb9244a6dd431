"""The perceptron without a framework: its gradients, its rules' invariants, and that it learns."""

import numba
import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.engines.sparse import fused, rewire
from spinula.engines.sparse.kernels import LANES
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import RULES, Rule, rule
from spinula.engines.sparse.store import check, connections, site_sign
from spinula.law.training import TrainingLaw


def _blobs(samples=1000, features=20, classes=4, seed=0):
    generator = np.random.default_rng(seed)
    centres = 1.5 * generator.standard_normal((classes, features))
    labels = generator.integers(0, classes, samples)
    return (centres[labels] + generator.standard_normal((samples, features))).astype(np.float32), labels


def _dense(network):
    return [_matrix(network, layer) for layer in range(len(network.stores))]


def _matrix(network, layer):
    rows, cols, weights = network.connections(layer)
    made = np.zeros((network.flat.widths[layer + 1], network.flat.widths[layer]))
    made[rows, cols] = weights
    return made


def _loss(matrices, images, labels):
    x = images.astype(float).T
    for number, matrix in enumerate(matrices):
        x = matrix @ x
        x = np.maximum(x, 0) if number < len(matrices) - 1 else x
    x = x - x.max(axis=0)
    return -np.mean(x[labels, np.arange(len(labels))] - np.log(np.exp(x).sum(axis=0)))


@pytest.mark.parametrize("batch", [64, 100, 128])
def test_a_step_follows_the_gradient_of_the_loss(batch):
    images, labels = _blobs(batch)
    plain = Rule("plain", rate=1e-3, momentum=0.0)
    network = Perceptron([20, 30, 12, 4], 0.4, plain, seed=1, batch=batch)
    before = _dense(network)
    list(network.fit(images, labels, epochs=1))
    for layer, (old, new) in enumerate(zip(before, _dense(network), strict=True)):
        rows, cols, _ = network.connections(layer)
        for row, col in list(zip(rows, cols, strict=True))[:6]:
            up, down = [m.copy() for m in before], [m.copy() for m in before]
            up[layer][row, col] += 1e-5
            down[layer][row, col] -= 1e-5
            slope = (_loss(up, images, labels) - _loss(down, images, labels)) / 2e-5
            assert (old[row, col] - new[row, col]) / 1e-3 == pytest.approx(slope, abs=2e-4)


def test_scores_are_those_of_the_dense_product():
    images, _ = _blobs(77)
    network = Perceptron([20, 30, 4], 0.3, rule("spine"), seed=2)
    first, second = _dense(network)
    wanted = (second @ np.maximum(first @ images.T.astype(float), 0)).T
    np.testing.assert_allclose(network.scores(images), wanted, atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_its_connections_in_order(name):
    images, labels = _blobs()
    chosen = RULES[name]
    quick = Rule(**{**vars(chosen), "every": 3 if chosen.every else 0, "rate": 0.1})
    network = Perceptron([20, 40, 20, 4], 0.2, quick, seed=3, batch=64)
    counts = [int(store.row_count.sum()) for store in network.stores]
    epochs = list(network.fit(images, labels, epochs=4))
    for store in network.stores:
        check(store)
    now = [int(store.row_count.sum()) for store in network.stores]
    if name == "magnitude_pruning":
        assert sum(now) < sum(counts)
        assert sum(now) == pytest.approx(0.2 * (800 + 800 + 80), rel=0.01)
    elif chosen.births < 0:
        assert now == counts
    assert epochs[-1].connections == tuple(now)
    assert np.isfinite(network.flat.weight).all()


def test_static_never_moves_a_connection_and_the_others_do():
    images, labels = _blobs()
    for name, moves in (("static", False), ("spine", True), ("deep_r", True), ("rigl", True)):
        quick = Rule(**{**vars(RULES[name]), "every": 3 if RULES[name].every else 0})
        network = Perceptron([20, 40, 4], 0.2, quick, seed=3, batch=64)
        before = connections(network.stores[0])[:2]
        list(network.fit(images, labels, epochs=2))
        after = connections(network.stores[0])[:2]
        same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        assert same != moves, name


def test_signs_belong_to_sites_where_a_rule_says_so():
    images, labels = _blobs()
    network = Perceptron([20, 40, 4], 0.2, rule("deep_r"), seed=3, batch=64)
    list(network.fit(images, labels, epochs=5))
    rows, cols, weights = network.connections(0)
    key = np.uint64(network.keys[0])
    assert all(np.sign(w) in (0, site_sign(r, c, key)) for r, c, w in zip(rows, cols, weights, strict=True))


def test_guided_formation_prefers_what_the_gradient_asks_for():
    """A tournament of all sites finds the best vacant one; negative control: one candidate is uniform."""
    x, dy = np.zeros((20, LANES), np.float32), np.zeros((8, LANES), np.float32)
    x[7], dy[3] = 1.0, -1.0
    found = {}
    for side in (1, 200):
        hits = 0
        for seed in range(20):
            network = Perceptron([20, 8], 0.1, Rule("x", TrainingLaw()), seed=seed)
            store = network.stores[0]
            numbers = network.rule.numbers()._replace(signed=0.0)
            if 7 in store.col[store.row_start[3] : store.row_start[3] + store.row_count[3]]:
                hits += 1
                continue
            rewire.drop_smallest(store, 1)
            scratch = (np.zeros((side, 2), np.int64), np.zeros(side * side, np.float32))
            rewire.form(store, numbers, np.uint64(seed), 0, scratch, x, dy)
            rows, cols, slots = connections(store)
            mine = (rows == 3) & (cols == 7)
            hits += mine.any()
            if side > 1:
                assert store.weight[slots[mine]][0] > 0  # the sign that makes the loss fall
        found[side] = hits
    assert found[200] == 20
    assert found[1] < 10


def test_same_seed_same_bytes_for_any_number_of_threads():
    images, labels = _blobs(640)
    weights = []
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        network = Perceptron([20, 40, 4], 0.2, rule("spine"), seed=5, batch=128)
        list(network.fit(images, labels, epochs=2))
        weights.append(network.flat.weight.copy())
    assert weights[0].tobytes() == weights[1].tobytes()


def test_it_learns_and_without_learning_it_does_not():
    images, labels = _blobs(2000)
    test_images, test_labels = images[1500:], labels[1500:]
    network = Perceptron([20, 40, 4], 0.2, rule("spine"), seed=5, batch=64)
    before = network.accuracy(test_images, test_labels)
    list(network.fit(images[:1500], labels[:1500], epochs=10))
    assert before < 0.6
    assert network.accuracy(test_images, test_labels) > 0.9


def test_padding_changes_nothing():
    """A batch of 100 in slabs of 64: the samples that fill the last slab count neither in the loss nor in gradients."""
    flat = Perceptron([6, 3], 1.0, rule("static"), seed=1, batch=100)
    x, y = np.full((6, LANES), 9.0, np.float32), np.zeros(LANES, np.int64)
    fused.load_slab(np.ones((3, 6), np.float32), np.array([1, 2, 1]), np.array([0, 1, 2]), 0, x, y)
    assert y.tolist() == [1, 2, 1] + [-1] * (LANES - 3)
    assert (x[:, :3] == 1).all()
    assert (x[:, 3:] == 0).all()
    assert flat.work.labels.shape == (2, LANES)


def test_what_cannot_be_built_is_refused():
    with pytest.raises(InvalidInputError, match="two positive widths"):
        Perceptron([20], 0.1, rule("spine"), seed=1)
    with pytest.raises(UnknownNameError, match="Did you mean 'rigl'"):
        rule("rigll")


def test_slabs_begin_at_cache_lines():
    """A vector that lies on two lines costs a third of the speed; NumPy aligns to 16 bytes only."""
    network = Perceptron([20, 40, 4], 0.2, rule("static"), seed=1, batch=128)
    for buffer in (network.work.acts, network.work.grads):
        assert buffer.ctypes.data % 64 == 0
        assert buffer.shape == (2, 64, LANES)
        assert not buffer.any()
