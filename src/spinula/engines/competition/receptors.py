"""Run a pool of receptors that spines compete for: the mean course in time, and every molecule by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from spinula.core.errors import NotConvergedError, OutOfRangeError
from spinula.core.streams import Streams
from spinula.engines import philox as rng
from spinula.law.plasticity import receptors
from spinula.law.plasticity.receptors import ReceptorPool

_binding = njit(receptors.binding_flow)
_unbinding = njit(receptors.unbinding_flow)


@dataclass(frozen=True)
class Change:
    """What becomes different at a moment (s): the slots of the spines, the rates of the pool, or both."""

    at: float
    slots: Sequence[float] | None = None
    pool: ReceptorPool | None = None


@dataclass(frozen=True)
class Course:
    """Mean numbers of receptors in time.

    Attributes
    ----------
    seconds : array, shape (T,), s
    bound : array, shape (T, n), 1: receptors bound in each spine
    free : array, shape (T,), 1: receptors in the pool
    slots : array, shape (T, n), 1: slots of each spine (a change shows from its moment on)
    """

    seconds: np.ndarray
    bound: np.ndarray
    free: np.ndarray
    slots: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """All receptors, bound and free, shape (T,)."""
        return self.bound.sum(axis=1) + self.free


@dataclass(frozen=True)
class Molecules:
    """Single-molecule numbers of receptors at given times, and their averages over all of the time between.

    Attributes
    ----------
    seconds : array, shape (T,), s
    bound : array of int, shape (T, n), 1
    free : array of int, shape (T,), 1
    mean, sd : array, shape (n + 1,), 1: time average and SD of each spine's bound receptors; last, of the free ones
    events : int, reactions that happened
    """

    seconds: np.ndarray
    bound: np.ndarray
    free: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    events: int

    @property
    def variation(self) -> np.ndarray:
        """Coefficient of variation of each spine's bound receptors, shape (n,), 1."""
        return self.sd[:-1] / self.mean[:-1]


def _slots(values: Sequence[float], count: int | None = None) -> np.ndarray:
    """Return slots as an array, or say what is wrong with them."""
    slots = np.asarray(values, float)
    if slots.ndim != 1 or slots.size == 0 or count not in (None, slots.size):
        raise OutOfRangeError("number of spines", slots.size, f"wanted {count or 'a row of at least one'}")
    wrong = slots[~(np.isfinite(slots) & (slots >= 0))]
    if wrong.size:
        raise OutOfRangeError("slots", float(wrong[0]), "wanted a finite number, not negative")
    return slots


def _times(values: Sequence[float]) -> np.ndarray:
    """Return times as an array, or say what is wrong with them."""
    times = np.atleast_1d(np.asarray(values, float))
    if times.size == 0 or not (np.isfinite(times).all() and times[0] >= 0 and (np.diff(times) > 0).all()):
        raise OutOfRangeError("seconds", float(times[0]) if times.size else math.nan, "wanted rising times from 0 on")
    return times


def _rates(state: np.ndarray, pool: ReceptorPool, slots: np.ndarray) -> np.ndarray:
    """Return the time derivative of bound receptors and, last, of the free ones, 1/s."""
    bound, free = state[:-1], state[-1]
    binding = receptors.bound_change(bound, free, slots, pool.binding_rate, pool.unbinding_rate)
    return np.append(binding, receptors.free_change(free, binding.sum(), pool.insertion_rate, pool.removal_rate))


