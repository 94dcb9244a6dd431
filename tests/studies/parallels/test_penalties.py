"""Penalties are minus logarithms of their laws, regression finds their minimum, and drifts vanish at modes."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from spinula.law.intrinsic import LinearLaw
from spinula.studies.parallels.pairs.prior import mode_errors, penalty_of, settings
from spinula.studies.parallels.sides.penalties import l1, log_normal, regress, spines

LAW = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.004)
SIZE = np.geomspace(0.01, 3.0, 50)


def test_spines_and_log_normal_are_minus_logarithms_of_their_laws():
    for cost, law in (
        (spines(SIZE, law=LAW), LAW.stationary()),
        (log_normal(SIZE, scale=0.1, width=0.8), stats.lognorm(0.8, scale=0.1)),
    ):
        assert np.ptp(cost + law.logpdf(SIZE)) < 1e-9


def test_modes_are_where_the_drift_vanishes():
    errors = mode_errors(problems=40)
    assert max(errors.values()) < 1e-6


def test_l1_is_soft_thresholding():
    inputs = np.linalg.qr(np.random.default_rng(1).standard_normal((50, 4)))[0] * 50**0.5
    weight = np.array([1.0, -0.5, 0.2, 0.0])
    found = regress(inputs, inputs @ weight, l1, 0.3)
    assert found == pytest.approx([0.7, -0.2, 0.0, 0.0], abs=0.005)


@pytest.mark.parametrize("name", ["log-sum", "log-normal", "spines at rest", "spines that shrink"])
def test_one_weight_is_put_to_its_best_value(name):
    inputs, target, strength = np.ones((10, 1)), 1.3, 0.05
    penalty = penalty_of(name, 0.1)
    found = regress(inputs, np.full(10, target), penalty, strength)[0]
    best = minimize_scalar(lambda w: 0.5 * (w - target) ** 2 + strength * float(penalty(np.array(w))), bounds=(0.5, 2),
                           method="bounded").x  # fmt: skip
    assert found == pytest.approx(best, abs=0.02)


def test_all_penalties_get_as_many_settings():
    assert {len(settings(name)) for name in ("L1", "L2", "log-sum", "log-normal", "spines at rest")} == {25}
