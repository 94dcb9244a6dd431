"""A small network of stochastic neurons that learns which of its pools should fire, by synaptic sampling."""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
from numba import njit

from spinula.law.circuits.storage import sampling

LOWEST, HIGHEST, OFFSET = -2.0, 5.0, 3.0

_weight, _eligibility = njit(sampling.weight), njit(sampling.eligibility_step, fastmath=True)
_gradient, _parameter = njit(sampling.gradient_step, fastmath=True), njit(sampling.parameter_step, fastmath=True)

State = namedtuple("State", "theta eligibility gradient expected")
State.__doc__ = """Arrays that a run changes: (neurons, inputs) three times, and the reward expected of each pattern."""
Task = namedtuple("Task", "spikes wanted bins tolerance")
Task.__doc__ = """Chance of a spike of each input in a bin, (patterns, inputs); share of its neurons that each pool
should have firing, (patterns, pools); bins per presentation; tolerance of the reward."""
Plan = namedtuple("Plan", "numbers bias kept_eligibility kept_gradient presentations every")
Plan.__doc__ = (
    """Numbers of ``parameter_step``; drive of a neuron without input; what a bin and a presentation leave."""
)

_FORGOTTEN = 1e-12  # below it traces are nothing: sums of such numbers would only be slow


@njit(cache=True, nogil=True, fastmath=True)
def prior_only(theta, numbers, steps, rng):
    """Take steps of the parameters under the prior alone, in place, without clipping."""
    for i in range(len(theta)):
        for _ in range(steps):
            theta[i] = _parameter(theta[i], 0.0, rng.standard_normal(), numbers)


@njit(nogil=True, fastmath=True)
def _present(pattern, weights, traces, task, bias, rng):
    """Show a pattern and return the share of its neurons that fired in each pool, (pools,)."""
    eligibility, fired, kept = traces
    neurons, inputs = weights.shape
    pool = neurons // len(fired)
    before = np.zeros(inputs)
    fired[:] = 0.0
    for _ in range(task.bins):
        for i in range(inputs):
            before[i] = 1.0 if rng.random() < task.spikes[pattern, i] else 0.0
        for j in range(neurons):
            drive = bias
            for i in range(inputs):
                drive += weights[j, i] * before[i]
            chance = 1.0 / (1.0 + math.exp(-drive))
            spike = 1.0 if rng.random() < chance else 0.0
            fired[j // pool] += spike
            for i in range(inputs):
                eligibility[j, i] = _eligibility(eligibility[j, i], weights[j, i], before[i], spike - chance, kept)
    for c in range(len(fired)):
        fired[c] /= pool * task.bins


@njit(cache=True, nogil=True, fastmath=True)
def learn(state, task, plan, rng):
    """Present random patterns and let the synapses sample; ``state`` goes on from where it was.

    The reward of a presentation is exp(-distance^2/(2*tolerance^2)), distance being that of the pools' activity from
    what is wanted; dopamine is the reward minus its running mean for this pattern, at the presentation's end.

    Returns
    -------
    reward, right : Arrays, shape (presentations,); right: the pool that should fire most did
    seen : Array, shape (presentations // every, neurons, inputs), weights
    """
    theta, eligibility, gradient, expected = state
    neurons, inputs = theta.shape
    patterns, pools = task.wanted.shape
    weights, fired = np.zeros((neurons, inputs)), np.zeros(pools)
    reward, right = np.zeros(plan.presentations), np.zeros(plan.presentations)
    seen = np.zeros((plan.presentations // plan.every, neurons, inputs))
    for now in range(plan.presentations):
        for j in range(neurons):
            for i in range(inputs):
                weights[j, i] = _weight(theta[j, i], OFFSET, math.exp)
        pattern = int(rng.random() * patterns)
        _present(pattern, weights, (eligibility, fired, plan.kept_eligibility), task, plan.bias, rng)
        distance = ((fired - task.wanted[pattern]) ** 2).sum()
        reward[now] = math.exp(-distance / (2.0 * task.tolerance**2))
        right[now] = 1.0 if np.argmax(fired) == np.argmax(task.wanted[pattern]) else 0.0
        dopamine = reward[now] - expected[pattern]
        expected[pattern] += 0.02 * dopamine
        for j in range(neurons):
            for i in range(inputs):
                if abs(eligibility[j, i]) < _FORGOTTEN:
                    eligibility[j, i] = 0.0
                g = _gradient(gradient[j, i], dopamine, eligibility[j, i], plan.kept_gradient)
                gradient[j, i] = g if abs(g) > _FORGOTTEN else 0.0
                noise = rng.standard_normal() if plan.numbers[3] > 0.0 else 0.0
                moved = _parameter(theta[j, i], gradient[j, i], noise, plan.numbers)
                theta[j, i] = min(max(moved, LOWEST), HIGHEST)
        if (now + 1) % plan.every == 0:
            seen[now // plan.every] = weights
    return reward, right, seen


@dataclass(frozen=True)
class Learner:
    """A network, its two patterns, and the speed at which it samples.

    Attributes
    ----------
    inputs, active : int, input neurons, and how many of them are active in each pattern
    pool : int, neurons per pool; there are two pools
    loud, quiet : chance of a spike in a bin, of an input that is active in a pattern and of one that is not
    high, low : share of its neurons that a pool should have firing, and should not
    bin_s, bins : length of a bin, and bins per presentation
    rate : speed of sampling, 1/s
    gain, prior : see ``parameter_numbers``
    eligibility_s, gradient_s : time constants
    """

    inputs: int = 30
    active: int = 10
    pool: int = 4
    loud: float = 0.8
    quiet: float = 0.04
    high: float = 0.4
    low: float = 0.08
    bin_s: float = 0.02
    bins: int = 15
    rate: float = 0.003
    gain: float = 20.0
    prior: tuple[float, float] = (0.0, 2.0)
    eligibility_s: float = 1.0
    gradient_s: float = 5.0
    bias: float = -2.0
    tolerance: float = 0.2

    def begin(self, temperature: float, rng: np.random.Generator) -> State:
        """Return a network whose parameters are drawn from the prior."""
        shape = 2 * self.pool, self.inputs
        theta = self.prior[0] + self.prior[1] * temperature**0.5 * rng.standard_normal(shape)
        return State(np.clip(theta, LOWEST, HIGHEST), np.zeros(shape), np.zeros(shape), np.full(2, 0.4))

    def task(self, order: np.ndarray, swapped: bool) -> Task:
        """Return the task; ``order`` of the inputs says which are active in which pattern, ``swapped`` the pools."""
        spikes = np.full((2, self.inputs), self.quiet)
        spikes[0, order[: self.active]] = self.loud
        spikes[1, order[self.active : 2 * self.active]] = self.loud
        wanted = np.array([[self.high, self.low], [self.low, self.high]])
        return Task(spikes, wanted[::-1].copy() if swapped else wanted, self.bins, self.tolerance)

    def plan(self, temperature: float, presentations: int, every: int, rewarded: bool = True) -> Plan:
        """Return the plan of a phase."""
        shown = self.bins * self.bin_s
        numbers = sampling.parameter_numbers(self.rate * shown, temperature, self.prior, self.gain * rewarded)
        kept = math.exp(-self.bin_s / self.eligibility_s), math.exp(-shown / self.gradient_s)
        return Plan(numbers, self.bias, *kept, presentations, every)
