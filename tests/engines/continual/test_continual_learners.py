"""Learners of task after task: gradients, protections against their definitions, memory of samples, steady spines."""

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.continual.dense import DensePerceptron
from spinula.engines.continual.guards import (
    ContinualBackprop,
    ElasticConsolidation,
    SynapticIntelligence,
    fisher_information,
)
from spinula.engines.continual.kernels import steady_step
from spinula.engines.continual.replay import Reservoir, batches
from spinula.engines.continual.spines import ContinualPerceptron
from spinula.engines.sparse.rules import Rule, rule
from spinula.engines.sparse.store import build, check
from spinula.law.training import SizeStability, TrainingLaw

GROUPS = np.array([0, 0, 1, 1])


def _blobs(samples=400, features=12, classes=4, seed=0):
    generator = np.random.default_rng(seed)
    centres = 1.5 * generator.standard_normal((classes, features))
    labels = generator.integers(0, classes, samples)
    return (centres[labels] + generator.standard_normal((samples, features))).astype(np.float32), labels


def _log_chance(net, image, label):
    return float(np.log(net.chances(net.forward(image[None])[-1].astype(float), np.array([label]))[0, label]))


def _slope(net, index, image, label, step=1e-2):
    """Numerical d log p / d theta."""
    kept, ends = net.theta[index], []
    for sign in (1, -1):
        net.theta[index] = kept + sign * step
        ends.append(_log_chance(net, image, label))
    net.theta[index] = kept
    return (ends[0] - ends[1]) / (2 * step)


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_the_gradient_is_that_of_the_mean_loss(groups):
    images, labels = _blobs(5)
    net = DensePerceptron([12, 6, 4], seed=0, groups=groups)
    gradient = net.gradient(images, labels)[0].copy()
    for index in (3, 40, 75, 80, 100, 105):
        wanted = -np.mean([_slope(net, index, x, y) for x, y in zip(images, labels, strict=True)])
        assert gradient[index] == pytest.approx(wanted, abs=2e-3), index


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_fisher_information_is_the_expected_square_of_the_score(groups):
    images, labels = _blobs(4)
    net = DensePerceptron([12, 6, 4], seed=1, groups=groups)
    found = fisher_information(net, images, labels)
    for index in (3, 40, 75, 80, 100, 105):
        wanted = 0.0
        for x, y in zip(images, labels, strict=True):
            chances = net.chances(net.forward(x[None])[-1], np.array([y]))[0]
            known = range(4) if groups is None else np.flatnonzero(groups == groups[y])
            for c in known:
                wanted += chances[c] * _slope(net, index, x, c) ** 2 / len(labels)
        assert found[index] == pytest.approx(wanted, rel=0.05, abs=1e-4), index


def test_ewc_keeps_the_sum_over_tasks_in_two_vectors():
    images, labels = _blobs()
    net, guard = DensePerceptron([12, 6, 4], seed=0), ElasticConsolidation(50.0)
    rng, fishers, anchors = np.random.default_rng(0), [], []
    for _ in range(3):
        net.theta += 0.1 * rng.standard_normal(len(net.theta)).astype(np.float32)
        fishers.append(fisher_information(net, images, labels))
        anchors.append(net.theta.copy())
        guard.finished(net, images, labels)
    before = net.theta.copy()
    guard.stepped(net, np.zeros_like(before), [])
    # An implicit step: the penalty's gradient at where it ends.
    pull = sum(f * (net.theta - a) for f, a in zip(fishers, anchors, strict=True))
    assert np.allclose(net.theta - before, -net.rate * 50.0 * pull, atol=1e-5)
    assert np.abs(net.theta - before).max() > 1e-3
    assert guard.copies() == 2


