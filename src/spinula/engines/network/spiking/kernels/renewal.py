"""The renewal of spines: those that ended leave their rows, new ones are placed, on rows that move when they are full.

Random numbers are keyed by (spine_id, tick), so that they do not depend on the number of parts.
"""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np
from numba import njit, prange

from spinula.engines import philox as rng
from spinula.engines.kernels import RATE, first_step
from spinula.engines.network.spiking.kernels.rows import BARE
from spinula.engines.steps import LOG_OU

_PARTNER, _BIRTHS = np.uint32(6), np.uint32(7)
Gone = namedtuple("Gone", "count unseen placed row place target order spine_id share fresh")
Gone.__doc__ = """(parts,) and (parts, places): where spines ended, when in the tick, and the id of the next;
``unseen`` : how many lives began and ended within the tick; ``placed`` : how many spines were formed to stay."""


@njit
def size_of(plan, x):
    """Return the size [um3] that a family's own coordinate stands for."""
    return math.exp(x) if plan.family == LOG_OU else x


@njit(**BARE)
def _keep(spines, part, here, there):
    spines.target[part, there], spines.spine_id[part, there] = spines.target[part, here], spines.spine_id[part, here]
    spines.size[part, there], spines.snap[part, there] = spines.size[part, here], spines.snap[part, here]
    if spines.tag.shape[1] > 1:
        spines.tag[part, there], spines.snap_gated[part, there] = spines.tag[part, here], spines.snap_gated[part, here]


@njit(nogil=True)
def _move_run(column, here, there, length, spare):
    """Copy a run to an earlier place that it may overlap, by way of a spare place: both copies run on vectors."""
    for i in range(length):
        spare[i] = column[here + i]
    for i in range(length):
        column[there + i] = spare[i]


@njit(nogil=True)
def close_gaps(rows, spines, gone, part):
    """Take the spines that ended (in order of their places) out of their rows; the others keep their order."""
    longest = rows.count[part].max()
    words, numbers, k = np.empty(longest, np.uint32), np.empty(longest, spines.size.dtype), 0
    while k < gone.count[part]:
        row, there = gone.row[part, k], gone.place[part, k]
        stop = rows.start[part, row] + rows.count[part, row]
        while k < gone.count[part] and gone.row[part, k] == row:
            here = gone.place[part, k] + 1
            k += 1
            following = k < gone.count[part] and gone.row[part, k] == row
            length = (gone.place[part, k] if following else stop) - here
            _move_run(spines.target[part], here, there, length, words)
            _move_run(spines.spine_id[part], here, there, length, words)
            _move_run(spines.size[part], here, there, length, numbers)
            _move_run(spines.snap[part], here, there, length, numbers)
            if spines.tag.shape[1] > 1:
                _move_run(spines.tag[part], here, there, length, numbers)
                _move_run(spines.snap_gated[part], here, there, length, numbers)
            there += length
        rows.count[part, row] = there - rows.start[part, row]


@njit(nogil=True, cache=True)
def number_births(gone, first_id):
    """Give what replaces each eliminated spine an id, in the order of the ids that ended; return the next free id.

    ``gone.order`` of a part gets its entries in that order.
    """
    total, parts = gone.count.sum(), gone.count.size
    ids, where, place = np.empty(total, np.uint64), np.empty((total, 2), np.int64), 0
    for part in range(parts):
        for k in range(gone.count[part]):
            ids[place], where[place, 0], where[place, 1] = gone.spine_id[part, k], part, k
            place += 1
    listed = np.zeros(parts, np.int64)
    for number, place in enumerate(np.argsort(ids)):
        part, k = where[place]
        gone.fresh[part, k] = first_id + number
        gone.order[part, listed[part]] = k
        listed[part] += 1
    return first_id + total


@njit(nogil=True)
def _is_free(rows, spines, part, row, target, limits):
    """Tell whether a row may send another spine to a neuron: not its own, and below the limit of contacts."""
    first, _, own, contacts = limits
    if own >= 0 and row - first == np.int64(target) - own:
        return False
    start, found = rows.start[part, row], 0
    there = spines.target[part, start : start + rows.count[part, row]]
    for i in range(there.size):
        found += np.int64(there[i] == target)
    return found < contacts


@njit(nogil=True)
def _partner(rows, spines, key, part, born, limits):
    """Draw the presynaptic row of a new spine among those that are free; -1 if none is."""
    target, spine_id = born
    first, stop, _, _ = limits
    (k0, k1), row = rng.split_key(key), first
    for attempt in range(64):
        words = rng.philox(np.uint32(spine_id), np.uint32(attempt), np.uint32(0), _PARTNER, k0, k1)
        row = first + np.int64(rng.unit(words[0]) * (stop - first))
        if _is_free(rows, spines, part, row, target, limits):
            return row
    for _ in range(stop - first):  # few are free: the next after the last that was drawn
        row = row + 1 if row + 1 < stop else first
        if _is_free(rows, spines, part, row, target, limits):
            return row
    return -1


@njit(nogil=True)
def place_spine(rows, spines, part, row, born):
    """Put a new spine at the end of a row, which moves to the end of the arena if it is full; return whether it fits.

    ``born`` : (target, spine_id, size, S of its target now, gated S).
    """
    start, count, tail = rows.start[part, row], rows.count[part, row], rows.room.shape[1] - 1
    if count == rows.room[part, row]:
        room, end = count + count // 4 + 4, rows.start[part, tail]
        if end + room > spines.size.shape[1]:
            return False
        for i in range(count):
            _keep(spines, part, start + i, end + i)
        rows.start[part, row], rows.room[part, row] = end, room
        rows.start[part, tail] = end + room
        start = end
    place = start + count
    spines.target[part, place], spines.spine_id[part, place], spines.size[part, place] = born[0], born[1], born[2]
    spines.snap[part, place] = born[3]
    if spines.tag.shape[1] > 1:
        spines.tag[part, place], spines.snap_gated[part, place] = 0.0, born[4]
    rows.count[part, row] = count + 1
    return True


