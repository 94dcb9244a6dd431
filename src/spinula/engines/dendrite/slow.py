"""The slow clock of a dendrite: spontaneous activity, homeostasis, the intrinsic law, elimination and formation."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from spinula.engines import kernels, steps
from spinula.engines import philox as rng
from spinula.engines.dendrite.actions import (
    PLACE,
    SPONTANEOUS,
    SPONTANEOUSLY,
    STEP,
    TOUCH,
    calcium_step,
    catch_up,
    follow_rate,
    potentiate,
    protection,
    uniform,
)
from spinula.engines.dendrite.field import drop, gather, settle
from spinula.engines.dendrite.geometry import START, WIDTH
from spinula.engines.dendrite.rules import GLUTAMATE, SHRINKAGE, SPIKES
from spinula.engines.dendrite.state import (
    BORN,
    CALCIUM_SEEN,
    CONTACT,
    ELIMINATED,
    FAST,
    FORMED,
    HOT,
    LEAN,
    NEVER,
    NEXT_NUMBER,
    NODE,
    NUMBER,
    PENDING,
    POSITION,
    PRE,
    PROTECT,
    RATE_SUM,
    SEEN,
    SIZE,
    SLOW,
    STEPS,
    TAG_TIME,
    TRANSIENT,
    WAIT,
)
from spinula.law.plasticity import clustering, homeostasis

DAY = 86400.0
_scaling = njit(homeostasis.scaling_rate)
_factor = njit(clustering.formation_factor)
_fading = njit(clustering.fading)
_IN_LOG = (steps.LOG_OU, steps.TWO_TIME)


@njit(**LEAN)
def _coordinate(plan, size):
    return math.log(size) if plan.family in _IN_LOG else size


@njit(**LEAN)
def _size(plan, value):
    return math.exp(value) if plan.family in _IN_LOG else value


@njit
def hot_spots(run, d):
    """Return how hot each node is for formation: the sum over the hot spots, faded with the path."""
    heat = np.zeros(run.cable.shape[0])
    if run.rules.has.clustering:
        heat[:] = run.state.field[d, HOT]
        gather(run.cable, run.rules.clustering.reach, heat, np.empty_like(heat))
    return heat


@njit(**LEAN)
def _formation(run, heat):
    """Return the rate of formation on the whole dendrite, 1/day."""
    length = run.clock.length
    if run.rules.has.clustering:
        for i in range(heat.size):
            length += run.cable[i, WIDTH] * (_factor(heat[i], run.rules.clustering.gain) - 1.0)
    return run.clock.rate * length


@njit
def short_of_slots(run, d):
    """Tell whether the next slow step might form more spines than there are slots for."""
    if not np.isfinite(run.state.cell[d, WAIT]):
        return False
    expected = _formation(run, hot_spots(run, d)) * run.clock.slow / DAY
    return (run.state.spine[d, :, SIZE] <= 0.0).sum() < 16.0 + 8.0 * expected


@njit(**LEAN)
def place(run, heat, who):
    """Return where a new spine comes: anywhere, or preferably near hot spots; (position, node)."""
    rules, cable = run.rules, run.cable
    luck = uniform(run, who, 0, PLACE)
    total = 0.0
    for i in range(cable.shape[0]):
        total += cable[i, WIDTH] * (_factor(heat[i], rules.clustering.gain) if rules.has.clustering else 1.0)
    left, last = luck * total, cable.shape[0] - 1
    for i in range(cable.shape[0]):
        factor = _factor(heat[i], rules.clustering.gain) if rules.has.clustering else 1.0
        if left < cable[i, WIDTH] * factor or i == last:
            return cable[i, START] + min(left / factor, cable[i, WIDTH]), i
        left -= cable[i, WIDTH] * factor
    return 0.0, 0


@njit(**LEAN)
def settle_in(run, heat, where, born, now):
    """Give a new spine its slot; its size, fast part and fate to ``now`` (s) come from the intrinsic law.

    ``where`` is (dendrite, slot, slow step), ``born`` in days; returns the day of its elimination, or -1.
    """
    state, rules = run.state, run.rules
    d, slot, step = where
    number = state.count[d, NEXT_NUMBER]
    state.count[d, NEXT_NUMBER] += 1
    state.count[d, FORMED] += 1
    value, fast, died = kernels.first_step(run.plan, run.p, (d, number, step), born, now / DAY)
    position, node = place(run, heat, (d, number))
    memory = state.spine[d, slot]
    memory[:] = 0.0
    memory[SEEN], memory[CALCIUM_SEEN], memory[PRE], memory[TAG_TIME] = now, now, NEVER, NEVER
    memory[FAST] = fast
    if rules.has.mechanics:
        memory[CONTACT] = 1.0 if uniform(run, (d, number), 0, TOUCH) < rules.mechanics.contact else 0.0
    state.spine[d, slot, SIZE] = _size(run.plan, value)
    memory[NUMBER], memory[BORN], memory[POSITION], memory[NODE] = number, born, position, node
    return died


@njit(**LEAN)
def vacate(run, heat, where, died, now):
    """Eliminate a spine at a moment (day); with a fixed count, form others in its place until one lives to ``now``."""
    state, rules = run.state, run.rules
    d, slot, _ = where
    while True:
        state.count[d, ELIMINATED] += 1
        if rules.has.clustering:
            state.field[d, HOT, int(state.spine[d, slot, NODE])] += 1.0
        state.spine[d, slot, SIZE] = -1.0
        if run.plan.mode == kernels.RATE:
            return
        died = settle_in(run, heat, where, died, now)
        if died < 0.0:
            return


@njit(**LEAN)
def shrink_all(run, exposure, d, now):
    """Shrink every spine by its exposure, as far as it is not protected; return whether any fell to the threshold."""
    state = run.state
    fell = False
    for slot in range(state.spine.shape[1]):
        amount = exposure[int(state.spine[d, slot, NODE])]
        if state.spine[d, slot, SIZE] <= 0.0 or amount < 1e-12:
            continue
        catch_up(run, d, slot, now)
        memory = state.spine[d, slot]
        left = math.exp(-amount * (1.0 - protection(memory[PROTECT])))
        state.spine[d, slot, SIZE] *= left
        memory[TRANSIENT] *= left
        memory[PENDING] *= left
        fell |= _coordinate(run.plan, state.spine[d, slot, SIZE]) <= run.plan.minimum
    return fell


@njit(**LEAN)
def remove_fallen(run, d, now):
    """Eliminate the spines that shrank below the threshold."""
    state, heat = run.state, hot_spots(run, d)
    for slot in range(state.spine.shape[1]):
        if state.spine[d, slot, SIZE] > 0.0 and _coordinate(run.plan, state.spine[d, slot, SIZE]) <= run.plan.minimum:
            vacate(run, heat, (d, slot, state.count[d, STEPS]), now / DAY, now)


@njit
def _spontaneous(run, d, now, elapsed, work):
    """Spontaneous potentiations and depressions of one slow step; a depression's whole field is counted at once."""
    state, rules, cable = run.state, run.rules, run.cable
    law, gate = rules.activity, state.gate[d]
    if not (gate[GLUTAMATE] and gate[SPIKES]):
        return
    chance_up = -math.expm1(-law.potentiation_rate * elapsed)
    chance_down = -math.expm1(-law.depression_rate * elapsed)
    k0, k1 = rng.split_key(run.plan.key)
    me, count, touched = np.uint32(d), np.uint32(state.count[d, STEPS]), False
    work[:] = 0.0
    whole = 2.0 * rules.depression.reach * rules.depression.shrinkage  # a full event, over all time
    for slot in range(state.spine.shape[1]):
        if state.spine[d, slot, SIZE] <= 0.0:
            continue
        words = rng.philox(np.uint32(state.spine[d, slot, NUMBER]), me, count, SPONTANEOUS, k0, k1)
        if rules.has.potentiation and rng.unit(words[0]) < chance_up:
            potentiate(run, (d, slot, now), 1.0, SPONTANEOUSLY)
        if rules.has.depression and gate[SHRINKAGE] and rng.unit(words[1]) < chance_down:
            drop(cable, work, int(state.spine[d, slot, NODE]), whole)
            touched = True
    if touched:
        settle(cable, rules.depression.reach, work, np.empty_like(work))
        shrink_all(run, work, d, now)


