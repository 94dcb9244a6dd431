"""Rules that teach a network of one hidden layer: the gradient, and what synapses could know of it.

    y = V h,  h = tanh(W x),  loss = |y - t|^2/2,  e = y - t
    gradient:             dV = -e h^T,             dW = -((V^T e) * (1 - h^2)) x^T
    feedback alignment:   the same, with a fixed random matrix B in the place of V^T
    three factors:        noise on every unit; dV, dW = -(loss with noise - loss)/sigma^2 * noise * presynaptic activity
    Hebb:                 dV = t h^T: the first step of the delta rule from V = 0, and it never stops

The third rule needs one number for all synapses, the change of the loss: what dopamine could carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

RULES = ("gradient", "feedback alignment", "three factors", "three factors, shuffled", "output only")


@dataclass
class Network:
    """Networks side by side, one per rate: ``first`` (rates, hidden, inputs), ``second`` (rates, outputs, hidden)."""

    first: np.ndarray
    second: np.ndarray
    feedback: np.ndarray

    @classmethod
    def drawn(cls, generator: np.random.Generator, rates: int, sizes: tuple[int, int, int]) -> Network:
        """Return networks that begin alike; the feedback is as large as the output weights."""
        inputs, hidden, outputs = sizes
        first = generator.standard_normal((hidden, inputs)) / np.sqrt(inputs)
        second = generator.standard_normal((outputs, hidden)) / np.sqrt(hidden)
        feedback = generator.standard_normal((hidden, outputs)) / np.sqrt(hidden)
        return cls(np.tile(first, (rates, 1, 1)), np.tile(second, (rates, 1, 1)), feedback)

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return hidden activity and output, shapes (rates, units, samples); x has shape (inputs, samples)."""
        hidden = np.tanh(self.first @ x)
        return hidden, self.second @ hidden


def steps(
    net: Network, x: np.ndarray, target: np.ndarray, rule: str, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the changes (of second and first weights) that a rule makes at rate 1, mean over samples.

    Parameters
    ----------
    x : Array, shape (inputs, samples); target : Array, shape (outputs, samples)
    rule : one of RULES; ``output only`` leaves the hidden layer as it is
    """
    hidden, y = net.forward(x)
    error, samples = y - target, x.shape[1]
    if rule.startswith("three factors"):
        on_output, on_hidden = perturbed(net, x, target, generator, shuffled=rule.endswith("shuffled"))
    else:
        on_output = error
        back = net.feedback @ error if rule == "feedback alignment" else np.swapaxes(net.second, 1, 2) @ error
        on_hidden = back * (1 - hidden**2) * (rule != "output only")
    return -on_output @ np.swapaxes(hidden, 1, 2) / samples, -on_hidden @ x.T / samples


def perturbed(
    net: Network,
    x: np.ndarray,
    target: np.ndarray,
    generator: np.random.Generator,
    *,
    sigma: float = 1e-3,
    shuffled: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return one noisy trial's guess of the gradient by the inputs of output and hidden units.

    ``shuffled`` lets every sample be told the change of loss of another: the third factor without its meaning.

    Source
    ------
    [williams1992]: noise times reward follows the gradient in expectation.
    """
    drive = net.first @ x
    y = net.second @ np.tanh(drive)
    noise = [sigma * generator.choice([-1.0, 1.0], size=part.shape) for part in (y, drive)]
    moved = net.second @ np.tanh(drive + noise[1]) + noise[0]
    change = 0.5 * ((moved - target) ** 2 - (y - target) ** 2).sum(axis=1, keepdims=True)
    if shuffled:
        change = np.roll(change, 1, axis=2)
    return change * noise[0] / sigma**2, change * noise[1] / sigma**2


def expected_guess(weight: np.ndarray, x: np.ndarray, target: np.ndarray, sigma: float, bent: bool) -> np.ndarray:
    """Return the three-factor guess of the gradient by a layer's inputs, averaged over all noise: signs of size sigma.

    Parameters
    ----------
    weight : Array, shape (outputs, inputs); x : Array, shape (inputs,); target : Array, shape (outputs,)
    bent : bool, whether outputs are tanh of their inputs (the loss is then not quadratic in them)
    """
    drive = weight @ x

    def loss(inputs: np.ndarray) -> float:
        return 0.5 * float(((np.tanh(inputs) if bent else inputs) - target) @ (
            (np.tanh(inputs) if bent else inputs) - target))  # fmt: skip

    noises = sigma * np.array(list(product([-1.0, 1.0], repeat=len(drive))))
    return np.mean([(loss(drive + noise) - loss(drive)) * noise for noise in noises], axis=0) / sigma**2


def true_slope(weight: np.ndarray, x: np.ndarray, target: np.ndarray, bent: bool) -> np.ndarray:
    """Return the gradient that :func:`expected_guess` guesses."""
    drive = weight @ x
    out = np.tanh(drive) if bent else drive
    return (out - target) * ((1 - out**2) if bent else 1.0)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Return the cosine of the angle between two arrays."""
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))
