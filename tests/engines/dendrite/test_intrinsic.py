"""Intrinsic dynamics on a dendrite: against the population and density engines; formation, clustering, small steps."""

import math
import warnings

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from spinula.core.errors import InvalidInputError, SpinulaWarning
from spinula.engines.dendrite import Dendrite, Event, branch
from spinula.engines.density import Density
from spinula.engines.population import Layout, Population
from spinula.law import (
    Boundary,
    Dynamics,
    FormationRate,
    KestenLaw,
    KestenMap,
    LinearLaw,
    LogOULaw,
    LogRevertingLaw,
    TwoTimeLogOULaw,
)
from spinula.law.mechanisms import Mechanisms
from spinula.law.modulation.traces import ModulatorTraces
from spinula.law.plasticity.clustering import Clustering
from spinula.presets import load_preset

DAY = 86400.0
NONE = Mechanisms()
SPREAD = {"recovery_rate": 0.1, "size_rest": 0.07, "noise_slope": 0.2, "noise_floor": 0.01}
LAWS = [
    LinearLaw(**SPREAD),
    LogRevertingLaw(**SPREAD),
    KestenLaw(**SPREAD),
    LogOULaw(log_mean=-2.8, log_sd=0.6, recovery_rate=0.1),
    TwoTimeLogOULaw(log_mean=-2.8, log_sd=0.5, recovery_rate=0.05, fast_log_sd=0.4, fast_rate=0.5),
]
EDGE = Boundary(size_min=0.02, size_new=0.03)
STILL = LinearLaw(recovery_rate=0.05, size_rest=0.1, noise_slope=1e-3, noise_floor=0.0)
UNGATED = load_preset("ca1_slice").mechanisms.depression.model_copy(update={"pulses": 1.0, "ungated": 1.0})
parse = TypeAdapter(Event).validate_python


def closed(law):
    return Dynamics(law=law, boundary=EDGE)


def _turnover(engine, days, skip):
    """Advance by ``skip`` days, then return the rate of elimination over ``days`` and the sizes."""
    for span in (skip, days):
        if isinstance(engine, Dendrite):
            engine.advance_to(engine.now_s + span * DAY)
        else:
            engine.advance(round(span / engine.dt))
        snapshot = engine.snapshot()
    return snapshot.eliminated / len(snapshot) / days, snapshot


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.family)
def test_with_a_fixed_count_turnover_and_sizes_are_those_of_the_other_engines(law):
    """10,000 spines for 10 days, above 2,000 events: 9 % is four standard errors of their bursts; KS at 1e-3.

    Linear, log-reverting, Kesten and log-OU against the density engine; two times, which it lacks, against the
    population, started alike.
    """
    dendrite = Dendrite(closed(law), NONE, seed=1, dendrites=200)
    skip = 30 if law.family == "two_time_log_ou" else 2
    found, snapshot = _turnover(dendrite, 10, skip)
    layout = Layout(dendrites=200)
    if law.family == "two_time_log_ou":
        wanted, other = _turnover(Population(closed(law), seed=2, layout=layout), 10, skip)
        sizes = other.size
    else:
        wanted = Density(closed(law)).turnover_rate()
        sizes = Density(closed(law)).draw(np.random.default_rng(2), 10_000)
    assert len(snapshot) == 10_000
    assert found == pytest.approx(wanted, rel=0.09)
    assert stats.ks_2samp(snapshot.size, sizes).pvalue > 1e-3
    assert snapshot.formed == snapshot.eliminated
    assert snapshot.size.min() >= EDGE.size_min * (1 - 1e-9)


@pytest.mark.parametrize("law", [law for law in LAWS if law.family != "two_time_log_ou"], ids=lambda law: law.family)
def test_survival_is_that_of_the_density_engine(law):
    """Binomial error of 10,000 spines, 4 standard errors (1e-4)."""
    dendrite = Dendrite(closed(law), NONE, seed=5, dendrites=200, size=0.05, slow_day=0.1)
    (last,) = dendrite.run([7 * DAY])
    found, wanted = (last.spine_id < 50).sum() / 10_000, float(Density(closed(law)).survival(0.05, 7.0)[0, 0])
    assert found == pytest.approx(wanted, abs=4 * math.sqrt(wanted * (1 - wanted) / 10_000))


