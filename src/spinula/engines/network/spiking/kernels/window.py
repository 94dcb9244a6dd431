"""One window of a circuit: as many steps as the shortest delay, in which the parts need not hear of each other.

A step: membranes move and inputs decay; neurons at the threshold fire; spikes that arrive now are added to the inputs
and move the membrane in the next step. Two spikes that meet at a synapse in one step are no pair.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from spinula.engines.network.spiking.kernels.rows import BARE, SAME, arrive, deliver, scatter
from spinula.engines.network.spiking.state import (
    BASE_STEP,
    BASELINE,
    BLOCK,
    CHANNEL,
    CONDUCTANCE,
    DELAY,
    DEPRESSION,
    DOPAMINE,
    E_KEPT,
    ELIGIBILITY,
    FIRST_ROW,
    FIXED,
    GAIN,
    GATED,
    HEAD,
    I_KEPT,
    LAG,
    ORIGIN,
    POST_FIRST,
    POST_STOP,
    POTENTIATION,
    PRE_FIRST,
    PRE_STOP,
    REFRACTORY,
    RESET,
    RULE,
    SECONDS,
    STEP,
    THRESHOLD,
    TIMED,
    TRIPLET,
    TRIPLET_STEP,
)
from spinula.engines.philox import _expm1_single
from spinula.law.circuits import neurons as membrane

_current = njit(membrane.current_step, forceinline=True, fastmath=SAME)
_conductance = njit(membrane.conductance_step, forceinline=True, fastmath=SAME)
_TILE = 128


@njit(forceinline=True, fastmath=SAME)
def _expm1(x):
    """exp(x) - 1 on vectors, in 32 bits: its error is a millionth of one step's change."""
    return _expm1_single(np.float32(x))


@njit(**BARE)
def _move_currents(v, excitatory, inhibitory, numbers, kept, threshold):
    over = np.int32(0)
    for i in range(v.size):
        v[i] = _current(v[i], excitatory[i], inhibitory[i], numbers)
        excitatory[i] *= kept[0]
        inhibitory[i] *= kept[1]
        over += np.int32(v[i] >= threshold)
    return over


@njit(**BARE)
def _move_conductances(v, excitatory, inhibitory, numbers, kept, threshold):
    over = np.int32(0)
    for i in range(v.size):
        v[i] = _conductance(v[i], excitatory[i], inhibitory[i], numbers, _expm1)
        excitatory[i] *= kept[0]
        inhibitory[i] *= kept[1]
        over += np.int32(v[i] >= threshold)
    return over


