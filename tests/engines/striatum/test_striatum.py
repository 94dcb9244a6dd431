import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.population import Layout, Population
from spinula.engines.striatum import Session, Striatum, Trial, run
from spinula.engines.striatum.model import Detector, changed
from spinula.law.circuits.conditioning import (
    dip_at_half_depth,
    dopamine_course,
    enlarged,
    rescorla_wagner,
    temporal_difference,
)
from spinula.law.plasticity.potentiation import consolidated_increment
from spinula.studies.reinforcement.numbers import model_with

SMALL = {"circuit.cells": 4, "circuit.inputs": 60, "circuit.active": 24}
REWARDED, OMITTED = Trial(0, 1.0, count=20), Trial(0, 0.0, count=20)


def _learn(model, *sessions, seeds=range(4), cues=2):
    animals = Striatum(model, seeds=seeds, cues=cues)
    return animals, list(run(animals, [Session(str(n), tuple(trials)) for n, trials in enumerate(sessions)]))


def test_enlargement_is_that_of_a_single_spine():
    sizes = np.linspace(0.02, 0.5, 9)
    alone = [consolidated_increment(size, 0.3, 1.25, 0.12) for size in sizes]
    np.testing.assert_allclose(enlarged(sizes, 0.3 * 1.25, 0.12), alone, rtol=1e-14)


@pytest.mark.parametrize("pause", [0.05, 0.08, 0.2, 0.6])
def test_dip_duration_is_that_of_the_concentration(pause):
    times = np.arange(0, 3, 1e-4)
    course = dopamine_course(times, basal=0.5, clearance=0.1, pauses=[(1.0, pause)])
    assert np.isclose((course < 0.25).sum() * 1e-4, dip_at_half_depth(pause, 0.1), atol=3e-4)


def test_a_burst_rises_by_its_amplitude_and_is_cleared():
    times = np.array([0.99, 1.0, 1.1, 2.0])
    course = dopamine_course(times, basal=0.5, clearance=0.1, bursts=[(1.0, 1.5)])
    np.testing.assert_allclose(course, [0.5, 2.0, 0.5 + 1.5 * np.exp(-1), 0.5 + 1.5 * np.exp(-10)])


def test_textbook_rules_agree_where_they_are_one():
    generator = np.random.default_rng(1)
    x, rewards = generator.integers(0, 2, (50, 4)).astype(float), generator.random(50)
    one_step = temporal_difference(x[:, None], rewards[:, None], 0.1)
    np.testing.assert_allclose(one_step, rescorla_wagner(x, rewards, 0.1))


def test_lambda_one_credits_the_first_step_at_once():
    steps, rewards = np.tile(np.eye(3), (2, 1, 1)), np.tile([0.0, 0.0, 1.0], (2, 1))
    assert temporal_difference(steps, rewards, 0.5, trace=1.0)[1] == 0.5
    assert temporal_difference(steps, rewards, 0.5)[1] == 0.0


def test_an_animal_is_the_same_in_any_company():
    model = model_with(SMALL)
    alone, _ = _learn(model, [REWARDED], [REWARDED, Trial(1, count=20)], seeds=[7])
    among, _ = _learn(model, [REWARDED], [REWARDED, Trial(1, count=20)], seeds=[3, 7, 9])
    np.testing.assert_array_equal(alone.size[0], among.size[1])
    again, _ = _learn(model, [REWARDED], [REWARDED, Trial(1, count=20)], seeds=[7])
    assert alone.size.tobytes() == again.size.tobytes()


def test_a_longer_plan_changes_nothing_before_it():
    model = model_with(SMALL)
    _, short = _learn(model, [REWARDED])
    _, longer = _learn(model, [REWARDED], [OMITTED])
    np.testing.assert_array_equal(short[0].licks, longer[0].licks)


def test_cells_keep_their_spines_and_new_ones_find_other_inputs():
    animals = Striatum(model_with(), seeds=range(3))
    before = animals.size > 0
    lost = animals.live(20.0)
    after = animals.size > 0
    np.testing.assert_array_equal(before.sum(-1), after.sum(-1))
    assert 0.2 * before.sum() < lost < before.sum()
    assert (before != after).any()
    boundary = model_with().dynamics.boundary
    assert boundary is not None
    assert animals.size[after].min() > boundary.size_min


def test_intrinsic_life_is_that_of_a_population():
    """Turnover and sizes against the population engine's, within 5 standard errors (false alarm below 1e-5)."""
    model = model_with()
    animals = Striatum(model, seeds=range(8))
    spines = (animals.size > 0).sum()
    lost = animals.live(10.0)
    layout = Layout(dendrites=200, spines_per_dendrite=100)
    population = Population(model.dynamics, seed=5, layout=layout)
    *_, last = population.run(days=10, every=10)
    share, other = lost / spines, last.eliminated / 20000
    assert abs(share - other) < 5 * np.sqrt(share / spines + other / 20000)
    sizes, usual = animals.size[animals.size > 0], last.size
    assert abs(sizes.mean() - usual.mean()) < 5 * np.hypot(sizes.std() / spines**0.5, usual.std() / 20000**0.5)


