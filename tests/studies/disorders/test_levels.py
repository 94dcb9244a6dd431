"""Levels of conditions against closed forms, against each other, and with controls that must show nothing."""

import numpy as np
import pytest
from scipy import stats

from spinula.core.errors import InvalidInputError, OutOfRangeError, UnknownNameError
from spinula.core.streams import Streams
from spinula.engines.population import Layout, Population
from spinula.presets import load_preset
from spinula.presets.compose import compose
from spinula.studies.disorders import courses, fluctuation, imaging, levels, population
from spinula.studies.disorders.model import base_formation, resting


def test_the_base_stands_at_its_own_density():
    now = resting(compose("wild_type"))
    assert now.spine_density == pytest.approx(load_preset("neocortex_adult").spine_density)
    assert now.count(0.0) == pytest.approx(now.spine_density)


def test_density_is_proportional_to_formation_and_keeps_its_shape():
    base, fewer = (resting(compose(name)) for name in ("wild_type", "low_spine_density"))
    assert fewer.spine_density / base.spine_density == pytest.approx(0.77)
    assert fewer.moments() == pytest.approx(base.moments())


def test_small_spines_alone_are_lost_if_new_ones_begin_larger():
    """The derived factor leaves all spines above size_new where they were; the shape of the law does the rest."""
    base, lost = (resting(compose(name)) for name in ("wild_type", "small_spine_loss"))
    for low, high in ((0.05, 0.1), (0.1, 0.2), (0.2, np.inf)):
        assert lost.count(low, high) == pytest.approx(base.count(low, high), rel=0.01)
    assert lost.count(0.0, 0.045) < 0.85 * base.count(0.0, 0.045)


def test_elimination_of_every_spine_adds_to_its_rate():
    """With killing the mean lifetime is that of min(first passage, exponential): checked against a simulation."""
    composition = compose("fear_frontal")
    part = resting(composition).parts[0]
    layout = Layout(dendrites=200, spines_per_dendrite=50, length_um=50 / part.mass.sum())
    population_ = Population(
        part.dynamics,
        seed=3,
        layout=layout,
        dt=0.05,
        initial=lambda generator, many: part.density.draw(generator, many),
    )
    frames = list(population_.run(days=40, every=40))
    thinned = [imaging.thinned(frame, part.killing, Streams(4)) for frame in frames]
    # It starts at rest, so that formation balances loss: the count stays. Without thinning it would grow.
    assert len(thinned[1]) / len(thinned[0]) == pytest.approx(1.0, abs=0.05)
    assert len(frames[1]) > 1.15 * len(frames[0])
    size = thinned[1].size
    assert size.mean() == pytest.approx(population.measured(composition, ["mean_size"])["mean_size"], rel=0.03)


def test_parts_of_a_dendrite_add_up():
    now = resting(compose("chronic_stress_prefrontal"))
    assert sum(part.share for part in now.parts) == pytest.approx(1.0)
    hit, spared = now.parts
    assert (hit.killing, spared.killing) == (0.02, 0.0)
    assert hit.mass.sum() / hit.share < spared.mass.sum() / spared.share


def test_spared_inputs_are_those_of_the_base():
    base, dup = (
        levels.measured(compose(n), ["spared_turnover", "turnover_ratio"]) for n in ("wild_type", "neuroligin_3")
    )
    assert dup["spared_turnover"] == pytest.approx(base["turnover_ratio"])
    assert dup["turnover_ratio"] > 1.3 * base["turnover_ratio"]


def test_the_signal_of_a_memory_fades_and_falls_with_fluctuation():
    part, wild = (resting(compose(name)).parts[0] for name in ("fragile_x", "wild_type"))
    now, later = (population.memory_signal(wild, days) for days in (1.0, 30.0))
    assert now > 1.5 * later > 0
    assert population.memory_signal(part) < population.memory_signal(wild)


def test_a_law_without_a_density_is_refused():
    with pytest.raises(InvalidInputError, match="no density of sizes"):
        resting(compose("auditory_cortex"))


def test_no_plaque_no_onset_and_none_far_away():
    composition = compose("alzheimer_plaque")
    assert courses.onset(courses.plaque(composition)) == 28.0
    assert np.isnan(courses.onset(courses.plaque(composition, distance_um=200.0)))
    assert np.isnan(courses.onset(courses.plaque(compose("wild_type"))))
    end = courses.plaque(composition, days=700.0, every=35.0)["density"].iloc[-1]
    assert end == pytest.approx(resting(composition).spine_density, rel=0.01)