def test_ewc_without_strength_or_without_a_task_does_nothing():
    images, labels = _blobs()
    for guard, tasks in ((ElasticConsolidation(0.0), 1), (ElasticConsolidation(50.0), 0)):
        net = DensePerceptron([12, 6, 4], seed=0)
        if tasks:
            guard.finished(net, images, labels)
        before = net.theta.copy()
        net.theta += 0.1
        moved = net.theta.copy()
        guard.stepped(net, np.zeros_like(before), [])
        assert np.allclose(net.theta, moved, atol=1e-6)


def test_si_books_what_each_parameter_did_for_the_loss():
    images, labels = _blobs()
    guard = SynapticIntelligence(3.0, damping=0.1)
    net = DensePerceptron([12, 6, 4], seed=0, rate=0.02, guard=guard)
    begin, path = net.theta.copy(), np.zeros_like(net.theta)
    first = np.mean([_log_chance(net, x, y) for x, y in zip(images, labels, strict=True)])
    for _ in range(20):
        before = net.theta.copy()
        gradient = net.gradient(images, labels)[0].copy()
        net.step(images, labels)
        path -= gradient * (net.theta - before)
    last = np.mean([_log_chance(net, x, y) for x, y in zip(images, labels, strict=True)])
    # Summed over parameters the path is the fall of the loss.
    assert guard.path.sum() == pytest.approx(last - first, rel=0.1)
    assert np.allclose(guard.path, path, atol=1e-6)
    guard.finished(net, images, labels)
    assert np.allclose(guard.stiffness, np.maximum(path, 0) / ((net.theta - begin) ** 2 + 0.1), atol=1e-5)
    anchor = net.theta.copy()
    net.theta += 0.1
    before = net.theta.copy()
    guard.stepped(net, np.zeros_like(anchor), [])
    assert np.allclose(net.theta - before, -0.02 * 2 * 3.0 * guard.stiffness * (net.theta - anchor), atol=1e-5)


def test_cbp_renews_the_least_useful_mature_units_at_its_share():
    images, labels = _blobs(320)
    guard = ContinualBackprop(0.01, seed=0, maturity=5)
    net = DensePerceptron([12, 20, 4], seed=0, batch=4, rate=0.01, guard=guard)
    net.weights[0][:, 7], net.biases[0][7] = 0.0, -1.0  # a dead unit: its utility is 0
    out = net.weights[1][7].copy()
    for step in range(10):
        net.step(images[4 * step : 4 * step + 4], labels[4 * step : 4 * step + 4])
        if guard.replaced:
            break
    # 20 mature units, a share of .01: one is due five steps after maturity.
    assert (step, guard.replaced) == (9, 1)
    assert np.any(out)
    assert not net.weights[1][7].any()
    assert net.weights[0][:, 7].any()
    assert net.biases[0][7] == 0.0
    assert guard.age[0][7] == 0
    assert guard.age[0][6] == 10
    for step in range(10, 80):
        net.step(images[4 * step : 4 * step + 4], labels[4 * step : 4 * step + 4])
    assert 10 <= guard.replaced <= 16  # those that are young do not count


def test_cbp_without_a_share_renews_nothing():
    images, labels = _blobs()
    guard = ContinualBackprop(0.0, seed=0, maturity=5)
    nets = [DensePerceptron([12, 20, 4], seed=0, batch=4, rate=0.01, guard=made) for made in (guard, None)]
    for net in nets:
        net.learn(images, labels)
    assert guard.replaced == 0
    assert np.array_equal(nets[0].theta, nets[1].theta)


