"""The steps of a network of rate neurons, with contacts created and deleted at exact times between them.

Rates move in Euler steps of 100 ms, weights in closed form. Between two steps every rate of an event has an upper
bound that does not change: candidates come at the bounds' sum, and each is kept with the probability of its true rate
over its bound (thinning), so that the times of creation and deletion are exact for weights that move meanwhile.
Every random number is a function of (key, step or event), so that a run that was cut goes on as if it had not been.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spinula.engines.network.rates.state import COMMON, EVENTS, INHIBITION, LIVE, NOW, WAIT
from spinula.engines.philox import fill_normals, fill_words, philox, split_key, unit
from spinula.law.circuits.contacts import deletion_rate
from spinula.law.circuits.hebbian import relaxation, release_change

_deletion_rate = njit(deletion_rate)
_relaxation = njit(relaxation)
_release_change = njit(release_change)

# Without reference counting an array of the network costs nothing to name; such functions must not allocate.
_BARE = {"nogil": True, "forceinline": True, "_nrt": False}
_word = np.uint32
_FOLD = 6000  # steps after which the scales are folded into the weights, before they can underflow
_SATURATED = 24.0  # potential from which a rate is 0 or 1, to 4e-11


@njit(cache=True, nogil=True, forceinline=True)
def weight_at(whole, rule, contact, now, share):
    """Return the weight of a contact at a share of the step that begins at ``now``."""
    neurons = whole.neurons
    size = neurons.rate.size
    pre, post = divmod(whole.contacts.pair[contact], size)
    weight = whole.contacts.scaled[contact] * neurons.scale[pre] * neurons.scale[post] * whole.levels[COMMON]
    both = neurons.active[pre] + neurons.active[post]
    if both == 2:
        # ``scaled`` belongs to the step at which the second of the two became active.
        elapsed = now - max(neurons.since[pre], neurons.since[post])
        weight *= math.exp((2.0 * rule.depression - rule.decay) * elapsed)
        return rule.weight_max + (weight - rule.weight_max) * math.exp(-rule.potentiation * (elapsed + share))
    return weight * math.exp(-(rule.depression if both else rule.decay) * share)


@njit(**_BARE)
def _settle(whole, rule, pair, now):
    """Write down the weights of a pair of active neurons, one of which falls silent now."""
    size = whole.neurons.rate.size
    pre, post = divmod(pair, size)
    unit_weight = whole.neurons.scale[pre] * whole.neurons.scale[post] * whole.levels[COMMON]
    # As in weight_at, for all contacts of the pair at once: each new value is a share of the old one plus a constant.
    elapsed = now - max(whole.neurons.since[pre], whole.neurons.since[post])
    kept = math.exp(-rule.potentiation * elapsed)
    share = kept * math.exp((2.0 * rule.depression - rule.decay) * elapsed)
    gain = rule.weight_max * (1.0 - kept) / unit_weight
    contact, total = whole.pairs.first[pair], 0.0
    while contact >= 0:
        value = whole.contacts.scaled[contact] * share + gain
        whole.contacts.scaled[contact] = value
        total += value
        contact = whole.contacts.following[contact]
    whole.pairs.total[pair] = total


@njit(**_BARE)
def _fold(whole, rule, now):
    """Write down every weight as it is and set all scales to 1."""
    contacts, neurons = whole.contacts, whole.neurons
    for contact in range(whole.clock[LIVE]):
        contacts.scaled[contact] = weight_at(whole, rule, contact, now, 0.0)
    neurons.scale[:] = 1.0
    whole.levels[COMMON] = 1.0
    neurons.since[:] = now
    whole.pairs.total[:] = 0.0
    for contact in range(whole.clock[LIVE]):
        whole.pairs.total[contacts.pair[contact]] += contacts.scaled[contact]


@njit(**_BARE)
def _switch(whole, rule, now, listed):
    """Note which neurons became active or silent; return how many are active and list them."""
    neurons = whole.neurons
    size = neurons.rate.size
    for i in range(size):
        if neurons.active[i] and neurons.rate[i] < rule.high:
            for j in range(size):
                if neurons.active[j] and j != i:
                    _settle(whole, rule, i * size + j, now)
                    _settle(whole, rule, j * size + i, now)
            neurons.active[i] = 0
    number = 0
    for i in range(size):
        if neurons.rate[i] >= rule.high:
            if not neurons.active[i]:
                neurons.active[i] = 1
                neurons.since[i] = now
            neurons.active_steps[i] += 1
            listed[number] = i
            number += 1
    return number


@njit(**_BARE)
def _create(whole, rule, pair, now, share):
    """Add a contact of the weight of new ones to a pair."""
    neurons, contacts, pairs = whole.neurons, whole.contacts, whole.pairs
    size = neurons.rate.size
    pre, post = divmod(pair, size)
    unit_weight = neurons.scale[pre] * neurons.scale[post] * whole.levels[COMMON]
    both = neurons.active[pre] + neurons.active[post]
    # What it would have had to weigh when the step began, and when both became active, to weigh this much now.
    if both == 2:
        elapsed = now - max(neurons.since[pre], neurons.since[post])
        begun = rule.weight_max + (rule.weight_new - rule.weight_max) * math.exp(rule.potentiation * share)
        weight = rule.weight_max + (begun - rule.weight_max) * math.exp(rule.potentiation * elapsed)
        weight *= math.exp(-(2.0 * rule.depression - rule.decay) * elapsed)
    else:
        begun = rule.weight_new * math.exp((rule.depression if both else rule.decay) * share)
        weight = begun
    contact = whole.clock[LIVE]
    whole.clock[LIVE] += 1
    contacts.pair[contact] = pair
    contacts.scaled[contact] = weight / unit_weight
    contacts.born[contact] = now + share
    contacts.following[contact] = pairs.first[pair]
    pairs.first[pair] = contact
    pairs.count[pair] += 1
    pairs.total[pair] += begun / unit_weight


@njit(**_BARE)
def _relink(whole, contact, target):
    """Let whatever points to a contact point to another place."""
    pair = whole.contacts.pair[contact]
    if whole.pairs.first[pair] == contact:
        whole.pairs.first[pair] = target
        return
    before = whole.pairs.first[pair]
    while whole.contacts.following[before] != contact:
        before = whole.contacts.following[before]
    whole.contacts.following[before] = target


@njit(**_BARE)
def _delete(whole, rule, contact, now):
    """Take a contact away and move the last of the list into its place."""
    contacts, pairs, neurons = whole.contacts, whole.pairs, whole.neurons
    pair = contacts.pair[contact]
    pre, post = divmod(pair, neurons.rate.size)
    weight = weight_at(whole, rule, contact, now, 0.0)
    _relink(whole, contact, contacts.following[contact])
    pairs.count[pair] -= 1
    if pairs.count[pair]:
        pairs.total[pair] -= weight / (neurons.scale[pre] * neurons.scale[post] * whole.levels[COMMON])
    else:
        pairs.total[pair] = 0.0
    whole.clock[LIVE] -= 1
    last = whole.clock[LIVE]
    if last != contact:
        _relink(whole, last, contact)
        contacts.pair[contact] = contacts.pair[last]
        contacts.scaled[contact] = contacts.scaled[last]
        contacts.born[contact] = contacts.born[last]
        contacts.following[contact] = contacts.following[last]


@njit(**_BARE)
def _turn_over(whole, rule, now):
    """Create and delete contacts during one step, in the order of their times."""
    clock, levels, size = whole.clock, whole.levels, whole.neurons.rate.size
    k0, k1 = split_key(whole.key[0])
    creations = rule.creation * rule.sites * size * (size - 1)
    share = 0.0
    while True:
        hazard = creations + rule.fastest * clock[LIVE]
        if levels[WAIT] >= hazard * (1.0 - share):
            levels[WAIT] -= hazard * (1.0 - share)
            return
        share += levels[WAIT] / hazard
        event = clock[EVENTS]
        clock[EVENTS] += 1
        which, where, chance, wait = philox(_word(event), _word(event >> 32), _word(0), _word(0), k0, k1)
        levels[WAIT] = -math.log(unit(wait))
        if unit(which) * hazard < creations:
            place = np.int64(unit(where) * size * (size - 1))
            pre, post = divmod(place, size - 1)
            pair = pre * size + post + (post >= pre)
            if unit(chance) * rule.sites < rule.sites - whole.pairs.count[pair]:
                _create(whole, rule, pair, now, share)
        else:
            contact = np.int64(unit(where) * clock[LIVE])
            weight = weight_at(whole, rule, contact, now, share)
            weakness = math.exp(rule.steepness * (rule.weight_half - weight))
            if unit(chance) * rule.fastest < _deletion_rate(weakness, rule.slowest, rule.fastest):
                _delete(whole, rule, contact, now)


@njit(**_BARE)
def _transmit(whole, arriving):
    """Sum what every neuron receives, each synapse by its weight and its presynaptic neuron's rate and release."""
    neurons, total = whole.neurons, whole.pairs.total
    size = neurons.rate.size
    arriving[:] = 0.0
    for pre in range(size):
        if neurons.rate[pre] > 0.0:
            sent = np.float32(neurons.release[pre] * neurons.rate[pre] * neurons.scale[pre])
            row = total[pre * size : (pre + 1) * size]
            for post in range(size):
                arriving[post] += sent * row[post]


