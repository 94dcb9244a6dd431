import pytest

from spinula.studies.reinforcement.mapping import departures, limit
from spinula.studies.reinforcement.numbers import model_with


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_limit_spines_learn_as_td0_does(seed):
    assert departures(limit(model_with()), seed=seed).max() < 1e-6


@pytest.mark.parametrize(
    "change",
    [
        {"dips.duration_half": 1.0},
        {"dips.duration_power": 3.2},
        {"dopamine.clearance": 0.1},
        {"dopamine.longest_dip": 0.1},
        {"circuit.connection_density": 0.5},
        {"dips.kernel_onset": -0.366},
        {"readout.value_gain": 2.0, "reinforcement.gain": 2.0, "dips.gain": 2e9},
    ],
)
def test_each_part_of_the_limit_is_needed(change):
    from spinula.engines.striatum.model import changed

    assert departures(changed(limit(model_with()), change), seed=1).max() > 1e-4


def test_the_usual_striatum_departs_from_td0():
    assert departures(model_with(), seed=1).max() > 0.1


def test_the_rate_is_the_rate():
    slow = limit(model_with(), rate=0.02)
    assert departures(slow, seed=1, rate=0.02).max() < 1e-6
    assert departures(slow, seed=1, rate=0.1).max() > 0.01