def test_a_reservoir_is_a_uniform_sample_in_its_bytes():
    levels = np.arange(256, dtype=np.float32) / 255 * 3.0 - 1.0
    images, kept = np.repeat(levels[:, None], 2, axis=1), np.zeros(256)
    for seed in range(60):
        memory = Reservoir(3 * 64 + 2, 2, (-1.0, 2.0), seed=seed)
        for first in range(0, 256, 32):
            memory.add(images[first : first + 32], np.arange(first, first + 32))
        assert memory.count == memory.capacity == 64
        assert memory.bytes == 192
        drawn, labels = memory.draw(50)
        assert np.allclose(drawn[:, 0], levels[labels], atol=1e-5)  # 256 levels come back as they were
        kept[memory.labels] += 1
    # Early, middle and late samples alike; each third has an SD of about 1.9 % (seed fixed).
    for third in np.array_split(kept, 3):
        assert third.mean() == pytest.approx(15.0, rel=0.08)
    with pytest.raises(InvalidInputError, match="no sample"):
        Reservoir(2, 2, (0.0, 1.0), seed=0)


def test_steps_hold_new_samples_and_as_many_remembered_ones():
    images, labels = _blobs(100)
    memory = Reservoir(13 * 10, 12, (float(images.min()), float(images.max())), seed=0)
    memory.add(images[:10], np.full(10, 9))
    order = np.arange(90) + 10
    parts = list(batches(images, labels, order, 8, memory, keep=False))
    assert sum(len(y) for _, y, _ in parts) == 2 * 88
    for x, y, size in parts:
        assert size == 16
        assert (y.reshape(-1, 16)[:, 8:] == 9).all()
        assert (y.reshape(-1, 16)[:, :8] < 4).all()
        assert x.shape == (len(y), 12)
    assert memory.seen == 10
    ((x, y, size),) = batches(images, labels, order, 8, None, keep=True)
    assert size == 8
    assert np.array_equal(y, labels[10:98])
    assert np.array_equal(x, images[10:98])


def test_a_steady_step_is_the_law_with_a_shorter_time():
    law, sizes = TrainingLaw(shrinkage=0.01, decay=0.02, size_new=1e-3), np.array([0.01, 0.1, 1.0], np.float32)
    numbers = Rule("plain", law, rate=0.1, momentum=0.0).numbers()
    slopes = np.array([0.3, -0.2, 0.5], np.float32)
    stability = SizeStability(scale=0.1, power=2.0)
    for steady, shares in (((0.1, 2.0), stability.share(sizes)), ((0.0, 0.0), np.ones(3))):
        store = build([0, 1, 2], [0, 1, 2], sizes * [1, -1, 1], (3, 3))
        dw = np.zeros(len(store.col), np.float32)
        slots = np.flatnonzero(store.col >= 0)
        dw[slots] = slopes
        steady_step(store, dw, numbers, steady, False)
        wanted = [
            law.advance(float(size), drive=-sign * float(slope), noise=0.0, dt=0.1 * float(share))
            for size, sign, slope, share in zip(sizes, (1, -1, 1), slopes, shares, strict=True)
        ]
        assert np.allclose(np.abs(store.weight[slots]) * np.sign([wanted[0], 1, 1]), wanted, rtol=1e-5)
    assert np.allclose(stability.share(sizes), [1 / 1.01, 0.5, 1 / 101])


@pytest.mark.slow  # compiles the whole step
def test_spines_below_the_threshold_are_replaced_and_the_count_is_exact():
    images, labels = _blobs(640)
    chosen = Rule("spine", TrainingLaw(shrinkage=0.02, size_new=5e-3), rate=0.1, momentum=0.0, candidates=16,
                  signed=False, continuous=True)  # fmt: skip
    net = ContinualPerceptron([12, 30, 4], 0.3, chosen, seed=0, stability=SizeStability(scale=0.3, power=2.0))
    before = [int(store.row_count.sum()) for store in net.stores]
    net.learn(images, labels, epochs=2)
    assert net.eliminated > 20
    assert [int(store.row_count.sum()) for store in net.stores] == before
    for store in net.stores:
        check(store)