@njit(**BARE)
def _move(neurons, span, population, flags):
    """Move the membranes of a span of neurons by one step; flag the tiles in which one is at the threshold."""
    first, stop = span
    p, kind = neurons.numbers[population], neurons.v.dtype.type
    numbers = (kind(p[0]), kind(p[1]), kind(p[2]), kind(p[3]))
    kept, threshold = (kind(p[E_KEPT]), kind(p[I_KEPT])), kind(p[THRESHOLD])
    for tile in range((stop - first + _TILE - 1) // _TILE):
        a = first + tile * _TILE
        b = min(a + _TILE, stop)
        v, excitatory, inhibitory = neurons.v[a:b], neurons.excitatory[a:b], neurons.inhibitory[a:b]
        if p[CONDUCTANCE] > 0.0:
            flags[tile] = _move_conductances(v, excitatory, inhibitory, numbers, kept, threshold)
        else:
            flags[tile] = _move_currents(v, excitatory, inhibitory, numbers, kept, threshold)


@njit(**BARE)
def _hold(neurons, part, population, step):
    """Keep the membranes of refractory neurons at the reset; let those go whose time is over."""
    ring, count = neurons.held[part, population], neurons.held_count[part, population]
    first, size = neurons.held_first[part, population], neurons.held.shape[2]
    refractory = np.int64(neurons.numbers[population, REFRACTORY])
    while count > 0 and step > neurons.last[ring[first]] + refractory:
        first, count = (first + 1 if first + 1 < size else 0), count - 1
    neurons.held_first[part, population], neurons.held_count[part, population] = first, count
    reset = neurons.v.dtype.type(neurons.numbers[population, RESET])
    for k in range(count):
        place = first + k
        neurons.v[ring[place if place < size else place - size]] = reset


@njit(**BARE)
def _fire(neurons, part, population, step, flags, found):
    """Find the neurons at the threshold, reset them, write them to ``found``; return how many."""
    first, stop = neurons.bounds[part, population]
    p, kind, size = neurons.numbers[population], neurons.v.dtype.type, neurons.held.shape[2]
    threshold, reset, fired = kind(p[THRESHOLD]), kind(p[RESET]), 0
    for tile in range((stop - first + _TILE - 1) // _TILE):
        if flags[tile] == 0:
            continue
        for n in range(first + tile * _TILE, min(first + (tile + 1) * _TILE, stop)):
            if neurons.v[n] < threshold:
                continue
            neurons.v[n], neurons.last[n] = reset, step
            found[fired] = n
            fired += 1
            if p[REFRACTORY] > 0.0:
                place = neurons.held_first[part, population] + neurons.held_count[part, population]
                neurons.held[part, population, place if place < size else place - size] = n
                neurons.held_count[part, population] += 1
    return fired


@njit(**BARE)
def _leave_seen(neurons, q, n, projection, now):
    """Add a postsynaptic spike to what potentiation reads (S), to what dopamine gates, and to the slow trace."""
    step, time, gain = now[0], now[0] - now[1], projection[BASE_STEP]
    if projection[TRIPLET_STEP] > 0.0:
        slow = neurons.slow[q, n, 0] * math.exp(-(step - neurons.slow[q, n, 1]) / projection[TRIPLET])
        gain += projection[TRIPLET_STEP] * slow
        neurons.slow[q, n, 0], neurons.slow[q, n, 1] = slow + 1.0, step
    add = math.exp(-time / projection[POTENTIATION]) * gain
    if projection[RULE] == GATED:
        add *= math.exp(time / projection[ELIGIBILITY])
        neurons.gated[q, n] += add * now[2]
    neurons.post[q, n, 0] += add


@njit(**BARE)
def _post_spikes(neurons, q, projection, spikes, now, which):
    """Let postsynaptic spikes reach the synapses of a projection.

    ``which``: 0 before the presynaptic spikes of the step are heard (they settle what came before, with this one), 1
    after them (it depresses from the next on).
    """
    for k in range(spikes.size):
        n = spikes[k]
        if n < projection[POST_FIRST] or n >= projection[POST_STOP]:
            continue
        if which == 0:
            _leave_seen(neurons, q, n, projection, now)
        else:
            neurons.post[q, n, 1] += math.exp((now[0] - now[1]) / projection[DEPRESSION])


@njit(**BARE)
def _owned(ring, step, span):
    """Return the part of a step's spikes, (first, stop), that lies in a span of neurons."""
    slot = step % ring.start.size
    first = ring.start[slot]
    stop = first + ring.count[slot]
    while first < stop and ring.neuron[first] < span[0]:
        first += 1
    while first < stop and ring.neuron[stop - 1] >= span[1]:
        stop -= 1
    return first, stop


@njit(**BARE)
def _lagging(neurons, ring, part, q, projection, now, which):
    """Let the spikes of ``lag`` steps ago reach the synapses of a projection."""
    lag = np.int64(projection[LAG])
    if now[0] <= lag:
        return
    for population in range(neurons.bounds.shape[1]):
        if neurons.bounds[part, population, 0] < projection[POST_FIRST]:
            continue
        if neurons.bounds[part, population, 1] > projection[POST_STOP]:
            continue
        first, stop = _owned(ring, now[0] - lag, neurons.bounds[part, population])
        _post_spikes(neurons, q, projection, ring.neuron[first:stop], now, which)


@njit(**BARE)
def _hear(neurons, rows, spines, wires, part, projection, q, ring, now):
    """Deliver all spikes of a projection that arrive now."""
    inputs = neurons.excitatory if projection[CHANNEL] == 0.0 else neurons.inhibitory
    span = (np.int64(projection[PRE_FIRST]), np.int64(projection[PRE_STOP]))
    delay, first_row = np.int64(projection[DELAY]), np.int64(projection[FIRST_ROW])
    if now[0] <= delay:
        return
    first, stop = _owned(ring, now[0] - delay, span)
    for k in range(first, stop):
        place = (part, first_row + np.int64(ring.neuron[k]) - span[0])
        if projection[RULE] == FIXED:
            start = rows.start[place]
            end = start + rows.count[place]
            scatter(inputs, wires.target[part, start:end], wires.weight[part, start:end], projection[GAIN])
            continue
        if projection[RULE] >= TIMED:
            arrive(rows, spines, (neurons.post[q], neurons.gated[q]), place, projection, now)
        deliver(rows, spines, place, projection[GAIN], inputs)


@njit(**BARE)
def _drive(neurons, outside, part, step):
    """Add the input from outside of one step (counted from the beginning of its block)."""
    for k in range(outside.first[part, step], outside.first[part, step + 1]):
        if outside.channel[part, k] == 0:
            neurons.excitatory[outside.neuron[part, k]] += outside.weight[part, k]
        else:
            neurons.inhibitory[outside.neuron[part, k]] += outside.weight[part, k]


@njit(**BARE)
def _gate(gates, table, q, step, origin, burst):
    """Move dopamine and the integral of what it gates by one step; ``gates`` (dopamine, integral) by projection."""
    e, d, baseline = table[q, ELIGIBILITY], table[q, DOPAMINE], table[q, BASELINE]
    rate = 1.0 / e + 1.0 / d
    faded = math.exp(-(step - 1 - origin) / e)
    dopamine = gates[q, 0]
    gates[q, 1] += (
        table[q, SECONDS]
        * faded
        * (dopamine * (1.0 - math.exp(-rate)) / rate - baseline * e * (1.0 - math.exp(-1.0 / e)))
    )
    gates[q, 0] = dopamine * math.exp(-1.0 / d) + burst


@njit(**BARE)
def _learn_from(neurons, ring, part, q, projection, fired, now, which):
    """Let the postsynaptic spikes that reach a projection's synapses now be known to them; see ``_post_spikes``."""
    if projection[LAG] > 0.0:
        _lagging(neurons, ring, part, q, projection, now, which)
    elif fired.size:
        _post_spikes(neurons, q, projection, fired, now, which)


@njit(**BARE)
def _move_and_fire(neurons, heard, flags, where):
    """Move a part's membranes by a step, write who fires to ``heard``, return how many; ``where`` (part, s, step)."""
    (part, s, step), fired = where, 0
    for population in range(neurons.bounds.shape[1]):
        span = (neurons.bounds[part, population, 0], neurons.bounds[part, population, 1])
        _move(neurons, span, population, flags[population])
        _hold(neurons, part, population, step)
        count = _fire(neurons, part, population, step, flags[population], heard.neuron[part, s, fired:])
        heard.count[part, s, population] = count
        fired += count
    return fired


@njit(nogil=True)
def _window(neurons, rows, synapses, ring, table, outside, heard, work, clock, where):
    """Run the steps of a window in one part; ``where`` is (steps, part)."""
    (spines, wires), (steps, part) = synapses, where
    flags, scratch, gates = work[0][part], work[1][part], work[2][part]
    origin = clock[ORIGIN]
    for s in range(steps):
        step = clock[STEP] + 1 + s
        block = step - 1 - clock[BLOCK]
        count = _move_and_fire(neurons, heard, flags, (part, s, step))
        fired = heard.neuron[part, s, :count]
        _drive(neurons, outside, part, block)
        for q in range(table.shape[0]):
            projection, learns = table[q], table[q, RULE] >= TIMED
            if table[q, RULE] == GATED:
                _gate(gates, table, q, step, origin, outside.dopamine[block])
            now = (step, origin, gates[q, 1], scratch)
            if learns:
                _learn_from(neurons, ring, part, q, projection, fired, now, 0)
            _hear(neurons, rows, spines, wires, part, projection, q, ring, now)
            if learns:
                _learn_from(neurons, ring, part, q, projection, fired, now, 1)


@njit(**BARE)
def _merge(heard, ring, clock, steps, spikes):
    """Put the spikes of a window on their way, in ascending order of neurons; ``spikes`` counts those of the block."""
    parts, _, populations = heard.count.shape
    for s in range(steps):
        total = heard.count[:, s].sum()
        if clock[HEAD] + total > ring.neuron.size:
            clock[HEAD] = 0
        slot = (clock[STEP] + 1 + s) % ring.start.size
        ring.start[slot], ring.count[slot] = clock[HEAD], total
        place = clock[HEAD]
        for population in range(populations):
            for part in range(parts):
                before = 0
                for earlier in range(population):
                    before += heard.count[part, s, earlier]
                for k in range(heard.count[part, s, population]):
                    ring.neuron[place] = heard.neuron[part, s, before + k]
                    place += 1
        for k in range(total):
            heard.who[spikes] = ring.neuron[clock[HEAD] + k]
            heard.step_of[spikes] = clock[STEP] + 1 + s
            spikes += 1
        clock[HEAD] += total
    return spikes


@njit(nogil=True, parallel=True, cache=True)
def run_block(neurons, rows, spines, wires, ring, table, outside, heard, work, clock):
    """Run from the clock's step to the end of the block in windows; return how many spikes were fired.

    ``work`` : (flags, scratch, gates) by part. ``clock`` : (step, origin of the exponentials, head of the ring, first
    step of the block, steps of a window, last step). Stops early where the spikes of another window might not fit.
    """
    spikes = 0
    parts = neurons.bounds.shape[0]
    while clock[STEP] < clock[5]:
        steps = min(clock[4], clock[5] - clock[STEP])
        if spikes + steps * neurons.v.size > heard.who.size:
            break
        if parts == 1:
            _window(neurons, rows, (spines, wires), ring, table, outside, heard, work, clock, (steps, 0))
        else:
            for part in prange(parts):
                _window(neurons, rows, (spines, wires), ring, table, outside, heard, work, clock, (steps, part))
        spikes = _merge(heard, ring, clock, steps, spikes)
        clock[STEP] += steps
    return spikes
