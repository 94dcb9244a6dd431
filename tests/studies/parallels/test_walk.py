"""Windows and traces, errors by duration, expectiles, and the walk's values."""

import numpy as np
import pytest

from spinula.studies.parallels.pairs.dopamine import expectile_error
from spinula.studies.parallels.sides.walk import (
    actor_gap,
    by_duration,
    exponential,
    td_lambda_errors,
    truth,
    walk_errors,
    window,
)

RATES = np.array([0.05, 0.2])


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_an_exponential_window_is_td_lambda(decay):
    one, other = (np.random.default_rng(1) for _ in range(2))
    spines = walk_errors(one, RATES, exponential(decay, 400), episodes=8)
    assert spines == pytest.approx(td_lambda_errors(other, RATES, decay, episodes=8), abs=1e-12)


def test_values_of_the_walk_are_learnt():
    errors = walk_errors(np.random.default_rng(2), np.array([0.02]), exponential(0.0), episodes=2000)
    assert errors[0, 0] == pytest.approx(np.sqrt(((0.5 - truth()) ** 2).mean()), abs=0.03)
    assert errors[-200:].mean() < 0.06


def test_the_window_has_its_delay_and_its_end():
    assert window(0.8)[0] > 0.75
    early = window(0.4, 0.3)
    assert early.argmax() == 1
    assert window(0.05).max() < 0.2
    assert window(0.8).sum() == pytest.approx(1.0)


def test_small_errors_below_zero_are_hardly_heard():
    heard = by_duration(np.array([-1.0, -0.25, 0.0, 0.5]))
    assert heard[[0, 2, 3]].tolist() == [-1.0, 0.0, 0.5]
    assert -0.06 < heard[1] < 0.0


def test_asymmetric_gains_settle_at_expectiles():
    assert expectile_error() < 1e-9
    assert actor_gap(0.5) == 0.0
    assert actor_gap(0.9) > 1.0
