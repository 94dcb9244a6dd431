"""Events on a dendrite without intrinsic dynamics: the engine gives what the laws say."""

import math

import numpy as np
import pytest
from pydantic import TypeAdapter

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.dendrite import Dendrite, Event, branch
from spinula.engines.dendrite.state import SHRINK
from spinula.law import Boundary, Dynamics, LinearLaw
from spinula.law.mechanisms import Mechanisms
from spinula.law.plasticity.depression import enlargement_share, exposure
from spinula.law.plasticity.heterosynaptic import Heterosynaptic
from spinula.law.plasticity.homeostasis import Homeostasis
from spinula.law.plasticity.mechanics import Mechanics
from spinula.presets import load_preset

SLICE = load_preset("ca1_slice").mechanisms
POTENTIATION = SLICE.potentiation.model_copy(update={"pulses": 1.0})
DEPRESSION = SLICE.depression.model_copy(update={"pulses": 1.0, "protection_gain": 0.0})
UNGATED = DEPRESSION.model_copy(update={"ungated": 1.0})
DYNAMICS = Dynamics(law=LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.0))
LONG = 40_000.0  # s after which everything has settled
parse = TypeAdapter(Event).validate_python


def after(seconds, events, *, places=(20.0,), size=0.1, dynamics=DYNAMICS, length=None, **mechanisms):
    """Return the snapshot so many seconds after the start of a run without intrinsic dynamics."""
    geometry = branch(length) if length else None
    dendrite = Dendrite(dynamics, Mechanisms(**mechanisms), seed=1, position_um=np.array(places), size=size,
                        geometry=geometry, intrinsic=False)  # fmt: skip
    dendrite.schedule([parse(event) for event in events])
    (snapshot,) = dendrite.run([seconds])
    return snapshot


def uncage(at, spines=0, **more):
    return {"kind": "uncaging", "at_s": at, "spines": spines, "magnesium_free": True, **more}


def pair(at, lead=0.01, spines=0, **more):
    return {"kind": "pairing", "at_s": at, "spines": spines, "lead_s": lead, **more}


def gaba(at, offset=0.0):
    return {"kind": "gaba", "at_s": at, "spine": 0, "offset_um": offset}


def drug(name, at=0.0, **more):
    return {"kind": "drug", "at_s": at, "drug": name, **more}


def lost(*arguments, **options):
    """Return the loss of log-volume of the first spine."""
    return -math.log(after(*arguments, **options).size[0] / 0.1)


@pytest.mark.parametrize("size", [0.03, 0.1, 0.4])
@pytest.mark.parametrize("minutes", [1, 30, 100])
def test_a_full_event_is_that_of_the_law(size, minutes):
    one = after(60 * minutes, [uncage(0)], size=size, potentiation=POTENTIATION)
    assert one.size[0] / size - 1 == pytest.approx(POTENTIATION.change(size, minutes), rel=1e-9)
    train = uncage(0, pulses=60, rate_hz=1000)
    many = after(60 * minutes, [train], size=size, potentiation=SLICE.potentiation)
    assert many.size[0] / size - 1 == pytest.approx(POTENTIATION.change(size, minutes), abs=1e-3)
    assert one.size[0] == pytest.approx(one.consolidated[0] + one.transient[0])


@pytest.mark.parametrize("strength", [0.25, 1.0])
def test_magnesium_lets_glutamate_work_with_spikes_only(strength):
    """Paired, the consolidated part is paired_gain times that of glutamate alone; in both, strength counts."""
    blocked = {"kind": "uncaging", "at_s": 0, "spines": 0, "strength": strength}
    assert after(LONG, [blocked], potentiation=POTENTIATION).size[0] == 0.1
    alone = after(LONG, [uncage(0, strength=strength)], potentiation=POTENTIATION).size[0] - 0.1
    spikes = {"kind": "spikes", "at_s": 0.01, "pulses": 3, "rate_hz": 100}  # of a burst, one spike counts
    paired = after(LONG, [blocked, spikes], potentiation=POTENTIATION).size[0] - 0.1
    assert alone == pytest.approx(strength * 0.1 * math.exp(-0.1 / 0.12), rel=1e-6)
    assert paired / alone == pytest.approx(POTENTIATION.paired_gain, rel=1e-6)
    late = {"kind": "spikes", "at_s": 0.0201}
    assert after(LONG, [blocked, late], potentiation=POTENTIATION).size[0] == 0.1


@pytest.mark.parametrize("order", [1, -1])
def test_glutamate_at_the_moment_of_a_spike_leads_it(order):
    events = [{"kind": "uncaging", "at_s": 1, "spines": 0}, {"kind": "spikes", "at_s": 1}][::order]
    snapshot = after(LONG, events, potentiation=POTENTIATION, depression=UNGATED)
    assert snapshot.size[0] == pytest.approx(after(LONG, [pair(1, 0.0)], potentiation=POTENTIATION).size[0])
    assert snapshot.size[0] > 0.1


