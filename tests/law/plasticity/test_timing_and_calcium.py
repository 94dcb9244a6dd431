"""The pair rule and the calcium rule: windows, and exact times above thresholds against fine Euler steps."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from spinula.law.plasticity.calcium import CalciumRule, calcium_change, time_above
from spinula.law.plasticity.spiketiming import SpikeTiming, pair_change

TIMING = {"potentiation_step": 0.01, "depression_step": 0.012, "potentiation_time": 0.02, "depression_time": 0.04}
CALCIUM = {
    "calcium_time": 0.02, "pre_delay": 0.0137, "pre_step": 1.0, "post_step": 2.0, "depression_threshold": 1.0,
    "potentiation_threshold": 1.3, "depression_rate": 200.0, "potentiation_rate": 321.8, "time_scale": 150.0,
    "size_low": 0.02, "size_high": 0.5,
}  # fmt: skip


def test_the_pair_window_has_its_areas_and_its_jump():
    law = SpikeTiming(**TIMING)
    leads = np.linspace(0, 1, 200_001)
    for sign, step, time in ((1, 0.01, 0.02), (-1, -0.012, 0.04)):
        curve = [law.change(sign * max(lead, 1e-12)) for lead in leads[::20]]
        assert np.trapezoid(curve, leads[::20]) == pytest.approx(step * time, rel=1e-3)
        assert (np.diff(np.abs(curve)) <= 0).all()
    assert law.change(0.0) == 0.01  # glutamate at the very moment of the spike leads it
    assert law.change(-1e-12) == pytest.approx(-0.012)
    assert pair_change(0.02, 0.01, 0.012, 0.02, 0.04) == pytest.approx(0.01 / math.e)


def test_time_above_a_threshold_is_that_of_an_exponential():
    assert time_above(2.0, 1.0, 0.02, 1.0) == pytest.approx(0.02 * math.log(2))
    assert time_above(2.0, 1.0, 0.02, 0.005) == 0.005
    assert time_above(1.0, 1.0, 0.02, 1.0) == 0.0
    moments = np.linspace(0, 0.1, 100_001)
    above = (3.0 * np.exp(-moments / 0.02) > 1.3).mean() * 0.1
    assert time_above(3.0, 1.3, 0.02, 0.1) == pytest.approx(above, abs=2e-6)


@pytest.mark.parametrize("size", [0.03, 0.2, 0.45])
@pytest.mark.parametrize("calcium", [0.9, 1.2, 3.0])
def test_the_size_after_a_decay_is_that_of_fine_euler_steps(size, calcium):
    """Euler with 1e-6 s, whose own error is below 1e-6 of the size."""
    law, elapsed, dt = CalciumRule(**CALCIUM), 0.05, 1e-6
    both = time_above(calcium, law.potentiation_threshold, law.calcium_time, elapsed)
    low = time_above(calcium, law.depression_threshold, law.calcium_time, elapsed) - both
    rates = (law.potentiation_rate / law.time_scale, law.depression_rate / law.time_scale)
    found = calcium_change(size, both, low, rates, (law.size_low, law.size_high))
    euler, c = size, calcium
    for _ in range(round(elapsed / dt)):
        slope = rates[0] * (law.size_high - euler) if c > law.potentiation_threshold else 0.0
        slope -= rates[1] * (euler - law.size_low) if c > law.depression_threshold else 0.0
        euler, c = euler + slope * dt, c - c / law.calcium_time * dt
    assert found == pytest.approx(euler, rel=1e-5)


def test_long_calcium_leads_to_the_balance_or_to_the_lower_bound():
    rates, bounds = (2.0, 1.0), (0.02, 0.5)
    assert calcium_change(0.1, 1e3, 0.0, rates, bounds) == pytest.approx((2 * 0.5 + 0.02) / 3)
    assert calcium_change(0.1, 0.0, 1e3, rates, bounds) == pytest.approx(0.02)
    assert calcium_change(0.1, 0.0, 0.0, rates, bounds) == 0.1


@pytest.mark.parametrize("field", list(TIMING))
def test_negative_numbers_of_the_pair_rule_are_refused(field):
    with pytest.raises(ValidationError, match=field):
        SpikeTiming(**{**TIMING, field: -1.0})


@pytest.mark.parametrize("field", list(CALCIUM))
def test_negative_numbers_of_the_calcium_rule_are_refused(field):
    with pytest.raises(ValidationError, match=field):
        CalciumRule(**{**CALCIUM, field: -1.0})
