"""The kernel against a second implementation: the dense multivariate normal."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from spinula.fit.kalman.patterns import _triangle, group_panel
from spinula.fit.kalman.scoring import Point, evaluate, maximise, observed_information
from spinula.fit.predictive import simulate_log_sizes
from spinula.law import LogOULaw

ONE = np.array([np.log(0.05), np.log(0.7), np.log(0.15), -2.3])
TWO = np.array([np.log(0.03), np.log(0.6), np.log(0.7), np.log(0.2), np.log(0.15), -2.3])
FIXED = np.array([np.log(0.3), -np.inf, np.log(0.4), np.log(0.5), np.log(0.15), -2.3])


@pytest.fixture
def panel():
    """Sixty spines: 20 complete, 20 with gaps, 20 on days of their own with gaps."""
    generator = np.random.default_rng(1)
    logs = -2.3 + 0.7 * generator.standard_normal((60, 1)) + 0.3 * generator.standard_normal((60, 8))
    day = np.tile(np.arange(8.0), (60, 1))
    day[40:] = np.cumsum(generator.uniform(0.3, 4, (20, 8)), axis=1)
    logs[20:][generator.random((40, 8)) < 0.3] = np.nan
    logs[59, 1:] = np.nan
    return logs, day


def dense(theta, logs, day):
    count = len(theta) // 2 - 1
    rate, sd, noise = np.exp(theta[:count]), np.exp(theta[count:-2]), np.exp(theta[-2])
    total = 0.0
    for row, when in zip(logs, day, strict=True):
        seen = np.isfinite(row)
        if seen.any():
            lag = np.abs(np.subtract.outer(when[seen], when[seen]))
            covariance = noise**2 * np.eye(seen.sum()) + sum(
                s**2 * np.exp(-r * lag) for r, s in zip(rate, sd, strict=True)
            )
            total += multivariate_normal(np.full(seen.sum(), theta[-1]), covariance).logpdf(row[seen])
    return total


def score(theta, patterns):
    return evaluate(patterns, Point(theta, np.isfinite(theta)))[1].sum(axis=0)


@pytest.mark.parametrize("theta", [ONE, TWO, FIXED], ids=["one", "two", "fixed"])
def test_likelihood_equals_the_dense_normal(theta, panel):
    value, *_ = evaluate(group_panel(*panel), Point(theta, np.isfinite(theta)))
    assert value == pytest.approx(dense(theta, *panel), abs=1e-9)


@pytest.mark.parametrize("theta", [ONE, TWO, FIXED], ids=["one", "two", "fixed"])
def test_score_is_the_derivative(theta, panel):
    patterns, width = group_panel(*panel), 1e-5
    own = score(theta, patterns)
    for index in np.flatnonzero(np.isfinite(theta)):
        shift = np.zeros(len(theta))
        shift[index] = width
        slope = (dense(theta + shift, *panel) - dense(theta - shift, *panel)) / (2 * width)
        assert own[index] == pytest.approx(slope, abs=2e-6 * max(1, abs(slope)))


def test_observed_information_is_the_second_derivative(panel):
    logs, day = panel
    law = LogOULaw(log_mean=-2.3, log_sd=0.7, recovery_rate=0.1)
    logs = simulate_log_sizes(np.where(np.isfinite(logs), day, np.nan), law, 0.15, np.random.default_rng(4))
    panel = logs, day
    patterns = group_panel(*panel)
    best = maximise(patterns, Point(ONE, np.ones(4, bool)))
    width, center = 1e-3, best.point.theta

    def at(a, b):
        return dense(center + width * (a + b), *panel)

    unit = np.eye(4)
    curved = np.array([[(at(a, b) - at(a, -b) - at(-a, b) + at(-a, -b)) / (4 * width**2) for a in unit] for b in unit])
    np.testing.assert_allclose(best.information, -curved, rtol=1e-3, atol=1e-3 * np.abs(curved).max())
    assert np.abs(score(center, patterns)).max() < 1e-4


def test_information_symmetric_and_exact_in_the_mean(panel):
    patterns, point = group_panel(*panel), Point(ONE, np.ones(4, bool))
    information = evaluate(patterns, point)[2]
    np.testing.assert_array_equal(information, information.T)
    width = np.array([0, 0, 0, 1e-3])
    bend = (score(ONE - width, patterns)[3] - score(ONE + width, patterns)[3]) / 2e-3
    assert observed_information(patterns, point, information)[3, 3] == pytest.approx(bend, rel=1e-8)


def test_compression_changes_nothing_but_the_cost(panel):
    generator = np.random.default_rng(2)
    logs, day = -3 + generator.standard_normal((400, 6)), np.tile(np.arange(6.0), (400, 1))
    together = group_panel(logs, day)
    apart = group_panel(logs, day, np.arange(400))  # every spine its own cluster: no compression
    assert len(together.rows.values) == 7
    assert len(apart.rows.values) == 400
    point = Point(ONE, np.ones(4, bool))
    a, b = evaluate(together, point), evaluate(apart, point)
    assert a[0] == pytest.approx(b[0], rel=1e-12)
    np.testing.assert_allclose(a[1].sum(axis=0), b[1].sum(axis=0), rtol=1e-9)
    assert together.spines == apart.spines == 400
    assert together.sizes == apart.sizes == 2400


@pytest.mark.parametrize("spines", [97, 512, 5000])
def test_triangle_in_blocks_has_the_cross_product(spines):
    columns = np.random.default_rng(5).standard_normal((spines, 6))
    factor = _triangle(columns)
    assert factor.shape == (6, 6)
    np.testing.assert_allclose(factor.T @ factor, columns.T @ columns, rtol=1e-12, atol=1e-10)


def test_offset_does_not_cancel():
    generator = np.random.default_rng(3)
    logs, day = 1e6 + 0.1 * generator.standard_normal((50, 5)), np.tile(np.arange(5.0), (50, 1))
    theta = np.append(ONE[:3], 1e6)
    value, *_ = evaluate(group_panel(logs, day), Point(theta, np.ones(4, bool)))
    shifted, *_ = evaluate(group_panel(logs - 1e6, day), Point(np.append(ONE[:3], 0.0), np.ones(4, bool)))
    assert value == pytest.approx(shifted, rel=1e-8)


def test_only_gaps_count_not_when_the_first_session_was(panel):
    logs, day = panel
    point = Point(ONE, np.ones(4, bool))
    shift = np.arange(60.0)[:, None]
    assert evaluate(group_panel(logs, day + shift), point)[0] == pytest.approx(
        evaluate(group_panel(logs, day), point)[0], rel=1e-10
    )


def test_kernel_uses_the_law_s_own_factors():
    from spinula.fit.kalman import kernel
    from spinula.law.logsize import log_step_factors

    assert kernel._step_factors.py_func is log_step_factors
