"""One step of the law for the spines of a layer; what it eliminates is marked, and removed by :mod:`rewire`."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from spinula.engines import philox as rng
from spinula.law import additive, intrinsic, training

Numbers = namedtuple(
    "Numbers", "rate momentum shrinkage decay noise_slope noise_floor size_min size_new candidates signed births"
)
Numbers.__doc__ = """What one step needs: learning rate (dt), momentum, the law's numbers, how many sites compete for a
formation, whether signs belong to sites (1) or are free (0), and formations per step as a share of the layer's
connections (below 0: as many as were eliminated)."""

# The column of an eliminated spine is stored as ELIMINATED - column until it is removed; a vacant slot has -1.
ELIMINATED = -2
_NOISE = np.uint32(41)
_drift = njit(training.unsupported_drift)
_spread = njit(intrinsic.linear_spread)
_euler = njit(additive.euler_step)


@njit
def birth_size(size_min, size_new, rate, peak):
    """Return the size of a new spine: the smaller the lower the learning rate is by now, to 1 % of that at its peak.

    What is born late has no time left to shrink.
    """
    share = min(1.0, max(rate / peak, 0.01)) if peak > 0.0 else 1.0
    return size_min + (size_new - size_min) * share


@njit(nogil=True, fastmath=True, error_model="numpy")
def _plain_step(store, dw, numbers, span, mark):
    """One step without noise for all slots, vacant ones too (they stay 0): straight arithmetic, which vectorises.

    ``mark`` is known when this is compiled into its caller: a spine that stays crosses zero instead.
    """
    like = store.weight.dtype.type
    rate, momentum, smallest = like(numbers.rate), like(numbers.momentum), like(numbers.size_min)
    decay, shrinkage, zero, one = like(numbers.decay), like(numbers.shrinkage), like(0.0), like(1.0)
    first, last = span
    # Views: the compiler need not care for negative indices, and vectorises.
    weights, speeds, cols, slopes = (
        store.weight[first:last],
        store.momentum[first:last],
        store.col[first:last],
        dw[first:last],
    )
    for slot in range(weights.size):
        weight = weights[slot]
        there = one if cols[slot] >= 0 else zero
        speed = momentum * speeds[slot] + slopes[slot]
        sign = one if weight >= zero else -one
        size = sign * weight
        size = _euler(size, _drift(size, decay, shrinkage) - sign * speed, zero, zero, rate, zero)
        speeds[slot] = there * speed
        weights[slot] = there * sign * size
        if mark:
            cols[slot] = ELIMINATED - cols[slot] if (there > zero) & (size <= smallest) else cols[slot]


@njit(nogil=True)
def _noisy_step(store, dw, numbers, span, mark, key, step):
    k0, k1 = rng.split_key(key)
    root = np.sqrt(numbers.rate)
    for slot in range(span[0], span[1]):
        if store.col[slot] < 0:
            continue
        weight = store.weight[slot]
        speed = numbers.momentum * store.momentum[slot] + dw[slot]
        store.momentum[slot] = speed
        words = rng.philox(np.uint32(slot), np.uint32(step), np.uint32(0), _NOISE, k0, k1)
        noise = rng.normal_pair(words[0], words[1])[0]
        sign = 1.0 if weight >= 0.0 else -1.0
        size = sign * weight
        spread = _spread(size, numbers.noise_slope, numbers.noise_floor)
        drift = _drift(size, numbers.decay, numbers.shrinkage)
        size = _euler(size, drift - sign * speed, spread, noise, numbers.rate, root)
        store.weight[slot] = sign * size
        if mark and size <= numbers.size_min:
            store.col[slot] = ELIMINATED - store.col[slot]


@njit(nogil=True)
def law_step(store, dw, numbers, span, mark, key, step):
    """Move the spines in the slots first to last (``span``) by one step; if ``mark``, mark the eliminated."""
    if numbers.noise_slope > 0.0 or numbers.noise_floor > 0.0:
        _noisy_step(store, dw, numbers, span, mark, key, step)
    elif mark:
        _plain_step(store, dw, numbers, span, True)
    else:
        _plain_step(store, dw, numbers, span, False)
