import numpy as np
import pytest

from spinula.core.errors import TableError
from spinula.fit.likelihood import fit_log_ou
from spinula.fit.predictive import predict_change, simulate_log_sizes
from spinula.law import LogOULaw
from spinula.measures.fluctuation import change_by_size


def test_simulation_has_the_law_s_moments(truth):
    generator = np.random.default_rng(1)
    day = np.tile([0.0, 3.0, 5.0, 20.0], (100_000, 1))
    logs = simulate_log_sizes(day, truth, 0.15, generator)
    lag = np.abs(np.subtract.outer(day[0], day[0]))
    expected = truth.log_autocovariance(lag) + 0.0225 * np.eye(4)
    # SE of a covariance of variance .51 over 1e5 draws: .0023; 4 of them.
    np.testing.assert_allclose(np.cov(logs.T), expected, atol=0.0092)
    np.testing.assert_allclose(logs.mean(axis=0), truth.log_mean, atol=4 * 0.72 / np.sqrt(1e5))


def test_simulation_skips_unmeasured_days(truth):
    day = np.array([[0.0, np.nan, 6.0], [np.nan, 1.0, np.nan]])
    logs = simulate_log_sizes(day, truth, 0.0, np.random.default_rng(2))
    np.testing.assert_array_equal(np.isfinite(logs), np.isfinite(day))
    many = simulate_log_sizes(np.tile(day[:1], (50_000, 1)), truth, 0.0, np.random.default_rng(3))
    correlation = np.corrcoef(many[:, 0], many[:, 2])[0, 1]
    assert correlation == pytest.approx(np.exp(-0.3), abs=4 * 0.45 / np.sqrt(5e4))


def test_true_law_is_reproduced_at_its_rate(simulate):
    """Of 20 tables of the law, six 95 % bands each: 120 bins, expected 6 outside, at most 17 (false alarm < 1e-3).

    Bins of one table are correlated, so the bound is wider than the binomial one.
    """
    outside, chances = 0, []
    for seed in range(20):
        table = simulate(seed, spines=300)
        check = predict_change(table, fit_log_ou(table, check=False), seed=seed, replicates=200)
        outside += 6 - check.inside
        chances.append(check.chance)
    assert outside <= 17
    assert np.mean(np.array(chances) < 0.05) <= 0.25
    assert np.median(chances) > 0.2


def test_observed_is_what_the_measure_reports(simulate):
    table = simulate(30, spines=300)
    check = predict_change(table, fit_log_ou(table, check=False), seed=1, replicates=20)
    measured = change_by_size(table, bins=6, replicates=2)
    np.testing.assert_allclose(check.bins["observed"], measured["sd"], rtol=1e-9)
    np.testing.assert_allclose(check.bins["size"], measured["size"], rtol=1e-9)


def test_another_law_is_not_reproduced(make_table):
    """Fluctuation of the same amount at every size: the log law fails for small and large spines."""
    generator = np.random.default_rng(4)
    size = np.exp(-1 + 0.7 * generator.standard_normal((500, 1))) + 0.2
    sizes = np.maximum(size + np.cumsum(0.02 * generator.standard_normal((500, 8)), axis=1), 0.01)
    table = make_table(np.log(sizes), np.arange(8.0))
    check = predict_change(table, fit_log_ou(table, check=False), seed=1, replicates=200)
    assert not check.bins["inside"].iloc[[0, -1]].any()
    assert check.chance < 0.01
    assert check.verdict.startswith("not reproduced")


def test_seed_decides(simulate):
    table = simulate(5, spines=100)
    fit = fit_log_ou(table, check=False)
    a, b, c = (predict_change(table, fit, seed=seed, replicates=30).bins["low"] for seed in (1, 1, 2))
    assert (a == b).all()
    assert (a != c).any()


def test_level_and_bins(simulate):
    table = simulate(6, spines=100)
    fit = fit_log_ou(table, check=False)
    wide = predict_change(table, fit, seed=1, replicates=100, bins=4, level=0.99).bins
    narrow = predict_change(table, fit, seed=1, replicates=100, bins=4, level=0.5).bins
    assert len(wide) == 4
    assert (wide["high"] - wide["low"] > narrow["high"] - narrow["low"]).all()
    with pytest.raises(TableError, match="fewer bins"):
        predict_change(table, fit, seed=1, bins=500)


def test_fixed_noise_stays_fixed(simulate):
    table = simulate(7, spines=100)
    fit = fit_log_ou(table, noise=0.0, check=False)
    assert predict_change(table, fit, seed=1, replicates=20).replicates == 20
    assert isinstance(fit.law, LogOULaw)