@pytest.mark.parametrize("law", [LAWS[0], pytest.param(LAWS[3], marks=pytest.mark.slow)], ids=lambda law: law.family)
def test_formation_at_a_rate_makes_the_density_an_outcome(law):
    """Rate times mean lifetime, by a Poisson count of 5,000 um: 4 standard errors."""
    for rate in (0.05, 0.1):
        dynamics = Dynamics(law=law, boundary=EDGE, formation=FormationRate(rate=rate))
        wanted = Density(dynamics).spine_density()
        lifetime = float(Density(dynamics).mean_lifetime(EDGE.size_new)[0])
        assert wanted == pytest.approx(rate * lifetime, rel=1e-3)
        dendrite = Dendrite(dynamics, NONE, seed=3, dendrites=100, spine_density=wanted, slow_day=0.1)
        _, snapshot = _turnover(dendrite, 20, 20)
        assert len(snapshot) / 5000 == pytest.approx(wanted, abs=4 * math.sqrt(wanted / 5000))
        formed = snapshot.formed / 5000 / 20
        assert formed == pytest.approx(rate, abs=4 * math.sqrt(rate / 5000 / 20))


@pytest.mark.slow
def test_turnover_does_not_depend_on_the_slow_step():
    """As the test of the fixed count, with 30,000 events: 4 %."""
    wanted = Density(closed(LAWS[0])).turnover_rate()
    for slow_day in (0.2, 0.05, 0.01):
        dendrite = Dendrite(closed(LAWS[0]), NONE, seed=2, dendrites=400, slow_day=slow_day)
        found, _ = _turnover(dendrite, 20, 1)
        assert found == pytest.approx(wanted, rel=0.04)


@pytest.mark.slow
def test_turnover_with_activity_does_not_depend_on_the_slow_step():
    """The slice with all its mechanisms: about 30,000 eliminations, 5 % between steps."""
    preset, rates = load_preset("ca1_slice"), []
    for slow_day in (0.2, 0.05, 0.01):
        dendrite = Dendrite(preset.dynamics, preset.mechanisms, seed=4, dendrites=200, slow_day=slow_day)
        rates.append(_turnover(dendrite, 10, 5)[0])
    assert rates == pytest.approx([rates[-1]] * 3, rel=0.05)


@pytest.mark.parametrize("slow_day", [0.01, 0.05, 0.2])
def test_what_events_do_does_not_depend_on_the_slow_step(slow_day):
    """Nearly still sizes: the enlargement by one event is the same to 0.1 % whatever the slow clock does."""
    law = load_preset("ca1_slice").mechanisms.potentiation
    dendrite = Dendrite(Dynamics(law=STILL.model_copy(update={"recovery_rate": 1e-6})), Mechanisms(potentiation=law),
                        seed=1, position_um=[20.0], size=0.05, slow_day=slow_day)  # fmt: skip
    event = {"kind": "uncaging", "at_s": 0, "spines": 0, "pulses": 60, "rate_hz": 60, "magnesium_free": True}
    dendrite.schedule([parse(event)])
    (snapshot,) = dendrite.run([6000.0])
    assert snapshot.size[0] / 0.05 - 1 == pytest.approx(law.change(0.05, 100), abs=3e-3)