@pytest.mark.slow
def test_without_stability_or_tasks_both_paths_are_one():
    images, labels = _blobs(320)
    chosen = Rule("spine", TrainingLaw(shrinkage=0.02, size_new=5e-3), rate=0.1, momentum=0.0, continuous=True)
    plain = ContinualPerceptron([12, 30, 4], 0.3, chosen, seed=0)
    grouped = ContinualPerceptron([12, 30, 4], 0.3, chosen, seed=0, groups=np.zeros(4, int))
    assert plain.plain
    assert not grouped.plain
    assert plain.learn(images, labels) == pytest.approx(grouped.learn(images, labels), abs=0.02)
    assert np.allclose(plain.scores(images), grouped.scores(images), atol=1e-3)
    assert plain.eliminated == grouped.eliminated > 0


@pytest.mark.slow
def test_big_spines_change_less_and_only_with_stability():
    images, labels = _blobs(320)
    chosen = Rule("static", rate=0.1, momentum=0.0)
    moved = {}
    for name, stability in (("steady", SizeStability(scale=0.05, power=2.0)), ("plain", None)):
        net = ContinualPerceptron([12, 30, 4], 0.5, chosen, seed=0, stability=stability)
        rows, cols, before = (values.copy() for values in net.connections(0))
        net.learn(images, labels)
        assert np.array_equal(net.connections(0)[0], rows)
        assert np.array_equal(net.connections(0)[1], cols)
        change, big = np.abs(net.connections(0)[2] - before), np.abs(before) > 0.3
        moved[name] = change[big].mean() / change[np.abs(before) < 0.05].mean()
    assert moved["steady"] < 0.2 < 0.5 < moved["plain"]


@pytest.mark.slow
def test_a_known_task_leaves_the_other_classes_alone():
    images, labels = _blobs(400)
    mine = labels < 2
    chosen = Rule("static", rate=0.1, momentum=0.0)
    for groups, alone in ((GROUPS, True), (None, False)):
        net = ContinualPerceptron([12, 30, 4], 0.5, chosen, seed=0, groups=groups)
        net.learn(images[mine], labels[mine])
        assert (not net.flat.bias[-2:].any()) == alone
        dense = DensePerceptron([12, 30, 4], seed=0, groups=groups)
        dense.learn(images[mine], labels[mine])
        assert (not dense.biases[-1][-2:].any()) == alone


@pytest.mark.parametrize("kind", ["dense", pytest.param("sparse", marks=pytest.mark.slow)])
def test_replay_keeps_what_naive_training_forgets(kind):
    images, labels = _blobs(800, features=5, seed=3)
    bounds, kept = (float(images.min()), float(images.max())), {}
    for room in (0, 6 * 100):
        memory = Reservoir(room, 5, bounds, seed=0) if room else None
        if kind == "dense":
            net = DensePerceptron([5, 30, 4], seed=0, memory=memory)
        else:
            chosen = Rule("static", rate=0.1, momentum=0.0)
            net = ContinualPerceptron([5, 30, 4], 0.5, chosen, seed=0, memory=memory, groups=np.zeros(4, int))
        for task in (0, 1):
            mine = GROUPS[labels] == task
            net.learn(images[mine], labels[mine], epochs=3)
        old = GROUPS[labels] == 0
        kept[room] = float((net.scores(images[old]).argmax(axis=1) == labels[old]).mean())
        assert net.bytes > room
    assert kept[600] > kept[0] + 0.3


def test_what_cannot_be_is_refused():
    with pytest.raises(InvalidInputError, match="momentum or noise"):
        ContinualPerceptron([12, 30, 4], 0.5, rule("spine"), seed=0, stability=SizeStability())
    with pytest.raises(InvalidInputError, match="two positive widths"):
        DensePerceptron([12], seed=0)


def test_a_rate_that_diverges_shows_in_the_accuracy_and_warns_of_nothing():
    images, labels = _blobs(400)
    net = DensePerceptron([12, 30, 4], seed=0, rate=1e6)
    assert net.learn(images, labels) < 0.5
    assert (net.scores(images).argmax(axis=1) == labels).mean() < 0.5
