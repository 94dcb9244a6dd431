"""A dense perceptron in NumPy whose parameters are one vector: what protections against forgetting work on."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.streams import Streams
from spinula.engines.continual.replay import Memory, batches


def parameters(widths: list[int]) -> int:
    """Return how many weights and biases dense layers have.

    Examples
    --------
    >>> parameters([784, 300, 100, 10])
    266610
    """
    return sum((a + 1) * b for a, b in pairwise(widths))


class Guard(Protocol):
    """What protects a network while it learns: called around each step and at the end of each task."""

    def stepped(self, net: DensePerceptron, gradient: np.ndarray, features: list[np.ndarray]) -> None:
        """Act after a step that moved the parameters by -rate*gradient (the loss's); ``features`` are from before."""

    def finished(self, net: DensePerceptron, images: np.ndarray, labels: np.ndarray) -> None:
        """Act after a task."""

    def copies(self) -> int:
        """Return how many numbers per parameter are kept beside it."""
        ...


class DensePerceptron:
    """Layers with rectifiers between them and a softmax at the end; plain gradient descent.

    Parameters
    ----------
    widths : list of int, features from input to classes
    seed, batch : int
    rate : float, learning rate
    decay : float, weight decay (L2): weights shrink by rate*decay of themselves per step; biases do not
    guard : Guard or None
    memory : Memory or None, past samples of which each step takes as many as new ones
    groups : Array of int, shape (classes,), or None
        Task of each class, where the task of a sample is known (task-incremental): the softmax is over its classes.

    Attributes
    ----------
    theta : Array of float32, all weights (inputs x outputs) and biases, layer by layer; ``weights`` and ``biases`` are
        views of it
    """

    def __init__(
        self, widths: list[int], *, seed: int, batch: int = 16, rate: float = 0.1, decay: float = 0.0,
        guard: Guard | None = None, memory: Memory | None = None, groups: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        if len(widths) < 2 or min(widths) < 1 or batch < 1:
            raise InvalidInputError("a perceptron needs at least two positive widths and a positive batch.")
        self.widths, self.batch, self.rate, self.decay = list(widths), batch, rate, decay
        self.guard, self.memory, self.groups, self.streams = guard, memory, groups, Streams(seed)
        self.theta = np.zeros(parameters(widths), np.float32)
        self.weights, self.biases = self.parts(self.theta)
        self._gradient = np.zeros_like(self.theta)
        self._into = self.parts(self._gradient)
        generator = self.streams.generator("weights")
        for weight in self.weights:
            weight[:] = generator.standard_normal(weight.shape) * np.sqrt(2.0 / len(weight))
        self._order = self.streams.generator("order")

    def parts(self, vector: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return views of a vector of parameters: weights (inputs, outputs) and biases, by layer."""
        weights, biases, at = [], [], 0
        for a, b in pairwise(self.widths):
            weights.append(vector[at : at + a * b].reshape(a, b))
            biases.append(vector[at + a * b : at + (a + 1) * b])
            at += (a + 1) * b
        return weights, biases

    def forward(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the features of every layer, the input first and the scores last; (samples, features)."""
        features = [images]
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            made = features[-1] @ weight
            made += bias
            if number < len(self.weights) - 1:
                np.maximum(made, 0, out=made)
            features.append(made)
        return features

    def chances(self, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the softmax of scores, over the classes of each label's task where tasks are known."""
        if self.groups is not None:
            scores = np.where(self.groups[None, :] == self.groups[labels][:, None], scores, -np.inf)
        made = np.exp(scores - scores.max(axis=1, keepdims=True))
        made /= made.sum(axis=1, keepdims=True)
        return made

    def backward(self, features: list[np.ndarray], slope: np.ndarray) -> list[np.ndarray]:
        """Return d loss/d of every layer's output before its rectifier, given the last one's, the first layer first."""
        slopes = [slope]
        for number in range(len(self.weights) - 1, 0, -1):
            slopes.append((slopes[-1] @ self.weights[number].T) * (features[number] > 0))
        return slopes[::-1]

    def gradient(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return (gradient of the mean cross-entropy, valid until the next call; features of every layer)."""
        features = self.forward(images)
        slope = self.chances(features[-1], labels)
        slope[np.arange(len(labels)), labels] -= 1.0
        slope /= len(labels)
        weights, biases = self._into
        for number, dy in enumerate(self.backward(features, slope)):
            np.matmul(features[number].T, dy, out=weights[number])
            biases[number][:] = dy.sum(axis=0)
        return self._gradient, features

    def step(self, images: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
        """Move all parameters by one step; return the features from before it."""
        gradient, features = self.gradient(images, labels)
        self.theta -= self.rate * gradient
        if self.decay > 0.0:
            for weight in self.weights:
                weight *= np.float32(1.0 - self.rate * self.decay)
        if self.guard is not None:
            self.guard.stepped(self, gradient, features)
        return features

    def learn(self, images: np.ndarray, labels: np.ndarray, *, epochs: int = 1) -> float:
        """Learn one task; return the accuracy on its samples as they first came, before each was learnt."""
        correct, seen = 0, len(labels) // self.batch * self.batch
        for epoch in range(epochs):
            order = np.arange(len(labels)) if epoch == 0 else self._order.permutation(len(labels))
            for x, y, size in batches(images, labels, order, self.batch, self.memory, keep=epoch == 0):
                for first in range(0, len(y), size):
                    # Too high a rate diverges: that shows in the accuracy, and is no reason to warn.
                    with np.errstate(over="ignore", invalid="ignore"):
                        scores = self.step(x[first : first + size], y[first : first + size])[-1][: self.batch]
                    correct += int((scores.argmax(axis=1) == y[first : first + self.batch]).sum()) if epoch == 0 else 0
        if self.guard is not None:
            self.guard.finished(self, images, labels)
        return correct / seen

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Return the last layer's output, (samples, classes)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.forward(images)[-1]

    @property
    def bytes(self) -> int:
        """What the learner keeps from task to task: parameters, what its guard keeps beside them, past samples."""
        copies = 1 + (self.guard.copies() if self.guard is not None else 0)
        return copies * self.theta.nbytes + (self.memory.bytes if self.memory is not None else 0)
