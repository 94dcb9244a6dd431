"""Potentiation: the closed form against its own differential equations, and the shape that the experiments have."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate

from spinula.law.plasticity.potentiation import Potentiation, consolidated_increment, transient_increment

NUMBERS = {
    "transient_gain": 1.5, "transient_cap": 0.2, "transient_time": 480.0, "consolidated_gain": 1.0, "size_scale": 0.12,
    "consolidation_time": 1800.0, "paired_gain": 1.5, "pairing_window": 0.02, "responders": 1.0, "pulses": 60.0,
}  # fmt: skip
LAW = Potentiation(**NUMBERS)


@pytest.mark.parametrize("size", [0.02, 0.1, 0.4])
def test_the_closed_form_solves_the_equations(size):
    start = [
        transient_increment(size, 0.0, 1.0, LAW.transient_gain, LAW.transient_cap),
        consolidated_increment(size, 1.0, LAW.consolidated_gain, LAW.size_scale),
        size,
    ]

    def rates(_, y):
        consolidated = y[1] / LAW.consolidation_time
        return [-y[0] / LAW.transient_time, -consolidated, consolidated]

    seconds = np.array([60.0, 600.0, 6000.0])
    solved = integrate.solve_ivp(rates, (0, 6000), start, t_eval=seconds, rtol=1e-10, atol=1e-14).y
    found = [LAW.change(size, second / 60) for second in seconds]
    assert found == pytest.approx((solved[0] + solved[2] - size) / size, rel=1e-7)


def test_limits_in_time():
    assert LAW.change(0.05, 0.0) == pytest.approx(1.5)
    assert LAW.change(0.4, 0.0) == pytest.approx(0.5)  # the cap
    assert LAW.change(0.05, 1e4) == pytest.approx(np.exp(-0.05 / 0.12))


def test_small_spines_keep_what_large_ones_lose():
    sizes = np.linspace(0.01, 0.5, 50)
    for minutes in (2, 30, 100):
        assert (np.diff([LAW.change(size, minutes) for size in sizes]) < 0).all()
    early, late = ([LAW.change(size, minutes) for size in (0.05, 0.3)] for minutes in (3, 100))
    assert 1.0 < early[0] < 2.5
    assert 0.3 < early[1] < 1.0
    assert 0.5 < late[0] < 1.0
    assert 0.0 < late[1] < 0.1


def test_pulses_of_a_train_add_up_to_an_event_until_the_cap():
    share = transient_increment(0.1, 0.0, 1 / 60, 1.5, 0.2)
    assert 60 * share == pytest.approx(transient_increment(0.1, 0.0, 1.0, 1.5, 0.2))
    assert transient_increment(0.1, 0.2, 1.0, 1.5, 0.2) == 0.0
    assert transient_increment(0.1, 0.25, 1.0, 1.5, 0.2) == 0.0  # above the cap nothing is taken away
    assert consolidated_increment(0.1, 0.5, 1.0, 0.12) == pytest.approx(0.05 * np.exp(-0.1 / 0.12))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transient_gain", -0.1), ("transient_cap", 0.0), ("transient_time", 0.0), ("consolidated_gain", -1.0),
        ("size_scale", 0.0), ("consolidation_time", -1.0), ("paired_gain", 0.9), ("pairing_window", 1.1),
        ("responders", 1.1), ("pulses", 0.0), ("pulses", float("nan")), ("unknown", 1.0),
    ],
)  # fmt: skip
def test_numbers_out_of_bounds_are_refused(field, value):
    with pytest.raises(ValidationError, match=field):
        Potentiation(**{**NUMBERS, field: value})
