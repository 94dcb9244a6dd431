"""Two traces and their modulators: decay, conversion, and the delay at which learning stops."""

import math

import pytest
from pydantic import ValidationError
from scipy import optimize

from spinula.law.modulation.traces import ModulatorTraces, trace_left

NUMBERS = {
    "potentiation_time": 8.0, "depression_time": 4.0, "potentiation_gain": 0.3, "depression_gain": 0.6,
    "pairing_window": 0.02, "pulses": 10.0,
}  # fmt: skip
LAW = ModulatorTraces(**NUMBERS)


def test_a_trace_decays_and_is_nothing_before_it_began():
    assert trace_left(0.0, 2.0) == 1.0
    assert trace_left(2.0, 2.0) == pytest.approx(1 / math.e)
    assert trace_left(-0.1, 2.0) == 0.0


def test_the_fixed_point_is_where_the_change_vanishes():
    root = optimize.brentq(LAW.change, 0.0, 30.0, xtol=1e-12)
    assert LAW.fixed_point == pytest.approx(root)
    assert LAW.change(0.5 * root) < 0 < LAW.change(2 * root)


@pytest.mark.parametrize(
    ("numbers", "change_at_once"),
    [
        ({"potentiation_gain": 0.0}, -0.6),
        ({"depression_gain": 0.0}, 0.3),
        ({"depression_time": 8.0}, -0.3),
        ({"potentiation_gain": 0.9}, 0.3),  # they would have cancelled before the traces began
    ],
)
def test_where_the_traces_never_cancel_the_fixed_point_is_infinite(numbers, change_at_once):
    law = ModulatorTraces(**{**NUMBERS, **numbers})
    assert law.fixed_point == math.inf
    assert law.change(0.0) == pytest.approx(change_at_once)


def test_each_modulator_converts_its_own_trace():
    assert LAW.change(4.0, serotonin=0.0) == pytest.approx(0.3 * math.exp(-0.5))
    assert LAW.change(4.0, noradrenaline=0.0) == pytest.approx(-0.6 * math.exp(-1.0))
    assert LAW.change(4.0) == pytest.approx(LAW.change(4.0, serotonin=0.0) + LAW.change(4.0, noradrenaline=0.0))


@pytest.mark.parametrize("field", list(NUMBERS))
def test_negative_numbers_are_refused(field):
    with pytest.raises(ValidationError, match=field):
        ModulatorTraces(**{**NUMBERS, field: -1.0})
