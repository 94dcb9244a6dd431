"""Uncertainty: scores against closed forms and scikit-learn, the peer against the engine, and what ensembles do."""

from dataclasses import replace

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import RULES
from spinula.studies.training import load_data
from spinula.studies.training.uncertainty import METHODS, compare, fluctuating_scores, summary
from spinula.studies.training.uncertainty.calibration import (
    area_under_curve,
    assess,
    best_temperature,
    brier_score,
    calibration_error,
    entropy,
    negative_log_likelihood,
    reliability,
    softmax,
    tempered,
)
from spinula.studies.training.uncertainty.dropout import DropoutPerceptron
from spinula.studies.training.uncertainty.ensembles import MEMBERS, NETWORKS
from spinula.studies.training.uncertainty.table import as_seen, base_plan, score, tune


def _predictions(samples=4000, classes=5, sharper=1.0, seed=0):
    """Labels drawn from the probabilities themselves, which are then sharpened: calibrated where sharper is 1."""
    generator = np.random.default_rng(seed)
    scores = 2.0 * generator.standard_normal((samples, classes))
    truth = softmax(scores)
    labels = (truth.cumsum(axis=1) < generator.random(samples)[:, None]).sum(axis=1)
    return softmax(sharper * scores), labels


def test_scores_agree_with_scikit_learn():
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import log_loss, roc_auc_score

    probabilities, labels = _predictions()
    assert negative_log_likelihood(probabilities, labels) == pytest.approx(log_loss(labels, probabilities), rel=1e-9)
    generator = np.random.default_rng(1)
    inside, outside = generator.normal(0, 1, 500).round(1), generator.normal(0.8, 1, 300).round(1)
    expected = roc_auc_score(np.repeat([0, 1], [500, 300]), np.concatenate([inside, outside]))
    assert area_under_curve(inside, outside) == pytest.approx(expected, rel=1e-12)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for by, strategy in (("width", "uniform"), ("mass", "quantile")):
        accuracy, mean = calibration_curve(right, confidence, n_bins=10, strategy=strategy)
        found = reliability(probabilities, labels, bins=10, by=by)
        found = found[found[:, 0] > 0]
        # Quantile edges fall between samples a little differently: one sample of 400 may change bins.
        assert found[:, 1] == pytest.approx(mean, abs=1e-12 if by == "width" else 2e-3)
        assert found[:, 2] == pytest.approx(accuracy, abs=1e-12 if by == "width" else 4e-3)


@pytest.mark.parametrize("by", ["width", "mass"])
def test_calibration_error_is_zero_for_the_truth_and_known_for_a_constant(by):
    probabilities, labels = _predictions(200_000)
    assert calibration_error(probabilities, labels, by=by) < 0.006
    assert calibration_error(*_predictions(200_000, sharper=2.0), by=by) > 0.05
    # Always 0.9 sure, right in seven of ten.
    sure = np.tile([0.9, 0.1], (1000, 1))
    wrong = (np.arange(1000) % 10 >= 7).astype(int)
    assert calibration_error(sure, wrong, by=by, bins=1) == pytest.approx(0.2)


def test_closed_forms():
    even = np.full((6, 4), 0.25)
    labels = np.array([0, 1, 2, 3, 0, 1])
    assert negative_log_likelihood(even, labels) == pytest.approx(np.log(4))
    assert brier_score(even, labels) == pytest.approx(0.75)
    assert entropy(even) == pytest.approx(np.log(4))
    assert area_under_curve(np.zeros(3), np.ones(2)) == 1.0
    assert area_under_curve(np.zeros(3), np.zeros(2)) == 0.5
    # A normal shifted by d: Phi(d / sqrt(2)).
    generator = np.random.default_rng(2)
    assert area_under_curve(generator.normal(0, 1, 40_000), generator.normal(1, 1, 40_000)) == pytest.approx(
        0.76025, abs=0.006
    )


@pytest.mark.parametrize("sharper", [0.5, 1.0, 3.0])
def test_temperature_undoes_sharpening(sharper):
    probabilities, labels = _predictions(40_000, sharper=sharper)
    found = best_temperature(probabilities, labels)
    assert found == pytest.approx(sharper, rel=0.03)
    assert calibration_error(tempered(probabilities, found), labels) < 0.015
    assert tempered(probabilities, 1.0) == pytest.approx(probabilities)


def test_impossible_input_is_explained():
    with pytest.raises(InvalidInputError, match="one label a sample"):
        brier_score(np.ones((3, 2)), np.zeros(4, int))
    with pytest.raises(InvalidInputError, match="both sides"):
        area_under_curve(np.zeros(0), np.ones(3))
    with pytest.raises(OutOfRangeError):
        DropoutPerceptron([4, 3, 2], 0.5, RULES["spine"], 1.0, seed=0)


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture(scope="module")
def plan():
    return replace(base_plan(0.2, epochs=10), batch=32, hidden=(48, 24))


