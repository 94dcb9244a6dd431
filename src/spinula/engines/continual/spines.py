"""A sparse network that learns task after task at a constant rate; big spines may be steadier than small ones."""

from __future__ import annotations

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.continual.kernels import train_steady
from spinula.engines.continual.replay import Memory, batches
from spinula.engines.sparse import fused
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import Rule
from spinula.law.training import SizeStability


class ContinualPerceptron(Perceptron):
    """A sparse perceptron that is taught one task at a time, at the rule's constant learning rate.

    Parameters
    ----------
    widths, density, rule, seed, batch : as :class:`Perceptron`; the rule's momentum and noise must be 0 where spines
        have a stability or classes a task
    stability : SizeStability or None, how much steadier big spines are
    memory : Memory or None, past samples of which each step takes as many as new ones
    groups : Array of int, shape (classes,), or None
        Task of each class, where the task of a sample is known (task-incremental): the softmax is over its classes.

    Raises
    ------
    InvalidInputError
        If the rule has momentum or noise beside stability or groups.
    """

    def __init__(
        self, widths: list[int], density: float, rule: Rule, *, seed: int, batch: int = 16,
        stability: SizeStability | None = None, memory: Memory | None = None,
        groups: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        super().__init__(widths, density, rule, seed=seed, batch=batch)
        self.memory, self.steady = memory, (stability.scale, stability.power) if stability else (0.0, 0.0)
        self.plain = stability is None and groups is None
        if not self.plain and (rule.momentum or rule.law.noise_slope or rule.law.noise_floor):
            raise InvalidInputError(f"rule {rule.name!r} has momentum or noise; with stability or groups it must not.")
        self.groups = np.zeros(widths[-1], np.int64) if groups is None else np.asarray(groups, np.int64)
        # With memory a step is twice as large; both share the count of formations.
        self._spaces = {batch: self.work}
        if memory is not None:
            self._spaces[2 * batch] = fused.workspace(self.flat, 2 * batch, self.keys)._replace(counts=self.work.counts)
        self.eliminated = 0

    def learn(self, images: np.ndarray, labels: np.ndarray, *, epochs: int = 1) -> float:
        """Learn one task; return the accuracy on its samples as they first came, before each was learnt.

        With a memory the samples that came from it count too.
        """
        correct = seen = 0.0
        for epoch in range(epochs):
            order = np.arange(len(labels)) if epoch == 0 else self._order.permutation(len(labels))
            for x, y, size in batches(images, labels, order, self.batch, self.memory, keep=epoch == 0):
                right = self._train(np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.int64), size)
                correct, seen = (correct + right * len(y), seen + len(y)) if epoch == 0 else (correct, seen)
        return correct / seen

    def _train(self, images: np.ndarray, labels: np.ndarray, size: int) -> float:
        """Take the steps of one piece of a task; return the accuracy."""
        steps, right, self.work = len(labels) // size, 0.0, self._spaces[size]
        periodic = not self.rule.continuous and self.rule.every > 0
        first = 0
        while first < steps:
            last = min(steps, first + (self.rule.every - self.step % self.rule.every if periodic else steps))
            order, rates = np.arange(first * size, last * size), np.full(last - first, self.rule.rate)
            made = self.rule.numbers()
            if self.plain:
                found = fused.train(self.flat, self.work, images, labels, order, rates, made, self.step,
                                    self.rule.continuous)  # fmt: skip
                right, lost = right + found[1] * (last - first), found[2]
            else:
                hits, lost = train_steady(self.flat, self.work, images, labels, order, last - first, made, self.groups,
                                          self.steady, self.rule.continuous)  # fmt: skip
                right += hits / size
            self.step += last - first
            if periodic and self.step % self.rule.every == 0:
                lost += self._rewire(0.0)
            self.eliminated += int(lost)
            first = last
        return right / steps

    @property
    def bytes(self) -> int:
        """What the network keeps from task to task: its stores with all their free slots, biases, past samples."""
        kept = sum(array.nbytes for array in self.flat)
        return kept + (self.memory.bytes if self.memory is not None else 0)
