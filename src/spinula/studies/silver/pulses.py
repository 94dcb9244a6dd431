"""Pulses on one pair of electrodes: short and long memory, paired pulses, potentiation and depression.

The response of a device is its conductance between the two electrodes, read at a voltage too low to change anything.
Every protocol that compares conditions starts each of them with a fresh device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.silver.device import Device, Pace
from spinula.engines.silver.solver import Drive

READ = 0.01  # V
Make = Callable[[], Device]


@dataclass(frozen=True)
class Pulse:
    """A pulse between two electrodes and the pause after it.

    Parameters
    ----------
    voltage : float, V
    on, off : float, s
        Length of the pulse; pause after it, with all electrodes grounded.
    source, sink : str
        Electrodes; others float.
    resistance : float, ohm
        In series with the source.
    compliance : float, A
    """

    voltage: float
    on: float = 0.1
    off: float = 0.1
    source: str = "left"
    sink: str = "right"
    resistance: float = 3e3
    compliance: float = np.inf

    def __post_init__(self) -> None:
        if not (self.on > 0 and self.off >= 0):
            raise InvalidInputError(f"a pulse needs on > 0 and off >= 0: {self}.")

    def drives(self, voltage: float | None = None) -> dict[str, Drive]:
        """Return what is connected during the pulse, or with another voltage."""
        volts = self.voltage if voltage is None else voltage
        source = Drive(voltage=volts, resistance=self.resistance, compliance=self.compliance)
        return {self.source: source, self.sink: Drive(voltage=0.0)}


def pace_of(duration: float) -> Pace:
    """Return steps that resolve a stimulus: at least five, more where the state moves fast."""
    return Pace(tolerance=0.05, first=min(1e-4, duration / 5), largest=duration / 5, smallest=min(1e-6, duration / 50))


def hold(device: Device, drives: dict[str, Drive], duration: float) -> None:
    """Hold drives for a time."""
    if duration > 0:
        for _ in device.run(drives, duration, pace=pace_of(duration)):
            pass


def respond(device: Device, pulse: Pulse) -> float:
    """Return the conductance between the pulse's electrodes, S; the device does not change."""
    drives = {pulse.source: Drive(voltage=READ), pulse.sink: Drive(voltage=0.0)}
    return device.read(drives)[pulse.source] / READ


def rest(device: Device, pulse: Pulse, duration: float) -> None:
    """Let a device rest with the pulse's electrodes grounded."""
    hold(device, {pulse.source: Drive(voltage=0.0), pulse.sink: Drive(voltage=0.0)}, duration)


def train(device: Device, pulse: Pulse, count: int) -> np.ndarray:
    """Give pulses.

    Returns
    -------
    Array, shape (count,), S
        Conductance at the end of each pulse, before its pause.
    """
    found = np.empty(count)
    for number in range(count):
        hold(device, pulse.drives(), pulse.on)
        found[number] = respond(device, pulse)
        rest(device, pulse, pulse.off)
    return found


@dataclass(frozen=True)
class Retention:
    """What is left of a conductance after rest: ``kept`` (counts, times), 1 is the value at the last pulse's end."""

    counts: tuple[int, ...]
    times: tuple[float, ...]
    before: float
    peak: np.ndarray
    kept: np.ndarray

    def lasting(self, share: float = 0.5) -> int | None:
        """Return the smallest number of pulses of which that share is kept at the last time; None if none is."""
        enough = np.flatnonzero(self.kept[:, -1] > share)
        return None if not len(enough) else self.counts[enough[0]]


def short_and_long(make: Make, pulse: Pulse, counts: Sequence[int], times: Sequence[float]) -> Retention:
    """Train fresh devices with different numbers of pulses and follow what each keeps.

    Parameters
    ----------
    make : function
        Makes a fresh device.
    counts : sequence of int
    times : sequence of float, s
        Rising; after the end of the last pulse.

    Raises
    ------
    InvalidInputError
        If the times do not rise, or if pulses change nothing.
    """
    if np.any(np.diff([0.0, *times]) <= 0):
        raise InvalidInputError(f"times after training must rise from above 0: {list(times)}.")
    peak, kept, before = np.empty(len(counts)), np.empty((len(counts), len(times))), 0.0
    last = replace(pulse, off=0.0)
    for i, count in enumerate(counts):
        device = make()
        before = respond(device, pulse)
        train(device, pulse, count - 1)
        peak[i] = train(device, last, 1)[0]
        for k, wait in enumerate(np.diff([0.0, *times])):
            rest(device, pulse, float(wait))
            kept[i, k] = respond(device, pulse) - before
        if not peak[i] > before:
            raise InvalidInputError(f"{count} pulses of {pulse.voltage:g} V changed nothing.\n  Give a higher voltage.")
        kept[i] /= peak[i] - before
    return Retention(tuple(counts), tuple(times), before, peak, kept)


def paired_pulses(make: Make, pulse: Pulse, intervals: Sequence[float]) -> np.ndarray:
    """Return the second response over the first for pairs of pulses.

    A response is the gain of conductance from just before the first pulse to a pulse's end.

    Parameters
    ----------
    intervals : sequence of float, s
        From the end of the first to the start of the second.
    """
    ratio = np.empty(len(intervals))
    for i, interval in enumerate(intervals):
        device = make()
        before = respond(device, pulse)
        first, second = train(device, replace(pulse, off=float(interval)), 2) - before
        ratio[i] = second / first
    return ratio


def potentiate_and_depress(device: Device, up: Pulse, down: Pulse, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Give ``count`` strong pulses, then as many weak ones (or none: a voltage of 0); conductance after each, S."""
    return train(device, up, count), train(device, down, count)


def linearity(conductance: np.ndarray) -> float:
    """Return R2 of a straight line through conductance against the number of the pulse."""
    return float(np.corrcoef(np.arange(len(conductance)), conductance)[0, 1] ** 2)
