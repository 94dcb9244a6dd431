from types import SimpleNamespace

import numpy as np
import pytest

from spinula.core.errors import InvalidInputError
from spinula.engines.silver.device import Device
from spinula.engines.silver.spread import Spread
from spinula.law.silver import SilverGap
from spinula.studies.silver.pavlov import Conditioning, associate
from spinula.studies.silver.pulses import (
    Pulse,
    linearity,
    paired_pulses,
    potentiate_and_depress,
    respond,
    rest,
    short_and_long,
    train,
)

PULSE = Pulse(0.4)


def row_of_gaps(gaps, distance=2.0):
    return SimpleNamespace(
        position=np.column_stack([np.arange(gaps + 1.0), np.zeros(gaps + 1)]),
        tail=np.arange(gaps), head=np.arange(1, gaps + 1), distance=np.full(gaps, distance),
        electrodes={"left": np.array([0]), "right": np.array([gaps])},
    )  # fmt: skip


def one_gap():
    return Device(row_of_gaps(1), SilverGap(), seed=0)


def test_one_pulse_is_forgotten_and_many_are_kept():
    # Short memory: below 10 % at 10 s. Long memory: over half at 1,000 s. Volatile to lasting within 2-23 (row 20).
    found = short_and_long(one_gap, PULSE, [1, 3, 8, 20], [1.0, 10.0, 1000.0])
    assert found.kept[0, 1] < 0.1
    assert found.kept[3, 2] > 0.5
    assert 2 <= found.lasting() <= 23
    assert np.all(np.diff(found.kept[:, 2]) >= 0)
    weak = train(one_gap(), Pulse(0.15), 20)
    assert np.ptp(weak) == 0  # below the threshold field nothing is written


def test_the_same_pulses_far_apart_are_not_kept():
    # Row 21: intervals of 2 s keep, of 20 s do not.
    near, far = (short_and_long(one_gap, Pulse(0.4, off=off), [8], [1000.0]).kept[0, 0] for off in (2.0, 20.0))
    assert near > 0.5
    assert far < near / 5


def test_a_pair_of_pulses_facilitates_and_a_late_one_does_not():
    ratio = paired_pulses(one_gap, PULSE, [0.05, 10.0, 60.0])
    assert 1.2 < ratio[0] < 5
    assert ratio[1] < 1
    assert ratio[2] < 1


def test_potentiation_is_linear_before_it_saturates_and_weak_pulses_depress():
    # Row 16, over the first five pulses; then pulses below the threshold.
    device = one_gap()
    up, down = potentiate_and_depress(device, PULSE, Pulse(0.1, on=1.0, off=1.0), 8)
    assert np.all(np.diff(up) > 0)
    assert linearity(up[:5]) > 0.95
    assert np.all(np.diff(down) < 0)
    # The loss is Joule's: the same time without pulses loses less.
    other = one_gap()
    train(other, PULSE, 8)
    rest(other, PULSE, 16.0)
    assert respond(other, PULSE) > down[-1]


def test_excess_tires_and_rest_restores():
    # Row 23: below 60 % of the largest response under excess; at least 90 % of it after rest.
    device = one_gap()
    first = train(device, PULSE, 300)
    rest(device, PULSE, 300.0)
    second = train(device, PULSE, 40)
    assert 5 < first.argmax() < 100
    assert first[-1] < 0.6 * first.max()
    assert second.max() > 0.9 * first.max()
    # Control: without use of the supply nothing tires as much.
    fresh = Device(row_of_gaps(1), SilverGap(supply_use=0.0), seed=0)
    steady = train(fresh, PULSE, 150)
    assert steady[-1] > 0.9 * steady.max()


def test_bell_and_food_together_teach_and_neither_alone_does():
    # Row 22, on one path of three gaps.
    conditioning = Conditioning(bell=0.74, food=0.74)
    found = associate(
        lambda: Device(row_of_gaps(3, 3.5), SilverGap(), seed=0), conditioning, pairings=10, extinction=1e5
    )
    assert found.gain > 100
    assert found.paired[0] < 2 * found.before < found.paired[-1]  # acquired by repetition
    assert set(found.controls) == {"bell", "food", "unpaired", "nothing"}
    assert found.largest_control < 1.1
    assert found.extinguished < 0.1 * found.paired[-1]


def test_an_association_needs_a_threshold():
    # Negative control of the claim itself: without a threshold field food alone changes what the bell does.
    law = SilverGap(field_threshold=1e-6)
    found = associate(
        lambda: Device(row_of_gaps(3, 3.5), law, seed=0), Conditioning(0.74, 0.74), pairings=10, extinction=1.0
    )
    assert found.largest_control > 1.1


def test_spread_devices_switch():
    # Row 18 on paths with spread: at least 90 % of 60 seeds switch under one pulse of 1 s.
    def switches(seed):
        device = Device(row_of_gaps(4, 2.5), SilverGap(), seed=seed, spread=Spread(distance=0.1))
        pulse = Pulse(1.4, on=1.0)
        before = respond(device, pulse)
        return train(device, pulse, 1)[0] > 100 * before

    assert np.mean([switches(seed) for seed in range(60)]) >= 0.9


def test_bad_input_is_refused():
    with pytest.raises(InvalidInputError, match="on > 0"):
        Pulse(0.4, on=0.0)
    with pytest.raises(InvalidInputError, match="must rise"):
        short_and_long(one_gap, PULSE, [1], [10.0, 1.0])
    with pytest.raises(InvalidInputError, match="changed nothing"):
        short_and_long(one_gap, Pulse(0.15), [2], [10.0])
    with pytest.raises(InvalidInputError, match="at least 1"):
        associate(one_gap, Conditioning(0.5, 0.5), pairings=0, extinction=1.0)
    with pytest.raises(InvalidInputError, match="Known: paired"):
        Conditioning(0.5, 0.5).trial(one_gap(), "whistle")
