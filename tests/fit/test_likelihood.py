import json

import numpy as np
import pandas as pd
import pytest

from spinula.core.errors import NotConvergedError, OutOfRangeError, SpinulaWarning, TableError, UsageError
from spinula.core.table import SpineTable, example_table
from spinula.fit.compare import compare_models
from spinula.fit.kalman.patterns import group_panel
from spinula.fit.kalman.scoring import Point, maximise
from spinula.fit.likelihood import LogOUFit, fit_log_ou, log_likelihood
from spinula.law import LogOULaw

LONG = np.linspace(0, 80, 11)  # four time constants of the true law


def test_long_recording_fits_without_cautions_and_near_the_truth(simulate, truth):
    fit = fit_log_ou(simulate(1, day=LONG))
    assert fit.cautions == []
    assert fit.errors == "dendrite"
    assert fit.clusters == 10
    for name in ("log_mean", "log_sd", "recovery_rate"):
        # Four standard errors (t, 9 degrees of freedom): false alarm 0.3 % per parameter.
        assert abs(fit[name].value - getattr(truth, name)) < 4 * fit[name].error
        assert fit[name].low < fit[name].value < fit[name].high
    assert abs(fit["log_noise"].value - 0.15) < 4 * fit["log_noise"].error
    assert fit.law.log_spread == pytest.approx(fit["log_spread"].value)
    assert fit["time_constant"].value == pytest.approx(1 / fit["recovery_rate"].value)


def test_fit_is_the_maximum(simulate):
    table = simulate(2, spines=80, missing=0.2)
    fit = fit_log_ou(table, check=False)
    assert log_likelihood(table, fit.law, fit["log_noise"].value) == pytest.approx(fit.log_likelihood, abs=1e-8)
    for name in ("log_mean", "log_sd", "recovery_rate"):
        for factor in (0.98, 1.02):
            other = fit.law.model_copy(update={name: getattr(fit.law, name) * factor})
            assert log_likelihood(table, other, fit["log_noise"].value) < fit.log_likelihood


def test_derived_errors_follow_from_the_covariance(simulate):
    fit = fit_log_ou(simulate(3, spines=200), check=False, errors="model")
    covariance = np.array(fit.covariance)
    generator = np.random.default_rng(0)
    draws = generator.multivariate_normal(np.zeros(4), covariance, 200_000)
    spread = np.std(0.5 * draws[:, 0] + draws[:, 1])  # relative error of log_sd * sqrt(2*rate)
    assert fit["log_spread"].error / fit["log_spread"].value == pytest.approx(spread, rel=0.01)
    assert fit["time_constant"].error / fit["time_constant"].value == pytest.approx(
        fit["recovery_rate"].error / fit["recovery_rate"].value
    )


def test_units_scale_the_mean_and_nothing_else(simulate):
    table = simulate(4, spines=100)
    a = fit_log_ou(table, check=False)
    scaled = SpineTable(table.frame.assign(size=table.frame["size"] * 1000), "a.u.")
    b = fit_log_ou(scaled, check=False)
    assert b["log_mean"].value == pytest.approx(a["log_mean"].value + np.log(1000), abs=1e-6)
    assert b["log_mean"].unit == "log(a.u.)"
    for name in ("log_sd", "recovery_rate", "log_noise"):
        assert b[name].value == pytest.approx(a[name].value, rel=1e-6)


def test_noise_ignored_makes_the_rate_and_the_spread_too_large(simulate, truth):
    table = simulate(5, spines=1000)
    ignored, known = (fit_log_ou(table, noise=noise, check=False) for noise in (0.0, 0.15))
    assert 1.6 < ignored["recovery_rate"].value / truth.recovery_rate < 2.1  # measured once: +85 %
    assert 1.3 < ignored["log_spread"].value / truth.log_spread < 1.5  # measured once: +40 %
    assert known.fixed == ["log_noise"]
    assert known["recovery_rate"].value == pytest.approx(truth.recovery_rate, rel=0.15)
    fitted = fit_log_ou(table, check=False, errors="model")
    assert (
        fit_log_ou(table, noise=0.15, check=False, errors="model")["recovery_rate"].error
        < fitted["recovery_rate"].error
    )


def test_caution_when_the_time_constant_exceeds_the_recording(simulate):
    with pytest.warns(SpinulaWarning, match="exceeds the recording of 9 days"):
        fit = fit_log_ou(simulate(6))
    assert len(fit.cautions) == 1
    assert fit.aic["fixed_differences"] > fit.aic["log_ou"]


def test_caution_when_differences_between_spines_are_fixed(make_table):
    generator = np.random.default_rng(7)
    own = -2.3 + 0.7 * generator.standard_normal((300, 1))
    logs = own + 0.2 * generator.standard_normal((300, 8))
    table = make_table(logs, np.arange(8) * 4.0)
    with pytest.warns(SpinulaWarning) as caught:
        fit = fit_log_ou(table)
    text = " ".join(str(item.message) for item in caught)
    assert "cannot be told from fixed differences" in text
    assert fit["recovery_rate"].low <= 1e-3
    assert compare_models(table).set_index("model").loc["fixed_differences", "behind"] < 4