@pytest.mark.parametrize("tick_s", [5.0, 20.0, 60.0])
def test_what_spreads_does_not_depend_on_the_tick(tick_s):
    """Half an hour after a depression to 2 % of it; in the end not at all."""
    law = UNGATED
    losses = []
    for tick in (tick_s, 1.0):
        dendrite = Dendrite(Dynamics(law=STILL), Mechanisms(depression=law), seed=1, position_um=[20.0, 26.0], size=0.1,
                            intrinsic=False, tick_s=tick)  # fmt: skip
        dendrite.schedule([parse({"kind": "pairing", "at_s": 1.0, "spines": 0, "lead_s": -0.01})])
        losses.append([-np.log(snapshot.size / 0.1) for snapshot in dendrite.run([1800.0, 60_000.0])])
    assert losses[0][0] == pytest.approx(losses[1][0], abs=0.02 * law.shrinkage)
    assert losses[0][1] == pytest.approx(losses[1][1], rel=1e-6)


@pytest.mark.parametrize("law", [LAWS[3], LAWS[4]], ids=lambda law: law.family)
def test_what_events_add_to_log_size_fades_as_the_slow_part(law):
    """Same noise with and without a puff: the difference is kick*exp(-rate*t), exactly; the fast part stays fast."""
    traces = ModulatorTraces(potentiation_time=8, depression_time=4, potentiation_gain=0.5, depression_gain=0.6,
                             pairing_window=0.02, pulses=1)  # fmt: skip
    sizes = []
    for puffs in ([], [{"kind": "noradrenaline", "at_s": 1.01}]):
        dendrite = Dendrite(Dynamics(law=law), Mechanisms(traces=traces), seed=1, dendrites=3)
        dendrite.schedule([parse({"kind": "pairing", "at_s": 1.0, "spines": list(range(50))}), *map(parse, puffs)])
        sizes.append([np.log(snapshot.size) for snapshot in dendrite.run([2.0, 10 * DAY])])
    at_once, later = sizes[1][0] - sizes[0][0], sizes[1][1] - sizes[0][1]
    assert at_once == pytest.approx(0.5, rel=1e-4)
    assert later == pytest.approx(0.5 * math.exp(-10 * law.recovery_rate), rel=1e-4)


@pytest.mark.parametrize("gain", [0.0, 4.0])
def test_formation_is_enriched_around_a_hot_spot_by_the_law(gain):
    """Counts in bins of 2.5 um against rate*(1 + gain*heat): chi-square at 1e-3; hot spots in the middle of nodes.

    With gain 0 formation is even.
    """
    clustering = Clustering(gain=gain, reach=2.0, memory=1e6)
    potentiation = load_preset("ca1_slice").mechanisms.potentiation.model_copy(update={"pulses": 1.0})
    dynamics = Dynamics(
        law=STILL, boundary=Boundary(size_min=1e-3, size_new=0.05), formation=FormationRate(rate=0.2)
    )  # nothing is eliminated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpinulaWarning)  # of hot spots that never fade
        dendrite = Dendrite(dynamics, Mechanisms(clustering=clustering, potentiation=potentiation), seed=6,
                            dendrites=200, position_um=[20.25, 49.75], size=0.1)  # fmt: skip
    spots = [{"kind": "uncaging", "at_s": 0, "spines": n, "magnesium_free": True} for n in (0, 1)]  # one at an end
    dendrite.schedule([parse(event) for event in spots])
    (snapshot,) = dendrite.run([5 * DAY])
    edges = np.linspace(0, 50, 21)
    found = np.histogram(snapshot.position_um[snapshot.spine_id > 1], edges)[0]
    x = np.linspace(0, 50, 20_001)
    density = 1 + gain * (np.exp(-np.abs(x - 20.25) / 2) + np.exp(-np.abs(x - 49.75) / 2))
    inside = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(x))])
    wanted = 0.2 * 5 * 200 * np.diff(np.interp(edges, x, inside))
    assert found.sum() == pytest.approx(wanted.sum(), abs=4 * math.sqrt(wanted.sum()))
    assert stats.chi2.sf(((found - wanted) ** 2 / wanted).sum(), 20) > 1e-3