@njit(**_BARE)
def _potentiate(whole, rule, listed, number):
    """Let the summed weights between active neurons grow for one step, and every scale move."""
    neurons, pairs, levels = whole.neurons, whole.pairs, whole.levels
    size = neurons.rate.size
    kept = math.exp(-rule.potentiation)
    loss = math.exp(-(rule.depression - rule.decay))
    levels[COMMON] *= math.exp(-rule.decay)
    for a in range(number):
        neurons.scale[listed[a]] *= loss
    lost = math.exp(-(2.0 * rule.depression - rule.decay))
    for a in range(number):
        pre = listed[a]
        for b in range(number):
            pair = pre * size + listed[b]
            if pairs.count[pair]:
                unit_weight = neurons.scale[pre] * neurons.scale[listed[b]] * levels[COMMON]
                gain = rule.weight_max * pairs.count[pair] * (1.0 - kept)
                pairs.total[pair] = pairs.total[pair] * (kept / lost) + gain / unit_weight


@njit(cache=True, nogil=True, fastmath=True)
def _sum(values):
    """Return a sum whose terms may be added in any order."""
    total = 0.0
    for value in values:
        total += value
    return total


@njit(**_BARE)
def _move(whole, rule, arriving, current, normals):
    """Move potentials, inhibition and release one Euler step, and set the rates."""
    neurons, levels = whole.neurons, whole.levels
    potential, rate, release = neurons.potential, neurons.rate, neurons.release
    # Inhibition first: potentials that met the inhibition of the step before would oscillate, all neurons together.
    levels[INHIBITION] += _relaxation(levels[INHIBITION], -rule.inhibition * _sum(rate), rule.steps)
    inhibition = levels[INHIBITION]
    common, noise, steps = levels[COMMON], rule.noise, rule.steps
    recovery, depression = rule.recovery_steps, rule.short_depression
    for i in range(rate.size):
        target = arriving[i] * neurons.scale[i] * common + inhibition + current[i] + noise * normals[i]
        release[i] += _release_change(release[i], rate[i], recovery, depression)
        potential[i] += _relaxation(potential[i], target, steps)
    for i in range(rate.size):
        if potential[i] < -_SATURATED:
            rate[i] = 0.0
        elif potential[i] > _SATURATED:
            rate[i] = 1.0
        else:
            rate[i] = 1.0 / (1.0 + math.exp(-potential[i]))


