"""The inner loop of a dendrite: events in order of time, the spreading signals between them, the slow clock.

Dendrites run in parallel and share nothing but the list of events; every random number is a function of (seed,
dendrite, birth number, step), so that the result does not depend on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spinula.engines.dendrite.actions import (
    ALONE,
    PAIRED,
    RESPOND,
    calcium_step,
    catch_up,
    depress,
    dip_contrast,
    follow_rate,
    potentiate,
    read_due,
    shrink_rate,
    tag,
    uniform,
)
from spinula.engines.dendrite.field import diffusion, eliminate, gather, solve_eliminated
from spinula.engines.dendrite.rules import CLOSED, D1, D2, GLUTAMATE, SHRINKAGE, SPIKES
from spinula.engines.dendrite.slow import DAY, remove_fallen, short_of_slots, shrink_all, slow_step
from spinula.engines.dendrite.state import (
    AMOUNT,
    BURST,
    BURST_RING,
    CALCIUM_PULSE,
    CODE,
    CROWD,
    CURSOR,
    DELIVERED,
    DIP,
    DIP_RING,
    DOSE,
    DRUG,
    DUE,
    E_MINUS,
    E_PLUS,
    EXTRA,
    GABA_PULSE,
    GABA_RING,
    GLUTAMATE_PULSE,
    LEAN,
    MISSED,
    NEVER,
    NORADRENALINE,
    NOW,
    NUMBER,
    PLACE_NODE,
    POST,
    POST_SEEN,
    POST_TRACE,
    PRE,
    PRE_AMOUNT,
    RATE,
    RING,
    RINGS,
    SHRINK,
    SIZE,
    SLOT,
    SLOW,
    SPIKE,
    STALLED,
    STDP,
    TICK,
    TIME,
    WET,
)

FAINT = 1e-12  # a signal below this changes no size that anyone could measure


@njit(**LEAN)
def _responds(run, d, slot, now):
    """Tell whether a spine is one of those that respond to stimulation on this day of the run."""
    if not run.rules.has.potentiation:
        return True
    number = np.uint32(run.state.spine[d, slot, NUMBER])
    return uniform(run, (d, number), np.int64(now / DAY), RESPOND) < run.rules.potentiation.responders


@njit(**LEAN)
def _glutamate(run, k, d):
    """Glutamate at a spine: after spikes it may shrink, alone (no magnesium) it enlarges, else it waits for spikes."""
    state, rules, ops = run.state, run.rules, run.ops
    slot, now, cell = int(ops[k, SLOT]), ops[k, TIME], state.cell[d]
    memory, strength = state.spine[d, slot], ops[k, AMOUNT]
    if not state.gate[d, GLUTAMATE]:
        return
    lag = now - cell[POST]
    if rules.has.traces and 0.0 < lag <= rules.traces.pairing_window:
        catch_up(run, d, slot, now)
        memory[E_MINUS] = min(memory[E_MINUS] + strength / rules.traces.pulses, 1.0)
    if rules.has.spiketiming:
        catch_up(run, d, slot, now)
        law = rules.spiketiming
        trace = cell[POST_TRACE] * math.exp(-(now - cell[POST_SEEN]) / law.depression_time)
        state.spine[d, slot, SIZE] *= math.exp(-law.depression_step * trace * strength)
        memory[STDP] += strength
    if _responds(run, d, slot, now):
        if rules.has.depression and 0.0 < lag <= rules.depression.spike_window:
            depress(run, (d, slot, now), strength / rules.depression.pulses, cell[POST])
        elif rules.has.potentiation and ops[k, EXTRA] > 0.0:
            potentiate(run, (d, slot, now), strength / rules.potentiation.pulses, ALONE)
    memory[PRE], memory[PRE_AMOUNT] = now, strength


@njit(**LEAN)
def _spike(run, d, now):
    """A spike reaches all spines: those that just received glutamate are paired."""
    state, rules = run.state, run.rules
    cell = state.cell[d]
    if not state.gate[d, SPIKES]:
        return
    has, glutamate = rules.has, state.gate[d, GLUTAMATE]
    window = max(rules.reinforcement.pairing_window, rules.dips.pairing_window)
    for slot in range(state.spine.shape[1]):
        if state.spine[d, slot, SIZE] <= 0.0:
            continue
        memory = state.spine[d, slot]
        if has.calcium:
            calcium_step(run, (d, slot, now), rules.calcium.post_step)
        if has.spiketiming and memory[STDP] != 0.0 and glutamate:
            catch_up(run, d, slot, now)
            state.spine[d, slot, SIZE] *= math.exp(rules.spiketiming.potentiation_step * memory[STDP])
        lead, strength = now - memory[PRE], memory[PRE_AMOUNT]
        if lead > 1.0 or not glutamate:
            continue
        if has.traces and lead <= rules.traces.pairing_window:
            catch_up(run, d, slot, now)
            memory[E_PLUS] = min(memory[E_PLUS] + strength / rules.traces.pulses, 1.0)
        if has.potentiation and lead <= rules.potentiation.pairing_window and _responds(run, d, slot, now):
            potentiate(run, (d, slot, now), strength / rules.potentiation.pulses, PAIRED)
        if (has.reinforcement or has.dips) and lead <= window:
            tag(run, (d, slot, now), memory[PRE], strength)
        memory[PRE] = NEVER  # one spike of a burst is enough; the others meet no new glutamate
    if has.spiketiming:
        cell[POST_TRACE] *= math.exp(-(now - cell[POST_SEEN]) / rules.spiketiming.depression_time)
        cell[POST_TRACE] += 1.0
        cell[POST_SEEN] = now
    if has.homeostasis:
        follow_rate(run, d, now)
        cell[RATE] += 1.0 / rules.homeostasis.rate_time
    cell[POST] = now


@njit(**LEAN)
def _puff(run, k, d):
    """Noradrenaline turns the traces of potentiation into size, serotonin those of depression; each is used up."""
    state, rules, ops = run.state, run.rules, run.ops
    if not rules.has.traces:
        return
    law, now = rules.traces, ops[k, TIME]
    gain = law.potentiation_gain if ops[k, CODE] == NORADRENALINE else -law.depression_gain
    column = E_PLUS if ops[k, CODE] == NORADRENALINE else E_MINUS
    for slot in range(state.spine.shape[1]):
        if state.spine[d, slot, SIZE] > 0.0 and state.spine[d, slot, column] > 0.0:
            catch_up(run, d, slot, now)
            state.spine[d, slot, SIZE] *= math.exp(gain * min(ops[k, AMOUNT], 1.0) * state.spine[d, slot, column])
            state.spine[d, slot, column] = 0.0


@njit(**LEAN)
def _drug(run, k, d):
    """Give or wash out a drug, and set the gates anew."""
    state, ops = run.state, run.ops
    state.cell[d, DOSE + int(ops[k, SLOT])] = ops[k, AMOUNT]
    for gate in range(CLOSED.shape[1]):
        opened = True
        for drug in range(CLOSED.shape[0]):
            opened &= not (CLOSED[drug, gate] and state.cell[d, DOSE + drug] > 0.0)
        state.gate[d, gate] = opened


@njit(**LEAN)
def _deliver(run, k, d):
    """Deliver one pulse of the list to one dendrite."""
    state, rules, ops = run.state, run.rules, run.ops
    code, now = ops[k, CODE], ops[k, TIME]
    if code in (GLUTAMATE_PULSE, CALCIUM_PULSE):
        slot = int(ops[k, SLOT])
        if state.spine[d, slot, SIZE] <= 0.0 or state.spine[d, slot, NUMBER] != slot:
            state.count[d, MISSED] += 1  # nothing arrives through a spine that is no longer there
            return
        state.count[d, DELIVERED] += 1
        if code == CALCIUM_PULSE:
            if state.gate[d, GLUTAMATE]:
                calcium_step(run, (d, slot, now), rules.calcium.pre_step * ops[k, AMOUNT])
        else:
            _glutamate(run, k, d)
        return
    state.count[d, DELIVERED] += 1
    if code == SPIKE:
        _spike(run, d, now)
    elif code == GABA_PULSE:
        row = state.ring[d, GABA_RING, state.count[d, RINGS + GABA_RING] % RING]
        row[0], row[1], row[2] = now, ops[k, PLACE_NODE], ops[k, AMOUNT]
        state.count[d, RINGS + GABA_RING] += 1
    elif code == BURST:
        row = state.ring[d, BURST_RING, state.count[d, RINGS + BURST_RING] % RING]
        row[0], row[1] = now, ops[k, AMOUNT] if state.gate[d, D1] else 0.0
        state.count[d, RINGS + BURST_RING] += 1
    elif code == DIP:
        seen = dip_contrast(run, d, ops[k, EXTRA]) if state.gate[d, D2] else 0.0
        row = state.ring[d, DIP_RING, state.count[d, RINGS + DIP_RING] % RING]
        row[0], row[1], row[2] = now, ops[k, AMOUNT], seen
        state.count[d, RINGS + DIP_RING] += 1
    elif code == DRUG:
        _drug(run, k, d)
    else:
        _puff(run, k, d)


@njit
def _spread(run, d, now, elapsed, work):
    """Move the signals that spread by one tick, and shrink what they reach; return whether any is left."""
    state, rules, cable = run.state, run.rules, run.cable
    field, left, fell = state.field[d], False, False
    if rules.has.depression and field[SHRINK].max() > FAINT:
        solve_eliminated(cable, work[2], work[3], field[SHRINK])
        left = field[SHRINK].max() > FAINT
        if state.gate[d, SHRINKAGE]:
            for i in range(work.shape[1]):
                work[1, i] = field[SHRINK, i] * elapsed
            fell |= shrink_all(run, work[1], d, now)
    if rules.has.heterosynaptic:
        law, total = rules.heterosynaptic, field[CROWD].sum()  # no place can have more
        if total > law.threshold:
            work[1, :] = field[CROWD] * math.exp(-0.5 * elapsed / law.time)  # halfway through the tick
            gather(cable, law.reach, work[1], work[0])
            for i in range(work.shape[1]):
                work[1, i] = shrink_rate(work[1, i], law.threshold, law.rate) * elapsed
            fell |= shrink_all(run, work[1], d, now)
        left |= total > 1e-3
        faded = math.exp(-elapsed / law.time) if total > 1e-3 else 0.0
        for i in range(cable.shape[0]):
            value = field[CROWD, i] * faded
            field[CROWD, i] = value if value > FAINT else 0.0
    if fell:
        remove_fallen(run, d, now)
    return left


@njit
def _run_dendrite(run, d):
    state, cable, ops, clock = run.state, run.cable, run.ops, run.clock
    cell, count = state.cell[d], ops.shape[0]
    work = np.zeros((4, cable.shape[0]))
    if run.rules.has.depression:  # every tick takes the same step of diffusion: its matrix is eliminated once
        spread, keep = diffusion(run.rules.depression.reach, run.rules.depression.field_time, clock.tick)
        eliminate(cable, spread, keep, work[2], work[3])
    while True:
        cursor = state.count[d, CURSOR]
        event = ops[cursor, TIME] if cursor < count else np.inf
        tick = cell[TICK] + clock.tick if cell[TICK] > NEVER else np.inf
        slow = cell[SLOW] + clock.slow
        due = cell[DUE]
        now = min(min(event, tick), min(slow, due), clock.until)
        if now == clock.until and min(event, tick) > now and min(slow, due) > now:
            break
        if now == slow:
            if short_of_slots(run, d):
                state.count[d, STALLED] = 1
                return
            slow_step(run, d, now)
        elif now == due:
            read_due(run, d, now)
        elif now == tick:
            cell[WET] = 1.0 if _spread(run, d, now, clock.tick, work) else 0.0
            cell[TICK] = now if cell[WET] > 0.0 else NEVER
        else:
            _deliver(run, cursor, d)
            state.count[d, CURSOR] += 1
            if cell[WET] > 0.0 and cell[TICK] <= NEVER:
                cell[TICK] = now
    slow_step(run, d, clock.until)
    cell[NOW] = clock.until


@njit(cache=True, nogil=True)
def run_range(run, first, last):
    """Run some dendrites to ``clock.until``; one that runs short of slots stops early and is ``stalled``."""
    for d in range(first, last):
        run.state.count[d, STALLED] = 0
        _run_dendrite(run, d)