@njit(**LEAN)
def _scale(run, d, now, elapsed):
    """Homeostatic scaling of all spines by one factor."""
    state, rules = run.state, run.rules
    law = rules.homeostasis
    follow_rate(run, d, now)
    rate = state.cell[d, RATE_SUM] / (elapsed * DAY)
    state.cell[d, RATE_SUM] = 0.0
    if rules.has.activity and state.gate[d, SPIKES]:
        rate += rules.activity.spike_rate
    factor = math.exp(_scaling(rate, law.target_rate, law.scaling_time) * elapsed)
    for slot in range(state.spine.shape[1]):
        if state.spine[d, slot, SIZE] > 0.0:
            state.spine[d, slot, SIZE] *= factor


@njit(**LEAN)
def _intrinsic(run, heat, d, now, elapsed):
    """One step of the intrinsic law for every spine, with the bridge's crossing of the threshold.

    A spine that was formed within the step has lived a part of it only.
    """
    state = run.state
    k0, k1 = rng.split_key(run.plan.key)
    me, step = np.uint32(d), state.count[d, STEPS]
    for slot in range(state.spine.shape[1]):
        if state.spine[d, slot, SIZE] <= 0.0:
            continue
        age = now / DAY - state.spine[d, slot, BORN]  # NaN for spines that were there at the start
        span = age if age < elapsed else elapsed
        if span <= 0.0:
            continue
        before = _coordinate(run.plan, state.spine[d, slot, SIZE])
        number = np.uint32(state.spine[d, slot, NUMBER])
        words = rng.philox(number, me, np.uint32(step), STEP, k0, k1)
        normals = rng.normal_pair(words[0], words[1])
        after, fast = steps.advance_one(run.plan, run.p, before, state.spine[d, slot, FAST], normals, span)
        state.spine[d, slot, FAST] = fast
        share = kernels.crossed(run.plan, run.p, (before, after), (d, number, step), span)
        if share <= 1.0:
            vacate(run, heat, (d, slot, step), now / DAY - (1.0 - share) * span, now)
        else:
            state.spine[d, slot, SIZE] = _size(run.plan, max(after, run.plan.minimum))


