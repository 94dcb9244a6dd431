"""Events: what is refused and why, trains, the order within a moment, and the table of pulses."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from spinula.core.streams import Streams
from spinula.engines.dendrite import KINDS, Dendrite, Event, EventError, branch, pulse_table
from spinula.engines.dendrite.compile import Pulses, compile_events
from spinula.law import Dynamics, LinearLaw
from spinula.law.drugs import DRUGS
from spinula.law.mechanisms import Mechanisms
from spinula.law.plasticity.calcium import CalciumRule

PARSE = TypeAdapter(Event).validate_python
DYNAMICS = Dynamics(law=LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.0))
PLACES = np.array([5.0, 10.0, 40.0])
GROUPS = {"one": [1], "both": [0, 2]}


def _pulses(*events, mechanisms=None, seed=1, **options):
    collector = Pulses(branch(50.0), PLACES, GROUPS)
    made = [PARSE(event) for event in events]
    return compile_events(made, collector, mechanisms or Mechanisms(), Streams(seed), **options)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"kind": "spikes", "at_s": 1, "at_min": 1}, "mixed units: at_s, at_min are given"),
        ({"kind": "spikes"}, "give one of at_s, at_min, at_day"),
        ({"kind": "spikes", "at_day": -1}, "before the start of the run"),
        ({"kind": "spikes", "at_s": float("nan")}, "finite"),
        ({"kind": "spikes", "at_s": 1, "pulses": 3}, "needs rate_hz"),
        ({"kind": "spikes", "at_s": 1, "pulses": 0}, "greater than or equal to 1"),
        ({"kind": "spikes", "at_s": 1, "pulses": 3, "rate_hz": 0}, "greater than 0"),
        ({"kind": "uncaging", "at_s": 1}, "spines"),
        ({"kind": "uncaging", "at_s": 1, "spines": 0, "strength": 1.1}, "less than or equal to 1"),
        ({"kind": "pairing", "at_s": 1, "spines": 0, "lead_s": 1.1}, "less than or equal to 1"),
        ({"kind": "gaba", "at_s": 1}, "either position_um or spine"),
        ({"kind": "gaba", "at_s": 1, "spine": 0, "position_um": 3.0}, "either position_um or spine"),
        ({"kind": "dopamine", "at_s": 1}, "either burst or dip_s"),
        ({"kind": "dopamine", "at_s": 1, "burst": 1, "dip_s": 1}, "either burst or dip_s"),
        ({"kind": "dopamine", "at_s": 1, "dip_s": -0.4}, "greater than 0"),
        ({"kind": "dopamine", "at_s": 1, "dip_s": 0.4, "depth": 1.2}, "less than or equal to 1"),
        ({"kind": "noradrenaline", "at_s": 1, "strength": 0}, "greater than 0"),
        ({"kind": "drug", "at_s": 1, "drug": "aspirin"}, "nmda_blocker"),
        ({"kind": "drug", "at_s": 9, "drug": "tetrodotoxin", "until_s": 8}, "washed out before it is given"),
        ({"kind": "drug", "at_s": 9, "drug": "tetrodotoxin", "until_s": 19, "until_min": 1}, "mixed units"),
        ({"kind": "drug", "at_s": 9, "drug": "tetrodotoxin", "dose": 2}, "less than or equal to 1"),
        ({"kind": "spikes", "at_s": 1, "colour": "red"}, "Extra inputs"),
        ({"kind": "electrode", "at_s": 1}, "uncaging"),
    ],
)
def test_events_that_make_no_sense_are_refused(event, reason):
    with pytest.raises(ValidationError, match=reason):
        PARSE(event)


@pytest.mark.parametrize(
    ("event", "field", "problem"),
    [
        ({"kind": "uncaging", "at_s": 1, "spines": "bot"}, "spines", "Did you mean 'both'"),
        ({"kind": "uncaging", "at_s": 1, "spines": [0, 3]}, "spines", "there are 3 spines"),
        ({"kind": "uncaging", "at_s": 1, "spines": -1}, "spines", "counted from 0"),
        ({"kind": "gaba", "at_s": 1, "spine": "nobody"}, "spine", "no group of spines"),
        ({"kind": "gaba", "at_s": 1, "spine": "both"}, "spine", "names 2 spines"),
        ({"kind": "gaba", "at_s": 1, "position_um": 60.0}, "position_um", "must lie on the dendrite"),
        ({"kind": "gaba", "at_s": 1, "spine": 0, "offset_um": -6.0}, "position_um", "must lie on the dendrite"),
        ({"kind": "pairing", "at_s": 0.005, "spines": 0, "lead_s": -0.01}, "lead_s", "first spike would come before"),
    ],
)
def test_events_that_cannot_happen_here_name_their_number_and_field(event, field, problem):
    with pytest.raises(EventError, match=problem) as caught:
        _pulses({"kind": "spikes", "at_s": 0}, event)
    assert (caught.value.number, caught.value.field) == (1, field)


def test_events_in_the_past_are_refused_and_change_nothing():
    dendrite = Dendrite(DYNAMICS, Mechanisms(), seed=1, position_um=PLACES, size=0.1)
    dendrite.advance_to(10.0)
    with pytest.raises(EventError, match=r"at 9\.9 s, but the run is at 10 s"):
        dendrite.schedule([PARSE({"kind": "spikes", "at_s": 11}), PARSE({"kind": "spikes", "at_s": 9.9})])
    assert len(dendrite.pulses) == 0
    dendrite.schedule([PARSE({"kind": "spikes", "at_s": 10})])
    assert len(dendrite.pulses) == 1


@pytest.mark.parametrize("unit", [("at_s", 120.0), ("at_min", 2.0), ("at_day", 120 / 86400)])
def test_an_even_train_is_even_in_any_unit(unit):
    ops = _pulses({"kind": "spikes", unit[0]: unit[1], "pulses": 4, "rate_hz": 10})
    assert ops[:, 0] == pytest.approx(120 + np.arange(4) / 10)


def test_poisson_trains_are_reproducible_and_have_their_rate():
    """The mean of 4,000 exponential intervals: 4 standard errors, 1e-4."""
    train = {"kind": "spikes", "at_s": 5, "pulses": 4000, "rate_hz": 8, "poisson": True}
    one, again, other = (_pulses(train, train, seed=seed) for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != other.tobytes()
    first = _pulses(train)[:, 0]
    assert first.min() > 5
    assert np.diff(first, prepend=5.0).mean() == pytest.approx(1 / 8, rel=4 / np.sqrt(4000))
    second = _pulses(train, first=1)[:, 0]
    assert not np.isin(second, first).any()  # each event of a run has its own train
    assert np.sort(np.concatenate([first, second])).tolist() == one[:, 0].tolist()


def test_within_a_moment_the_order_of_the_list_does_not_matter():
    events = [
        {"kind": "drug", "at_s": 1, "drug": "nmda_blocker", "until_s": 2},
        {"kind": "gaba", "at_s": 1, "position_um": 3},
        {"kind": "uncaging", "at_s": 1, "spines": 0},
        {"kind": "spikes", "at_s": 1},
        {"kind": "dopamine", "at_s": 1, "burst": 1},
        {"kind": "noradrenaline", "at_s": 1},
    ]
    assert _pulses(*events).tobytes() == _pulses(*events[::-1]).tobytes()
    assert pulse_table(_pulses(*events))["kind"].tolist() == [
        "drug", "gaba", "glutamate", "spike", "dopamine burst", "noradrenaline", "drug"
    ]  # fmt: skip


def test_pairing_is_glutamate_and_a_spike_for_all_its_spines():
    table = pulse_table(_pulses({"kind": "pairing", "at_s": 1, "spines": "both", "lead_s": -0.01}))
    assert table["kind"].tolist() == ["spike", "glutamate", "glutamate"]
    assert table["time_s"].tolist() == pytest.approx([0.99, 1, 1])
    assert table["spine_id"].tolist() == [-1, 0, 2]


def test_the_table_of_pulses_names_what_comes_when():
    rule = CalciumRule(calcium_time=0.02, pre_delay=0.0137, pre_step=1, post_step=2, depression_threshold=1,
                       potentiation_threshold=1.3, depression_rate=200, potentiation_rate=321.8, time_scale=150,
                       size_low=0.02, size_high=0.5)  # fmt: skip
    table = pulse_table(
        _pulses(
            {"kind": "uncaging", "at_day": 1, "spines": "one", "strength": 0.5},
            {"kind": "drug", "at_s": 0, "drug": "d2_antagonist", "dose": 0.8, "until_s": 5},
            {"kind": "dopamine", "at_s": 3, "dip_s": 0.4},
            {"kind": "serotonin", "at_s": 4},
            mechanisms=Mechanisms(calcium=rule),
        )
    )
    assert table.columns.tolist() == ["time_s", "day", "kind", "drug", "spine_id", "amount"]
    assert table["kind"].tolist() == ["drug", "dopamine dip", "serotonin", "drug", "glutamate", "calcium"]
    assert table["time_s"].tolist() == pytest.approx([0, 3, 4, 5, 86400, 86400.0137])
    assert table["day"].iloc[4] == 1.0
    assert table["drug"].tolist() == ["d2_antagonist", "", "", "d2_antagonist", "", ""]
    assert table["spine_id"].tolist() == [-1, -1, -1, -1, 1, 1]
    assert table["amount"].tolist() == [0.8, 0.4, 1.0, 0.0, 0.5, 0.5]
    assert len(pulse_table(_pulses())) == 0


def test_every_kind_of_event_has_pulses():
    extra = {"uncaging": {"spines": 0}, "pairing": {"spines": 0}, "gaba": {"spine": 0}, "dopamine": {"burst": 1},
             "drug": {"drug": DRUGS[0]}}  # fmt: skip
    events = [{"kind": kind, "at_s": 1, **extra.get(kind, {})} for kind in KINDS]
    assert len(_pulses(*events)) == len(KINDS) + 1  # a pairing has two
