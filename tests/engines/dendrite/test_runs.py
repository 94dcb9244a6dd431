"""Same seed, same bytes: threads, saved states, growing arrays, and events that are scheduled in parts."""

import dataclasses

import numpy as np
import pytest
from pydantic import TypeAdapter

from spinula.engines.dendrite import Dendrite, Event
from spinula.engines.dendrite import state as arrays
from spinula.law import FormationRate
from spinula.law.modulation.traces import ModulatorTraces
from spinula.law.plasticity.spiketiming import SpikeTiming
from spinula.presets import load_preset

DAY = 86400.0
PRESET = load_preset("ca1_slice")
TRACES = ModulatorTraces(potentiation_time=8, depression_time=4, potentiation_gain=0.3, depression_gain=0.6,
                         pairing_window=0.02, pulses=10)  # fmt: skip
TIMING = SpikeTiming(potentiation_step=1e-3, depression_step=1e-3, potentiation_time=0.02, depression_time=0.04)
MECHANISMS = PRESET.mechanisms.model_copy(update={"traces": TRACES, "spiketiming": TIMING})
OPEN = PRESET.dynamics.model_copy(update={"formation": FormationRate(rate=0.02)})
parse = TypeAdapter(Event).validate_python
EVENTS = [
    parse(event)
    for event in (
        {"kind": "uncaging", "at_s": 10, "spines": 0, "pulses": 60, "rate_hz": 1, "magnesium_free": True},
        {"kind": "spikes", "at_s": 5, "pulses": 300, "rate_hz": 2, "poisson": True},
        {"kind": "gaba", "at_s": 99.95, "spine": 3},
        {"kind": "pairing", "at_s": 100, "spines": [3, 4], "lead_s": -0.01, "pulses": 80, "rate_hz": 1},
        {"kind": "drug", "at_s": 150, "drug": "cofilin_inhibitor", "until_day": 0.2},
        {"kind": "noradrenaline", "at_s": 102},
    )
]
LATER = [
    parse(event)
    for event in (
        {"kind": "pairing", "at_day": 1, "spines": [5, 6], "pulses": 200, "rate_hz": 3, "poisson": True},
        {"kind": "serotonin", "at_day": 1.0001},
        {"kind": "uncaging", "at_day": 2.5, "spines": list(range(50)), "magnesium_free": True},
    )
]


def _make(dynamics=OPEN, *, events=(*EVENTS, *LATER), mechanisms=MECHANISMS, **options):
    dendrite = Dendrite(dynamics, mechanisms, **{"seed": 4, "dendrites": 6, **options})
    dendrite.schedule(list(events))
    return dendrite


def _bytes(snapshot):
    return [np.asarray(getattr(snapshot, field.name)).tobytes() for field in dataclasses.fields(snapshot)]


@pytest.mark.parametrize("dynamics", [PRESET.dynamics, OPEN], ids=["fixed count", "rate"])
def test_same_seed_same_bytes_for_one_and_two_threads(dynamics):
    times = [0.0, 500.0, 2 * DAY, 5 * DAY]
    one, two, other = ([_bytes(snapshot) for snapshot in _make(dynamics, seed=seed).run(times, threads=threads)]
                       for seed, threads in ((4, 1), (4, 2), (5, 1)))  # fmt: skip
    assert one == two
    assert one[-1] != other[-1]


@pytest.mark.parametrize("stop", [102.0, 179.0, 100_000.0], ids=["in a train", "signal on its way", "between"])
def test_a_restored_run_goes_on_to_the_same_bytes(stop):
    whole = _make()
    whole.advance_to(stop)
    state = whole.state()
    wanted = [_bytes(snapshot) for snapshot in whole.run([stop + 50, 3 * DAY])]
    again = _make()
    again.restore(state)
    assert again.now_s == stop
    assert [_bytes(snapshot) for snapshot in again.run([stop + 50, 3 * DAY])] == wanted
    whole.restore(state)  # back in time on the same object
    assert [_bytes(snapshot) for snapshot in whole.run([stop + 50, 3 * DAY])] == wanted


def test_a_restored_run_takes_new_events():
    first = _make(events=EVENTS)
    first.advance_to(1000.0)
    state = first.state()
    first.schedule(LATER)
    wanted = [_bytes(snapshot) for snapshot in first.run([3 * DAY])]
    second = _make(events=EVENTS)
    second.restore(state)
    second.schedule(LATER)
    assert [_bytes(snapshot) for snapshot in second.run([3 * DAY])] == wanted


@pytest.mark.parametrize("pause", [0.0, 1000.0, DAY])
def test_scheduling_in_parts_is_scheduling_at_once(pause):
    """Also when the second part begins at the very moment of the pause."""
    whole, parts = _make(), _make(events=EVENTS)
    for dendrite in (whole, parts):
        dendrite.advance_to(pause)
    parts.schedule(LATER)
    assert parts.pulses.tobytes() == whole.pulses.tobytes()
    if pause < DAY:
        assert [_bytes(s) for s in parts.run([2 * DAY])] == [_bytes(s) for s in whole.run([2 * DAY])]


def test_events_at_the_moment_of_a_snapshot_are_in_it_once():
    """Whether a tick, a slow step or nothing else falls on that moment, and whether the event was known beforehand.

    A slow step that a snapshot closes comes before events added at that moment, and after those that were known.
    """
    event = parse({"kind": "uncaging", "at_s": 0.0, "spines": 7, "magnesium_free": True})
    for moment in (20.0, 4320.0, 4321.0):
        late = event.model_copy(update={"at_s": moment})
        planned = _make(events=[*EVENTS, late])
        added = _make(events=EVENTS)
        (before,) = added.run([moment])
        added.schedule([late])
        (after,), (at_once,) = added.run([moment]), planned.run([moment])
        assert after.transient[after.spine_id == 7].min() > before.transient[before.spine_id == 7].min()
        assert after.size == pytest.approx(at_once.size, rel=0.02)
        assert (before.delivered + after.delivered, after.delivered) == (at_once.delivered, 6)


def test_growing_does_not_change_bytes():
    """From two spines to many: arrays grow on the way, or were wide from the start."""
    plain = MECHANISMS.model_copy(update={"clustering": None})
    dynamics = OPEN.model_copy(update={"formation": FormationRate(rate=0.5)})
    options = {"position_um": [10.0, 20.0], "size": 0.1, "events": EVENTS[:2], "mechanisms": plain}
    narrow, wide = _make(dynamics, **options), _make(dynamics, **options)
    slots = narrow._state.spine.shape[1]
    for _ in range(6):
        wide._state = arrays.grown(wide._state)
    (one,), (two,) = narrow.run([20 * DAY]), wide.run([20 * DAY])
    assert narrow._state.spine.shape[1] > slots
    assert np.bincount(one.dendrite).max() > slots
    assert _bytes(one) == _bytes(two)


def test_identities_are_new_at_each_birth_and_positions_stay():
    first, last = _make(PRESET.dynamics).run([0.0, 10 * DAY])
    old = dict(zip(zip(first.dendrite, first.spine_id, strict=True), first.position_um, strict=True))
    new = dict(zip(zip(last.dendrite, last.spine_id, strict=True), last.position_um, strict=True))
    assert len(new) == len(last)
    kept = old.keys() & new.keys()
    assert 0 < len(kept) < len(old)
    assert all(old[key] == new[key] for key in kept)
    assert (last.born_day[last.spine_id >= 50] > 0).all()
    assert np.isnan(last.born_day[last.spine_id < 50]).all()
    assert last.formed == last.eliminated > 0
