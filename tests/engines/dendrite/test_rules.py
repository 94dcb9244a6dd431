"""Traces, calcium, dopamine and drugs on a dendrite: against the laws, and plain Python on random trains."""

import math

import numpy as np
import pytest
from pydantic import TypeAdapter

from spinula.engines.dendrite import Dendrite, Event
from spinula.engines.dendrite.rules import CLOSED
from spinula.law import Dynamics, LinearLaw
from spinula.law.drugs import CLOSES, DRUGS, GATES
from spinula.law.mechanisms import Mechanisms
from spinula.law.modulation.dips import dip_contrast
from spinula.law.modulation.traces import ModulatorTraces
from spinula.law.plasticity.calcium import CalciumRule
from spinula.law.plasticity.spiketiming import SpikeTiming
from spinula.presets import load_preset

SLICE = load_preset("ca1_slice").mechanisms
POTENTIATION = SLICE.potentiation.model_copy(update={"pulses": 1.0})
UNGATED = SLICE.depression.model_copy(update={"pulses": 1.0, "ungated": 1.0, "protection_gain": 0.0})
GATED = UNGATED.model_copy(update={"ungated": 0.1})
BURSTS = load_preset("striatum_d1").mechanisms.reinforcement.model_copy(update={"pulses": 1.0, "bursts": 1.0})
DIPS = load_preset("striatum_d2").mechanisms.dips.model_copy(update={"pulses": 1.0, "dips": 1.0})
DYNAMICS = Dynamics(law=LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.0))
SIZE, LONG = 0.1, 40_000.0
FULL = SIZE * math.exp(-SIZE / 0.12)
CALCIUM = CalciumRule(calcium_time=0.02, pre_delay=0.0137, pre_step=1, post_step=2, depression_threshold=1,
                      potentiation_threshold=1.3, depression_rate=200, potentiation_rate=321.8, time_scale=150,
                      size_low=0.02, size_high=0.5)  # fmt: skip
TIMING = SpikeTiming(potentiation_step=0.01, depression_step=0.012, potentiation_time=0.02, depression_time=0.04)
parse = TypeAdapter(Event).validate_python


def gained(events, *, until=LONG, stops=(), slow_day=0.05, **mechanisms):
    """Return what the first spine gained, um3."""
    dendrite = Dendrite(DYNAMICS, Mechanisms(**mechanisms), seed=1, position_um=[20.0], size=SIZE, intrinsic=False,
                        slow_day=slow_day)  # fmt: skip
    dendrite.schedule([parse(event) for event in events])
    return [snapshot.size[0] for snapshot in dendrite.run([*stops, until])][-1] - SIZE


def pair(at=10.0, lead=0.01, **more):
    return {"kind": "pairing", "at_s": at, "spines": 0, "lead_s": lead, **more}


def drug(name, at=0.0, **more):
    return {"kind": "drug", "at_s": at, "drug": name, **more}


def burst(at, amount=1.0):
    return {"kind": "dopamine", "at_s": at, "burst": amount}


def dip(at, seconds=0.4, **more):
    return {"kind": "dopamine", "at_s": at, "dip_s": seconds, **more}