def test_only_responders_respond_the_same_ones_all_day():
    """A share of 0.3 of 2,000 spines: 4 standard errors, 1e-4."""
    law = POTENTIATION.model_copy(update={"responders": 0.3})
    events = [uncage(at, list(range(2000))) for at in (0.0, 600.0, 100_000.0)]
    places = np.linspace(1, 999, 2000)
    seen = [after(at + 1, events, places=places, length=1000.0, potentiation=law) for at in (0, 600, 100_000)]
    first, second = seen[0].transient > 0, seen[1].transient > 0.3 * seen[0].transient.max()
    assert first.mean() == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 2000))
    assert (first == second).all()
    other_day = seen[2].transient > 1e-3
    assert 0.03 < (other_day & first).mean() < 0.15  # independent: 0.09


def test_a_depression_has_the_profile_of_its_exposure():
    """In the end to 0.2 % of the peak (nodes of 0.5 um); on the way to 1 % (ticks of 20 s)."""
    away = np.array([0.0, 2.0, 6.0, 12.0, 18.0, -9.0])
    for seconds, error in ((1800.0, 0.01), (LONG, 0.002)):
        found = after(seconds, [pair(1, -0.01)], places=100 + away, length=200.0, depression=UNGATED)
        wanted = [exposure(x, seconds - 1, UNGATED.shrinkage, UNGATED.reach, UNGATED.field_time) for x in away]
        assert -np.log(found.size / 0.1) == pytest.approx(wanted, abs=error * UNGATED.shrinkage)


@pytest.mark.parametrize(
    "events",
    [[], [gaba(0.94, 25.0)], [gaba(1.005)], [gaba(0.85)], [gaba(0.94), drug("gaba_a_blocker")]],
    ids=["none", "25 um away", "after the spike", "too early", "blocked"],
)
def test_without_gaba_near_and_early_shrinkage_is_that_ungated(events):
    full = lost(LONG, [gaba(0.94), pair(1, -0.01)], depression=DEPRESSION)
    assert full == pytest.approx(DEPRESSION.shrinkage, rel=0.01)
    share = lost(LONG, [*events, pair(1, -0.01)], depression=DEPRESSION) / full
    assert share == pytest.approx(DEPRESSION.ungated, abs=1.1 * math.exp(-5))


@pytest.mark.parametrize("gain", [0.0, 3.0])
def test_an_enlarged_spine_is_protected(gain):
    law = UNGATED.model_copy(update={"protection_gain": gain, "protection_time": 1e9, "competition": 0.0})
    small = POTENTIATION.model_copy(update={"consolidated_gain": 0.0})
    loss = lost(LONG, [uncage(0), pair(1, -0.01)], potentiation=small, depression=law)
    assert loss / lost(LONG, [pair(1, -0.01)], depression=law) == pytest.approx(math.exp(-gain), rel=1e-3)


@pytest.mark.parametrize("competition", [0.0, 500.0])
def test_a_shrinking_signal_competes_with_enlargement(competition):
    """By the law's share at the field of the moment; with cofilin inhibited there is no competition."""
    law = UNGATED.model_copy(update={"competition": competition, "shrinkage": 1.0})
    swelling = POTENTIATION.model_copy(update={"transient_time": 1e9})
    dendrite = Dendrite(DYNAMICS, Mechanisms(potentiation=swelling, depression=law), seed=1, position_um=[20, 25],
                        size=0.05, intrinsic=False)  # fmt: skip
    dendrite.schedule([parse(pair(1, -0.01, 0)), parse(uncage(600, 1))])
    (before,) = dendrite.run([599.999])
    field = float(dendrite._state.field[0, SHRINK, dendrite.geometry.node_of(25.0)[0]])
    (snapshot,) = dendrite.run([600.0])
    wanted = 1.5 * before.size[1] * enlargement_share(field, competition)
    assert snapshot.transient[1] == pytest.approx(wanted, rel=1e-9)
    assert (enlargement_share(field, competition) < 0.9) == (competition > 0)
    free = after(600, [pair(1, -0.01, 0), drug("cofilin_inhibitor"), uncage(600, 1)], places=[20, 25], size=0.05,
                 potentiation=swelling, depression=law)  # fmt: skip
    assert free.transient[1] == pytest.approx(1.5 * 0.05)


def test_inhibition_vetoes_a_share_of_paired_potentiation():
    law = {"potentiation": POTENTIATION, "depression": DEPRESSION}
    free, held = (after(2, [*events, pair(1)], **law).transient[0] for events in ([], [gaba(0.95)]))
    assert held / free == pytest.approx(1 - DEPRESSION.veto, rel=1e-3)


