"""A balanced network of spiking neurons whose wiring can be redrawn, one of its four kinds of connections at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from spinula.law.circuits import neurons

KINDS = ("EE", "EI", "IE", "II")  # who sends, who receives
_step = njit(neurons.current_step)

Wires = dict[str, tuple[np.ndarray, np.ndarray]]


@njit(cache=True, nogil=True)
def _run(v, drive, synapses, numbers, counts):
    """Fill ``counts`` with spikes; synapses (first, receiver, weight) lie by sender; numbers (steps, skipped, kept,
    rest of a refractory neuron in steps, delay in steps). Potentials in units of the threshold, 0 at rest and reset.
    """
    first, receiver, weight = synapses
    steps, skipped, kept, silent, delay = numbers
    count = len(v)
    arriving, left = np.zeros((delay, count)), np.zeros(count, np.int64)
    for step in range(steps):
        now, later = arriving[step % delay], arriving[(step + delay - 1) % delay]
        for i in range(count):
            if left[i] > 0:
                left[i] -= 1
            else:
                v[i] = _step(v[i], now[i], 0.0, (drive[i], kept, 1.0, 1.0))
            now[i] = 0.0
        for i in range(count):
            if v[i] > 1.0 and left[i] == 0:
                v[i] = 0.0
                left[i] = silent
                if step >= skipped:
                    counts[i] += 1
                for k in range(first[i], first[i + 1]):
                    later[receiver[k]] += weight[k]


@dataclass(frozen=True)
class BalancedNetwork:
    """Excitatory and inhibitory integrate-and-fire neurons with sparse random connections and a constant drive.

    Attributes
    ----------
    excitatory, inhibitory : int, neurons
    inputs : mean number of synapses on a neuron, by kind of sender (E, I)
    weights : jump of the potential per spike, in units of the threshold, by kind of connection; I's are negative
    drive : resting potential without recurrent input, in units of the threshold, by kind of neuron
    membrane_ms, refractory_ms, delay_ms, dt_ms : float
    """

    excitatory: int
    inhibitory: int
    inputs: dict[str, float]
    weights: dict[str, float]
    drive: dict[str, float]
    membrane_ms: float = 20.0
    refractory_ms: float = 2.0
    delay_ms: float = 1.4
    dt_ms: float = 0.2

    def size(self, kind: str) -> int:
        """Return how many neurons are of a kind, E or I."""
        return self.excitatory if kind == "E" else self.inhibitory

    def draw(self, kind: str, rng: np.random.Generator, unequal: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return senders and receivers of all connections of a kind, each pair by chance.

        Parameters
        ----------
        kind : one of KINDS
        unequal : coefficient of variation of the number of inputs (gamma); 0 takes that of chance, binomial
        """
        senders, receivers = self.size(kind[0]), self.size(kind[1])
        mean = self.inputs[kind[0]]
        if unequal > 0:
            drawn = rng.gamma(unequal**-2, mean * unequal**2, receivers)
            number = np.clip(np.round(drawn), 1, senders).astype(int)
        else:
            number = rng.binomial(senders, mean / senders, receivers)
        chosen = [rng.choice(senders, n, replace=False) for n in number]
        return np.concatenate(chosen), np.repeat(np.arange(receivers), number)

    def wire(self, rng: np.random.Generator) -> Wires:
        """Return the connections of all kinds."""
        return {kind: self.draw(kind, rng) for kind in KINDS}

    def rates(self, wires: Wires, rng: np.random.Generator, seconds: float, skip_seconds: float = 0.5) -> np.ndarray:
        """Run from random potentials and return each neuron's rate in Hz, excitatory neurons first."""
        count, offset = self.excitatory + self.inhibitory, {"E": 0, "I": self.excitatory}
        sender = np.concatenate([wires[kind][0] + offset[kind[0]] for kind in KINDS])
        receiver = np.concatenate([wires[kind][1] + offset[kind[1]] for kind in KINDS])
        weight = np.concatenate([np.full(len(wires[kind][0]), self.weights[kind]) for kind in KINDS])
        order = np.argsort(sender, kind="stable")
        first = np.concatenate([[0], np.cumsum(np.bincount(sender, minlength=count))])
        drive = np.repeat([self.drive["E"], self.drive["I"]], [self.excitatory, self.inhibitory])
        steps, skipped = (round(1000 * s / self.dt_ms) for s in (seconds + skip_seconds, skip_seconds))
        numbers = (
            steps, skipped, math.exp(-self.dt_ms / self.membrane_ms), round(self.refractory_ms / self.dt_ms),
            round(self.delay_ms / self.dt_ms) + 1,
        )  # fmt: skip
        counts = np.zeros(count)
        _run(rng.random(count), drive, (first, receiver[order], weight[order]), numbers, counts)
        return counts / seconds