@njit(nogil=True)
def _newborn(plan, exact, fresh, tick, share):
    """Return the size at the end of the tick of a spine formed within it, and how many came before it.

    One that ends within the tick is followed by the next at once if the count is fixed; with formation at a rate its
    size is returned as -1. Such short lives are counted, but take no id.
    """
    begun, end, life, size = (tick + share) * plan.dt, (tick + 1) * plan.dt, 0, 0.0
    while begun >= 0.0:
        life += 1
        size, _, begun = first_step(plan, exact, (life, fresh, tick), begun, end)
        if begun >= 0.0 and plan.mode == RATE:
            return -1.0, 1
    return max(size_of(plan, size), size_of(plan, plan.minimum)), life - 1


@njit(nogil=True)
def _replace_part(neurons, rows, spines, plan, p, gone, done, where):
    (first, stop, own, contacts, q, tick), part = where
    exact = p.astype(np.float64)
    while done[part] < gone.count[part]:
        k = gone.order[part, done[part]]
        target, fresh = gone.target[part, k], gone.fresh[part, k]
        row = _partner(rows, spines, plan.key, part, (target, fresh), (first, stop, own, contacts))
        if row < 0 and plan.mode == RATE:  # every neuron is at the limit of contacts: no spine is formed
            done[part] += 1
            continue
        if row < 0:  # the same, but the count is fixed: its old partner takes it back
            row = gone.row[part, k]
        seen = neurons.post[q, target if neurons.post.shape[1] > 1 else 0, 0]
        gated = neurons.gated[q, target if neurons.gated.shape[1] > 1 else 0]
        size, unseen = _newborn(plan, exact, fresh, tick, gone.share[part, k])
        if size >= 0.0 and not place_spine(rows, spines, part, row, (target, fresh, size, seen, gated)):
            break
        gone.unseen[part] += unseen
        gone.placed[part] += np.int64(size >= 0.0)
        done[part] += 1


@njit(nogil=True, parallel=True, cache=True)
def replace(neurons, rows, spines, plan, p, gone, done, limits):
    """Form a spine on the same neuron for each that ended, from ``done`` on; stop in a part whose arena is full.

    ``limits`` : (first row, last + 1, first neuron if the projection is recurrent or -1, contacts of a pair,
    projection, tick).
    """
    for part in prange(done.size):
        _replace_part(neurons, rows, spines, plan, p, gone, done, (limits, part))


@njit(nogil=True, cache=True)
def repack(rows, spines, fresh, room):
    """Copy all rows of spines into a fresh arena, each with its new ``room``; fixed rows have none there."""
    tail = rows.start.shape[1] - 1
    for part in range(rows.start.shape[0]):
        end = 0
        for row in range(tail):
            if room[part, row] == 0:
                continue
            start, count = rows.start[part, row], rows.count[part, row]
            for i in range(count):
                fresh.target[part, end + i], fresh.spine_id[part, end + i] = (
                    spines.target[part, start + i], spines.spine_id[part, start + i]
                )  # fmt: skip
                fresh.size[part, end + i], fresh.snap[part, end + i] = (
                    spines.size[part, start + i], spines.snap[part, start + i]
                )  # fmt: skip
                if spines.tag.shape[1] > 1:
                    fresh.tag[part, end + i] = spines.tag[part, start + i]
                    fresh.snap_gated[part, end + i] = spines.snap_gated[part, start + i]
            rows.start[part, row], rows.room[part, row] = end, room[part, row]
            end += room[part, row]
        rows.start[part, tail] = end


@njit
def _births_of(plan, neuron, tick, births):
    """Draw how many spines a neuron forms in a tick, by inversion of the Poisson law of mean ``births``."""
    k0, k1 = rng.split_key(plan.key)
    words = rng.philox(np.uint32(neuron), np.uint32(0), np.uint32(tick), _BIRTHS, k0, k1)
    # Two words, so that rare counts are not cut off.
    u = (np.float64(words[0]) + np.float64(words[1]) / 2.0**32) / 2.0**32
    chance, count = math.exp(-births), 0
    total = chance
    while u > total and count < 4096:
        count += 1
        chance *= births / count
        total += chance
    return count


@njit(nogil=True, cache=True)
def count_births(bounds, plan, births, tick):
    """Return how many spines each part forms in a tick; ``bounds`` (parts, 2) its postsynaptic neurons."""
    found = np.zeros(bounds.shape[0], np.int64)
    for part in range(bounds.shape[0]):
        for neuron in range(bounds[part, 0], bounds[part, 1]):
            found[part] += _births_of(plan, neuron, tick, births)
    return found


@njit(nogil=True, cache=True)
def note_births(bounds, plan, births, tick, gone):
    """Write the spines that are formed in a tick where those that replace others stand; they have no old row.

    Neuron and number within the tick stand for the id of the one before: births are numbered in that order.
    """
    k0, k1 = rng.split_key(plan.key)
    for part in range(bounds.shape[0]):
        k = 0
        for neuron in range(bounds[part, 0], bounds[part, 1]):
            for birth in range(_births_of(plan, neuron, tick, births)):
                words = rng.philox(np.uint32(neuron), np.uint32(birth + 1), np.uint32(tick), _BIRTHS, k0, k1)
                gone.row[part, k], gone.target[part, k] = -1, neuron
                gone.spine_id[part, k] = np.uint64(neuron) << np.uint64(12) | np.uint64(birth)
                gone.share[part, k] = rng.unit(words[0])
                k += 1
        gone.count[part] = k
