"""What one event does to one spine: the laws' own functions, compiled, on the spine's arrays.

A spine's memories decay in closed form, so that they are brought up to date only when something needs them.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spinula.engines import philox as rng
from spinula.engines.dendrite.field import drop, path_between
from spinula.engines.dendrite.rules import (
    ANTAGONIST,
    CONSOLIDATION,
    INHIBITION,
    METHAMPHETAMINE,
    SHRINKAGE,
    SYNTHESIS,
)
from spinula.engines.dendrite.state import (
    BURST_RING,
    CALCIUM,
    CALCIUM_SEEN,
    CONTACT,
    CROWD,
    DIP_RING,
    DOSE,
    DUE,
    E_MINUS,
    E_PLUS,
    GABA_RING,
    HOT,
    LEAN,
    NEVER,
    NODE,
    PENDING,
    PROTECT,
    PUSH,
    RATE,
    RATE_SEEN,
    RATE_SUM,
    RING,
    SEEN,
    SHRINK,
    SIZE,
    STDP,
    TAG,
    TAG_TIME,
    TRANSIENT,
    WET,
)
from spinula.law.modulation import dips, reinforcement
from spinula.law.plasticity import calcium, depression, heterosynaptic, mechanics, potentiation

RESPOND, SPONTANEOUS, PLACE, STEP, TOUCH = (np.uint32(purpose) for purpose in range(16, 21))
ALONE, PAIRED, SPONTANEOUSLY = range(3)  # how a spine is potentiated

_transient = njit(potentiation.transient_increment)
_consolidated = njit(potentiation.consolidated_increment)
_gate = njit(depression.gaba_gate)
_deposit = njit(depression.deposit)
_share = njit(depression.enlargement_share)
protection = njit(depression.protection)
shrink_rate = njit(heterosynaptic.shrink_rate)
_push = njit(mechanics.push_increment)
_kernel = njit(reinforcement.burst_kernel)
_contrast = njit(dips.dip_contrast)
_duration = njit(dips.duration_gain)
_above = njit(calcium.time_above)
_calcium_change = njit(calcium.calcium_change)


@njit(**LEAN)
def uniform(run, who, count, purpose):
    """Return a uniform number that is a function of (dendrite, birth number), a count and a purpose."""
    k0, k1 = rng.split_key(run.plan.key)
    return rng.unit(rng.philox(np.uint32(who[1]), np.uint32(who[0]), np.uint32(count), purpose, k0, k1)[0])


@njit(**LEAN)
def catch_up(run, d, slot, now):
    """Bring a spine's memories to a time: what decays decays, what is pending is consolidated."""
    state, rules = run.state, run.rules
    memory = state.spine[d, slot]
    elapsed = now - memory[SEEN]
    if elapsed <= 0.0:
        return
    memory[SEEN] = now
    if memory[PENDING] != 0.0:
        gained = memory[PENDING] * -math.expm1(-elapsed / rules.consolidation_time)
        memory[PENDING] -= gained
        state.spine[d, slot, SIZE] += gained
    if memory[TRANSIENT] != 0.0:
        memory[TRANSIENT] *= math.exp(-elapsed / rules.potentiation.transient_time)
    if memory[PROTECT] != 0.0:
        memory[PROTECT] *= math.exp(-elapsed / rules.depression.protection_time)
    if memory[PUSH] != 0.0:
        memory[PUSH] *= math.exp(-elapsed / rules.mechanics.time)
    if memory[E_PLUS] != 0.0:
        memory[E_PLUS] *= math.exp(-elapsed / rules.traces.potentiation_time)
    if memory[E_MINUS] != 0.0:
        memory[E_MINUS] *= math.exp(-elapsed / rules.traces.depression_time)
    if memory[STDP] != 0.0:
        memory[STDP] *= math.exp(-elapsed / rules.spiketiming.potentiation_time)


@njit(**LEAN)
def inhibition(run, d, node, now):
    """Return how strongly GABA that came before ``now`` inhibits a node, 0 to 1."""
    state, rules, cable = run.state, run.rules, run.cable
    total, law = 0.0, rules.depression
    if not state.gate[d, INHIBITION]:
        return total
    for k in range(RING):
        when, where, strength = state.ring[d, GABA_RING, k]
        lead = now - when
        if law.gaba_lead_min <= lead <= law.gaba_lead_max:
            away = path_between(cable, node, int(where))
            total += strength * _gate(away, lead, law.gaba_length, law.gaba_lead_min, law.gaba_lead_max)
    return min(total, 1.0)


@njit(**LEAN)
def potentiate(run, who, strength, how):
    """Potentiate a spine: who is (dendrite, slot, s); spontaneous events are too sparse to crowd their neighbours."""
    state, rules = run.state, run.rules
    d, slot, now = who
    catch_up(run, d, slot, now)
    law, memory, node = rules.potentiation, state.spine[d, slot], int(state.spine[d, slot, NODE])
    if rules.has.depression:
        if state.gate[d, SHRINKAGE]:
            strength *= _share(state.field[d, SHRINK, node], rules.depression.competition)
        if how == PAIRED:
            strength *= 1.0 - rules.depression.veto * inhibition(run, d, node, now)
        memory[PROTECT] += rules.depression.protection_gain * strength
    size = state.spine[d, slot, SIZE]
    swelling = _transient(size, memory[TRANSIENT], strength, law.transient_gain, law.transient_cap)
    memory[TRANSIENT] += swelling
    if rules.has.mechanics:
        memory[PUSH] += _push(swelling, rules.mechanics.per_volume, memory[CONTACT])
    if state.gate[d, CONSOLIDATION]:
        gain = law.consolidated_gain * (law.paired_gain if how == PAIRED and state.gate[d, SYNTHESIS] else 1.0)
        memory[PENDING] += _consolidated(size, strength, gain, law.size_scale)
    if rules.has.heterosynaptic and how != SPONTANEOUSLY:
        state.field[d, CROWD, node] += strength
        state.cell[d, WET] = 1.0
    if rules.has.clustering:
        state.field[d, HOT, node] += strength