def test_several_potentiated_neighbours_shrink_a_spine_and_one_does_not_wherever_it_sits():
    """The law's sum of exp(-distance/reach) also near an end; its loss in closed form to 0.5 % (ticks of 20 s)."""
    law = Heterosynaptic(reach=3.0, time=1200.0, threshold=1.5, rate=7e-4)
    for middle in (25.0, 5.0, 0.6):
        one = after(LONG, [uncage(0, 1)], places=[middle, middle + 1], potentiation=POTENTIATION, heterosynaptic=law)
        assert one.size[0] == 0.1
    places = 20 + np.array([0.0, 1.0, 2.0, 3.0, -1.0, -2.0, -3.0])
    flat = POTENTIATION.model_copy(update={"consolidated_gain": 0.0})
    six = after(LONG, [uncage(0, [1, 2, 3, 4, 5, 6])], places=places, potentiation=flat, heterosynaptic=law)
    crowd = np.exp(-np.abs(places[1:] - 20) / 3.0).sum()
    wanted = 7e-4 * 1200 * (crowd - 1.5 - 1.5 * math.log(crowd / 1.5))
    assert -math.log(six.size[0] / 0.1) == pytest.approx(wanted, rel=0.005)


@pytest.mark.parametrize("contact", [0.0, 1.0])
def test_a_push_raises_release_for_its_lifetime(contact):
    law = Mechanics(gain=0.4, per_volume=10.0, time=1800.0, contact=contact)
    for seconds in (0.0, 600.0, 3600.0):
        snapshot = after(seconds, [uncage(0)], size=0.05, potentiation=POTENTIATION, mechanics=law)
        wanted = 1 + 0.4 * 10.0 * contact * 0.075 * math.exp(-seconds / 1800)
        assert snapshot.release[0] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("slow_day", [0.01, 0.3])
def test_homeostasis_scales_by_one_exact_factor(slow_day):
    """Silence, then a train: the factor is the integral of the average rate, whatever the slow step."""
    law = Homeostasis(target_rate=0.2, scaling_time=4.0, rate_time=3600.0)
    sizes = np.array([0.05, 0.1, 0.4])
    dendrite = Dendrite(DYNAMICS, Mechanisms(homeostasis=law), seed=1, position_um=[5, 10, 15], size=sizes,
                        intrinsic=False, slow_day=slow_day)  # fmt: skip
    dendrite.schedule([parse({"kind": "spikes", "at_day": 1.0, "pulses": 9000, "rate_hz": 1.0})])
    quiet, late = dendrite.run([86400.0 - 1, 2 * 86400.0])
    assert quiet.size / sizes == pytest.approx(math.exp((1 - 1 / 86400) / 4), rel=1e-9)
    times = 86400.0 + np.arange(9000)
    spiked = -np.expm1(-(2 * 86400.0 - times) / 3600).sum()  # integral of the rate
    assert late.size / sizes == pytest.approx(math.exp((2 - spiked / 0.2 / 86400) / 4), rel=1e-9)


@pytest.mark.parametrize("mode", ["fixed_count", "rate"])
def test_elimination_by_depression_counts_and_pulses_to_the_gone_are_missed(mode):
    formation = {"mode": mode} if mode == "fixed_count" else {"mode": mode, "rate": 0.1}
    dynamics = Dynamics(law=DYNAMICS.law, boundary=Boundary(size_min=0.05, size_new=0.06), formation=formation)
    dendrite = Dendrite(dynamics, Mechanisms(depression=UNGATED), seed=1, position_um=[20, 45], size=0.07,
                        intrinsic=False)  # fmt: skip
    dendrite.schedule([parse(pair(1, -0.01, 0)), parse(uncage(LONG + 1, [0, 1]))])
    gone, later = dendrite.run([LONG, LONG + 2])
    assert (gone.eliminated, gone.formed, gone.delivered, gone.missed) == (1, 0, 2, 0)
    assert gone.spine_id.tolist() == [1]
    assert (later.delivered, later.missed, later.eliminated) == (1, 1, 0)


def test_what_a_dendrite_cannot_do_is_refused():
    one = load_preset("striatum_d1").mechanisms.reinforcement
    with pytest.raises(InvalidInputError, match="consolidation_time"):
        Dendrite(DYNAMICS, Mechanisms(potentiation=POTENTIATION, reinforcement=one), seed=1)
    with pytest.raises(OutOfRangeError, match="tick_s"):
        Dendrite(DYNAMICS, Mechanisms(), seed=1, tick_s=0.0)
    with pytest.raises(OutOfRangeError, match="dendrites"):
        Dendrite(DYNAMICS, Mechanisms(), seed=1, dendrites=0)
    dendrite = Dendrite(DYNAMICS, Mechanisms(), seed=1)
    for time in (math.nan, math.inf, -1.0):
        with pytest.raises(OutOfRangeError, match="time_s"):
            dendrite.advance_to(time)