@njit(cache=True, nogil=True)
def advance(whole, rule, steps, current, eligible, chosen):
    """Run a network for a number of steps; return how many it did before its list of contacts might be full.

    Parameters
    ----------
    whole : Network; changed in place
    rule : Rules
    steps : int
    current : array (neurons,), stimulus; with ``chosen`` > 0 it is drawn anew each second and overwritten
    eligible : int array, the neurons among which are drawn those that are stimulated
    chosen : int, how many of them, at current 50; 0: ``current`` stays
    """
    size = whole.neurons.rate.size
    quarter = (size + 3) // 4
    words = np.empty((4, quarter), np.uint32)
    normals = np.empty((4, quarter), np.float32)
    lanes = np.arange(quarter).astype(np.uint32)
    listed = np.empty(size, np.int64)
    arriving = np.zeros(size, np.float32)
    for done in range(steps):
        if whole.clock[LIVE] + 4096 + size > whole.contacts.pair.size:
            return done
        now = whole.clock[NOW]
        if chosen and (done == 0 or now % 10 == 0):
            draw_stimulus(whole.key[2], now // 10, current, eligible, chosen)
        number = _switch(whole, rule, now, listed)
        if now % _FOLD == 0:
            _fold(whole, rule, now)
        _turn_over(whole, rule, now)
        _transmit(whole, arriving)
        fill_words(lanes, _word(now), _word(now >> 32), _word(0), whole.key[1], words, quarter)
        fill_normals(words, normals, quarter)
        _move(whole, rule, arriving, current, normals.reshape(4 * quarter))
        _potentiate(whole, rule, listed, number)
        whole.clock[NOW] += 1
    return steps


@njit(cache=True, nogil=True, forceinline=True)
def draw_stimulus(key, second, current, eligible, chosen):
    """Choose the neurons that are stimulated during a second: ``chosen`` of the eligible, without repetition."""
    k0, k1 = split_key(key)
    current[:] = 0.0
    drawn, attempt = 0, 0
    while drawn < chosen:
        word, _, _, _ = philox(_word(second), _word(second >> 32), _word(attempt), _word(1), k0, k1)
        attempt += 1
        neuron = eligible[np.int64(unit(word) * eligible.size)]
        if current[neuron] == 0.0:
            current[neuron] = 50.0
            drawn += 1