def _solve(state: np.ndarray, pool: ReceptorPool, slots: np.ndarray, span: tuple[float, float], at: np.ndarray):
    """Integrate over a span in which nothing changes; return the states at given times and at the end."""
    from scipy.integrate import solve_ivp

    done = solve_ivp(
        lambda _, y: _rates(y, pool, slots), span, state, method="LSODA", t_eval=np.union1d(at, span[1]),
        rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    if not done.success:
        raise NotConvergedError(f"the receptors of the spines: {done.message}")
    return done.y.T[: at.size], done.y[:, -1]


def _moved(state: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Return the state with the receptors of lost slots set free."""
    bound = np.minimum(state[:-1], slots)
    return np.append(bound, state[-1] + (state[:-1] - bound).sum())


def time_course(
    pool: ReceptorPool, slots: Sequence[float], *, seconds: Sequence[float], changes: Sequence[Change] = (),
    start: tuple[Sequence[float], float] | None = None,
) -> Course:  # fmt: skip
    """Follow the mean numbers of receptors in time.

    The equations of :mod:`spinula.law.plasticity.receptors`, by LSODA, anew after each change. Receptors in slots
    that a change takes away go to the pool.

    Parameters
    ----------
    slots : sequence of float, shape (n,), 1
        Slots of each spine at time 0.
    seconds : sequence of float, s
        When to look: rising, from 0 on.
    changes : sequence of Change
        In order of time. One at a moment that is looked at has happened in what is seen.
    start : (bound, free)
        Receptors at time 0; without it, the rest of the pool.

    Raises
    ------
    OutOfRangeError
        If slots are negative, times or changes do not rise, or a change has another number of spines.
    NotConvergedError
        If the integrator stops early.

    Examples
    --------
    >>> pool = ReceptorPool.published(filling=0.5, slots=200)
    >>> course = time_course(pool, [100, 100], seconds=[0, 60], changes=[Change(30, slots=[200, 100])])
    >>> bool(course.bound[1, 0] > 50 > course.bound[1, 1])
    True
    """
    here, when = _slots(slots), _times(seconds)
    moments = [change.at for change in changes]
    if moments and not (moments[0] >= 0 and (np.diff(moments) > 0).all()):
        raise OutOfRangeError("change at", moments[0], "wanted rising moments from 0 on")
    bound, free = (pool.bound_at_rest(here), pool.free_at_rest) if start is None else start
    state = np.append(_slots(bound, here.size), free)
    states, seen, clock = np.empty((when.size, here.size + 1)), np.empty((when.size, here.size)), 0.0
    for change in [*changes, Change(math.inf)]:
        inside, end = (when >= clock) & (when < change.at), min(change.at, float(when[-1]))
        seen[inside] = here
        if end > clock:
            states[inside], state = _solve(state, pool, here, (clock, end), when[inside])
        else:
            states[inside] = state
        if change.slots is not None:
            here = _slots(change.slots, here.size)
            state = _moved(state, here)
        pool, clock = change.pool or pool, change.at
    return Course(when, states[:, :-1], states[:, -1], seen)


@njit
def _react(state, slots, rates, totals, words):
    """Let one reaction happen; return the spine it changed (-1: none). ``totals`` holds all bound, all slots."""
    spines, free = slots.shape[0], state[-1]
    bind = _binding(free, totals[1], totals[0], rates[0])
    unbind = _unbinding(totals[0], rates[1])
    remove = rates[3] * free
    pick = rng.unit(words[1]) * (bind + unbind + rates[2] + remove)
    if pick >= bind + unbind:
        state[-1] += 1.0 if pick < bind + unbind + rates[2] else -1.0
        return -1
    binds = pick < bind
    left = rng.unit(words[2]) * (totals[1] - totals[0] if binds else totals[0])
    chosen, last = -1, -1
    for i in range(spines):
        weight = slots[i] - state[i] if binds else state[i]
        if weight > 0.0:
            last = i
            left -= weight
            if left < 0.0:
                chosen = i
                break
    chosen = chosen if chosen >= 0 else last
    move = 1.0 if binds else -1.0
    state[chosen] += move
    state[-1] -= move
    totals[0] += move
    return chosen


@njit
def _average(sums, since, state, index, now):
    """Add what a number was since it last changed to its sums: number*time and number^2*time."""
    held = now - since[index]
    sums[index, 0] += state[index] * held
    sums[index, 1] += state[index] * state[index] * held
    since[index] = now


@njit(cache=True, nogil=True)
def _gillespie(state, slots, rates, times, key):
    """Simulate every reaction up to the last time; return states at the times, sums over times[0]..[-1], events."""
    k0, k1 = rng.split_key(key)
    count = state.shape[0]
    seen, sums = np.zeros((times.shape[0], count)), np.zeros((count, 2))
    since, before = np.full(count, times[0]), np.empty(count)
    totals = np.array([state[:-1].sum(), slots.sum()])
    words, now, looked, events = np.empty(4, np.uint32), 0.0, 0, np.uint64(0)
    while looked < times.shape[0]:
        low, high = np.uint32(events & np.uint64(0xFFFFFFFF)), np.uint32(events >> np.uint64(32))
        words[0], words[1], words[2], words[3] = rng.philox(low, high, np.uint32(0), np.uint32(0), k0, k1)
        total = _binding(state[-1], totals[1], totals[0], rates[0]) + _unbinding(totals[0], rates[1])
        total += rates[2] + rates[3] * state[-1]
        later = now - math.log(rng.unit(words[0])) / total if total > 0.0 else np.inf
        while looked < times.shape[0] and times[looked] < later:
            seen[looked] = state
            looked += 1
        if looked == times.shape[0]:
            break
        before[:] = state
        spine = _react(state, slots, rates, totals, words)
        if later > times[0]:
            if spine >= 0:
                _average(sums, since, before, spine, later)
            _average(sums, since, before, count - 1, later)
        now, events = later, events + np.uint64(1)
    for index in range(count):
        _average(sums, since, state, index, times[-1])
    return seen, sums, events


def simulate(
    pool: ReceptorPool, slots: Sequence[int], *, seed: int, seconds: Sequence[float],
    start: tuple[Sequence[int], int] | None = None,
) -> Molecules:  # fmt: skip
    """Simulate every binding, unbinding, insertion and removal exactly (Gillespie's direct method).

    Parameters
    ----------
    slots : sequence of int, shape (n,), 1
    seconds : sequence of float, s
        When to look, at least twice: rising, from 0 on. Averages run from the first to the last; what lies before
        the first is the time to settle.
    start : (bound, free)
        Whole numbers of receptors at time 0; without it, the rest of the pool, rounded.

    Raises
    ------
    OutOfRangeError
        If slots or receptors are not whole numbers, a spine has more receptors than slots, or times do not rise.

    Source
    ------
    [gillespie1977]; the network of [triesch2018].

    Examples
    --------
    >>> pool = ReceptorPool.published(filling=0.5, slots=40)
    >>> seen = simulate(pool, [10, 30], seed=1, seconds=[600, 1200])
    >>> seen.bound.shape, seen.mean.shape, seen.variation.shape
    ((2, 2), (3,), (2,))
    """
    here, when = _slots(slots), _times(seconds)
    if when.size < 2:
        raise OutOfRangeError("number of seconds", when.size, "wanted at least two")
    bound, free = (np.rint(pool.bound_at_rest(here)), round(pool.free_at_rest)) if start is None else start
    state = np.append(_slots(bound, here.size), _slots([free]))
    for name, values in (("slots", here), ("receptors", state)):
        if (values != np.rint(values)).any():
            raise OutOfRangeError(name, float(values[values != np.rint(values)][0]), "wanted a whole number")
    if (state[:-1] > here).any():
        raise OutOfRangeError("bound receptors", float(state[:-1][state[:-1] > here][0]), "wanted at most the slots")
    rates = np.array([pool.binding_rate, pool.unbinding_rate, pool.insertion_rate, pool.removal_rate])
    key = np.uint64(Streams(seed).key("receptors"))
    seen, sums, events = _gillespie(state, here, rates, when, key)
    mean, square = (sums / (when[-1] - when[0])).T
    sd = np.sqrt(np.maximum(square - mean**2, 0))
    return Molecules(when, seen[:, :-1].astype(int), seen[:, -1].astype(int), mean, sd, int(events))
