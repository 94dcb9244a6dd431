"""What comes from outside: Poisson spikes, given spikes, bursts of dopamine; dealt out to the parts block by block."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spinula.core.streams import Streams
from spinula.engines.network.spiking.state import Outside


@dataclass(frozen=True)
class Poisson:
    """Independent Poisson spikes to every neuron from ``first`` to ``stop``: ``per_step`` spikes in all, one weight."""

    first: int
    stop: int
    per_step: float
    weight: float
    channel: int


@dataclass
class Drive:
    """All input from outside.

    Poisson spikes are drawn in blocks of ``block`` steps, from a stream of the block's own number, so that what arrives
    does not depend on how a run is cut.
    """

    streams: Streams
    block: int
    poisson: list[Poisson] = field(default_factory=list)
    given: list[tuple[np.ndarray, np.ndarray, np.ndarray, int]] = field(default_factory=list)
    bursts: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def dopamine(self, first: int, stop: int) -> np.ndarray:
        """Return the dopamine released at each of the steps ``first`` + 1 to ``stop``."""
        made = np.zeros(stop - first)
        for steps, amounts in self.bursts:
            inside = (steps > first) & (steps <= stop)
            np.add.at(made, steps[inside] - first - 1, amounts[inside])
        return made

    def outside(self, first: int, stop: int, owner: np.ndarray, parts: int) -> Outside:
        """Return what arrives at the steps ``first`` + 1 to ``stop``, by part, in order of step."""
        pieces = [self._drawn(number, first, stop) for number in range(len(self.poisson))]
        for steps, neurons, weights, channel in self.given:
            a, b = np.searchsorted(steps, (first, stop), side="right")
            pieces.append((steps[a:b], neurons[a:b], weights[a:b], np.full(b - a, channel)))
        span, dopamine = stop - first, self.dopamine(first, stop)
        if not any(len(piece[0]) for piece in pieces):
            nothing = np.zeros((parts, 0))
            return Outside(
                np.zeros((parts, span + 1), np.int64), nothing.astype(np.uint32), nothing.astype(np.float32),
                nothing.astype(np.int8), dopamine,
            )  # fmt: skip
        step, neuron, weight, channel = (np.concatenate(column) for column in zip(*pieces, strict=True))
        order = np.argsort(step, kind="stable")
        step, neuron, weight, channel = step[order], neuron[order], weight[order], channel[order]
        mine = [np.flatnonzero(owner[neuron] == part) for part in range(parts)]
        longest = max(map(len, mine))
        made = Outside(
            np.zeros((parts, span + 1), np.int64), np.zeros((parts, longest), np.uint32),
            np.zeros((parts, longest), np.float32), np.zeros((parts, longest), np.int8), dopamine,
        )  # fmt: skip
        for part, chosen in enumerate(mine):
            made.first[part, 1:] = np.searchsorted(step[chosen], np.arange(first + 1, stop + 1), side="right")
            made.neuron[part, : len(chosen)] = neuron[chosen]
            made.weight[part, : len(chosen)] = weight[chosen]
            made.channel[part, : len(chosen)] = channel[chosen]
        return made

    def _drawn(self, index: int, first: int, stop: int) -> tuple[np.ndarray, ...]:
        source, found = self.poisson[index], []
        for number in range(first // self.block, (stop - 1) // self.block + 1):
            generator = self.streams.generator(f"poisson {index} {number}")
            total = generator.poisson(source.per_step * self.block)
            steps = number * self.block + 1 + np.sort(generator.integers(self.block, size=total))
            neurons = generator.integers(source.first, source.stop, total)
            inside = (steps > first) & (steps <= stop)
            found.append((steps[inside], neurons[inside]))
        step, neuron = (np.concatenate(column) for column in zip(*found, strict=True))
        return step, neuron, np.full(len(step), source.weight), np.full(len(step), source.channel)
