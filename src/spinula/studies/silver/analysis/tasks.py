"""What a reservoir can compute: how far back it remembers, how it bends a signal, NARMA-10."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spinula.core.errors import NotConvergedError
from spinula.studies.silver.analysis.reservoir import Feeding, Make, evaluate, feed, train_readout

WASHOUT = 100


@dataclass(frozen=True)
class MemoryCapacity:
    """Short-term linear memory: the share of the input's variance that is told at each delay, and their sum.

    ``floor`` is what an input that never entered the network seems to be told, by chance: the mean over the delays.
    """

    delays: np.ndarray
    told: np.ndarray
    floor: float

    @property
    def total(self) -> float:
        """The sum over delays of 1 and more, less the chance floor where it lies above it."""
        return float(np.maximum(self.told[self.delays >= 1] - self.floor, 0.0).sum())


def memory_capacity(
    features: np.ndarray, signal: np.ndarray, *, longest: int, seed: int, ridge: float = 1e-6, washout: int = WASHOUT
) -> MemoryCapacity:
    """Measure how much of earlier inputs a linear read-out can tell.

    Parameters
    ----------
    features : Array, shape (steps, features)
    signal : Array, shape (steps,)
        Independent values.
    longest : int
        Delay.
    seed : int
        Of the input of the chance floor.

    Source
    ------
    [jaeger2001]: the squared correlation on data that were not trained on, delay by delay.
    """
    delays = np.arange(longest + 1)
    shuffled = np.random.default_rng(seed).permutation(signal)
    start = max(washout, longest)
    told, chance = _told(features, signal, delays, start, ridge), _told(features, shuffled, delays, start, ridge)
    return MemoryCapacity(delays, told, float(chance.mean()))


def _told(features: np.ndarray, signal: np.ndarray, delays: np.ndarray, start: int, ridge: float) -> np.ndarray:
    target = np.column_stack([np.roll(signal, delay) for delay in delays])[start:]
    rows, half = features[start:], (len(features) - start) // 2
    readout = train_readout(rows[:half], target[:half], ridge=ridge)
    found = readout.predict(rows[half:])
    out = np.zeros(len(delays))
    for k in range(len(delays)):
        if found[:, k].std() > 1e-12 * max(float(np.abs(found[:, k]).max()), 1e-300):
            out[k] = np.corrcoef(found[:, k], target[half:, k])[0, 1] ** 2
    return out


def waves(steps: int, period: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return a sine and what it is to be turned into: a square wave, one a quarter period late, one twice as fast.

    The four tasks of [hochstetter2021]; all have an amplitude of 1.
    """
    phase = 2 * np.pi * np.arange(steps) / period
    # Half a step aside, so that no value of the square wave falls on a zero of the sine.
    phase = phase + np.pi / period
    return np.sin(phase), {
        "square": np.sign(np.sin(phase)), "shifted": np.sin(phase - np.pi / 2), "double": np.sin(2 * phase),
    }  # fmt: skip


def narma10(steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an input, uniform on 0 to 0.5, and the tenth-order non-linear average that it drives.

    y[k+1] = 0.3 y[k] + 0.05 y[k] sum(y[k-9 ... k]) + 1.5 u[k-9] u[k] + 0.1

    Raises
    ------
    NotConvergedError
        If this input makes it diverge: take another seed.

    Source
    ------
    [atiya2000].
    """
    signal = np.random.default_rng(seed).uniform(0, 0.5, steps)
    value = np.zeros(steps)
    for k in range(9, steps - 1):
        total = value[k - 9 : k + 1].sum()
        value[k + 1] = 0.3 * value[k] + 0.05 * value[k] * total + 1.5 * signal[k - 9] * signal[k] + 0.1
        if not value[k + 1] < 10:
            raise NotConvergedError(f"NARMA-10 diverges at seed {seed}.\n  Take another seed.")
    return signal, value


@dataclass(frozen=True)
class Scores:
    """Errors of one task (RNMSE), by what the read-out saw: the network, its frozen resistors, the raw input."""

    network: float
    resistors: float
    raw: float


def score_waves(make: Make, feeding: Feeding, *, periods: int = 30, period: int = 50) -> dict[str, Scores]:
    """Feed a sine and score the three waves; half of the periods are trained on."""
    signal, targets = waves(periods * period, period)
    seen = _seen(make, feeding, signal)
    return {name: _scores(seen, target, 3 * period) for name, target in targets.items()}


def score_narma(make: Make, feeding: Feeding, *, steps: int, seed: int) -> Scores:
    """Feed the input of NARMA-10, scaled to -1 to 1, and score its output."""
    signal, target = narma10(steps, seed)
    return _scores(_seen(make, feeding, 4 * signal - 1), target, WASHOUT)


def _seen(make: Make, feeding: Feeding, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frozen = replace(feeding, frozen=True)
    return feed(make(), signal, feeding), feed(make(), signal, frozen), signal[:, None]


def _scores(seen: tuple[np.ndarray, ...], target: np.ndarray, washout: int) -> Scores:
    train = (len(target) - washout) // 2
    return Scores(*(evaluate(features, target, washout=washout, train=train)[0] for features in seen))
