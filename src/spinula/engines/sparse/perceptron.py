"""A truly sparse multilayer perceptron, trained by any rule without PyTorch: the fastest path, for studies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.streams import Streams
from spinula.engines.sparse import fused, rewire
from spinula.engines.sparse.allocation import erk_densities, sample_sites
from spinula.engines.sparse.rules import Rule
from spinula.engines.sparse.store import build, connections, site_sign


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: mean training loss and accuracy, connections eliminated, and how many there are by layer."""

    number: int
    loss: float
    accuracy: float
    eliminated: int
    connections: tuple[int, ...]


class Perceptron:
    """Sparse layers with rectifiers between them and a softmax at the end.

    Parameters
    ----------
    widths : list of int, features from input to classes
    density : float or list of float
        In all (dealt out by ERK), or by layer.
    rule : Rule
    seed : int
        Same seed and data, same bytes, for any number of threads.
    batch : int

    Raises
    ------
    InvalidInputError
        If a width, density or batch is impossible.
    """

    def __init__(
        self, widths: list[int], density: float | list[float], rule: Rule, *, seed: int, batch: int = 128
    ) -> None:
        if len(widths) < 2 or min(widths) < 1 or batch < 1:
            raise InvalidInputError("a perceptron needs at least two positive widths and a positive batch.")
        shapes = list(zip(widths[1:], widths[:-1], strict=True))
        self.rule, self.batch, self.step, self.streams = rule, batch, 0, Streams(seed)
        self.densities = erk_densities(shapes, density) if isinstance(density, float | int) else list(density)
        begin = self.densities
        if rule.start_density is not None and isinstance(density, float | int):
            begin = erk_densities(shapes, max(rule.start_density, density))
        self.keys = [self.streams.key(f"layer {number}") for number in range(len(shapes))]
        stores = [self._layer(number, shape, begin[number]) for number, shape in enumerate(shapes)]
        self.begin = [int(store.row_count.sum()) for store in stores]
        self.flat, self.stores = fused.join(stores)
        self.work = fused.workspace(self.flat, batch, self.keys)
        self._order = self.streams.generator("order")

    def _layer(self, number: int, shape: tuple[int, int], density: float) -> Any:
        outputs, inputs = shape
        generator = self.streams.generator(f"sites {number}")
        count = max(1, round(outputs * inputs * density))
        rows, cols = sample_sites(shape, count, generator)
        sizes = np.abs(generator.standard_normal(count)) * np.sqrt(2.0 / max(1.0, inputs * density))
        key = np.uint64(self.keys[number])
        signs = _signs(rows, cols, key) if self.rule.signed else np.where(generator.random(count) < 0.5, 1.0, -1.0)
        # With a count of its own choosing a layer needs room to grow into.
        room = 0.1 if self.rule.births < 0 else 2.0
        return build(rows, cols, (sizes * signs).astype(np.float32), shape, room=room)

    def fit(
        self, images: np.ndarray, labels: np.ndarray, *, epochs: int, look: Callable[[Perceptron], None] | None = None
    ) -> Iterator[Epoch]:
        """Train with the rule's learning rate, annealed by a cosine over all epochs; yield what each epoch gave.

        images : Array of float32, shape (samples, features); labels : Array of int64
        look : function or None
            Called after everything that may have rewired the network: each step, or each rewiring by magnitude. It
            changes nothing but the speed.
        """
        images, labels = np.ascontiguousarray(images, np.float32), np.ascontiguousarray(labels, np.int64)
        steps = len(labels) // self.batch
        total, numbers = self.step + steps * epochs, self.rule.numbers()
        for number in range(epochs):
            order = self._order.permutation(len(labels))[: steps * self.batch]
            rates = self.rule.rate * 0.5 * (1 + np.cos(np.pi * (self.step + np.arange(steps)) / total))
            loss = right = lost = 0.0
            chunk = steps if self.rule.continuous or not self.rule.every else self.rule.every
            if self.rule.continuous and look is not None:
                chunk = 1
            for first in range(0, steps, chunk):
                last = min(first + chunk, steps)
                part = order[first * self.batch : last * self.batch]
                found = fused.train(self.flat, self.work, images, labels, part, rates[first:last], numbers, self.step,
                                    self.rule.continuous)  # fmt: skip
                share = (last - first) / steps
                loss, right, lost = loss + share * found[0], right + share * found[1], lost + found[2]
                self.step += last - first
                if not self.rule.continuous and self.rule.every and last - first == chunk:
                    lost += self._rewire(self.step / total)
                if look is not None:
                    look(self)
            yield Epoch(number, loss, right, int(lost), tuple(int(store.row_count.sum()) for store in self.stores))

    def _rewire(self, progress: float) -> int:
        """Rewire every layer by magnitude; return how many connections were dropped."""
        lost, share = 0, self.rule.share(progress)
        first = 0
        for layer, store in enumerate(self.stores):
            inputs, outputs = int(self.flat.widths[layer]), int(self.flat.widths[layer + 1])
            middle = first + inputs
            if self.rule.growth == "none":
                count = int(store.row_count.sum()) - self._target(layer, progress)
                lost += rewire.drop_smallest(store, count)
            elif share > 0:
                # A layer that is nearly full keeps what it has: there is nowhere to go.
                vacant = inputs * outputs - int(store.row_count.sum())
                count = min(int(share * store.row_count.sum()), vacant)
                if self.rule.blind:
                    drawn = self.streams.generator(f"dropped {self.step} {layer}")
                    count = rewire.drop_random(store, count, drawn)
                else:
                    count = rewire.drop_smallest(store, count)
                lost += count
                if self.rule.growth == "uniform":
                    formed = int(self.work.counts[layer])
                    rewire.grow_uniform(store, count, numbers=self.rule.numbers(), key=self.keys[layer], formed=formed)
                    self.work.counts[layer] += count
                elif count:
                    x = self.work.acts[:, first:middle].transpose(0, 2, 1).reshape(-1, inputs)
                    dy = self.work.grads[:, middle : middle + outputs].transpose(0, 2, 1).reshape(-1, outputs)
                    rewire.grow_by_gradient(store, count, x, dy)
            first = middle
        return lost

    def _target(self, layer: int, progress: float) -> int:
        """Return how many connections gradual pruning leaves at a point of the training (a cubic fall)."""
        inputs, outputs = int(self.flat.widths[layer]), int(self.flat.widths[layer + 1])
        end = max(1, round(inputs * outputs * self.densities[layer]))
        left = max(0.0, 1.0 - progress / self.rule.until)
        return round(end + (self.begin[layer] - end) * left**3)

    def scores(self, images: np.ndarray) -> np.ndarray:
        """Return the last layer's output, (samples, classes)."""
        images = np.ascontiguousarray(images, np.float32)
        made = np.empty((len(images), int(self.flat.widths[-1])), np.float32)
        fused.logits(self.flat, images, made)
        return made

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return the share of samples that are classified correctly."""
        return float((self.scores(images).argmax(axis=1) == labels).mean())

    def connections(self, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a layer's connections as (rows, cols, weights)."""
        rows, cols, slots = connections(self.stores[layer])
        return rows, cols, self.stores[layer].weight[slots]


@numba.njit
def _signs(rows, cols, key):
    signs = np.empty(rows.size)
    for k in range(rows.size):
        signs[k] = site_sign(rows[k], cols[k], key)
    return signs