def test_without_intrinsic_dynamics_nothing_moves_at_night():
    animals, _ = _learn(model_with(SMALL | {"intrinsic": False}), [REWARDED])
    before = animals.size.copy()
    assert animals.live(5.0) == 0
    np.testing.assert_array_equal(animals.size, before)


def test_bursts_reach_d1_and_dips_reach_d2_spines_of_the_cue_only():
    animals = Striatum(model_with(SMALL), seeds=[1, 2])
    start, cue = animals.size.copy(), animals.pattern[[0, 1]]
    animals.reinforce(cue, bursts=np.array([0.1, 0.0]), dips=np.array([0.0, 0.2]))
    grown = animals.size > start
    assert grown[0, 0].any()
    assert not grown[0, 1].any()
    assert not grown[1, 0].any()
    assert grown[1, 1].any()
    assert not grown[0][:, :, cue[0] == 0].any()
    assert not grown[1][:, :, cue[1] == 0].any()


def test_reward_without_cue_and_clamped_cells_learn_nothing():
    still = {"intrinsic": False}
    _, without = _learn(model_with(SMALL | still), [Trial(None, 1.0, count=20)], [OMITTED])
    assert np.abs(without[1].value[0]).max() < 1e-12
    _, clamped = _learn(model_with(SMALL | still, clamped=("d1",)), [REWARDED], [REWARDED])
    assert np.abs(clamped[1].value[0]).max() < 1e-12


def test_imposed_dips_outside_the_window_do_nothing():
    model = model_with(SMALL | {"intrinsic": False, "dopamine.dip": 0.0})
    for at_s, works in ((0.755, True), (5.0, False), (-2.0, False)):
        animals, records = _learn(model, [Trial(0, dip_s=0.6, dip_at_s=at_s, count=5)])
        assert (animals.drives()[:, 1, 0] > 1.02).all() == works
        assert (records[0].pause == 0).all()


def test_methamphetamine_hides_dips_and_an_antagonist_shows_them_again():
    strength = {
        name: Detector.of(model_with(drugs=drugs)).dip_strength(0.6, 0.755)
        for name, drugs in {
            "none": {}, "meth": {"methamphetamine": 1.0}, "both": {"methamphetamine": 1.0, "d2_antagonist": 0.8},
            "much": {"methamphetamine": 1.0, "d2_antagonist": 1.0}, "alone": {"d2_antagonist": 0.8},
            "a2a": {"a2a_antagonist": 1.0},
        }.items()
    }  # fmt: skip
    assert strength["meth"] == strength["much"] == strength["a2a"] == 0.0
    assert 0.2 * strength["none"] < strength["both"] < strength["none"]
    assert strength["alone"] < 0.2 * strength["none"]


def test_clearance_under_methamphetamine_is_slower():
    clean, drugged = (Detector.of(model_with(drugs=drugs)) for drugs in ({}, {"methamphetamine": 1.0}))
    assert drugged.clearance == 3 * clean.clearance


def test_loss_without_reward_needs_trials_without_reward_in_a_row():
    still = {"intrinsic": False, "dopamine.dip": 0.0}
    mixed = [Trial(0, 1.0, probability=0.5, count=40)]
    _, kept = _learn(model_with(SMALL | still), [REWARDED], mixed, [OMITTED])
    assert (kept[2].drive[0, :, 0, 0] >= kept[1].drive[0, :, 0, 0]).all()
    assert (kept[2].drive[-1, :, 0, 0] < kept[2].drive[0, :, 0, 0]).all()
    _, never = _learn(model_with(SMALL | still | {"unreinforced.rate": 0.0}), [REWARDED], [OMITTED])
    assert (never[1].drive[-1, :, 0, 0] >= never[1].drive[0, :, 0, 0]).all()


def test_a_session_of_rest_has_no_trials():
    _, records = _learn(model_with(SMALL), [])
    assert records[0].licks.shape == (0, 4, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"circuit.nonsense": 1}, "no number called 'circuit.nonsense'"),
        ({"circuit": 1}, "no number called 'circuit'"),
        ({"circuit.overlap": 1.5}, "circuit.overlap"),
        ({"circuit.active": 500}, "500 inputs of 200"),
    ],
)
def test_impossible_numbers_are_refused(change, message):
    with pytest.raises(InvalidInputError, match=message):
        changed(model_with(), change)


def test_impossible_use_is_refused():
    with pytest.raises(InvalidInputError, match="seeds is empty"):
        Striatum(model_with(), seeds=[])
    with pytest.raises(InvalidInputError, match="there are 60"):
        Striatum(model_with(SMALL | {"circuit.overlap": 0.0}), seeds=[1], cues=3)
    animals = Striatum(model_with(SMALL), seeds=[1])
    with pytest.raises(InvalidInputError, match="names cue 2"):
        list(run(animals, [Session("x", (Trial(2),))]))
    with pytest.raises(InvalidInputError, match="circuit cannot change"):
        animals.use(model_with())
    with pytest.raises(InvalidInputError, match="aspirin"):
        model_with(drugs={"aspirin": 1.0})
    with pytest.raises(InvalidInputError, match="wanted 0 to 1"):
        model_with(drugs={"methamphetamine": 2.0})
