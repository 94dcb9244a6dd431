"""The resource model along a dendrite: against the published scheme, on finer grids, and where it must not compete."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate

from spinula.core.errors import OutOfRangeError
from spinula.engines.competition.resources import co_stimulate
from spinula.law.plasticity.resources import ResourceCompetition

MODEL = ResourceCompetition.illustration()
SEVEN = 0.21 * (np.arange(7) - 3)


def _published_scheme(model, positions, minutes):
    """Explicit Euler on the same grid, end points without diffusion: the scheme of the authors' program."""
    x = np.linspace(-2, 2, 401)
    calcium, inactive = model.start(x, np.asarray(positions))
    active, size, dt, seen = np.zeros_like(x), np.ones_like(x), 0.0025, []

    def curvature(y):
        out = np.zeros_like(y)
        out[1:-1] = (y[2:] + y[:-2] - 2 * y[1:-1]) / 0.01**2
        return out

    for step in range(round(minutes[-1] / dt) + 1):
        if any(step == round(minute / dt) for minute in minutes):
            seen.append(np.interp(positions, x, size))
        turned = calcium * inactive
        growth = model.by_calcium * calcium
        growth -= model.by_protein * active * np.tanh(model.steepness * (size - model.balance_size))
        size = size + dt * growth
        change = model.protein_diffusion * curvature(active) + model.activation * turned - model.deactivation * active
        active = active + dt * change
        inactive = inactive + dt * (model.protein_diffusion * curvature(inactive) - model.consumption * turned)
        calcium = calcium + dt * (model.calcium_diffusion * curvature(calcium) - model.calcium_decay * calcium)
    return np.array(seen)


def test_the_published_scheme_gives_the_same_sizes():
    """Within the error of its own time step, 0.0025 min."""
    found = co_stimulate(MODEL, SEVEN, minutes=[1, 2, 5]).size
    assert found == pytest.approx(_published_scheme(MODEL, SEVEN, [1, 2, 5]), abs=3e-3)


def test_the_error_falls_with_the_square_of_the_grid():
    sizes = [co_stimulate(MODEL, SEVEN, minutes=[2, 10], dx=dx).size for dx in (0.01, 0.005, 0.0025)]
    coarse, fine = (np.abs(a - b).max() for a, b in pairwise(sizes))
    assert coarse < 2e-3
    assert coarse / fine == pytest.approx(4, rel=0.2)


def test_protein_is_conserved_in_the_general_form():
    """One rate for loss and gain, no deactivation: both forms together keep their amount (no flux through the ends)."""
    model = MODEL.model_copy(update={"consumption": 8.0, "deactivation": 0.0})
    seen = co_stimulate(model, [-1.9, 0.0, 1.99], minutes=[0, 1, 10, 40])
    amount = integrate.trapezoid(seen.inactive + seen.active, x=seen.x)
    assert amount == pytest.approx(amount[0], rel=1e-6)


def test_calcium_decays_as_a_whole():
    seen = co_stimulate(MODEL, SEVEN, minutes=[0, 1, 3])
    amount = integrate.trapezoid(seen.calcium, x=seen.x)
    assert amount / amount[0] == pytest.approx([1, math.exp(-1), math.exp(-3)], rel=1e-5)


def test_without_stimulus_nothing_happens():
    silent = MODEL.model_copy(update={"shared_stimulus": 0.0, "divided_stimulus": 0.0})
    seen = co_stimulate(silent, [0.0], minutes=[2, 40])
    assert seen.size == pytest.approx(1)
    assert seen.active == pytest.approx(0)


def test_far_apart_spines_do_not_compete():
    """Nothing to divide, and protein that does not reach from one to the other: each grows as a lone spine does."""
    model = MODEL.model_copy(update={"divided_stimulus": 0.0, "shared_stimulus": 1.0})
    lone = co_stimulate(model, [0.0], minutes=[2, 10]).size[:, 0]
    pair = co_stimulate(model, [-1.0, 1.0], minutes=[2, 10]).size
    assert pair == pytest.approx(np.stack([lone, lone], axis=1), abs=1e-5)
    near = co_stimulate(model, [-0.1, 0.1], minutes=[2, 10]).size
    assert (np.abs(near - lone[:, None]) > 1e-3).all()


def test_edges_end_larger_than_the_middle():
    size = co_stimulate(MODEL, SEVEN, minutes=[2, 10]).size
    assert size == pytest.approx(size[:, ::-1], abs=1e-6)
    assert (np.diff(size[:, :4], axis=1) < 0).all()


def test_fifteen_spines_take_less_than_two_seconds():
    import time

    start = time.process_time()
    co_stimulate(MODEL, 0.24 * (np.arange(15) - 7))
    assert time.process_time() - start < 2


def test_same_call_same_bytes():
    first, second = (co_stimulate(MODEL, SEVEN, minutes=[2]) for _ in range(2))
    assert first.size_field.tobytes() == second.size_field.tobytes()


@pytest.mark.parametrize(
    ("positions", "options", "what"),
    [
        ([], {}, "number of positions"),
        ([2.5], {}, "position"),
        ([math.nan], {}, "position"),
        ([0.0], {"minutes": [2, 1]}, "minutes"),
        ([0.0], {"minutes": [-1]}, "minutes"),
        ([0.0], {"dx": 0.0}, "dx"),
        ([0.0], {"dx": 0.5}, "dx"),
        ([0.0] * 5, {}, "inactive protein"),
    ],
)
def test_bad_input_says_so(positions, options, what):
    with pytest.raises(OutOfRangeError, match=what):
        co_stimulate(MODEL, positions, **options)