def test_caution_when_fixed_differences_stand_beside_the_dynamics(make_table, simulate, truth):
    generator = np.random.default_rng(8)
    fast = LogOULaw(log_mean=-2.3, log_sd=0.4, recovery_rate=0.3)
    from spinula.fit.predictive import simulate_log_sizes

    day = np.broadcast_to(np.arange(0, 40, 2.0), (300, 20))
    logs = simulate_log_sizes(day, fast, 0.1, generator) + 0.7 * generator.standard_normal((300, 1))
    with pytest.warns(SpinulaWarning) as caught:
        fit = fit_log_ou(make_table(logs, day))
    assert [str(item.message) for item in caught] == fit.cautions
    assert "explain the panel better" in fit.cautions[-1]
    assert fit.aic["fixed_and_log_ou"] < fit.aic["log_ou"] - 10
    table = compare_models(make_table(logs, day)).set_index("model")
    assert table.index[0] == "fixed_and_log_ou"
    assert table.loc["fixed_and_log_ou", "fixed_log_sd"] == pytest.approx(0.7, rel=0.15)
    assert table.loc["fixed_and_log_ou", "recovery_rate"] == pytest.approx(0.3, rel=0.25)


def test_two_time_scales_are_found_where_they_are(make_table):
    from spinula.fit.predictive import simulate_log_sizes

    generator = np.random.default_rng(9)
    day = np.broadcast_to(np.arange(0, 60, 1.0), (300, 60))
    slow = simulate_log_sizes(day, LogOULaw(log_mean=-2.3, log_sd=0.6, recovery_rate=0.03), 0.05, generator)
    fast = simulate_log_sizes(day, LogOULaw(log_mean=0, log_sd=0.4, recovery_rate=0.5), 0.0, generator)
    best = compare_models(make_table(slow + fast, day)).iloc[0]
    assert best.model == "two_time_log_ou"
    assert best.recovery_rate == pytest.approx(0.03, rel=0.25)
    assert best.fast_rate == pytest.approx(0.5, rel=0.25)
    assert best.fast_log_sd == pytest.approx(0.4, rel=0.1)


def test_noise_at_zero_has_a_one_sided_limit(simulate):
    with pytest.warns(SpinulaWarning, match="fitted as 0"):
        fit = next(
            fit
            for seed in range(20)
            if (fit := fit_log_ou(simulate(seed, noise=0.0, day=LONG))).bounded == ["log_noise"]
        )
    assert fit["log_noise"].value == fit["log_noise"].low == 0
    assert 0.005 < fit["log_noise"].high < 0.3
    # The limit is where the likelihood has fallen by 2.706/2, with the other parameters at their best.
    table = next(t for seed in range(20) if fit_log_ou(t := simulate(seed, noise=0.0, day=LONG), check=False).bounded)
    at = fit_log_ou(table, noise=fit["log_noise"].high, check=False)
    assert fit.log_likelihood - at.log_likelihood == pytest.approx(2.706 / 2, abs=0.02)


def test_sizes_without_memory_do_not_converge(make_table):
    logs = np.random.default_rng(10).standard_normal((200, 6))
    with pytest.raises(NotConvergedError, match="no memory"):
        fit_log_ou(make_table(logs, np.arange(6.0)))


def test_robust_errors_see_what_model_errors_miss(make_table, simulate, truth):
    """Dendrites that differ in their mean: the model's error of the mean is far too small, the clustered one is not."""
    from spinula.fit.predictive import simulate_log_sizes

    values, errors = [], {"model": [], "dendrite": []}
    for seed in range(60):
        generator = np.random.default_rng(100 + seed)
        day = np.broadcast_to(LONG, (400, len(LONG)))
        logs = simulate_log_sizes(day, truth, 0.15, generator)
        table = make_table(logs + 0.4 * np.repeat(generator.standard_normal(20), 20)[:, None], day, per_dendrite=20)
        for name, found in errors.items():
            fit = fit_log_ou(table, check=False, errors=name)
            found.append(fit["log_mean"].error)
        values.append(fit["log_mean"].value)
    scatter = np.std(values, ddof=1)  # known to 9 %
    assert np.mean(errors["dendrite"]) == pytest.approx(scatter, rel=0.3)
    assert np.mean(errors["model"]) < 0.6 * scatter


def test_auto_takes_animals_when_there_are_enough(simulate):
    assert fit_log_ou(simulate(11, animals=8, per_dendrite=20), check=False).errors == "animal"
    assert fit_log_ou(simulate(11, animals=7, per_dendrite=20), check=False).errors == "dendrite"
    assert fit_log_ou(simulate(11, per_dendrite=100), check=False).errors == "model"


