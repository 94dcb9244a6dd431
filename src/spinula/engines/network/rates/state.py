"""The state of a network of rate neurons with several contacts per pair, as plain arrays.

Contacts are a list: one entry each, chained pair by pair. What is kept of a pair is its first contact, their number and
their summed weight: about half of all pairs are connected at any time, so that a table of pairs is smaller than a list
of the connected ones would be. It grows with the square of the neurons: meant for about a thousand neurons.

A weight is kept as ``scaled``: weight = scaled*scale[pre]*scale[post]*common, where the scales follow what silence and
one-sided activity do to every weight of a neuron. So a weight is touched only when both neurons are active.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinula.core.streams import Streams
from spinula.law.circuits.contacts import ContactTurnover
from spinula.law.circuits.hebbian import ThresholdHebb

STEP = 0.1  # s
PER_DAY = 864_000  # steps


class Neurons(NamedTuple):
    """Arrays of shape (neurons,); ``since`` is the step at which a neuron became active."""

    potential: np.ndarray
    release: np.ndarray
    rate: np.ndarray
    active: np.ndarray
    since: np.ndarray
    scale: np.ndarray
    active_steps: np.ndarray


class Pairs(NamedTuple):
    """Arrays of shape (neurons*neurons,), index pre*neurons + post: first contact (-1: none), number, scaled sum."""

    first: np.ndarray
    count: np.ndarray
    total: np.ndarray


class Contacts(NamedTuple):
    """Arrays as long as there is room; the first ``clock[LIVE]`` entries exist. ``born`` is a step, with fraction."""

    pair: np.ndarray
    scaled: np.ndarray
    following: np.ndarray
    born: np.ndarray


# Entries of ``clock`` (whole numbers) and of ``levels`` (real ones).
LIVE, NOW, EVENTS = 0, 1, 2
INHIBITION, COMMON, WAIT = 0, 1, 2


class Network(NamedTuple):
    """All that changes while a network runs; ``key`` is its random key."""

    neurons: Neurons
    pairs: Pairs
    contacts: Contacts
    clock: np.ndarray
    levels: np.ndarray
    key: np.ndarray


class Rules(NamedTuple):
    """The numbers of the two laws in steps: what the kernel works with."""

    steps: float
    noise: float
    inhibition: float
    recovery_steps: float
    short_depression: float
    high: float
    weight_max: float
    potentiation: float
    depression: float
    decay: float
    sites: int
    creation: float
    weight_new: float
    slowest: float
    fastest: float
    weight_half: float
    steepness: float


def rules(hebb: ThresholdHebb | None = None, turnover: ContactTurnover | None = None) -> Rules:
    """Return the numbers of the two laws per step of 100 ms (the published ones, if none are given)."""
    hebb, turnover = hebb or ThresholdHebb(), turnover or ContactTurnover()
    return Rules(
        steps=hebb.time_constant / STEP,
        noise=hebb.noise,
        inhibition=hebb.inhibition,
        recovery_steps=hebb.recovery_time / STEP,
        short_depression=hebb.short_depression * STEP,
        high=hebb.high,
        weight_max=hebb.weight_max,
        potentiation=hebb.potentiation * STEP,
        depression=hebb.depression * STEP,
        decay=hebb.decay * STEP,
        sites=turnover.sites,
        creation=turnover.creation / PER_DAY,
        weight_new=turnover.weight_new,
        slowest=turnover.slowest / PER_DAY,
        fastest=turnover.fastest / PER_DAY,
        weight_half=turnover.weight_half,
        steepness=turnover.steepness,
    )


def network(neurons: int, seed: int, room: int = 1024) -> Network:
    """Return a silent network without contacts."""
    streams = Streams(seed)
    levels = np.array([0.0, 1.0, streams.generator("first event").exponential()])
    return Network(
        Neurons(
            potential=np.zeros(neurons),
            release=np.ones(neurons),
            rate=np.zeros(neurons),
            active=np.zeros(neurons, np.uint8),
            since=np.zeros(neurons, np.int64),
            scale=np.ones(neurons),
            active_steps=np.zeros(neurons, np.int64),
        ),
        Pairs(
            first=np.full(neurons * neurons, -1, np.int32),
            count=np.zeros(neurons * neurons, np.uint8),
            total=np.zeros(neurons * neurons, np.float32),
        ),
        _room(Contacts(np.zeros(0, np.int32), np.zeros(0), np.zeros(0, np.int32), np.zeros(0)), room),
        np.zeros(3, np.int64),
        levels,
        np.array([streams.key("events"), streams.key("noise"), streams.key("stimulus")], np.uint64),
    )


def _room(contacts: Contacts, room: int) -> Contacts:
    return Contacts(*(np.concatenate([part, np.zeros(room - len(part), part.dtype)]) for part in contacts))


def widened(whole: Network) -> Network:
    """Return the network with room for twice as many contacts."""
    return whole._replace(contacts=_room(whole.contacts, 2 * len(whole.contacts.pair)))


def packed(whole: Network) -> dict[str, np.ndarray]:
    """Return the arrays of a network by name, to be kept in a file."""
    parts = {"neurons": whole.neurons, "pairs": whole.pairs, "contacts": whole.contacts}
    arrays = {f"{name}_{field}": value for name, part in parts.items() for field, value in part._asdict().items()}
    return arrays | {"clock": whole.clock, "levels": whole.levels, "key": whole.key}


def unpacked(arrays: dict[str, np.ndarray]) -> Network:
    """Return the network that :func:`packed` made arrays of."""
    parts = [
        kind(*(np.ascontiguousarray(arrays[f"{name}_{field}"]) for field in kind._fields))
        for name, kind in (("neurons", Neurons), ("pairs", Pairs), ("contacts", Contacts))
    ]
    return Network(*parts, arrays["clock"], arrays["levels"], arrays["key"])