def test_the_peer_without_dropout_is_the_engine(digits, plan):
    """Two implementations of one rule: accuracies on digits within three binomial errors of each other."""
    widths, found = [64, *plan.hidden, 10], {}
    for seed in range(2):
        network = Perceptron(widths, plan.density, plan.rule, seed=seed, batch=plan.batch)
        for _ in network.fit(digits.images, digits.labels, epochs=plan.epochs):
            pass
        peer = DropoutPerceptron(widths, plan.density, plan.rule, 0.0, seed=seed, batch=plan.batch)
        peer.fit(digits.images, digits.labels, epochs=plan.epochs)
        found.setdefault("engine", []).append(network.accuracy(digits.test_images, digits.test_labels))
        right = peer.scores(digits.test_images).argmax(axis=1) == digits.test_labels
        found.setdefault("peer", []).append(right.mean())
        for layer in peer.layers:
            sites = np.stack([layer.rows, layer.cols])
            assert np.unique(sites, axis=1).shape == sites.shape  # none twice
            assert layer.taken.sum() == sites.shape[1]
        assert np.array_equal(peer.scores(digits.test_images), peer.scores(digits.test_images, silent=False))
    assert min(found["engine"]) > 0.85
    assert np.mean(found["peer"]) == pytest.approx(np.mean(found["engine"]), abs=0.04)


def test_silence_makes_predictions_differ(digits, plan):
    peer = DropoutPerceptron([64, 48, 24, 10], 0.2, plan.rule, 0.2, seed=0, batch=32)
    peer.fit(digits.images, digits.labels, epochs=2)
    assert not np.array_equal(peer.scores(digits.test_images), peer.scores(digits.test_images))


def test_imposed_fluctuation_grows_and_leaves_the_network_alone(digits, plan):
    network = Perceptron([64, 48, 24, 10], 0.2, plan.rule, seed=0, batch=32)
    for _ in network.fit(digits.images, digits.labels, epochs=8):
        pass
    before, spread = network.scores(digits.test_images), []
    for slope in (0.0, 0.1, 0.4):
        (made,) = fluctuating_scores(network, [digits.test_images], noise_slope=slope)
        assert made.shape == (MEMBERS, len(digits.test_labels), 10)
        spread.append(made.std(axis=0).mean())
    assert spread[0] < 1e-5  # the control: without fluctuation all members are the network
    assert spread[0] < spread[1] < spread[2]
    assert np.array_equal(before, network.scores(digits.test_images))


def test_every_method_gives_members_at_its_cost(digits, plan, monkeypatch):
    seen = []
    fit = Perceptron.fit

    def counted(self, images, labels, *, epochs):
        total = sum(int(store.row_count.sum()) for store in self.stores)
        for epoch in fit(self, images, labels, epochs=epochs):
            seen.append(total * len(labels))
            yield epoch

    monkeypatch.setattr(Perceptron, "fit", counted)
    spent = {}
    for name, method in METHODS.items():
        seen.clear()
        setting = dict(METHODS[method.tuned_as or name].settings[0])
        (made,) = method.members(plan, digits, [digits.test_images], setting)
        assert made.shape[0] == method.passes, name
        assert np.isfinite(made).all()
        spent[name] = sum(seen)
        if method.passes > 1:
            assert made.std(axis=0).max() > 0, name
    for name, method in METHODS.items():
        if name != "dropout":  # not the engine
            assert spent[name] == pytest.approx(method.cost * spent["single"], rel=0.03), name
    assert METHODS["short_ensemble"].passes == NETWORKS


def test_every_method_has_the_same_number_of_settings():
    assert {len(method.settings) for method in METHODS.values() if method.tuned_as is None} == {6}


def test_outside_pictures_come_on_the_scale_of_the_training_set(digits):
    other = replace(digits, test_images=3.0 * digits.test_images + 1.0)
    assert as_seen(other, digits) == pytest.approx(digits.test_images, abs=1e-5)


def test_a_comparison_is_tuned_kept_and_summarised(digits, plan, tmp_path):
    plan = replace(plan, epochs=3)
    other = replace(digits, test_images=digits.test_images[:, ::-1].copy(), name="mirrored")
    names = ("single", "imposed")
    rows = list(compare(digits, other, plan, tmp_path, names=names, seeds=3))
    assert rows == list(compare(digits, other, plan, tmp_path, names=names, seeds=0))  # nothing is run again
    assert rows[0]["tuning"][0]["nll"] == min(one["nll"] for one in rows[0]["tuning"])
    table = summary(rows)
    assert len(table) == 2 * 2 * 7
    one = table[table["method"] == "single"]
    assert one["difference"].abs().max() == 0
    assert ((table["low"] <= table["mean"]) & (table["mean"] <= table["high"])).all()
    with pytest.raises(UnknownNameError, match="Did you mean 'single'"):
        tune("singel", digits, plan)


def test_a_score_knows_strangers(digits, plan):
    """Noise that looks like no digit is told from digits; digits are not told from themselves."""
    noise = np.random.default_rng(3).normal(0, 3, digits.test_images.shape).astype(np.float32)
    same, _ = score("single", digits, digits.test_images, plan, {})
    far, after = score("single", digits, noise, plan, {})
    assert same["auroc_entropy"] == pytest.approx(0.5, abs=1e-9)
    assert far["auroc_entropy"] != pytest.approx(0.5, abs=0.02)
    assert after["tempered"]
    assert after["accuracy"] == far["accuracy"]


def test_assess_without_strangers():
    assert set(assess(*_predictions(100))) == {"accuracy", "nll", "brier", "ece", "ece_mass"}
