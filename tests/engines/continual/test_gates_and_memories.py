"""Gates of units, weights and plasticity; memories that make up what they return; watching a network rewire."""

import itertools

import numpy as np
import pytest

from spinula.core.errors import OutOfRangeError
from spinula.engines.continual.dense import DensePerceptron
from spinula.engines.continual.gates import GatedPerceptron, Masks, contexts
from spinula.engines.continual.replay import Dreams, Reservoir, Scrambled
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rewire import drop_random, drop_smallest
from spinula.engines.sparse.rules import rule

WIDTHS = [6, 12, 8, 3]


def _samples(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    images = generator.standard_normal((count, WIDTHS[0])).astype(np.float32)
    return images, (images[:, 0] > 0).astype(np.int64) + (images[:, 1] > 0)


def test_without_gates_it_is_a_dense_perceptron() -> None:
    images, labels = _samples(160)
    plain, gated = DensePerceptron(WIDTHS, seed=3), GatedPerceptron(WIDTHS, seed=3)
    assert plain.learn(images, labels, epochs=2) == gated.learn(images, labels, epochs=2)
    assert np.array_equal(plain.theta, gated.theta)
    gated.enter([np.ones(12, bool), np.ones(8, bool)], veto=False)
    assert np.array_equal(plain.scores(images), gated.scores(images))


def test_gradient_behind_gates_is_the_slope_of_the_gated_loss() -> None:
    images, labels = _samples(7)
    net = GatedPerceptron(WIDTHS, seed=1)
    net.theta = net.theta.astype(np.float64)
    net.weights, net.biases = net.parts(net.theta)
    net._gradient = np.zeros_like(net.theta)
    net._into = net.parts(net._gradient)
    net.enter([np.arange(12) % 2 == 0, np.arange(8) < 5], veto=False)
    found = net.gradient(images.astype(float), labels)[0].copy()

    def loss() -> float:
        chances = net.chances(net.forward(images.astype(float))[-1], labels)
        return -float(np.log(chances[np.arange(7), labels]).mean())

    for place in range(0, len(net.theta), 17):
        kept, step = net.theta[place], 1e-5
        net.theta[place] = kept + step
        up = loss()
        net.theta[place] = kept - step
        assert found[place] == pytest.approx((up - loss()) / (2 * step), abs=1e-6)
        net.theta[place] = kept


def test_what_one_context_learns_leaves_a_disjoint_one_as_it_was() -> None:
    images, labels = _samples(160)
    net = GatedPerceptron(WIDTHS, seed=5)
    first = [np.arange(12) < 6, np.arange(8) < 4]
    second = [~units for units in first]
    net.enter(first)
    net.learn(images, labels, epochs=3)
    before = net.scores(images)
    net.enter(second)
    net.learn(images, 2 - labels, epochs=3)
    assert not np.array_equal(net.scores(images), before)
    net.enter(first)
    assert np.array_equal(net.scores(images), before)
    shared = GatedPerceptron(WIDTHS, seed=5)
    shared.learn(images, labels, epochs=3)
    before = shared.scores(images)
    shared.learn(images, 2 - labels, epochs=3)
    assert not np.array_equal(shared.scores(images), before)


def test_veto_without_silence_leaves_the_weights_of_other_units() -> None:
    images, labels = _samples(64)
    net = GatedPerceptron(WIDTHS, seed=2)
    weights = [part.copy() for part in net.weights]
    open_units = [np.arange(12) < 6, np.arange(8) < 4]
    net.enter(open_units, silence=False)
    net.learn(images, labels)
    assert np.array_equal(net.weights[0][:, 6:], weights[0][:, 6:])
    assert not np.array_equal(net.weights[0][:, :6], weights[0][:, :6])
    assert np.array_equal(net.weights[-1][4:], weights[-1][4:])
    assert not net.biases[-1].any()


def test_masks_keep_the_mean_and_leave_the_weights_of_absent_connections() -> None:
    images, labels = _samples(32)
    net = GatedPerceptron(WIDTHS, seed=4, masks=Masks(absent=0.5))
    drawn = net._kept(0.5, (200, 200))
    assert drawn.mean() == pytest.approx(1.0, abs=0.03)
    assert set(np.unique(drawn)) == {0.0, 2.0}
    before = net.theta.copy()
    gradient = net.gradient(images, labels)[0]
    assert np.array_equal(net.theta, before)
    assert (gradient[: 6 * 12] == 0).mean() > 0.35
    silent = GatedPerceptron(WIDTHS, seed=4, masks=Masks(silent=0.5))
    _, features = silent.gradient(images, labels)
    assert (features[1] == 0).mean() > (silent.forward(images)[1] == 0).mean() + 0.1
    assert silent.open is None
    with pytest.raises(OutOfRangeError, match="silent"):
        Masks(silent=1.0)


def test_surprise_scales_the_step() -> None:
    images, labels = _samples(16)
    plain, scaled = GatedPerceptron(WIDTHS, seed=6), GatedPerceptron(WIDTHS, seed=6, masks=Masks(surprised=True))
    share = 1 - plain.chances(plain.scores(images), labels)[np.arange(16), labels].mean()
    assert np.allclose(scaled.gradient(images, labels)[0], share * plain.gradient(images, labels)[0])


def test_contexts_share_units_as_often_as_chance_says() -> None:
    made = contexts([4, 100, 60, 2], 40, 0.2, np.random.default_rng(0))
    assert all(units[0].sum() == 20 and units[1].sum() == 12 for units in made)
    shared = [(a[0] & b[0]).sum() for a, b in itertools.combinations(made, 2)]
    assert np.mean(shared) == pytest.approx(100 * 0.2**2, abs=0.25)


def test_dreams_have_the_moments_of_what_was_seen_however_it_came() -> None:
    generator = np.random.default_rng(1)
    images = (generator.standard_normal((600, 3)) * [0.5, 1.0, 2.0] + [1.0, -1.0, 0.0]).astype(np.float32)
    labels = generator.integers(0, 2, 600)
    images[labels == 1] += 3.0
    whole, pieces = Dreams(3, 2, seed=0), Dreams(3, 2, seed=0)
    whole.add(images, labels)
    for part in np.array_split(np.arange(600), 7):
        pieces.add(images[part], labels[part])
    assert np.allclose(whole.mean, pieces.mean, atol=1e-5)
    assert np.allclose(whole.squares, pieces.squares, rtol=1e-4)
    assert np.allclose(whole.mean[1], images[labels == 1].mean(axis=0), atol=1e-5)
    drawn, named = whole.draw(20_000)
    for chosen in (0, 1):
        mine = images[labels == chosen]
        assert np.allclose(drawn[named == chosen].mean(axis=0), mine.mean(axis=0), atol=0.08)
        assert np.allclose(drawn[named == chosen].std(axis=0), mine.std(axis=0), rtol=0.05)
    assert whole.bytes < 200


def test_a_scrambled_memory_returns_the_same_numbers_in_other_places() -> None:
    images, labels = _samples(40)
    plain, scrambled = (kind(7 * 40, 6, (-4.0, 4.0), seed=0) for kind in (Reservoir, Scrambled))
    for memory in (plain, scrambled):
        memory.add(images, labels)
    first, names = plain.draw(50)
    second, others = scrambled.draw(50)
    assert np.array_equal(names, others)
    assert np.allclose(np.sort(first, axis=1), np.sort(second, axis=1))
    assert not np.allclose(first, second)


def test_a_look_at_each_step_changes_nothing_else() -> None:
    images, labels = _samples(256)
    nets = [Perceptron(WIDTHS, 0.3, rule("spine", 0.3), seed=1, batch=32) for _ in range(2)]
    seen: list[int] = []
    plain = list(nets[0].fit(images, labels, epochs=3))
    watched = list(nets[1].fit(images, labels, epochs=3, look=lambda net: seen.append(net.step)))
    assert [epoch.eliminated for epoch in plain] == [epoch.eliminated for epoch in watched]
    for layer in range(3):
        a, b = nets[0].connections(layer), nets[1].connections(layer)
        assert all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))
    assert seen == list(range(1, 25))


def test_what_is_dropped_blindly_is_of_any_size() -> None:
    kept = []
    for blind in (False, True):
        net = Perceptron([40, 50, 3], 0.5, rule("static"), seed=1, batch=32)
        store, before = net.stores[0], np.abs(net.connections(0)[2])
        count = len(before) // 2
        if blind:
            drop_random(store, count, np.random.default_rng(0))
        else:
            drop_smallest(store, count)
        left = np.abs(net.connections(0)[2])
        assert len(left) == len(before) - count
        assert set(left) <= set(before)
        kept.append(left.mean() / before.mean())
    assert kept[0] > 1.4
    assert kept[1] == pytest.approx(1.0, abs=0.1)
