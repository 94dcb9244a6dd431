"""The cross-check's network in plain NumPy, one step after another: slow, and meant to be read as the specification.

Step k takes the state from k*dt to (k + 1)*dt:

1. membranes move exactly, with the currents at the start of the step; a refractory one rests and its count goes down
2. currents decay, then take what arrives at the soma in this step
3. v >= threshold: the neuron fires ``in step k``; v = reset, its count of refractory steps starts
4. at the synapses: spikes of axons and of dendrites that reach them in this step (those fired in it too, without delay)

A spike of step k is at the synapse in step k + axonal, and what the synapse sends is at the soma ``dendritic`` steps
later: its first effect on v is in step k + axonal + dendritic + 1. A spike of the postsynaptic neuron in step k is at
the synapse in step k + dendritic. In one step at one synapse

    a. the postsynaptic spike adds  potentiation_step * sum exp(-(m - m_pre)*dt/time)  over presynaptic ones m_pre < m
    b. the presynaptic spike takes  depression_step * sum exp(-(m - m_post)*dt/time)  over postsynaptic ones m_post < m
    c. the weight after that is sent

so that two spikes that reach the synapse in one step are no pair; the weight is clipped to [0, weight_max] at each.
"""

from __future__ import annotations

import math

import numpy as np


def reach(synaptic_time, membrane_time, dt):
    """Return how far a decaying current of 1 mV moves the membrane in one step."""
    share = math.exp(-dt / synaptic_time) - math.exp(-dt / membrane_time)
    return synaptic_time / (synaptic_time - membrane_time) * share


class Reference:
    """State of the network; ``advance`` makes one step and returns who fired.

    Parameters
    ----------
    edges : dict as ``network.build`` makes it
    numbers : network.Numbers
    axonal, dendritic : int, steps; their sum is the delay
    refractory : int, steps in which the membrane does not move
    """

    def __init__(self, edges, numbers, *, axonal, dendritic, refractory, precision=np.float64):
        self.numbers, self.axonal, self.dendritic, self.refractory = numbers, axonal, dendritic, refractory
        self.pre, self.post, self.plastic = edges["pre"], edges["post"], edges["plastic"]
        count = len(edges["v"])
        self.weight = edges["weight"].astype(precision)
        self.sent = self.weight.copy()
        self.v = (edges["v"] - numbers.rest).astype(precision)
        self.excitatory, self.inhibitory = np.zeros(count, precision), np.zeros(count, precision)
        self.count = np.zeros(count, int)
        self.pre_trace, self.post_trace = np.zeros(count, precision), np.zeros(count, precision)
        self.first = np.searchsorted(self.pre, np.arange(count + 1))
        self.exciting = self.weight[self.first[:-1]] > 0
        order = np.argsort(self.post, kind="stable")
        order = order[self.plastic[order]]
        self.incoming = np.split(order, np.searchsorted(self.post[order], np.arange(1, count)))
        self.step, self.fired, self.waiting = 0, {}, {}
        # The nearest that any membrane was to the threshold: rounding that is finer cannot move a spike.
        self.margin = math.inf
        dt = numbers.dt
        times = (numbers.membrane_time, numbers.excitatory_time, numbers.inhibitory_time, numbers.timing_time)
        self.kept = [precision(math.exp(-dt / time)) for time in times]
        self.reach = [precision(reach(time, numbers.membrane_time, dt)) for time in times[1:3]]

    def advance(self):
        """Make one step; return the neurons that fired in it."""
        numbers, k = self.numbers, self.step
        membrane, excitatory, inhibitory, trace = self.kept
        moved = self.v * membrane + self.excitatory * self.reach[0] + self.inhibitory * self.reach[1]
        self.v = np.where(self.count > 0, self.v, moved)
        self.count = np.maximum(self.count - 1, 0)

        self.excitatory *= excitatory
        self.inhibitory *= inhibitory
        for target, weight, exciting in self.waiting.pop(k, ()):
            current = self.excitatory if exciting else self.inhibitory
            np.add.at(current, target, weight)

        above = self.v - (numbers.threshold - numbers.rest)
        self.margin = min(self.margin, float(np.abs(above).min()))
        fired = np.flatnonzero(above >= 0)
        self.v[fired] = numbers.reset - numbers.rest
        self.count[fired] = self.refractory

        self.fired[k] = fired
        self.pre_trace *= trace
        self.post_trace *= trace
        self._at_synapses(k)
        self.fired.pop(k - self.axonal - self.dendritic, None)
        self.step += 1
        return fired

    def _at_synapses(self, k):
        numbers, nobody = self.numbers, np.zeros(0, int)
        axons, dendrites = self.fired.get(k - self.axonal, nobody), self.fired.get(k - self.dendritic, nobody)
        for neuron in dendrites:
            edge = self.incoming[neuron]
            gained = self.weight[edge] + numbers.potentiation_step * self.pre_trace[self.pre[edge]]
            self.weight[edge] = np.minimum(gained, numbers.weight_max)
        for neuron in axons:
            edge = np.arange(self.first[neuron], self.first[neuron + 1])
            plastic = edge[self.plastic[edge]]
            left = self.weight[plastic] - numbers.depression_step * self.post_trace[self.post[plastic]]
            self.weight[plastic] = np.maximum(left, 0.0)
            self.sent[plastic] = self.weight[plastic]
            arriving = self.weight[edge]
            # Without a dendritic delay the soma takes it in this step: currents have decayed already.
            if self.dendritic == 0:
                np.add.at(self.excitatory if self.exciting[neuron] else self.inhibitory, self.post[edge], arriving)
            else:
                sent = (self.post[edge], arriving, self.exciting[neuron])
                self.waiting.setdefault(k + self.dendritic, []).append(sent)
        self.pre_trace[axons] += 1
        self.post_trace[dendrites] += 1


def simulate(edges, numbers, duration_ms, early_ms=None, *, axonal, dendritic, refractory, precision=np.float64):
    """Return step and neuron of each spike, the weights that were sent last (``early``, ``late``), and those now."""
    state = Reference(
        edges, numbers, axonal=axonal, dendritic=dendritic, refractory=refractory, precision=precision
    )  # fmt: skip
    steps, neurons, early = [], [], None
    for k in range(numbers.steps(duration_ms)):
        if early_ms is not None and k == numbers.steps(early_ms):
            early = state.sent.copy()
        fired = state.advance()
        steps.append(np.full(len(fired), k))
        neurons.append(fired)
    kept = {"early": early, "late": state.sent, "now": state.weight}
    return {"step": np.concatenate(steps), "neuron": np.concatenate(neurons), **kept}
