"""One step of the law for the spines of a layer, and the replacement of those that were eliminated."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from spinula.engines import philox as rng
from spinula.engines.sparse.store import find, has_room, insert, lay_out, remove, site_sign
from spinula.law import additive, intrinsic, training

Numbers = namedtuple(
    "Numbers", "rate momentum shrinkage decay noise_slope noise_floor size_min size_new candidates signed births"
)
Numbers.__doc__ = """What one step needs: learning rate (dt), momentum, the law's numbers, how many sites compete for a
formation, whether signs belong to sites (1) or are free (0), and formations per step as a share of the layer's
connections (below 0: as many as were eliminated)."""

# How many samples judge a candidate: one cache line of each feature.
_JUDGES = 16
_NOISE, _FORM = np.uint32(41), np.uint32(42)
_drift = njit(training.unsupported_drift)
_spread = njit(intrinsic.linear_spread)
_euler = njit(additive.euler_step)


@njit(nogil=True, fastmath=True, error_model="numpy")
def _plain_step(store, dw, numbers):
    """One step without noise for all slots, vacant ones too (they stay 0): straight arithmetic, which vectorises."""
    like = store.weight.dtype.type
    rate, momentum = like(numbers.rate), like(numbers.momentum)
    decay, shrinkage, zero, one = like(numbers.decay), like(numbers.shrinkage), like(0.0), like(1.0)
    for slot in range(store.weight.size):
        weight = store.weight[slot]
        there = one if store.col[slot] >= 0 else zero
        speed = momentum * store.momentum[slot] + dw[slot]
        sign = one if weight >= zero else -one
        size = sign * weight
        size = _euler(size, _drift(size, decay, shrinkage) - sign * speed, zero, zero, rate, zero)
        store.momentum[slot] = there * speed
        # The sign of a size below the threshold stays legible: the weight crosses zero.
        store.weight[slot] = there * sign * size


@njit(nogil=True)
def _noisy_step(store, dw, numbers, key, step):
    k0, k1 = rng.split_key(key)
    root = np.sqrt(numbers.rate)
    for slot in range(store.weight.size):
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
        store.weight[slot] = sign * _euler(size, drift - sign * speed, spread, noise, numbers.rate, root)


@njit(nogil=True)
def law_step(store, dw, numbers, key, step, dead):
    """Move every spine of a layer by one step; write the (row, slot) of the eliminated to ``dead``; return how many.

    ``dead`` is filled from the last slot of a row to the first, so that they can be removed in that order.
    """
    before = store.weight.copy()
    if numbers.noise_slope > 0.0 or numbers.noise_floor > 0.0:
        _noisy_step(store, dw, numbers, key, step)
    else:
        _plain_step(store, dw, numbers)
    count = 0
    for row in range(store.row_count.size):
        first = store.row_start[row]
        for slot in range(first + store.row_count[row] - 1, first - 1, -1):
            size = store.weight[slot] if before[slot] >= 0.0 else -store.weight[slot]
            if size <= numbers.size_min:
                dead[count, 0], dead[count, 1] = row, slot
                count += 1
    return count


@njit(nogil=True, fastmath=True)
def _support(x, dy, row, col):
    """Return the gradient that a connection would have, by the first samples of a slab: the sum of x*dy."""
    total = x.dtype.type(0)
    for t in range(min(x.shape[1], _JUDGES)):
        total += x[col, t] * dy[row, t]
    return total


@njit(nogil=True)
def form(store, numbers, key, count, x, dy):
    """Form one spine at a vacant site: the best of some candidates by the gradient it would have; return whether.

    ``count`` numbers the formation. With one candidate the site is uniform. A candidate is good if the gradient makes
    it grow: -sign*gradient is large.
    """
    k0, k1 = rng.split_key(key)
    outputs, inputs = store.row_count.size, store.col_count.size
    best_row, best_col, best, best_sign = -1, -1, -np.inf, 1.0
    judged = numbers.candidates > 1.0 or numbers.signed == 0.0
    for number in range(int(numbers.candidates) + 64):
        if number >= numbers.candidates and best_row >= 0:
            break  # further tries are for the case that all candidates' sites were taken
        words = rng.philox(np.uint32(count), np.uint32(number), np.uint32(0), _FORM, k0, k1)
        row, col = int(rng.unit(words[0]) * outputs), int(rng.unit(words[1]) * inputs)
        slope = _support(x, dy, row, col) if judged else x.dtype.type(0)
        sign = site_sign(row, col, key) if numbers.signed > 0.0 else (-1.0 if slope > 0 else 1.0)
        # Whether a site is vacant is dear to find out: only a better candidate is asked.
        if -sign * slope > best and find(store, row, col) < 0:
            best_row, best_col, best, best_sign = row, col, -sign * slope, sign
    if best_row < 0:
        return False
    if not has_room(store, best_row, best_col):
        lay_out(store)
        if not has_room(store, best_row, best_col):
            return False  # the layer is as full as its arrays
    insert(store, best_row, best_col, best_sign * numbers.size_new)
    return True


@njit(nogil=True)
def _fair(store, numbers):
    """Return the numbers with a tournament that suits the layer: few vacant sites would be met again and again."""
    vacant = store.row_count.size * store.col_count.size - store.row_count.sum()
    return Numbers(
        numbers.rate, numbers.momentum, numbers.shrinkage, numbers.decay, numbers.noise_slope, numbers.noise_floor,
        numbers.size_min, numbers.size_new, min(numbers.candidates, max(1.0, vacant / 8.0)), numbers.signed,
        numbers.births,
    )  # fmt: skip


@njit(nogil=True)
def replace(store, numbers, key, dead, found, formed, x, dy):
    """Remove the eliminated spines and form others; ``formed`` counts all formations of the layer so far.

    Returns the number of formations that were tried; with a fixed count each of them succeeds.
    """
    for k in range(found):
        remove(store, dead[k, 0], dead[k, 1])
    wanted, numbers = found, _fair(store, numbers)
    if numbers.births >= 0.0:
        k0, k1 = rng.split_key(key)
        luck = rng.unit(rng.philox(np.uint32(formed), np.uint32(0), np.uint32(1), _FORM, k0, k1)[0])
        wanted = int(numbers.births * store.row_count.sum() + luck)
    for k in range(wanted):
        form(store, numbers, key, formed + k, x, dy)
    return wanted
