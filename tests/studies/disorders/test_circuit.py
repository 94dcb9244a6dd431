"""Circuit, striatum and trained networks of conditions: against the rate engine, at rest, with controls."""

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.network.rates.plastic import Plastic, Wiring, recalled
from spinula.presets.compose import compose
from spinula.presets.condition import load_condition
from spinula.studies.disorders.circuit import network, striatum, training
from spinula.studies.disorders.levels import LEVELS, level_of, measured, spread
from spinula.studies.disorders.model import resting


def test_rates_follow_as_in_the_rate_engine():
    """Recall round by round equals the engine's kernel, on the same connections and the same inhibition."""
    rng, count = np.random.default_rng(1), 40
    there = rng.random((count, count)) < 0.6
    np.fill_diagonal(there, False)
    size = np.where(there, rng.gamma(2.0, 0.05, (count, count)), 0.0)  # receivers, senders
    size[:12, :12] *= 3.0
    post = np.concatenate([np.flatnonzero(there[:, pre]) for pre in range(count)]).astype(np.int32)
    begins = np.concatenate([[0], np.cumsum(there.sum(axis=0))]).astype(np.int64)
    wires = Wiring(post, begins, np.full(count, -1, np.int32))
    sizes = np.concatenate([size[there[:, pre], pre] for pre in range(count)])
    numbers = Plastic(0, 0, 0, 0, 0, 0, 0, 0, network._INPUT_GAIN, network._OFFSET, 0.0, 0.1)
    cue, theirs = np.where(np.arange(count) < 6, 1.0, 0.0), np.zeros(count)
    recalled(wires, numbers, sizes, cue, theirs)
    held = float(size.sum()) / (count * (count - 1.0))
    mine = cue.copy()
    for _ in range(8):
        mine = np.where(cue > 0, 1.0, network.step(size, mine, held))
    # The engine updates all rates at once from those before, as here.
    np.testing.assert_allclose(mine, theirs, atol=1e-9)
    assert theirs[6:12].mean() > theirs[12:].mean()


def test_without_storage_assemblies_are_as_the_rest(monkeypatch):
    """The rest stays at rest: spines of two weeks ago without potentiation, and those since, make the same."""
    monkeypatch.setattr(network, "TRAININGS", 0)
    for name in ("wild_type", "fear_frontal", "chronic_stress_prefrontal"):
        at_large, within = network.mixtures(compose(name))
        assert within.chance == pytest.approx(at_large.chance, rel=1e-3)
        np.testing.assert_allclose(within.cumulated, at_large.cumulated, atol=2e-3)


def test_drawn_spines_have_the_density_and_the_sizes_of_the_condition():
    rng = np.random.default_rng(2)
    for name in ("wild_type", "low_spine_density", "extra_large_spines"):
        at_large, _ = network.mixtures(compose(name))
        drawn = at_large.draw(rng.random(200_000), rng.random(200_000))
        now = resting(compose(name))
        assert (drawn > 0).mean() == pytest.approx(now.spine_density, rel=0.02)  # connected 0.5 at 0.5 per um
        assert drawn[drawn > 0].mean() == pytest.approx(now.moments()["mean_size"], rel=0.02)


def test_fluctuation_and_extra_large_spines_harm_memory_and_the_base_does_not():
    base = compose("wild_type")
    wanted = ["recall", "working_memory", "supralinear_firing", "assembly_contrast"]
    fragile, large = (spread(base, compose(name), wanted) for name in ("fragile_x", "extra_large_spines"))
    assert all(fragile[name][2] < 0 for name in ("recall", "working_memory", "assembly_contrast"))
    assert large["working_memory"][2] < 0 < large["supralinear_firing"][1]
    assert spread(base, compose("calcium_block"), wanted) == dict.fromkeys(wanted, (0.0, 0.0, 0.0))
    one, other = (network.series(base, wanted, seed=seed) for seed in (1, 101))
    for name in wanted:
        assert other[name].mean() == pytest.approx(one[name].mean(), rel=0.1)


def test_striatum_says_nothing_of_less_tonic_dopamine_than_usual():
    """It is not the usual amount with a drug on: the engine has no such state."""
    (edit, *_) = [one for one in load_condition("psychosis_dopamine").edits if one.key == "dopamine.tonic"]
    low, usual = (
        compose("psychosis_dopamine", edits=[("psychosis_dopamine", edit.at(amount))]) for amount in (0.5, 1.0)
    )
    assert striatum.series(low) == {}
    with pytest.raises(InvalidInputError, match=r"0\.5 of the usual tonic dopamine"):
        striatum.numbers(low)
    assert striatum.numbers(usual) == ({}, {}, {})


def test_striatum_takes_dopamine_receptors_and_drugs_of_a_condition():
    masked = striatum.numbers(compose("psychosis_dopamine+d2_antagonist_moderate"))
    assert masked[1] == {"dips.drug_tonic": 6.0, "dips.drug_floor": 0.2}
    assert masked[2] == {"methamphetamine": 1.0, "d2_antagonist": 0.8}
    assert striatum.numbers(compose("striatum_d2")) == ({}, {}, {})
    assert striatum.numbers(compose("cocaine"))[0] == {"reinforcement.gain": pytest.approx(1.875)}
    assert striatum.series(compose("wild_type")) == {}


def test_masked_dips_stop_discrimination_and_the_right_dose_brings_it_back():
    sides = ("striatum_d2", "psychosis_dopamine", "psychosis_dopamine+d2_antagonist_moderate")
    usual, masked, treated = (striatum.series(compose(name)) for name in sides)
    np.testing.assert_array_equal(usual["generalisation"], masked["generalisation"])  # the drug comes later
    assert usual["generalisation"].mean() > 0.8
    assert usual["discrimination"].min() > 0.5
    assert masked["discrimination"].max() < 0.1
    assert (masked["discrimination"] < treated["discrimination"]).all()
    assert treated["discrimination"].mean() < usual["discrimination"].mean()
    too_much = striatum.series(compose("striatum_d2+d2_antagonist_high"))["discrimination"]
    assert too_much.max() < 0.1


def test_the_law_of_training_takes_ratios():
    base, fragile = (training.law_of(compose(name)) for name in ("wild_type", "fragile_x"))
    assert fragile.noise_slope / base.noise_slope == pytest.approx(1.25)
    assert fragile.model_copy(update={"noise_slope": base.noise_slope}) == base
    assert training.law_of(compose("low_spine_density")) == base  # density is no number of the law
    assert training.series(compose("striatum_d2")) == {}


@pytest.mark.slow
def test_fluctuation_harms_training_and_a_treatment_restores_it():
    base, fragile, treated = (
        training.series(compose(name), seeds=2)["trained_accuracy"]
        for name in ("wild_type", "fragile_x", "fragile_x+mmp9_inhibitor")
    )
    assert base.mean() > 0.85
    assert (fragile < base).all()
    np.testing.assert_array_equal(treated, base)


def test_every_measure_has_a_level_and_comes_alone():
    assert {level_of(name) for level in LEVELS.values() for name in level.MEASURES} == set(LEVELS)
    assert set(measured(compose("striatum_d2"), ["discrimination"])) == {"discrimination"}
    assert set(measured(compose("wild_type"), ["recall"])) == {"recall"}
