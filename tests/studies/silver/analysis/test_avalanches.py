"""Exponents are recovered where they are known, and are not found where there are none."""

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.studies.silver.analysis.avalanches import Avalanches, criticality, event_times, group_events
from spinula.studies.silver.analysis.powerlaw import (
    PowerLaw,
    compare,
    draw_power_law,
    fit_power_law,
    plausibility,
)

RNG = np.random.default_rng


def law(exponent, low, high, discrete):
    return PowerLaw(exponent, 0.0, low, high, 0.0, 0, discrete)


@pytest.mark.parametrize("discrete", [True, False])
@pytest.mark.parametrize(("exponent", "high"), [(1.5, 1000.0), (2.5, np.inf), (0.7, 300.0)])
def test_the_exponent_and_its_error_are_recovered(exponent, high, discrete):
    truth, found = law(exponent, 3.0, high, discrete), []
    for seed in range(30):
        values = draw_power_law(truth, 2000, RNG(seed))
        fit = fit_power_law(values, discrete=discrete, low=3.0, high=high)
        found.append((fit.exponent, fit.error))
    mean, error = np.mean(found, axis=0)
    assert mean == pytest.approx(exponent, abs=4 * error / np.sqrt(30))
    inside = np.mean([abs(a - exponent) < 1.96 * e for a, e in found])
    assert inside > 0.8  # 30 draws of 95 %: below 0.8 in one of 10^4


def test_a_continuous_exponent_has_hills_closed_form():
    values = draw_power_law(law(2.2, 2.0, np.inf, False), 500, RNG(1))
    fit = fit_power_law(values, discrete=False, low=2.0)
    exact = 1 + len(values) / np.log(values / 2.0).sum()
    assert fit.exponent == pytest.approx(exact, abs=1e-4)
    assert fit.error == pytest.approx((exact - 1) / np.sqrt(len(values)), rel=1e-2)


def test_the_lower_cut_is_found_where_the_law_begins():
    rng = RNG(3)
    body = rng.uniform(1, 20, 3000)
    tail = draw_power_law(law(2.5, 20.0, np.inf, False), 3000, rng)
    fit = fit_power_law(np.concatenate([body, tail]), discrete=False)
    assert fit.low == pytest.approx(20, rel=0.25)
    assert fit.exponent == pytest.approx(2.5, abs=0.15)


def test_other_tails_are_told_apart():
    rng = RNG(5)
    straight = draw_power_law(law(2.0, 1.0, np.inf, True), 3000, rng)
    bent = 1 + np.floor(rng.exponential(8.0, 3000))
    curved = np.maximum(np.round(np.exp(1.5 + 0.6 * rng.standard_normal(3000))), 1)
    true, false = fit_power_law(straight, discrete=True, low=1), fit_power_law(bent, discrete=True, low=1)
    assert compare(straight, true, "exponential").favours == "power law"
    assert compare(straight, true, "lognormal").favours != "lognormal"
    assert compare(bent, false, "exponential").favours == "exponential"
    assert compare(curved, fit_power_law(curved, discrete=True, low=1), "lognormal").favours == "lognormal"
    assert plausibility(bent, false, seed=1, draws=40) == 0.0


def test_samples_of_a_power_law_are_plausible_as_often_as_they_should_be():
    found = []
    for seed in range(12):
        values = draw_power_law(law(2.0, 1.0, np.inf, True), 800, RNG(seed))
        found.append(plausibility(values, fit_power_law(values, discrete=True, low=1), seed=seed, draws=20))
    assert 0.25 < np.mean(found) < 0.75  # even between 0 and 1: a mean of 12 is that near to 1/2 in 999 of 1000


def branching(count, mean, seed, longest=700):
    """Sizes and durations of Galton-Watson trees: 3/2, 2 and 2 at a mean of one child."""
    rng = RNG(seed)
    alive, size, life = np.ones(count, np.int64), np.ones(count, np.int64), np.ones(count, np.int64)
    for _ in range(longest):
        alive = rng.poisson(alive * mean)
        going = alive > 0
        if not going.any():
            break
        size += alive
        life += going
    return Avalanches(size, life, 1.0)


def test_a_critical_branching_process_crackles_and_a_subcritical_one_does_not():
    found = criticality(branching(40000, 1.0, 1), low=(20, 25), high=(1e4, 400))
    assert found.size.exponent == pytest.approx(1.5, abs=0.08)
    assert found.duration.exponent == pytest.approx(2.0, abs=0.2)
    assert found.gamma == pytest.approx(2.0, abs=0.15)
    assert abs(found.gamma - found.predicted) < 0.3
    assert found.critical
    below = criticality(branching(40000, 0.7, 2), low=(5, 4))
    assert any(each.favours == "exponential" for each in below.against)
    assert not below.critical


def test_events_without_correlation_make_no_avalanches_of_a_power_law():
    # With bins of the mean interval each bin is empty with the chance exp(-1): durations are geometric.
    times = np.sort(RNG(7).uniform(0, 1e4, 20000))
    found = group_events(times)
    assert found.size.sum() == len(times)
    assert found.duration.mean() == pytest.approx(np.e, rel=0.05)
    fits = criticality(found, low=(1, 1))
    assert fits.against[2].favours == "exponential"
    assert not fits.critical


def test_events_are_onsets_of_single_gaps():
    quiet = np.ones(3)
    steps = [quiet, quiet, quiet * [2, 1, 1], quiet * [3, 1, 1], quiet * [3, 1, 5], quiet * [3, 1, 5]]
    # The first gap stays fast for two steps: one event; the third begins later.
    assert event_times(iter(steps), 0.5, rate=0.1).tolist() == [1.0, 2.0]
    grouped = group_events(np.array([0.0, 0.1, 0.2, 5.0, 9.0, 9.1]), width=1.0)
    assert (grouped.size.tolist(), grouped.duration.tolist()) == ([3, 1, 2], [1, 1, 1])


def test_too_little_is_refused():
    with pytest.raises(InvalidInputError, match="no exponent can be told"):
        fit_power_law(np.arange(1, 20), discrete=True)
    with pytest.raises(InvalidInputError, match="fewer than two events"):
        group_events(np.array([1.0]))
    with pytest.raises(InvalidInputError, match="above 0"):
        fit_power_law(np.zeros(100), discrete=True)
