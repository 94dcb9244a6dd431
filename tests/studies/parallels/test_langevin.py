"""Slopes are those of the costs, laws are stationary, and chains draw from what they are said to draw from."""

import numpy as np
import pytest

from spinula.presets import load_preset
from spinula.studies.parallels.pairs.fluctuation import flux_error, posterior_of, variance_error
from spinula.studies.parallels.sides.langevin import Rugged, distance, sample


def _slope(cost, weight):
    steps = 1e-6 * np.eye(len(weight))
    return np.array([(cost(weight + step) - cost(weight - step)) / 2e-6 for step in steps])


def test_slopes_are_those_of_the_costs():
    weight = np.array([0.4, -0.7])
    for model in ("linear", "logistic"):
        posterior = posterior_of(model, 3)
        assert posterior.slope(weight[None])[0] == pytest.approx(_slope(posterior.cost, weight), abs=1e-6)
    rugged = Rugged.drawn(np.random.default_rng(1), 2)
    assert rugged.slope(weight) == pytest.approx(_slope(rugged.loss, weight), abs=1e-5)
    assert rugged.loss(rugged.at) == pytest.approx(0.0)


def test_quadrature_of_a_linear_posterior_is_its_closed_form():
    from scipy.stats import norm

    posterior = posterior_of("linear", 5)
    covariance = np.linalg.inv(posterior.inputs.T @ posterior.inputs + np.eye(2))
    mean = covariance @ posterior.inputs.T @ posterior.outputs
    axis, function = posterior.marginal()
    assert function == pytest.approx(norm(mean[0], covariance[0, 0] ** 0.5).cdf(axis), abs=2e-4)


def test_the_inverse_gamma_law_has_no_flux_and_steps_have_their_variance():
    assert flux_error(load_preset("neocortex_adult").dynamics.law) < 1e-6
    assert variance_error() < 0.03


@pytest.mark.parametrize(("way", "by_spread"), [("corrected", False), ("uncorrected", True)])
def test_spread_by_size_draws_from_its_law_and_not_from_the_other(way, by_spread):
    posterior = posterior_of("logistic", 2)
    drawn = sample(posterior, way, np.random.default_rng(4), chains=1500, steps=1500, dt=0.004)[:, 0]
    # 1.95 is exceeded by 1 in 1,000; the steps add a little.
    assert distance(drawn, *posterior.marginal(by_spread=by_spread)) < 2.2
    assert distance(drawn, *posterior.marginal(by_spread=not by_spread)) > 3.0
