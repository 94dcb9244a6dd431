"""The studies of forgetting: closed forms, what a law must and must not show, and what each verdict rests on."""

import numpy as np
import pytest

from spinula.engines.density import Density
from spinula.presets import load_preset
from spinula.studies.memory import study
from spinula.studies.memory.forgetting import findings, memories, savings, silencing
from spinula.studies.memory.study import Options, find


@pytest.fixture(scope="module")
def runs():
    """Two seeds of each law, large enough to compare with closed forms."""
    return {
        law: [memories.follow_memory({"law": law, "seed": seed, "spines": 4000}) for seed in (1, 2)]
        for law in memories.LAWS
    }


def test_what_is_left_of_a_memory_follows_the_density_equation(runs):
    """Shares of 8,000 spines, within 4 standard errors."""
    for law in memories.AGES:
        dynamics = load_preset(law).dynamics
        days = np.array(runs[law][0]["day"])
        expected = Density(dynamics).survival(dynamics.boundary.size_new, days)[0]
        found = np.mean([run["number"] for run in runs[law]], axis=0)
        assert np.all(np.abs(found - expected) <= 4 * np.sqrt(expected * (1 - expected) / 8000) + 2e-3)


def test_spines_lost_at_one_rate_are_exponential_and_as_few_at_the_oldest_age_as_those_of_neocortex(runs):
    days, oldest = np.array(runs["constant_rate"][0]["day"]), memories.AGES["neocortex_adult"][-1]
    found = np.mean([run["number"] for run in runs["constant_rate"]], axis=0)
    expected = np.exp(-memories._common_rate() * days)
    assert np.all(np.abs(found - expected) <= 4 * np.sqrt(expected * (1 - expected) / 8000))
    cortex = np.mean([run["number"] for run in runs["neocortex_adult"]], axis=0)
    at = runs["neocortex_adult"][0]["day"].index(oldest)
    assert cortex[at] == pytest.approx(np.exp(-memories._common_rate() * oldest), rel=0.1)


def test_the_new_memory_is_as_strong_as_the_old_one():
    """Equal numbers: the young are the first so many of their memory, whatever their fate."""
    old = {0.0: np.full(10, 0.03), 1.0: np.array([0.05] * 4 + [0.0] * 6)}
    old |= dict.fromkeys((4.0, 14.0, 15.0, 18.0, 28.0, 30.0, 44.0, 60.0, 74.0), old[1.0])
    young = [np.full(10, 0.03), np.array([0.03, 0.0, 0.03, 0.0] + [0.03] * 6)]
    found = memories._looked_at("neocortex_adult", old, young)
    assert found["young"] == [0.5] * 5  # of the first four
    assert found["old"] == [1.0] * 5
    assert found["number"][1] == 0.4
    assert found["young_volume"] == pytest.approx([4 / 6] * 5)  # 0.2 um3 are six or seven new spines


def test_a_lesion_that_shrinks_takes_what_falls_below_the_threshold(runs):
    """Nothing that is larger than size_min / 0.6 is lost, so that old memories, of large spines, keep more."""
    for law in memories.AGES:
        shrunk = np.mean([run["shrunk"] for run in runs[law]], axis=0)
        assert np.all(np.diff(shrunk) > 0)
    assert np.ptp(np.mean([run["shrunk"] for run in runs["constant_rate"]], axis=0)) < 0.03


def test_the_claims_fail_for_a_law_that_forgets_at_one_rate(runs):
    """The claims about the laws, asked of spines that are lost at one rate: none but the random lesion's may hold."""
    dressed = {**runs, "neocortex_adult": runs["constant_rate"]}
    claims = [claim for claim in findings._law_claims(dressed, "neocortex_adult") if not claim.control]
    assert len(claims) == 3
    assert not any(claim.passed for claim in claims)


def test_the_controls_fail_for_a_law_that_shows_the_effects(runs):
    dressed = {**runs, "constant_rate": runs["neocortex_adult"]}
    controls = findings._control_claims(dressed)
    assert len(controls) == 4
    assert not any(claim.passed for claim in controls)


def test_a_mixture_is_found_again():
    """Survival of a known mixture of sizes is fitted without error, with the shares it was made of."""
    _, survival = savings._retained("neocortex_adult", savings.DAYS)
    shares = np.zeros(survival.shape[1])
    shares[[5, 60]] = 0.7, 0.3
    found = savings._mixture(survival, survival @ shares)
    assert survival @ found == pytest.approx(survival @ shares, abs=1e-4)
    assert found.sum() == pytest.approx(1, abs=1e-3)
    assert found[:12].sum() == pytest.approx(0.7, abs=0.02)


def test_the_slope_of_a_power_law_is_its_exponent():
    assert savings.slope(savings.DAYS, savings.DAYS**-0.5) == pytest.approx(-0.5)
    assert savings.slope(savings.DAYS, savings.SAVINGS) == pytest.approx(-0.11, abs=0.01)


def test_the_conditions_of_silencing_share_a_pool_or_lose_their_molecules():
    active, silenced, slower, fewer, both = (silencing.law_of(name, 88) for name in silencing.CONDITIONS)
    assert (silenced.synapses, silenced.unbind, silenced.molecules) == (66, 0.4, active.molecules)
    assert (slower.synapses, slower.unbind) == (88, 0.4)
    assert (fewer.synapses, fewer.unbind, fewer.molecules) == (66, 0.5, active.molecules)
    assert both.molecules / both.synapses == pytest.approx(active.molecules / active.synapses, rel=1e-3)
    assert both.bind * both.molecules == pytest.approx(active.bind * active.molecules, rel=1e-3)


def test_a_network_that_is_not_silenced_does_not_pass_for_a_silenced_one():
    """The same condition twice, other seeds: none of the claims about silencing holds."""
    from spinula.studies.memory.study import Keeper

    def runs_of(seeds):
        cases = [{"condition": "active", "seed": seed, "synapses": 28} for seed in seeds]
        return [silencing._run(case, Keeper()) for case in cases]

    one, other = runs_of((1, 2, 3)), runs_of((4, 5, 6))
    claims = silencing._claims({name: one if name == "active" else other for name in silencing.CONDITIONS})
    assert not any(claim.passed for claim in claims if claim.row == 28 and not claim.control)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["forgetting", "silencing"])
def test_a_trial_runs_and_draws(name):
    from matplotlib.figure import Figure

    from spinula.faces.memory_figures import draw_panel

    found = find(study(name), Options(trial=True))
    for panel in found.panels:
        draw_panel(Figure().add_subplot(), panel)
    assert len(found.panels) >= 3