@njit(**LEAN)
def depress(run, who, strength, spiked):
    """Release the shrinking signal at a spine, as far as GABA before the spike lets it."""
    state, rules, cable = run.state, run.rules, run.cable
    d, slot, _ = who
    law, node = rules.depression, int(state.spine[d, slot, NODE])
    gate = law.ungated + (1.0 - law.ungated) * inhibition(run, d, node, spiked)
    drop(cable, state.field[d, SHRINK], node, _deposit(strength * gate, law.shrinkage, law.reach, law.field_time))
    state.cell[d, WET] = 1.0


@njit(**LEAN)
def calcium_step(run, who, step):
    """Follow the calcium rule to a time, then add a step of calcium."""
    state, rules = run.state, run.rules
    d, slot, now = who
    memory, law = state.spine[d, slot], rules.calcium
    elapsed, c = now - memory[CALCIUM_SEEN], memory[CALCIUM]
    both = _above(c, law.potentiation_threshold, law.calcium_time, elapsed)
    low = _above(c, law.depression_threshold, law.calcium_time, elapsed)
    rates = (law.potentiation_rate / law.time_scale, law.depression_rate / law.time_scale)
    size = _calcium_change(state.spine[d, slot, SIZE], both, low - both, rates, (law.size_low, law.size_high))
    state.spine[d, slot, SIZE] = size
    memory[CALCIUM] = c * math.exp(-elapsed / law.calcium_time) + step
    memory[CALCIUM_SEEN] = now


@njit(**LEAN)
def read_train(run, d, slot):
    """Turn a finished train of pairings and the dopamine around it into an enlargement to be consolidated.

    What drugs leave of a burst or a dip was noted when it came.
    """
    state, rules = run.state, run.rules
    memory, size = state.spine[d, slot], state.spine[d, slot, SIZE]
    began, dose = memory[TAG_TIME], memory[TAG]
    memory[TAG_TIME], memory[TAG] = NEVER, 0.0
    if rules.has.reinforcement:
        law, total, ring = rules.reinforcement, 0.0, state.ring[d, BURST_RING]
        for k in range(RING):
            delay = ring[k, 0] - began
            if abs(delay) <= rules.read_after:
                total += ring[k, 1] * _kernel(delay, law.kernel_scale, law.kernel_power, law.kernel_onset)
        gain = law.gain * min(total, 1.0) * min(dose / law.pulses, 1.0) / law.bursts
        memory[PENDING] += _consolidated(size, 1.0, gain, law.size_scale)
    if rules.has.dips:
        law2, best, ring = rules.dips, 0.0, state.ring[d, DIP_RING]
        for k in range(RING):
            delay = ring[k, 0] - began
            if abs(delay) <= rules.read_after:
                kernel = _kernel(delay, law2.kernel_scale, law2.kernel_power, law2.kernel_onset)
                best = max(best, kernel * _duration(ring[k, 1] * ring[k, 2], law2.duration_half, law2.duration_power))
        gain = law2.gain * best * min(dose / law2.pulses, 1.0) / law2.dips
        memory[PENDING] += _consolidated(size, 1.0, gain, law2.size_scale)


@njit(**LEAN)
def read_due(run, d, now):
    """Read all trains that began long enough ago, and note when the next is due."""
    state, due = run.state, np.inf
    for slot in range(state.spine.shape[1]):
        memory = state.spine[d, slot]
        if memory[TAG] <= 0.0 or memory[SIZE] <= 0.0:
            continue
        end = memory[TAG_TIME] + run.rules.read_after
        if now >= end:
            catch_up(run, d, slot, now)
            read_train(run, d, slot)
        else:
            due = min(due, end)
    state.cell[d, DUE] = due


@njit(**LEAN)
def tag(run, who, began, strength):
    """Count one pairing, with glutamate at ``began`` (s), into its train; one after a full train begins another."""
    state, rules = run.state, run.rules
    d, slot, now = who
    memory = state.spine[d, slot]
    if memory[TAG] > 0.0:
        law = max(rules.reinforcement.pulses, rules.dips.pulses)
        if memory[TAG] >= law:
            catch_up(run, d, slot, now)
            read_train(run, d, slot)
    if memory[TAG] <= 0.0:
        memory[TAG_TIME] = began
        state.cell[d, DUE] = min(state.cell[d, DUE], began + rules.read_after)
    memory[TAG] += strength


@njit(**LEAN)
def follow_rate(run, d, now):
    """Bring the cell's average rate of spikes, and its integral since the last slow step, to a time."""
    cell, tau = run.state.cell[d], run.rules.homeostasis.rate_time
    left = math.exp(-(now - cell[RATE_SEEN]) / tau)
    cell[RATE_SUM] += cell[RATE] * tau * (1.0 - left)
    cell[RATE] *= left
    cell[RATE_SEEN] = now


@njit(**LEAN)
def dip_contrast(run, d, depth):
    """Return how much of a dip the receptors of a cell see under the drugs it is in."""
    state, rules = run.state, run.rules
    drug, tonic, floor = state.cell[d, DOSE + METHAMPHETAMINE], 1.0, 0.0
    if drug > 0.0:
        tonic += (rules.dips.drug_tonic - 1.0) * drug
        floor = rules.dips.drug_floor * drug
    return _contrast(tonic, tonic * max(1.0 - depth, floor), state.cell[d, DOSE + ANTAGONIST])
