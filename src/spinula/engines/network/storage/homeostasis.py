"""A rate network whose weights change under its own activity (homeostasis) and by themselves (noise)."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np
from numba import njit

from spinula.law.circuits.storage import eigenvalues

Plan = namedtuple("Plan", "dt noise speed target spread every snapshots")
Plan.__doc__ = """Time step and power of the noise of neurons; speed (0: none) and target of homeostasis; spread of each
weight per square root of time; steps between snapshots, at which the noise of weights is added; how many snapshots."""

_homeostasis = njit(eigenvalues.homeostasis, fastmath=True)


@njit(cache=True, nogil=True, fastmath=True)
def evolve(weights, plan, rng):
    """Return snapshots of the weights, shape (snapshots + 1, neurons, neurons), beginning with the first.

    dx = (-x + W*tanh(x)) dt + sqrt(2*noise) dB;  W changes by :func:`homeostasis` of r = tanh(x) and by white noise.

    Parameters
    ----------
    weights : Array, shape (neurons, neurons), row: the neuron that receives; every neuron reaches every other
    plan : Plan
    rng : numpy.random.Generator
    """
    count = len(weights)
    w, x, r = weights.copy(), np.zeros(count), np.zeros(count)
    seen = np.zeros((plan.snapshots + 1, count, count))
    seen[0] = w
    jitter, step = math.sqrt(2.0 * plan.noise * plan.dt), plan.speed * plan.dt
    for k in range(plan.snapshots):
        for _ in range(plan.every):
            given = w @ r
            for i in range(count):
                x[i] += plan.dt * (given[i] - x[i]) + jitter * rng.standard_normal()
            for i in range(count):
                r[i] = math.tanh(x[i])
            if step > 0.0:
                for i in range(count):
                    for j in range(count):
                        w[i, j] += step * _homeostasis(r[j], r[i], 1.0 if i == j else 0.0, plan.target)
        shaken = plan.spread * math.sqrt(plan.every * plan.dt)
        for i in range(count):
            for j in range(count):
                w[i, j] += shaken * rng.standard_normal()
        seen[k + 1] = w
    return seen
