"""Energy of an event and of a task, and what a processor would need for the same task.

What a device needs is what its electrodes feed into it; the circuits that drive and read it are not in it, nor is the
read-out, which both sides need. A processor's energy is given twice: its measured time at an assumed power of a core,
and a bound, the operations at the energy of bare arithmetic [horowitz2014], without memory, instructions or leakage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.silver.device import Device, Pace
from spinula.engines.silver.solver import Drive

CORE_WATTS = 10.0  # assumed: one busy core of a server, its share of caches and memory included
MULTIPLY_ADD = 3.7e-12 + 0.9e-12  # J, 32 bits, 45 nm [horowitz2014]


@dataclass(frozen=True)
class EventEnergy:
    """What a pulse costs.

    ``fed`` into the network and ``in_series`` with it, J; ``events``: gaps that were bridged during the pulse;
    ``per_event`` is ``fed`` over their number, infinite if none was.
    """

    fed: float
    in_series: float
    events: int

    @property
    def per_event(self) -> float:
        """Energy per bridged gap, J."""
        return self.fed / self.events if self.events else np.inf


def pulse_energy(device: Device, drives: dict[str, Drive], duration: float, *, pace: Pace | None = None) -> EventEnergy:
    """Hold drives for a time and account for the energy and for the gaps that cross the law's level upwards.

    Raises
    ------
    InvalidInputError
        If the law has no level: then nothing is an event.
    """
    level = device.law.level()
    if not np.isfinite(level):
        raise InvalidInputError(f"a gap of {type(device.law).__name__} changes gradually: it has no events.")
    fed, lost, events = device.energy, device.lost_in_series, 0
    last = np.abs(device.state[0]) >= level
    for _ in device.run(drives, duration, pace=pace or Pace(tolerance=0.05, first=min(1e-4, duration / 5))):
        now = np.abs(device.state[0]) >= level
        events += int((now & ~last).sum())
        last = now
    return EventEnergy(float(device.energy - fed), float(device.lost_in_series - lost), events)


@dataclass(frozen=True)
class ProcessorEnergy:
    """A task on a processor: ``measured`` (its time at an assumed power) and ``bound`` (bare arithmetic), J."""

    measured: float
    bound: float


def processor_energy(*, seconds: float, multiply_adds: float, watts: float = CORE_WATTS) -> ProcessorEnergy:
    """Return what a task needs on a processor.

    Parameters
    ----------
    seconds : float, s
        Measured CPU time.
    multiply_adds : float
        Operations of the method itself.
    watts : float, W
        Assumed power of the core that was busy.
    """
    if not (seconds >= 0 and multiply_adds >= 0 and watts > 0):
        raise OutOfRangeError("seconds, multiply_adds or watts", min(seconds, multiply_adds, watts), "wanted 0 or more")
    return ProcessorEnergy(seconds * watts, multiply_adds * MULTIPLY_ADD)