def test_hot_spots_fade_and_eliminations_make_them():
    """All spines shrink away at once; formation is faster for about ``memory``: Poisson, 4 standard errors and 2 %."""
    clustering = Clustering(gain=3.3, reach=3.0, memory=1.0)
    law = load_preset("ca1_slice").mechanisms.depression.model_copy(
        update={"pulses": 1.0, "ungated": 1.0, "shrinkage": 3.0}
    )
    dynamics = Dynamics(law=STILL, boundary=Boundary(size_min=0.01, size_new=0.1), formation=FormationRate(rate=0.05))
    dendrite = Dendrite(dynamics, Mechanisms(clustering=clustering, depression=law), seed=7, dendrites=300,
                        position_um=[50.0], size=0.1, geometry=branch(100.0))  # fmt: skip
    dendrite.schedule([parse({"kind": "pairing", "at_s": 1.0, "spines": 0, "lead_s": -0.01})])
    start, first = dendrite.run([0.5 * DAY, 3.5 * DAY])
    assert start.eliminated == 300
    heat = 3.3 * 6.0 * (math.exp(-0.5) - math.exp(-3.5))  # gain * 2*reach * integral of the fading
    wanted = 300 * 0.05 * (100.0 * 3 + heat)
    assert first.formed == pytest.approx(wanted, abs=4 * math.sqrt(wanted) + 0.02 * wanted)
    assert first.eliminated == 0


def test_a_spine_formed_within_a_slow_step_lives_from_then_on():
    """With a fixed count, what depression eliminated is replaced: born then, and moved by the noise of its age only.

    The SD of 400 moves in units of the law's: 4 standard errors.
    """
    law = UNGATED.model_copy(update={"shrinkage": 5.0, "field_time": 10.0})
    dynamics = Dynamics(law=LAWS[0], boundary=Boundary(size_min=0.02, size_new=0.1))
    dendrite = Dendrite(dynamics, Mechanisms(depression=law), seed=1, dendrites=400, position_um=[25.0], size=0.1,
                        slow_day=0.5)  # fmt: skip
    start, end = 0.3 * DAY, 0.3 * DAY + 1200
    events = [
        {"kind": "pairing", "at_s": start, "spines": 0, "lead_s": -0.01},
        {"kind": "drug", "at_s": start + 21, "drug": "cofilin_inhibitor"},
    ]  # after the tick that eliminates
    dendrite.schedule([parse(event) for event in events])
    (snapshot,) = dendrite.run([end])
    assert snapshot.eliminated == snapshot.formed == len(snapshot) == 400
    assert snapshot.born_day * DAY == pytest.approx(start + 20, abs=0.02)
    moves = (snapshot.size - 0.1) / (LAWS[0].spread(0.1) * math.sqrt(1180 / DAY))
    assert moves.std() == pytest.approx(1.0, abs=4 / math.sqrt(800))


def test_clustering_that_would_run_away_is_pointed_out():
    hot = Mechanisms(clustering=Clustering(gain=4.0, reach=2.0, memory=2.0))
    dynamics = Dynamics(law=LAWS[0], boundary=EDGE, formation=FormationRate(rate=0.1))
    with pytest.warns(SpinulaWarning, match=r"3\.2 formations"):
        Dendrite(dynamics, hot, seed=1)
    Dendrite(closed(LAWS[0]), hot, seed=1)  # a fixed count cannot


def test_laws_and_boundaries_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInputError, match="Kesten map"):
        Dendrite(Dynamics(law=KestenMap(interval=1.0, kept_mean=0.9, kept_sd=0.1, added_mean=0.01, added_sd=0.004)),
                 NONE, seed=1)  # fmt: skip
    with pytest.raises(InvalidInputError, match="needs a boundary"):
        Dendrite(Dynamics(law=LAWS[0], formation=FormationRate(rate=0.1)), NONE, seed=1)


def test_a_law_that_lets_sizes_fall_to_nothing_needs_a_boundary():
    law = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.01)
    with pytest.raises(InvalidInputError, match="give a boundary, or a noise_floor of 0"):
        Dendrite(Dynamics(law=law), Mechanisms(), seed=1)
