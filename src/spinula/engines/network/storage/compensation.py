"""A quadratic loss under plasticity and fluctuation: where its error comes to rest."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np
from numba import njit

Plan = namedtuple("Plan", "compensation fluctuation accuracy steps settle")
Plan.__doc__ = (
    """Lengths of the two steps, cosine of plasticity with the gradient, steps, and how many are not counted."""
)


@njit(cache=True, nogil=True, fastmath=True)
def _unit(vector):
    length = 0.0
    for i in range(len(vector)):
        length += vector[i] * vector[i]
    scale = 1.0 / math.sqrt(length + 1e-300)
    for i in range(len(vector)):
        vector[i] *= scale
    return math.sqrt(length)


@njit(cache=True, nogil=True, fastmath=True)
def steady(curvature, plan, rng):
    """Return mean (error, length of the gradient, curvature along plasticity) after settling.

    The loss is sum(curvature*away^2)/2 in the axes of its Hessian. Plasticity goes ``accuracy`` along the gradient
    and the rest in a fresh random direction orthogonal to it.

    Parameters
    ----------
    curvature : Array, shape (directions,), eigenvalues of the Hessian
    plan : Plan
    rng : numpy.random.Generator
    """
    count = len(curvature)
    away, direction, noise, astray = np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count)
    aside = math.sqrt(1.0 - plan.accuracy * plan.accuracy)
    errors, gradients, along = 0.0, 0.0, 0.0
    for step in range(plan.steps):
        for i in range(count):
            direction[i] = curvature[i] * away[i]
            noise[i] = rng.standard_normal()
        length = _unit(direction)
        _unit(noise)
        if aside > 0.0:
            shared = 0.0
            for i in range(count):
                astray[i] = rng.standard_normal()
                shared += astray[i] * direction[i]
            for i in range(count):
                astray[i] -= shared * direction[i]
            _unit(astray)
        error, curved = 0.0, 0.0
        for i in range(count):
            taken = plan.accuracy * direction[i] + aside * astray[i]
            curved += taken * taken * curvature[i]
            away[i] += plan.fluctuation * noise[i] - plan.compensation * taken
            error += 0.5 * curvature[i] * away[i] * away[i]
        if step >= plan.settle:
            errors, gradients, along = errors + error, gradients + length, along + curved
    counted = plan.steps - plan.settle
    return errors / counted, gradients / counted, along / counted
