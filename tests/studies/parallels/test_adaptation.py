"""A change of task: the limit of temperature zero, and what each side does after it."""

import numpy as np
import pytest

from spinula.studies.parallels.pairs import adaptation
from spinula.studies.training.data import load_data


def test_spines_at_temperature_zero_are_gradient_descent_with_weight_decay():
    data = load_data("digits")
    assert adaptation.gradient_gap(1, data) < 1e-5
    assert adaptation.gradient_gap(1, data, decay=0.5, rate=0.05) < 1e-5


def test_a_network_that_meets_a_change_falls_and_recovers():
    data = load_data("digits")
    course = np.array(adaptation.relearn("spines, T = 0", (0.3, 4e-4), data, changes=1, epochs=4, seed=1, final=False))
    assert course.shape == (2, 4)
    assert course[0, -1] > 0.85
    assert course[1, 0] < course[1, -1] > 0.8
    warm = adaptation.relearn("spines", (0.3, 4e-4), data, changes=1, epochs=4, seed=1, final=False)
    assert np.array(warm).tolist() != course.tolist()


def test_an_agent_that_chooses_at_random_gets_what_any_arm_gives_and_one_that_learns_gets_more():
    seeds = range(1, 9)
    anything = adaptation.gamble((0.0, 1.0), intrinsic=False, seeds=seeds, trials=60)
    assert anything.shape == (8, 120)
    expected = (adaptation.GOOD + (adaptation.ARMS - 1) * adaptation.BAD) / adaptation.ARMS
    assert anything.mean() == pytest.approx(expected, abs=0.04)
    learned = adaptation.gamble((0.0, 0.05), intrinsic=False, seeds=seeds, trials=60)
    assert learned[:, 30:60].mean() > expected + 0.1
    alone = adaptation.gamble((0.0, 0.05), intrinsic=False, seeds=range(3, 5), trials=60)
    assert np.array_equal(alone, learned[2:4])
