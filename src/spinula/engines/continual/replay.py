"""A memory of past samples, one byte per feature, and training batches in which they return."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.streams import Streams

_CHUNK = 20  # steps between two looks of the memory at what came


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


def batches(
    images: np.ndarray, labels: np.ndarray, order: np.ndarray, batch: int, memory: Reservoir | None, *, keep: bool
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