@njit(**LEAN)
def _form(run, heat, d, now, elapsed):
    """Form the spines that are due in a slow step, at a rate per length that hot spots raise.

    What is left of the waiting time is kept in units of its mean, so that it runs faster while the rate is higher.
    """
    state, rate, left = run.state, _formation(run, heat), elapsed
    while state.cell[d, WAIT] < rate * left:
        left -= state.cell[d, WAIT] / rate
        for slot in range(state.spine.shape[1]):
            if state.spine[d, slot, SIZE] <= 0.0:
                where = (d, slot, state.count[d, STEPS])
                if settle_in(run, heat, where, now / DAY - left, now) >= 0.0:
                    state.count[d, ELIMINATED] += 1
                    state.spine[d, slot, SIZE] = -1.0
                break
        state.cell[d, WAIT] = -math.log(uniform(run, (d, state.count[d, NEXT_NUMBER]), 1, PLACE))
    state.cell[d, WAIT] -= rate * left


@njit
def slow_step(run, d, now):
    """Close the slow clock at a time: everything that goes by days happens for the time since it was last closed."""
    state, rules, cable = run.state, run.rules, run.cable
    elapsed = (now - state.cell[d, SLOW]) / DAY
    if elapsed <= 0.0:
        return
    for slot in range(state.spine.shape[1]):
        if state.spine[d, slot, SIZE] > 0.0:
            catch_up(run, d, slot, now)
            if rules.has.calcium:
                calcium_step(run, (d, slot, now), 0.0)
    if rules.has.clustering:
        state.field[d, HOT] *= _fading(elapsed, rules.clustering.memory)
    if rules.has.activity:
        _spontaneous(run, d, now, elapsed, np.empty(cable.shape[0]))
    if rules.has.homeostasis:
        _scale(run, d, now, elapsed)
    remove_fallen(run, d, now)
    if run.plan.dt > 0.0:
        heat = hot_spots(run, d)
        _intrinsic(run, heat, d, now, elapsed)
        if run.plan.mode == kernels.RATE:
            _form(run, heat, d, now, elapsed)
    state.cell[d, SLOW] = now
    state.count[d, STEPS] += 1