def _random_train(seed=3, count=200):
    """Return (moment, is a spike), dense enough for the traces to overlap."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.exponential(0.015, count)), rng.random(count) < 0.5


def _as_events(times, spikes):
    glutamate = {"kind": "uncaging", "spines": 0}
    return [
        {**({"kind": "spikes"} if s else glutamate), "at_s": t} for t, s in zip(times.tolist(), spikes, strict=True)
    ]


def test_the_pair_rule_counts_all_pairs_of_a_random_train():
    times, spikes = _random_train()
    log_change = sum(TIMING.change(t - g) for t in times[spikes] for g in times[~spikes])
    found = gained(_as_events(times, spikes), spiketiming=TIMING)
    assert math.log(1 + found / SIZE) == pytest.approx(log_change, rel=1e-9)
    assert abs(log_change) > 0.05


def _calcium_by_hand(times, spikes, end):
    """Follow calcium from pulse to pulse, cutting each interval where a threshold is crossed."""
    pulses = [(t, CALCIUM.post_step) if s else (t + CALCIUM.pre_delay, CALCIUM.pre_step)
              for t, s in zip(times, spikes, strict=True)]  # fmt: skip
    size, calcium, now = SIZE, 0.0, 0.0
    up, down = CALCIUM.potentiation_rate / CALCIUM.time_scale, CALCIUM.depression_rate / CALCIUM.time_scale
    for when, step in [*sorted(pulses), (end, 0.0)]:
        marks = [now + CALCIUM.calcium_time * math.log(calcium / th) for th in (1.3, 1.0) if calcium > th]
        for stop in [*(mark for mark in marks if mark < when), when]:
            middle = calcium * math.exp(-(0.5 * (now + stop) - now) / CALCIUM.calcium_time)
            rates = (up if middle > 1.3 else 0.0, down if middle > 1.0 else 0.0)
            if sum(rates) > 0:
                target = (rates[0] * CALCIUM.size_high + rates[1] * CALCIUM.size_low) / sum(rates)
                size = target + (size - target) * math.exp(-sum(rates) * (stop - now))
            calcium *= math.exp(-(stop - now) / CALCIUM.calcium_time)
            now = stop
        calcium += step
    return size


@pytest.mark.parametrize("tail", [0.0005, 0.02, 5.0])
def test_the_calcium_rule_follows_a_random_train_up_to_the_snapshot(tail):
    times, spikes = _random_train()
    spikes[-1] = True
    end = float(times[-1] + tail)
    wanted = _calcium_by_hand(times, spikes, end)
    found = gained(_as_events(times, spikes), until=end, calcium=CALCIUM)
    assert SIZE + found == pytest.approx(wanted, rel=1e-9)
    stopped = gained(_as_events(times, spikes), until=end, stops=[0.4, 1.1], calcium=CALCIUM)
    assert stopped == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("delay", [-6.0, -1.0, -0.2, 0.0, 0.3, 0.655, 1.1, 2.0, 5.0])
def test_a_burst_enlarges_by_its_kernel(delay):
    found = gained([pair(), burst(10 + delay)], reinforcement=BURSTS)
    assert found / (BURSTS.gain * FULL) == pytest.approx(BURSTS.kernel(delay), abs=1e-6)


def test_a_train_of_pairings_counts_from_its_onset_and_by_its_number():
    law = BURSTS.model_copy(update={"pulses": 10.0, "bursts": 15.0})
    train = pair(pulses=10, rate_hz=10)
    whole = gained([train, burst(10.6)], reinforcement=law)
    assert whole / (law.gain * FULL / 15) == pytest.approx(law.kernel(0.6), abs=1e-6)
    half = gained([pair(pulses=5, rate_hz=10), burst(10.6)], reinforcement=law)
    assert half / whole == pytest.approx(0.5, rel=1e-6)
    two = gained([train, burst(10.6), pair(20, pulses=10, rate_hz=10), burst(20.6)], reinforcement=law)
    assert two / whole == pytest.approx(2, rel=1e-3)  # the spine has grown a little in between
    assert gained([train, burst(10.6, 0.5), burst(10.6, 0.25)], reinforcement=law) / whole == pytest.approx(
        0.75, rel=1e-6
    )
    assert gained([train, burst(10.6, 5.0)], reinforcement=law) == pytest.approx(law.gain * FULL / 15)  # at most full


def test_neither_pairing_nor_dopamine_alone_enlarges():
    assert gained([pair()], reinforcement=BURSTS) == 0.0
    assert gained([burst(10)], reinforcement=BURSTS) == 0.0
    loose = pair(lead=BURSTS.pairing_window + 0.001)
    assert gained([loose, burst(10.6)], reinforcement=BURSTS) == 0.0
    assert gained([loose, dip(10.6, 5.0)], dips=DIPS) == 0.0
    tight = pair(lead=BURSTS.pairing_window - 0.001)
    assert gained([tight, burst(10.6)], reinforcement=BURSTS) > 0.0


@pytest.mark.parametrize("slow_day", [0.01, 0.3])
@pytest.mark.parametrize("stops", [(), (10.3, 12.0), (16.0, 17.0)], ids=["none", "train open", "at the reading"])
def test_an_open_train_does_not_depend_on_snapshots_or_the_slow_clock(stops, slow_day):
    """Enlargement starts when the train is read, 6 s after its onset; no slow step or snapshot delays it."""
    found = gained([pair(), burst(10.6)], until=1210.0, stops=stops, slow_day=slow_day, reinforcement=BURSTS)
    share = -math.expm1(-(1210.0 - 16.0) / BURSTS.consolidation_time)
    assert found == pytest.approx(BURSTS.gain * FULL * BURSTS.kernel(0.6) * share, rel=1e-9)


def test_a_late_kernel_is_waited_for():
    late = BURSTS.model_copy(update={"kernel_scale": 4.0, "kernel_power": 2.0, "kernel_onset": 4.0})
    found = gained([pair(), burst(20.0)], reinforcement=late)
    assert found / (late.gain * FULL) == pytest.approx(late.kernel(10.0), abs=1e-6)


@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.53, 2.0])
def test_a_dip_enlarges_by_its_delay_and_duration(seconds):
    for delay in (-0.5, 0.4, 0.755, 1.5):
        found = gained([pair(), dip(10 + delay, seconds)], dips=DIPS)
        assert found / (DIPS.gain * FULL) == pytest.approx(DIPS.response(delay, seconds), abs=1e-6)
    shallow = gained([pair(), dip(10.7, seconds, depth=0.5)], dips=DIPS)
    assert shallow / (DIPS.gain * FULL) == pytest.approx(DIPS.response(0.7, seconds, contrast=0.5), abs=1e-6)


@pytest.mark.parametrize("occupancy", [0.0, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("meth", [False, True])
def test_drugs_change_what_receptors_see_of_a_dip(meth, occupancy):
    drugs = [drug("methamphetamine")] if meth else []
    drugs += [drug("d2_antagonist", dose=occupancy)] if occupancy else []
    tonic, floor = (DIPS.drug_tonic, DIPS.drug_floor) if meth else (1.0, 0.0)
    contrast = dip_contrast(tonic, tonic * floor, occupancy)
    found = gained([*drugs, pair(), dip(10.7, 2.0)], dips=DIPS)
    assert found / (DIPS.gain * FULL) == pytest.approx(DIPS.response(0.7, 2.0, contrast=contrast), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "signal", "law"),
    [("d1_antagonist", burst(10.6), {"reinforcement": BURSTS}), ("a2a_antagonist", dip(10.6, 2.0), {"dips": DIPS})],
)
def test_the_drugs_of_the_moment_of_dopamine_count(name, signal, law):
    free = gained([pair(), signal], **law)
    assert gained([pair(), drug(name, 10.5, until_s=11), signal], **law) == 0.0
    assert gained([pair(), drug(name, 10.7), signal], **law) == pytest.approx(free)
    assert gained([drug(name, 9, until_s=10.3), pair(), signal], **law) == pytest.approx(free)


@pytest.mark.parametrize("delay", [0.5, 4.0, 12.0])
def test_modulators_convert_their_traces(delay):
    law = ModulatorTraces(potentiation_time=8, depression_time=4, potentiation_gain=0.3, depression_gain=0.6,
                          pairing_window=0.02, pulses=1)  # fmt: skip
    for lead, kind, options in (
        (0.01, "noradrenaline", {"serotonin": 0.0}),
        (-0.01, "serotonin", {"noradrenaline": 0.0}),
    ):
        onset = 10 + max(lead, 0.0)  # the trace begins with the second of the two
        events = [pair(lead=lead), {"kind": kind, "at_s": onset + delay}]
        assert math.log(1 + gained(events, traces=law) / SIZE) == pytest.approx(law.change(delay, **options), rel=1e-9)
        again = [*events, {"kind": kind, "at_s": onset + delay + 0.1}]
        assert gained(again, traces=law) == pytest.approx(gained(events, traces=law))  # it was used up
        other = {"noradrenaline": "serotonin", "serotonin": "noradrenaline"}[kind]
        assert gained([pair(lead=lead), {"kind": other, "at_s": 11}], traces=law) == 0.0


def test_the_strength_of_glutamate_counts_in_every_pairing():
    """A pulse of a quarter that spikes follow leaves a quarter of a tag and of a trace."""
    law = ModulatorTraces(potentiation_time=8, depression_time=4, potentiation_gain=0.3, depression_gain=0.6,
                          pairing_window=0.02, pulses=1)  # fmt: skip
    weak = [{"kind": "uncaging", "at_s": 10, "spines": 0, "strength": 0.25}, {"kind": "spikes", "at_s": 10.01}]
    assert gained([*weak, burst(10.6)], reinforcement=BURSTS) == pytest.approx(
        0.25 * gained([pair(), burst(10.6)], reinforcement=BURSTS)
    )
    puff = {"kind": "noradrenaline", "at_s": 11}
    ratio = math.log(1 + gained([*weak, puff], traces=law) / SIZE)
    assert ratio == pytest.approx(0.25 * math.log(1 + gained([pair(), puff], traces=law) / SIZE))


def test_each_drug_closes_its_gates_and_opens_them_again():
    for number, name in enumerate(DRUGS):
        dendrite = Dendrite(DYNAMICS, Mechanisms(), seed=1, position_um=[20.0], size=SIZE)
        dendrite.schedule([parse(drug(name, 1.0, until_s=2.0))])
        gates = []
        for moment in (0.5, 1.0, 1.5, 2.0):
            dendrite.advance_to(moment)
            gates.append([GATES[k] for k in np.flatnonzero(~dendrite._state.gate[0])])
        assert gates == [[], sorted(CLOSES[name], key=GATES.index), gates[1], []]
        assert set(gates[1]) == {gate for gate, closed in zip(GATES, CLOSED[number], strict=True) if closed}


# What is measured, the law it needs, and the gates that it passes.
ASSAYS = {
    "late phase": ([{"kind": "uncaging", "at_s": 10, "spines": 0, "magnesium_free": True}],
                   {"potentiation": POTENTIATION}, {"glutamate", "consolidation"}),
    "shrinkage": ([pair(lead=-0.01)], {"depression": UNGATED}, {"glutamate", "spikes", "shrinkage"}),
    "pair rule": ([pair()], {"spiketiming": TIMING}, {"glutamate", "spikes"}),
    "burst": ([pair(), burst(10.6)], {"reinforcement": BURSTS}, {"glutamate", "spikes", "d1"}),
    "dip": ([pair(), dip(10.6, 2.0)], {"dips": DIPS}, {"glutamate", "spikes", "d2"}),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in DRUGS if CLOSES[name]])
@pytest.mark.parametrize("assay", list(ASSAYS))
def test_a_drug_stops_what_needs_its_gate_and_nothing_else(name, assay):
    events, law, needs = ASSAYS[assay]
    found = gained([drug(name), *events], **law)
    assert found == pytest.approx(0.0 if needs & {*CLOSES[name]} else gained(events, **law), abs=1e-12)


@pytest.mark.parametrize("name", ["none", *DRUGS])
def test_drugs_on_the_gain_of_pairing_and_on_inhibition(name):
    """Without synthesis of proteins pairing is as glutamate alone; with GABA-A blocked shrinkage is ungated."""
    given = [] if name == "none" else [drug(name)]
    gates = () if name == "none" else CLOSES[name]
    paired = gained([*given, pair()], potentiation=POTENTIATION) / FULL
    works = not {"glutamate", "spikes", "consolidation"} & {*gates}
    assert paired == pytest.approx(works * (1.0 if "synthesis" in gates else POTENTIATION.paired_gain), abs=1e-6)
    gaba = {"kind": "gaba", "at_s": 9.94, "spine": 0}
    loss = -math.log(1 + gained([*given, gaba, pair(lead=-0.01)], depression=GATED) / SIZE)
    share = 0.0 if {"glutamate", "spikes", "shrinkage"} & {*gates} else 0.1 if "inhibition" in gates else 1.0
    assert loss == pytest.approx(share * GATED.shrinkage, rel=0.01)


def test_camkii_inhibition_leaves_the_transient_enlargement():
    event = ASSAYS["late phase"][0]
    early = [gained([*given, *event], until=10.0, potentiation=POTENTIATION) for given in ([], [drug(DRUGS[1])])]
    assert early[0] == early[1] == pytest.approx(1.5 * SIZE)
