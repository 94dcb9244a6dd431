"""Rate neurons whose spines fluctuate, return to rest, and are driven by Hebb's rule: one spine per connection.

One step of the kernel: an assembly is cued, rates settle, and every spine moves by its intrinsic law plus the drive of
the two rates that it saw. A spine at the smallest size is eliminated and a new one takes its place.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from spinula.engines.philox import fill_normals, fill_words, philox, split_key, unit
from spinula.law.circuits.hebbian import correlated_drive
from spinula.law.intrinsic import linear_spread, reverting_drift

_reverting_drift = njit(reverting_drift)
_linear_spread = njit(linear_spread)
_correlated_drive = njit(correlated_drive)

_word = np.uint32
_SETTLING = 8  # rounds in which rates follow their input
_CUE, _NOISE = 0, 1


class Wiring(NamedTuple):
    """Connections ordered by presynaptic neuron: ``post`` of each, ``begins`` of each neuron; members by assembly."""

    post: np.ndarray
    begins: np.ndarray
    assembly: np.ndarray  # of each neuron; -1: none


class Plastic(NamedTuple):
    """The numbers of one network; sizes in um3, rates of change per day, ``dt`` in days."""

    recovery_rate: float
    size_rest: float
    noise_slope: float
    noise_floor: float
    size_min: float
    size_new: float
    hebb: float  # um3/day
    threshold: float  # rate above which two active neurons strengthen their connection
    gain: float  # input per um3 and unit rate
    offset: float  # input from which a neuron responds
    cued: float  # share of an assembly that is cued
    dt: float


def wiring(neurons: int, assemblies: int, members: int, probability: float, rng: np.random.Generator) -> Wiring:
    """Return random connections; the first neurons form assemblies of equal size, the others belong to none."""
    connected = [np.flatnonzero(rng.random(neurons) < probability) for _ in range(neurons)]
    connected = [post[post != pre] for pre, post in enumerate(connected)]
    begins = np.concatenate([[0], np.cumsum([len(post) for post in connected])])
    assembly = np.where(np.arange(neurons) < assemblies * members, np.arange(neurons) // members, -1)
    return Wiring(np.concatenate(connected).astype(np.int32), begins.astype(np.int64), assembly.astype(np.int32))


@njit(cache=True, nogil=True)
def recalled(wires, numbers, size, cue, rate):
    """Let the rates settle while the neurons in ``cue`` are held active; write them into ``rate``.

    rate = min(1, max(0, gain*(sum(size*rate) - mean size per pair*sum(rate)) - offset)); 1 where cued. Inhibition
    balances what the average pair of neurons passes on, so that only a contrast of sizes makes neurons respond.
    """
    count = rate.size
    received = np.empty(count)
    average = size.sum() / (count * (count - 1.0))
    rate[:] = cue
    for _ in range(_SETTLING):
        received[:] = 0.0
        summed = 0.0
        for pre in range(count):
            if rate[pre] > 0.0:
                summed += rate[pre]
                for place in range(wires.begins[pre], wires.begins[pre + 1]):
                    received[wires.post[place]] += size[place] * rate[pre]
        for neuron in range(count):
            if cue[neuron] == 0.0:
                value = numbers.gain * (received[neuron] - average * summed) - numbers.offset
                rate[neuron] = min(1.0, max(0.0, value))


@njit(cache=True, nogil=True)
def set_cue(wires, key, step, chosen, share, cue):
    """Cue each member of an assembly with the same chance."""
    k0, k1 = split_key(key)
    for neuron in range(cue.size):
        cue[neuron] = 0.0
        if wires.assembly[neuron] == chosen:
            word, _, _, _ = philox(_word(neuron), _word(step), _word(0), _word(_CUE), k0, k1)
            cue[neuron] = 1.0 if unit(word) < share else 0.0


@njit(cache=True, nogil=True)
def _move(wires, numbers, size, rate, normals):
    """Move every spine one step; return how many were replaced."""
    root, replaced = math.sqrt(numbers.dt), 0
    for pre in range(rate.size):
        for place in range(wires.begins[pre], wires.begins[pre + 1]):
            value = size[place]
            drift = _reverting_drift(value, numbers.recovery_rate, numbers.size_rest, 0.0)
            drift += _correlated_drive(rate[pre], rate[wires.post[place]], numbers.threshold, numbers.hebb)
            spread = _linear_spread(value, numbers.noise_slope, numbers.noise_floor)
            value += drift * numbers.dt + spread * root * normals[place]
            if value <= numbers.size_min:
                value = numbers.size_new
                replaced += 1
            size[place] = value
    return replaced


@njit(cache=True, nogil=True)
def live(wires, numbers, size, key, first, steps):
    """Let a network live some steps, cueing one assembly after the other; return how many spines were replaced."""
    count = wires.begins.size - 1
    rate, cue = np.zeros(count), np.zeros(count)
    assemblies = wires.assembly.max() + 1
    quarter = (size.size + 3) // 4
    words = np.empty((4, quarter), np.uint32)
    normals = np.empty((4, quarter), np.float32)
    lanes = np.arange(quarter).astype(np.uint32)
    replaced = 0
    for step in range(first, first + steps):
        set_cue(wires, key, step, step % assemblies, numbers.cued, cue)
        recalled(wires, numbers, size, cue, rate)
        fill_words(lanes, _word(step), _word(0), _word(_NOISE), key, words, quarter)
        fill_normals(words, normals, quarter)
        replaced += _move(wires, numbers, size, rate, normals.reshape(4 * quarter))
    return replaced