def test_ketamine_needs_spines_only_later():
    drug, none = compose("chronic_stress_prefrontal+ketamine"), compose("chronic_stress_prefrontal")
    with_, without = courses.ketamine(drug), courses.ketamine(drug, spines=False)
    assert courses.half_time(with_, "behaviour") < courses.half_time(with_, "recovered")
    late = with_["day"] >= 5
    assert (with_["behaviour"][late] > without["behaviour"][late] + 0.1).all()
    assert courses.ketamine(none)["behaviour"].max() == 0.0
    assert np.isnan(courses.half_time(without, "recovered"))


def test_no_day_of_spines_without_stress():
    assert "recovered_spines" not in courses.measured(compose("wild_type+ketamine"))


def test_power_is_that_of_simulated_experiments():
    generator, count, effect = np.random.default_rng(1), 12, 1.1
    p = stats.ttest_ind(
        generator.normal(effect, 1, (4000, count)), generator.normal(0, 1, (4000, count)), axis=1
    ).pvalue
    assert imaging.power(effect, count) == pytest.approx((p < 0.05).mean(), abs=0.025)
    assert imaging.power(0.0, 20) == pytest.approx(0.05)
    for size in (0.05, 0.3, 1.0, 3.0):
        least = int(imaging.needed(size))
        assert imaging.power(size, least) >= 0.8
        assert least == 2 or imaging.power(size, least - 1) < 0.8
    assert np.isnan(imaging.needed(0.001))


@pytest.mark.slow
def test_a_laboratory_sees_fragile_x_and_not_the_wild_type_again():
    laboratory = imaging.Laboratory(animals=10)
    base, again, knock = (
        imaging.animals(compose(name), laboratory, seed=seed)
        for name, seed in (("wild_type", 1), ("wild_type", 2), ("fragile_x", 3))
    )
    null = imaging.contrast(base, again).set_index("measure")
    seen = imaging.contrast(base, knock).set_index("measure")
    assert (null["p"] > 0.01).all()
    assert seen.loc["turnover_ratio", "p"] < 1e-4
    assert seen.loc["turnover_ratio", "low"] > 0
    assert seen.loc["turnover_ratio", "needed"] < 8
    expected = [imaging.expected(compose(name), laboratory) for name in ("wild_type", "fragile_x")]
    told = imaging.contrast(base, again, (expected[0], expected[0]))
    assert told["needed"].isna().all()  # nothing to be seen, whatever the difference of these few animals
    told = imaging.contrast(base, knock, (expected[0], expected[1])).set_index("measure")
    assert told.loc["turnover_ratio", "needed"] < told.loc["mean_size", "needed"]
    assert base["size_spread"].mean() == pytest.approx(expected[0]["size_spread"], rel=0.05)
    assert base["turnover_ratio"].mean() == pytest.approx(expected[0]["turnover_ratio"], rel=0.15)
    # Truth through the same floor, four days: the microscope's error moves it little.
    truth = [resting(compose(n)).parts[0].density.turnover_ratio(4.0) for n in ("wild_type", "fragile_x")]
    assert seen.loc["turnover_ratio", "change"] == pytest.approx(truth[1] / truth[0] - 1, abs=0.25)


def test_a_laboratory_needs_two_animals():
    with pytest.raises(OutOfRangeError, match="animals"):
        imaging.animals(compose("wild_type"), imaging.Laboratory(animals=1), seed=1)


@pytest.mark.slow
def test_learning_falls_with_fluctuation_and_is_chance_without_training():
    rows = fluctuation.dose_response(seed=5, seeds=2, factors=(1.0, 2.0, 3.0))
    assert fluctuation.trend(rows, "learned")["high"] == pytest.approx(-1.0)
    assert rows[~rows["trained"]]["learned"].mean() == pytest.approx(0.5, abs=0.03)


def test_an_unknown_measure_is_refused():
    with pytest.raises(UnknownNameError, match="turnover_ratio"):
        levels.measured(compose("wild_type"), ["turnover_rati"])


def test_formation_of_the_base_is_density_times_turnover():
    assert base_formation("neocortex_adult") == pytest.approx(0.5 * resting(compose("wild_type")).average(
        lambda part: part.density.turnover_rate()))  # fmt: skip
