import numpy as np
import pytest

from spinula.core.streams import Streams
from spinula.engines.network.rates.plastic import Plastic, live, recalled, wiring
from spinula.engines.network.rates.runner import Stimulus, advanced, weights, with_contacts
from spinula.engines.network.rates.state import COMMON, EVENTS, LIVE, NOW, network, packed, rules, unpacked
from spinula.law.circuits.contacts import ContactTurnover, deletion_rate, standing_contacts

SILENT = Stimulus(np.zeros(12), np.arange(12))
RANDOM = Stimulus(np.zeros(12), np.arange(12), chosen=4)


def _same(one, other):
    for name, value in packed(one).items():
        live_only = name.startswith("contacts_")
        end = one.clock[LIVE] if live_only else None
        np.testing.assert_array_equal(value[:end], packed(other)[name][:end], err_msg=name)


def _check_lists(whole, rule):
    size, number = len(whole.neurons.rate), whole.clock[LIVE]
    pair = whole.contacts.pair[:number]
    np.testing.assert_array_equal(whole.pairs.count, np.bincount(pair, minlength=size * size))
    seen = []
    for place in range(size * size):
        contact = whole.pairs.first[place]
        while contact >= 0:
            assert pair[contact] == place
            seen.append(contact)
            contact = whole.contacts.following[contact]
    assert sorted(seen) == list(range(number))
    scale = np.outer(whole.neurons.scale, whole.neurons.scale).ravel() * whole.levels[COMMON]
    summed = np.bincount(pair, weights(whole, rule), size * size)
    np.testing.assert_allclose(whole.pairs.total * scale, summed, rtol=2e-4, atol=2e-4)


def test_lists_and_sums_agree_after_many_events():
    rule = rules()._replace(creation=1e-4, fastest=2e-3)
    whole = network(12, seed=3)
    for _ in range(5):
        whole = advanced(whole, rule, 2_500, RANDOM)
        _check_lists(whole, rule)
    assert whole.clock[EVENTS] > 10_000


def test_weights_are_those_of_the_rule_step_by_step():
    rule = rules()._replace(creation=0.0, slowest=0.0, fastest=1e-30)
    every = np.array([pre * 12 + post for pre in range(12) for post in range(12) if pre != post])
    whole = with_contacts(network(12, seed=1), every, 3, 0.2)
    pre, post = np.divmod(whole.contacts.pair[: whole.clock[LIVE]], 12)
    expected = np.full(len(pre), 0.2)
    states = set()
    for step in range(7_000):  # the weights are folded at 6,000
        state = whole.neurons.rate >= rule.high
        both = state[pre].astype(int) + state[post]
        states |= set(both)
        grown = rule.weight_max + (expected - rule.weight_max) * np.exp(-rule.potentiation)
        shrunk = expected * np.exp(-np.where(both == 1, rule.depression, rule.decay))
        expected = np.where(both == 2, grown, shrunk)
        whole = advanced(whole, rule, 1, RANDOM)
        if step % 500 == 0:
            # Who is active is known to the next step: weights now are those of the states until now.
            now = whole.neurons.active[pre] + whole.neurons.active[post]
            np.testing.assert_array_equal(now, both)
            np.testing.assert_allclose(weights(whole, rule), expected, rtol=1e-9)
    assert states == {0, 1, 2}


def test_silent_pairs_hold_as_many_contacts_as_the_balance_says():
    turnover = ContactTurnover()
    weakness = np.exp(turnover.steepness * (turnover.weight_half - turnover.weight_new))
    expected = standing_contacts(
        turnover.sites, turnover.creation, deletion_rate(weakness, turnover.slowest, turnover.fastest)
    )
    whole, counts = network(60, seed=5), []
    for hour in range(16):
        whole = advanced(whole, rules(), 36_000, Stimulus(np.full(60, -20.0), np.arange(60)))
        if hour >= 7:
            counts.append(whole.clock[LIVE] / (60 * 59))
    # Samples an hour apart are nearly independent: 3.5 standard errors, false alarm below 1 in 1,000.
    assert abs(np.mean(counts) - expected) < 3.5 * np.sqrt(expected / (60 * 59 * len(counts)) * 2)


def test_cutting_a_run_and_the_room_for_contacts_change_nothing():
    rule = rules()._replace(creation=1e-3, fastest=2e-3)
    straight = advanced(network(12, seed=2, room=65_536), rule, 3_007, RANDOM)
    pieces = network(12, seed=2, room=16)
    for steps in (1_003, 1, 2_003):
        pieces = unpacked({name: value.copy() for name, value in packed(pieces).items()})
        pieces = advanced(pieces, rule, steps, RANDOM)
    assert pieces.clock[NOW] == 3_007
    _same(straight, pieces)


def test_silent_neurons_without_contacts_stay_so():
    whole = advanced(network(12, seed=1), rules()._replace(creation=0.0), 1_000, SILENT)
    assert whole.clock[LIVE] == 0


@pytest.fixture
def wires():
    return wiring(60, 2, 20, 0.5, Streams(1).generator("wiring"))


def test_sizes_relax_as_the_law_says_without_noise_and_drive(wires):
    numbers = Plastic(0.05, 0.09, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 12.0, 2.0, 0.4, 0.1)
    size = np.full(len(wires.post), 0.3)
    live(wires, numbers, size, np.uint64(1), 0, 100)
    np.testing.assert_allclose(size, 0.09 + 0.21 * (1 - 0.05 * 0.1) ** 100, rtol=1e-9)


def test_a_strong_assembly_is_completed_and_a_weak_one_is_not(wires):
    numbers = Plastic(0.05, 0.09, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 12.0, 2.0, 0.4, 0.1)
    pre = np.repeat(np.arange(60), np.diff(wires.begins))
    within = (wires.assembly[pre] == 0) & (wires.assembly[wires.post] == 0)
    cue, rate = np.where(np.arange(60) < 10, 1.0, 0.0), np.zeros(60)
    for inside, active in ((0.4, 1.0), (0.05, 0.0)):
        recalled(wires, numbers, np.where(within, inside, 0.05), cue, rate)
        np.testing.assert_allclose(rate[10:20].mean(), active, atol=0.15)
        assert rate[20:].mean() < 0.1
