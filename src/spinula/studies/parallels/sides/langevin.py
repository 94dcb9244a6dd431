"""Langevin dynamics with a spread that may depend on the weight, exact posteriors to compare with, and annealing.

dw_i = drift_i dt + s_i(w_i) dW_i        (Ito),    target law exp(-U)
constant:     s = 1,                 drift = -U'/2                    -> exp(-U)
corrected:    s = slope*|w| + floor, drift = -s^2 U'/2 + s s'         -> exp(-U)
uncorrected:  the same s,            drift = -s^2 U'/2                -> exp(-U)/s^2
driven alike: the same s,            drift = -U'/2                    -> neither
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

WAYS = ("constant", "corrected", "uncorrected", "driven alike")
SLOPE, FLOOR = 1.0, 0.3  # of the spread by size: it is 1 at a weight of 0.7


def spread(weight: np.ndarray) -> np.ndarray:
    """Return slope*|w| + floor."""
    return SLOPE * np.abs(weight) + FLOOR


@dataclass(frozen=True)
class Posterior:
    """A posterior over a few weights: inputs (samples, weights), outputs, normal prior of variance 1.

    ``logistic``: outputs are 0 or 1 and the likelihood logistic; else the noise is normal of variance 1.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    logistic: bool

    def slope(self, weight: np.ndarray) -> np.ndarray:
        """Return the gradient of U at each chain's weights, shape (chains, weights)."""
        drive = weight @ self.inputs.T
        away = (expit(drive) if self.logistic else drive) - self.outputs
        return away @ self.inputs + weight

    def cost(self, weight: np.ndarray) -> np.ndarray:
        """Return U, shape of ``weight`` without its last axis."""
        drive = weight @ self.inputs.T
        fit = np.logaddexp(0.0, drive) - self.outputs * drive if self.logistic else 0.5 * (drive - self.outputs) ** 2
        return fit.sum(axis=-1) + 0.5 * (weight**2).sum(axis=-1)

    def marginal(self, *, by_spread: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return values of the first of two weights and their distribution function, by quadrature.

        ``by_spread``: of exp(-U)/spread^2 in the place of exp(-U).
        """
        # Not even in 0, where the spread has its corner.
        axis = np.linspace(-5.0, 5.0, 400)
        grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
        cost = self.cost(grid)
        if by_spread:
            cost = cost + 2 * np.log(spread(grid)).sum(axis=-1)
        density = np.exp(cost.min() - cost).sum(axis=1)
        total = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
        return axis, total / total[-1]


def sample(posterior: Posterior, way: str, generator: np.random.Generator, *, chains: int, steps: int, dt: float,
           batch: int = 0, injected: float = 1.0) -> np.ndarray:  # fmt: skip
    """Return the last weights of independent chains, shape (chains, weights).

    Parameters
    ----------
    way : one of WAYS
    batch : int, samples per step, drawn afresh with replacement for the gradient; 0: all of them
    injected : float, factor on the injected noise; 0 with a batch is SGD, 1 with a batch SGLD

    Source
    ------
    [welling2011] for SGLD, [mandt2017] for SGD as a sampler; the corrected drift from the zero-flux solution.
    """
    weight = 0.5 * generator.standard_normal((chains, posterior.inputs.shape[1]))
    for _ in range(steps):
        slope = posterior.slope(weight) if not batch else _batched(posterior, weight, generator, batch)
        size = spread(weight) if way != "constant" else np.ones_like(weight)
        drift = -0.5 * slope * (1.0 if way == "driven alike" else size**2)
        if way == "corrected":
            drift += size * SLOPE * np.sign(weight)
        noise = generator.standard_normal(weight.shape)
        weight = weight + drift * dt + injected * size * np.sqrt(dt) * noise
    return weight


def _batched(posterior: Posterior, weight: np.ndarray, generator: np.random.Generator, batch: int) -> np.ndarray:
    count = len(posterior.inputs)
    picked = generator.integers(count, size=(len(weight), batch))
    inputs, outputs = posterior.inputs[picked], posterior.outputs[picked]
    drive = (inputs @ weight[:, :, None])[:, :, 0]
    away = (expit(drive) if posterior.logistic else drive) - outputs
    return count / batch * (away[:, None, :] @ inputs)[:, 0, :] + weight


def distance(values: np.ndarray, axis: np.ndarray, function: np.ndarray) -> float:
    """Return the Kolmogorov-Smirnov distance of values from a distribution function, times the root of their number.

    Its mean is 0.87 for independent draws of that law.
    """
    values = np.sort(values)
    exact = np.interp(values, axis, function)
    count = len(values)
    rank = np.arange(count)
    return float(np.maximum(exact - rank / count, (rank + 1) / count - exact).max() * np.sqrt(count))


Schedule = Callable[[float], float]


@dataclass(frozen=True)
class Rugged:
    """A bowl with ripples in rotated axes: sum of z^2/4 + 1 - cos(2 pi z), z = turn (w - at); least loss 0."""

    at: np.ndarray
    turn: np.ndarray

    @classmethod
    def drawn(cls, generator: np.random.Generator, weights: int = 4) -> Rugged:
        """Return a rugged loss with its minimum among weights of size 1."""
        return cls(generator.standard_normal(weights), np.linalg.qr(generator.standard_normal((weights, weights)))[0])

    def loss(self, weight: np.ndarray) -> np.ndarray:
        """Return the loss, over the last axis of weights."""
        z = (weight - self.at) @ self.turn.T
        return (0.25 * z**2 + 1.0 - np.cos(2 * np.pi * z)).sum(axis=-1)

    def slope(self, weight: np.ndarray) -> np.ndarray:
        """Return the gradient."""
        z = (weight - self.at) @ self.turn.T
        return (0.5 * z + 2 * np.pi * np.sin(2 * np.pi * z)) @ self.turn


def descend(
    rugged: Rugged, start: np.ndarray, strength: np.ndarray, schedule: Schedule, generator: np.random.Generator, *,
    steps: int, by_size: bool = False, dt: float = 0.01,
) -> np.ndarray:  # fmt: skip
    """Return the losses at the end of noisy descents, the last tenth without noise, shape (settings, chains).

    Parameters
    ----------
    start : Array, shape (settings, chains, weights)
    strength : Array, shape (settings,), spread at the start, or per size if ``by_size``
    schedule : function(share of the time) -> factor on the spread
    """
    weight, strength = start.copy(), strength[:, None, None]
    for step in range(steps):
        share = step / steps
        noise = generator.standard_normal(weight.shape) * (schedule(share) if share < 0.9 else 0.0)
        size = np.abs(weight) + FLOOR if by_size else 1.0
        weight = weight - rugged.slope(weight) * dt + strength * size * np.sqrt(dt) * noise
    return rugged.loss(weight)
