"""A memory of past samples, one byte per feature, and training batches in which they return."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.streams import Streams

_CHUNK = 20  # steps between two looks of the memory at what came


class Memory(Protocol):
    """What returns samples of the past: kept ones, or such as are made from what is known of them."""

    capacity: int  # samples that are kept as they came
    count: int  # 0: nothing can be drawn yet

    def add(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Take in samples."""

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (images, labels)."""
        ...

    @property
    def bytes(self) -> int:
        """What it keeps."""
        ...


class Reservoir:
    """A uniform sample of everything seen so far, in a fixed number of bytes (reservoir sampling).

    Parameters
    ----------
    room : int, bytes; one sample takes one for each feature and one for its label
    features : int
    bounds : (low, high) of a feature; in between there are 256 levels
    seed : int

    Raises
    ------
    InvalidInputError
        If not even one sample fits.

    Examples
    --------
    >>> memory = Reservoir(30, 2, (0.0, 1.0), seed=0)
    >>> memory.add(np.eye(2, dtype=np.float32), np.array([0, 1]))
    >>> memory.capacity, memory.count
    (10, 2)
    """

    def __init__(self, room: int, features: int, bounds: tuple[float, float], *, seed: int) -> None:
        self.capacity, self.count, self.seen = room // (features + 1), 0, 0
        if self.capacity < 1 or not bounds[0] < bounds[1]:
            raise InvalidInputError(f"{room} bytes hold no sample of {features} features within {bounds}.")
        self.low, self.scale = bounds[0], (bounds[1] - bounds[0]) / 255.0
        self.images = np.zeros((self.capacity, features), np.uint8)
        self.labels = np.zeros(self.capacity, np.uint8)
        self._generator = Streams(seed).generator("reservoir")

    def add(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Offer samples; each that was ever offered is kept with the same chance."""
        ranks = self.seen + np.arange(len(labels))
        places = np.where(ranks < self.capacity, ranks, self._generator.integers(0, ranks + 1))
        self.seen += len(labels)
        kept = places < self.capacity
        self.images[places[kept]] = np.rint((images[kept] - self.low) / self.scale)
        self.labels[places[kept]] = labels[kept]
        self.count = min(self.capacity, self.seen)

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (images, labels) of samples drawn with replacement."""
        chosen = self._generator.integers(0, self.count, count)
        return self.images[chosen] * np.float32(self.scale) + np.float32(self.low), self.labels[chosen].astype(np.int64)

    @property
    def bytes(self) -> int:
        """The memory that the samples take."""
        return self.images.nbytes + self.labels.nbytes


class Scrambled(Reservoir):
    """The control of a reservoir: each image that it returns has its features shuffled, its label stays."""

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (images, labels); every image in an order of its own, drawn anew."""
        images, labels = super().draw(count)
        return self._generator.permuted(images, axis=1), labels


class Dreams:
    """A generator in place of kept samples: of each class the mean and the variance of every feature.

    What it returns is drawn from these, feature by feature: independent normal numbers.

    Parameters
    ----------
    features, classes : int
    seed : int

    Source
    ------
    Generative replay as [shin2017], with the plainest generator that there is in place of a trained network, and with
    the class as the label in place of the old network's answer.

    Examples
    --------
    >>> dreams = Dreams(2, 3, seed=0)
    >>> dreams.add(np.array([[0.0, 1.0], [0.0, 3.0]], np.float32), np.array([1, 1]))
    >>> images, labels = dreams.draw(4)
    >>> images[:, 0].tolist(), labels.tolist()
    ([0.0, 0.0, 0.0, 0.0], [1, 1, 1, 1])
    """

    capacity = 0

    def __init__(self, features: int, classes: int, *, seed: int) -> None:
        self.seen = np.zeros(classes, np.int64)
        self.mean = np.zeros((classes, features), np.float32)
        self.squares = np.zeros((classes, features), np.float32)  # sum of squared distances from the mean
        self._generator = Streams(seed).generator("dreams")

    @property
    def count(self) -> int:
        """How many samples it was fitted to."""
        return int(self.seen.sum())

    def add(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Fit the mean and the variance of each class to what came as well (exactly, as if all were there)."""
        for chosen in np.unique(labels):
            new = images[labels == chosen]
            before, more = self.seen[chosen], len(new)
            middle = new.mean(axis=0)
            away = middle - self.mean[chosen]
            self.squares[chosen] += ((new - middle) ** 2).sum(axis=0) + away**2 * (before * more / (before + more))
            self.mean[chosen] += away * (more / (before + more))
            self.seen[chosen] += more

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (images, labels) that were never seen; classes as often as they came."""
        labels = self._generator.choice(len(self.seen), count, p=self.seen / self.seen.sum())
        spread = np.sqrt(self.squares[labels] / self.seen[labels][:, None]).astype(np.float32)
        noise = self._generator.standard_normal(spread.shape, np.float32)
        return self.mean[labels] + spread * noise, labels

    @property
    def bytes(self) -> int:
        """What mean, variance and number of each class take."""
        return self.mean.nbytes + self.squares.nbytes + self.seen.nbytes


def batches(
    images: np.ndarray, labels: np.ndarray, order: np.ndarray, batch: int, memory: Memory | None, *, keep: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Yield (images, labels, samples per step): each step's new samples first, then as many remembered ones.

    ``keep``: offer what came to the memory, after it was trained on.
    """
    steps = len(order) // batch
    if memory is None:
        yield images[order[: steps * batch]], labels[order[: steps * batch]], batch
        return
    for first in range(0, steps, _CHUNK):
        count = min(_CHUNK, steps - first)
        chosen = order[first * batch : (first + count) * batch]
        new, named = images[chosen], labels[chosen]
        if memory.count == 0:
            yield new, named, batch
        else:
            old, known = memory.draw(count * batch)
            shape = (count, batch, images.shape[1])
            x = np.concatenate([new.reshape(shape), old.reshape(shape)], axis=1).reshape(-1, images.shape[1])
            yield x, np.concatenate([named.reshape(count, -1), known.reshape(count, -1)], axis=1).ravel(), 2 * batch
        if keep:
            memory.add(new, named)