def test_level_widens_the_interval(simulate):
    table = simulate(12)
    narrow, wide = (fit_log_ou(table, level=level, check=False) for level in (0.8, 0.99))
    assert wide["log_sd"].low < narrow["log_sd"].low < narrow["log_sd"].high < wide["log_sd"].high


def test_fit_survives_json(simulate):
    fit = fit_log_ou(simulate(13, spines=60), check=False)
    assert LogOUFit.from_dict(json.loads(json.dumps(fit.as_dict()))) == fit
    assert fit.frame().loc["log_sd", "value"] == fit["log_sd"].value


def test_no_return_seen_gives_a_limit_that_covers(make_table):
    """Spines that differ for ever: the rate is 0. Its interval begins at 0 in all but 2.5 % of tables, or less."""
    begins = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        logs = -2.3 + 0.7 * generator.standard_normal((300, 1)) + 0.2 * generator.standard_normal((300, 8))
        fit = fit_log_ou(make_table(logs, np.arange(8) * 4.0), check=False, errors="model")
        begins.append(fit["recovery_rate"].low == 0)
        assert fit["recovery_rate"].high < 0.005
        if begins[-1]:
            assert fit["time_constant"].high == np.inf
            assert repr(LogOUFit.from_dict(json.loads(json.dumps(fit.as_dict(), allow_nan=False)))) == repr(fit)
    assert sum(begins) >= 36  # expected 39; 35 or fewer: 3e-3


def test_weakly_known_rate_has_a_likelihood_interval(simulate):
    """Twelve spines: the interval's ends are where the likelihood has fallen by 3.84/2."""
    fits = ((table, fit_log_ou(table, check=False)) for seed in range(50) if (table := simulate(seed, spines=12)))
    table, fit = next((t, f) for t, f in fits if not f.bounded and f["recovery_rate"].low > 0
                      and f["recovery_rate"].error > 0.5 * f["recovery_rate"].value)  # fmt: skip
    assert fit["time_constant"].low == pytest.approx(1 / fit["recovery_rate"].high)
    panel = table.panel()
    patterns = group_panel(np.log(panel.size), panel.day)
    for end in ("low", "high"):
        theta = np.log([getattr(fit["recovery_rate"], end), fit["log_sd"].value, fit["log_noise"].value, 1])
        theta[3] = fit["log_mean"].value
        fixed = maximise(patterns, Point(theta, np.array([False, True, True, True])))
        assert fit.log_likelihood - fixed.log_likelihood == pytest.approx(3.84 / 2, abs=0.02)


def test_absent_and_unobserved_and_zero_sizes_are_left_out(simulate):
    table = simulate(14, spines=60)
    fit = fit_log_ou(table, check=False)
    frame = table.frame
    extra = frame[(frame.spine_id < 5) & (frame.session == 0)].assign(session=10, day=10.0, present=False, size=np.nan)
    zero = frame[frame.spine_id == 5].iloc[:1].assign(session=10, day=10.0, size=0.0)
    again = fit_log_ou(SpineTable(pd.concat([frame, extra, zero])), check=False)
    assert again.sizes == fit.sizes == 600
    assert again.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)


def test_refuses_what_cannot_be_fitted(simulate):
    table = simulate(15, spines=40)
    with pytest.raises(TableError, match="two sessions"):
        fit_log_ou(table.select(session=0))
    with pytest.raises(TableError, match="one and the same lag"):
        fit_log_ou(table.select(session=[0, 3]))
    assert fit_log_ou(table.select(session=[0, 3]), noise=0.15, check=False).duration == 3
    with pytest.raises(UsageError, match="one animal only"):
        fit_log_ou(table, errors="animal")
    with pytest.raises(UsageError, match="wanted auto"):
        fit_log_ou(table, errors="cell")
    with pytest.raises(OutOfRangeError):
        fit_log_ou(table, noise=-0.1)
    with pytest.raises(OutOfRangeError):
        fit_log_ou(table, level=1.0)


def test_example_likelihood_by_hand():
    """Two sizes of one spine: the bivariate normal."""
    table = example_table().select(dendrite="d2", spine_id=0)
    law = LogOULaw(log_mean=-2.0, log_sd=0.5, recovery_rate=0.1)
    both = SpineTable(pd.concat([table.frame, table.frame.assign(spine_id=1)]))
    from scipy.stats import multivariate_normal

    covariance = 0.25 * np.array([[1, np.exp(-0.4)], [np.exp(-0.4), 1]]) + 0.01 * np.eye(2)
    alone = multivariate_normal([-2, -2], covariance).logpdf(np.log([0.20, 0.19]))
    assert log_likelihood(both, law, 0.1) == pytest.approx(2 * alone, abs=1e-10)
