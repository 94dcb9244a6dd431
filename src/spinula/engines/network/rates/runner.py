"""Run a network of rate neurons under a stimulus, and read it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from spinula.engines.network.rates.kernel import advance, weight_at
from spinula.engines.network.rates.state import LIVE, NOW, Network, Rules, widened


@dataclass(frozen=True)
class Stimulus:
    """What neurons receive from outside during a stretch of time.

    Attributes
    ----------
    current : array (neurons,), constant in time
    eligible, chosen : each second, ``chosen`` of the eligible neurons are drawn and stimulated instead
    """

    current: np.ndarray
    eligible: np.ndarray
    chosen: int = 0


def advanced(whole: Network, rule: Rules, steps: int, stimulus: Stimulus) -> Network:
    """Return the network some steps later; the arrays of the one handed in are used up."""
    current = np.array(stimulus.current, float)
    while True:
        steps -= advance(whole, rule, steps, current, stimulus.eligible, stimulus.chosen)
        if not steps:
            return whole
        whole = widened(whole)


@njit(cache=True, nogil=True)
def _weights(whole, rule):
    found = np.empty(whole.clock[LIVE])
    for contact in range(found.size):
        found[contact] = weight_at(whole, rule, contact, whole.clock[NOW], 0.0)
    return found


def weights(whole: Network, rule: Rules) -> np.ndarray:
    """Return the weight of every contact, in the order of the list."""
    return _weights(whole, rule)


def with_contacts(whole: Network, pairs: np.ndarray, each: int, weight: float) -> Network:
    """Return a network without contacts with ``each`` contacts of a weight between the named pairs.

    Parameters
    ----------
    pairs : int array, pre*neurons + post
    """
    number = each * len(pairs)
    while len(whole.contacts.pair) < number + 1:
        whole = widened(whole)
    contacts = whole.contacts
    contacts.pair[:number] = np.repeat(pairs, each)
    contacts.scaled[:number] = weight
    contacts.following[:number] = np.where(np.arange(number) % each, np.arange(number) - 1, -1)
    whole.pairs.first[pairs] = each * np.arange(len(pairs)) + each - 1
    whole.pairs.count[pairs] = each
    whole.pairs.total[pairs] = each * weight
    whole.clock[LIVE] = number
    return whole
