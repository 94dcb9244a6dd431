"""The peer: dropout in a sparse network that is trained by the same rule, so that only the uncertainty differs.

A plain second implementation of the spine rule with a fixed number of connections: a list of them per layer, and a
table of which sites are taken. It serves comparisons; :class:`~spinula.engines.sparse.perceptron.Perceptron` is the
fast one. With a dropout of 0 the two reach the same accuracy.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from spinula.core.errors import OutOfRangeError
from spinula.core.streams import Streams
from spinula.engines import philox as rng
from spinula.engines.sparse.allocation import erk_densities
from spinula.engines.sparse.rules import Rule
from spinula.engines.sparse.update import birth_size
from spinula.law import additive, training

Layer = namedtuple("Layer", "rows cols weight momentum taken bias bias_momentum")
Layer.__doc__ = """Connections as rows, cols, weight and momentum; which sites are taken (outputs, inputs); biases."""
_FORM = np.uint32(45)  # what the random words are for
_JUDGES = 16  # samples that judge a candidate site
_drift = njit(training.unsupported_drift)
_euler = njit(additive.euler_step)


@njit(nogil=True, cache=True)
def _forward(layer, x, keep, y):
    """Write weights @ (x * keep) + bias to y (outputs, samples)."""
    for i in range(y.shape[0]):
        y[i] = layer.bias[i]
    for k in range(layer.rows.size):
        row, col, weight = layer.rows[k], layer.cols[k], layer.weight[k]
        for t in range(y.shape[1]):
            y[row, t] += weight * x[col, t]
    for i in range(y.shape[0]):
        for t in range(y.shape[1]):
            y[i, t] *= keep[i, t]


@njit(nogil=True, cache=True)
def _backward(layer, x, dy, dx, dw):
    dx[:] = 0.0
    for k in range(layer.rows.size):
        row, col, weight, total = layer.rows[k], layer.cols[k], layer.weight[k], np.float32(0.0)
        for t in range(dy.shape[1]):
            total += x[col, t] * dy[row, t]
            dx[col, t] += weight * dy[row, t]
        dw[k] = total


@njit(nogil=True, cache=True)
def _replace(layer, k, x, dy, size_new, sites):
    """Move connection k to the best of some candidate sites that are vacant."""
    best, row, col = np.float32(0.0), -1, -1
    for c in range(sites.shape[0]):
        i, j, slope = sites[c, 0], sites[c, 1], np.float32(0.0)
        if layer.taken[i, j]:
            continue
        for t in range(_JUDGES):
            slope += x[j, t] * dy[i, t]
        if row < 0 or abs(slope) > abs(best):
            best, row, col = slope, i, j
    if row < 0:
        return False
    layer.taken[layer.rows[k], layer.cols[k]] = False
    layer.taken[row, col] = True
    layer.rows[k], layer.cols[k], layer.momentum[k] = row, col, 0.0
    layer.weight[k] = -size_new if best > 0 else size_new
    return True


@njit(nogil=True, cache=True)
def _step(layer, x, dy, dw, law, draw):
    """Move the connections of a layer by one step of the law, and replace those that reach the threshold."""
    rate, candidates, momentum, shrinkage, decay, size_min, size_new = law
    k0, k1 = rng.split_key(draw[0])
    sites = np.empty((candidates, 2), np.int64)
    for k in range(layer.rows.size):
        speed = momentum * layer.momentum[k] + dw[k]
        layer.momentum[k] = speed
        sign = 1.0 if layer.weight[k] >= 0 else -1.0
        size = sign * layer.weight[k]
        size = _euler(size, _drift(size, decay, shrinkage) - sign * speed, 0.0, 0.0, rate, 0.0)
        layer.weight[k] = sign * size
        if size <= size_min:
            for c in range(candidates):
                words = rng.philox(np.uint32(draw[1]), np.uint32(k), np.uint32(c), _FORM, k0, k1)
                sites[c, 0] = int(rng.unit(words[0]) * layer.taken.shape[0])
                sites[c, 1] = int(rng.unit(words[1]) * layer.taken.shape[1])
            if not _replace(layer, k, x, dy, size_new, sites):
                layer.weight[k] = sign * size_new
    for i in range(layer.bias.size):
        layer.bias_momentum[i] = momentum * layer.bias_momentum[i] + dy[i].sum()
        layer.bias[i] -= rate * layer.bias_momentum[i]


class DropoutPerceptron:
    """A sparse perceptron whose hidden units are silent at random, in training and when its uncertainty is asked for.

    Parameters
    ----------
    widths : list of int, features from input to classes
    density : float, dealt out by ERK
    rule : Rule, a continuous one with free signs and without noise, such as ``spine``
    dropout : float, probability that a hidden unit is silent for a sample

    Raises
    ------
    OutOfRangeError
        If the dropout is not in [0, 1).

    Source
    ------
    [gal2016]: dropout when asked, as an approximate posterior (MC dropout).
    """

    def __init__(
        self, widths: list[int], density: float, rule: Rule, dropout: float, *, seed: int, batch: int = 128
    ) -> None:
        if not 0 <= dropout < 1:
            raise OutOfRangeError("dropout", dropout, "wanted at least 0 and less than 1")
        self.rule, self.dropout, self.batch, self.widths = rule, dropout, max(batch, _JUDGES), widths
        streams = Streams(seed)
        self._draw, self.step = streams.generator("dropout"), 0
        shapes = list(zip(widths[1:], widths[:-1], strict=True))
        self._keys = [np.uint64(streams.key(f"layer {number}")) for number in range(len(shapes))]
        self.layers = [self._layer(*shape, share) for shape, share in zip(shapes, erk_densities(shapes, density),
                                                                          strict=True)]  # fmt: skip

    def _layer(self, outputs: int, inputs: int, density: float) -> Layer:
        sites = outputs * inputs
        count = max(1, round(sites * density))
        rows, cols = np.divmod(np.sort(self._draw.choice(sites, count, replace=False)), inputs)
        weight = (self._draw.standard_normal(count) * np.sqrt(2.0 / max(1.0, inputs * density))).astype(np.float32)
        taken = np.zeros((outputs, inputs), bool)
        taken[rows, cols] = True
        zeros = [np.zeros(size, np.float32) for size in (count, outputs, outputs)]
        return Layer(rows, cols, weight, zeros[0], taken, zeros[1], zeros[2])

    def _masks(self, samples: int) -> list[np.ndarray]:
        """Return for each layer which outputs speak, scaled so that the mean stays."""
        keep = 1.0 - self.dropout
        hidden = [(self._draw.random((width, samples), np.float32) < keep) / np.float32(keep)
                  for width in self.widths[1:-1]]  # fmt: skip
        return [*hidden, np.ones((self.widths[-1], samples), np.float32)]

    def _values(self, x: np.ndarray, masks: list[np.ndarray]) -> list[np.ndarray]:
        """Return the input and every layer's output, (features, samples)."""
        values = [x]
        for number, (layer, mask) in enumerate(zip(self.layers, masks, strict=True)):
            y = np.empty((len(layer.bias), x.shape[1]), np.float32)
            _forward(layer, values[-1], mask, y)
            values.append(np.maximum(y, 0.0) if number < len(self.layers) - 1 else y)
        return values

    def fit(self, images: np.ndarray, labels: np.ndarray, *, epochs: int) -> None:
        """Train with the rule's learning rate, annealed by a cosine over all epochs."""
        steps, done = len(labels) // self.batch, 0
        for _ in range(epochs):
            order = self._draw.permutation(len(labels))
            for number in range(steps):
                chosen = order[number * self.batch : (number + 1) * self.batch]
                rate = self.rule.rate * 0.5 * (1 + np.cos(np.pi * done / (steps * epochs)))
                self._train(np.ascontiguousarray(images[chosen].T), labels[chosen], rate)
                done += 1
                self.step += 1

    def _train(self, x: np.ndarray, labels: np.ndarray, rate: float) -> None:
        chosen = self.rule.law
        born = birth_size(chosen.size_min, chosen.size_new, rate, self.rule.rate)
        law = (rate, self.rule.candidates, self.rule.momentum, chosen.shrinkage, chosen.decay, chosen.size_min, born)
        masks = self._masks(x.shape[1])
        values = self._values(x, masks)
        scores = values[-1] - values[-1].max(axis=0)
        dy = np.exp(scores)
        dy /= dy.sum(axis=0)
        dy[labels, np.arange(len(labels))] -= 1.0
        dy /= np.float32(len(labels))
        for number in range(len(self.layers) - 1, -1, -1):
            layer, below = self.layers[number], values[number]
            dx, dw = np.empty_like(below), np.empty_like(layer.weight)
            _backward(layer, below, dy, dx, dw)
            _step(layer, below, dy, dw, law, (self._keys[number], self.step))
            if number:
                dy = dx * (below > 0) * masks[number - 1]

    def scores(self, images: np.ndarray, *, silent: bool = True) -> np.ndarray:
        """Return the last layer's output, (samples, classes): with units silent at random, or all of them speaking."""
        x = np.ascontiguousarray(images.T, np.float32)
        masks = self._masks(x.shape[1])
        if not silent:
            masks = [np.ones_like(mask) for mask in masks]
        return self._values(x, masks)[-1].T
