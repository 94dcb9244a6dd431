import numpy as np
import pytest

from spinula.core.errors import OutOfRangeError, SpinulaWarning, TableError
from spinula.core.table import SpineTable
from spinula.fit.moments import binned_moments, consecutive_pairs
from spinula.law import LinearLaw


def exact_spread(size):
    """SD of the change over one day at a size: V^kept * exp(...) * sqrt(exp(scatter^2) - 1)."""
    kept, scatter2 = np.exp(-0.05), 0.49 * -np.expm1(-0.1)
    return size**kept * np.exp((1 - kept) * -2.303 + scatter2 / 2) * np.sqrt(np.expm1(scatter2))


def test_spread_of_a_log_law_is_in_proportion_to_size(simulate, truth):
    moments = binned_moments(simulate(1, spines=3000, noise=0.0))
    assert moments.by == "current"
    assert moments.clusters == "dendrite"
    bins = moments.bins
    # Eight bins, four standard errors each: false alarm 5e-4.
    assert (np.abs(bins["spread"] - exact_spread(bins["size_rms"])) < 4 * bins["spread_error"]).all()
    assert moments.slope == pytest.approx(truth.log_spread, rel=0.06)
    assert 0 < moments.floor < 0.1 * moments.slope * bins["size"].mean()


def test_drift_is_the_law_s_own(simulate, truth):
    bins = binned_moments(simulate(2, spines=5000, noise=0.0)).bins
    # E[V(1)|V] of the log law is exact: V^kept * exp((1-kept)*mean + scatter^2/2).
    kept, scatter2 = np.exp(-0.05), 0.49 * -np.expm1(-0.1)
    size = bins["size"].to_numpy()
    expected = size**kept * np.exp((1 - kept) * -2.303 + scatter2 / 2) - size
    # Curvature within a bin leaves a little; the last bin is wide and is left out. False alarm < 1e-3.
    assert (np.abs(bins["drift"] - expected)[:-1] < 4 * bins["drift_error"][:-1] + 0.02 * np.abs(expected[:-1])).all()


def test_noise_is_taken_out_of_spread_and_drift(simulate, truth):
    table = simulate(3, spines=5000, noise=0.15)
    raw, clean = binned_moments(table), binned_moments(table, log_noise=0.15)
    assert clean.by == "earlier"
    bins = clean.bins
    assert (np.abs(bins["spread"] - exact_spread(bins["size_rms"])) < 4 * bins["spread_error"]).all()
    assert clean.slope == pytest.approx(truth.log_spread, rel=0.06)
    assert raw.slope > 1.25 * truth.log_spread  # negative control: sqrt(spread^2 + 2*noise^2) = 1.38 of it
    # Sorted by an erroneous size, small spines seem to grow far faster than they do.
    true = binned_moments(simulate(3, spines=5000, noise=0.0), by="earlier").bins["drift"]
    assert raw.bins["drift"][0] > 1.5 * true[0]
    assert abs(clean.bins["drift"][0] - true[0]) < 4 * clean.bins["drift_error"][0]


def test_floor_and_slope_of_the_linear_law(make_table):
    law = LinearLaw(recovery_rate=0.05, size_rest=0.3, noise_slope=0.1, noise_floor=0.02)
    generator = np.random.default_rng(4)
    size = generator.uniform(0.1, 0.6, 4000)
    after = size
    for _ in range(20):
        after = law.step(after, drive=0.0, noise=generator.standard_normal(4000), dt=0.05)
    logs = np.log(np.stack([size, np.maximum(after, 1e-6)], axis=1))
    moments = binned_moments(make_table(logs, np.arange(2.0)), bins=6)
    assert abs(moments.slope - 0.1) < 4 * moments.slope_error < 0.03
    assert abs(moments.floor - 0.02) < 4 * moments.floor_error < 0.012


def test_intervals_may_be_irregular(simulate):
    regular = binned_moments(simulate(5, spines=4000, noise=0.0), bins=4)
    uneven = simulate(5, spines=4000, noise=0.0, day=np.array([0, 0.5, 1.0, 2.5, 3.0, 4.0, 5.5, 6.0, 7.0, 8.0]))
    assert binned_moments(uneven, bins=4).slope == pytest.approx(regular.slope, rel=0.05)
    short = binned_moments(uneven, bins=4, longest_gap=0.6)
    assert short.bins["interval"].max() == pytest.approx(0.5)
    assert short.bins["pairs"].sum() == 4 * 4000


def test_pairs_are_of_consecutive_sessions_only(make_table):
    logs = np.log([[1.0, 2.0, np.nan, 3.0, 4.0], [5.0, np.nan, 6.0, np.nan, 7.0]])
    pairs = consecutive_pairs(make_table(logs, np.array([0.0, 1, 2, 4, 5])).panel())
    np.testing.assert_allclose(pairs.before, [1, 3])
    np.testing.assert_allclose(pairs.after, [2, 4])
    np.testing.assert_allclose(pairs.gap, [1, 1])
    assert np.isnan(pairs.earlier).all()


def test_too_much_noise_is_said(simulate):
    with pytest.warns(SpinulaWarning, match="explains more than all change"):
        moments = binned_moments(simulate(6, spines=1000, noise=0.0), log_noise=0.5)
    assert moments.bins["spread"].isna().any()


def test_refuses(simulate):
    with pytest.raises(TableError, match="fewer bins"):
        binned_moments(simulate(7, spines=20), bins=50)
    with pytest.raises(OutOfRangeError):
        binned_moments(simulate(7, spines=20), log_noise=-1)


def test_unit_travels(simulate):
    table = simulate(8)
    assert binned_moments(SpineTable(table.frame, "a.u.")).size_unit == "a.u."
