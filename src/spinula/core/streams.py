"""Named random streams from one seed: same seed, same bytes, whatever the order or the number of threads."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import OutOfRangeError


def draw_seed() -> int:
    """Draw a seed from the operating system, for a user who gave none; print it and store it."""
    return secrets.randbelow(2**32)


@dataclass(frozen=True)
class Streams:
    """One seed, and as many independent streams as there are names.

    A stream depends on the seed and on its own name only, so that adding a consumer never changes what another draws.

    Examples
    --------
    >>> a, b = Streams(7).generator("birth"), Streams(7).generator("birth")
    >>> bool(a.random() == b.random())
    True
    >>> Streams(7).key("noise") != Streams(7).key("birth")
    True
    """

    seed: int

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise OutOfRangeError("seed", self.seed, "wanted an integer from 0 to 2^63 - 1")

    def _sequence(self, name: str) -> np.random.SeedSequence:
        digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
        words = np.frombuffer(digest, dtype="<u4")
        return np.random.SeedSequence(self.seed, spawn_key=tuple(int(word) for word in words))

    def generator(self, name: str) -> np.random.Generator:
        """Return a NumPy generator (Philox) for the stream of that name."""
        return np.random.Generator(np.random.Philox(self._sequence(name)))

    def key(self, name: str) -> int:
        """Return a 64-bit key for a counter-based kernel, independent of every other name's."""
        return int(self._sequence(name).generate_state(1, np.uint64)[0])

    def child(self, name: str) -> Streams:
        """Return the streams of a named part (a replicate, a condition), with a seed of its own."""
        return Streams(self.key(name) >> 1)
