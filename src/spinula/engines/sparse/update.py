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

_NOISE, _FORM = np.uint32(41), np.uint32(42)
_drift = njit(training.unsupported_drift)
_spread = njit(intrinsic.linear_spread)
_euler = njit(additive.euler_step)


@njit(nogil=True)
def law_step(store, dw, numbers, key, step, dead):
    """Move every spine of a layer by one step; write the (row, slot) of the eliminated to ``dead``; return how many.

    ``dead`` is filled from the last slot of a row to the first, so that they can be removed in that order.
    """
    k0, k1 = rng.split_key(key)
    count, root = 0, np.sqrt(numbers.rate)
    noisy = numbers.noise_slope > 0.0 or numbers.noise_floor > 0.0
    noise = 0.0
    for row in range(store.row_count.size):
        first = store.row_start[row]
        for slot in range(first + store.row_count[row] - 1, first - 1, -1):
            weight = store.weight[slot]
            speed = numbers.momentum * store.momentum[slot] + dw[slot]
            store.momentum[slot] = speed
            if noisy:
                words = rng.philox(np.uint32(slot), np.uint32(step), np.uint32(0), _NOISE, k0, k1)
                noise = rng.normal_pair(words[0], words[1])[0]
            sign = 1.0 if weight >= 0.0 else -1.0
            size = sign * weight
            drift = _drift(size, numbers.decay, numbers.shrinkage)
            spread = _spread(size, numbers.noise_slope, numbers.noise_floor)
            size = _euler(size, drift - sign * speed, spread, noise, numbers.rate, root)
            if size <= numbers.size_min:
                dead[count, 0], dead[count, 1] = row, slot
                count += 1
            store.weight[slot] = sign * size
    return count


@njit(nogil=True)
def _support(x, dy, row, col):
    """Return the gradient that a connection would have: the sum of x*dy over one slab."""
    total = x.dtype.type(0)
    for t in range(x.shape[1]):
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
    best_row, best_col, best, best_sign, tried = -1, -1, -np.inf, 1.0, np.uint32(0)
    for _ in range(int(numbers.candidates)):
        row, col, free = 0, 0, False
        for _ in range(64):
            words = rng.philox(np.uint32(count), tried, np.uint32(0), _FORM, k0, k1)
            tried += np.uint32(1)
            row, col = int(rng.unit(words[0]) * outputs), int(rng.unit(words[1]) * inputs)
            if find(store, row, col) < 0:
                free = True
                break
        if not free:
            continue
        slope = _support(x, dy, row, col) if numbers.candidates > 1 or numbers.signed == 0.0 else x.dtype.type(0)
        sign = site_sign(row, col, key) if numbers.signed > 0.0 else (-1.0 if slope > 0 else 1.0)
        if -sign * slope > best:
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
def replace(store, numbers, key, dead, found, formed, x, dy):
    """Remove the eliminated spines and form others; ``formed`` counts all formations of the layer so far.

    Returns the number of formations that were tried; with a fixed count each of them succeeds.
    """
    for k in range(found):
        remove(store, dead[k, 0], dead[k, 1])
    wanted = found
    if numbers.births >= 0.0:
        k0, k1 = rng.split_key(key)
        luck = rng.unit(rng.philox(np.uint32(formed), np.uint32(0), np.uint32(1), _FORM, k0, k1)[0])
        wanted = int(numbers.births * store.row_count.sum() + luck)
    for k in range(wanted):
        form(store, numbers, key, formed + k, x, dy)
    return wanted
