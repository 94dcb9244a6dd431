"""The largest Lyapunov exponent: how fast two neighbouring states of a driven network part.

Two trajectories under the same drive, brought back to a small distance after every step [benettin1980]: no Jacobian is
needed. The linearised check instead carries an infinitesimal difference with the derivative of the step, of which the
network's part is one more solution with the factor at hand. Where a law has corners (a threshold, a clip) both agree
only up to steps in which the two trajectories lie on different sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.silver.device import Device
from spinula.engines.silver.junctions import advance_gaps, conduct_gaps
from spinula.engines.silver.solver import Drive

Advance = Callable[[np.ndarray, int], np.ndarray]
Drives = Callable[[float], Mapping[str, Drive]]


@dataclass(frozen=True)
class Exponent:
    """A Lyapunov exponent, 1/s, its standard error over ten blocks of the run, and the steps that merged (0 left)."""

    value: float
    error: float
    merged: int
    growth: np.ndarray


def largest_exponent(
    advance: Advance, state: np.ndarray, *, steps: int, dt: float, size: float, seed: int, settle: int = 0
) -> Exponent:
    """Follow two trajectories and average the growth of their distance.

    Parameters
    ----------
    advance : function(state, step) -> state
        Must not change what it is handed.
    state : Array
    steps, settle : int
        Steps that count; steps before them.
    dt : float, s
        Length of a step.
    size : float
        Distance to which the second trajectory is brought back.
    seed : int
        Of the direction of the first difference.

    Raises
    ------
    InvalidInputError
        If the trajectories merge exactly in more than a tenth of the steps: the distance is too small.
    """
    if steps < 10 or not (dt > 0 and size > 0):
        raise OutOfRangeError("steps, dt or size", min(steps, dt, size), "wanted 10 steps or more, dt and size above 0")
    rng = np.random.default_rng(seed)
    here = np.array(state, float)
    away = rng.standard_normal(here.shape)
    there = here + size * away / np.linalg.norm(away)
    growth, merged = np.empty(steps), 0
    for step in range(settle + steps):
        here, there = advance(here, step), advance(there, step)
        apart = there - here
        length = float(np.linalg.norm(apart))
        if length == 0.0:
            # Both were clipped to the same state: start again in a new direction, and count the step as no growth.
            merged += 1
            apart = rng.standard_normal(here.shape)
            length, grown = float(np.linalg.norm(apart)), 0.0
        else:
            grown = float(np.log(length / size))
        if step >= settle:
            growth[step - settle] = grown
        there = here + apart * (size / length)
    if merged > 0.1 * (settle + steps):
        raise InvalidInputError(
            f"the two trajectories merged in {merged} of {settle + steps} steps.\n"
            "  Give a larger distance, or shorter steps."
        )
    return _summary(growth, dt, merged)


def _summary(growth: np.ndarray, dt: float, merged: int) -> Exponent:
    blocks = np.array([part.mean() for part in np.array_split(growth, 10)]) / dt
    return Exponent(float(growth.mean() / dt), float(blocks.std(ddof=1) / np.sqrt(len(blocks))), merged, growth)


def network_step(device: Device, drives: Drives, dt: float) -> Advance:
    """Return the step of a device's first state variable under a drive that depends on time.

    The other state variables are carried along if the law has any: the state is that of all variables, flattened.
    """
    law, gaps, count = device.law, len(device.conductance), len(device.law.states)
    conductance = np.empty(gaps)

    def advance(state: np.ndarray, step: int) -> np.ndarray:
        full = np.zeros((3, gaps))
        full[:count] = state.reshape(count, gaps)
        conduct_gaps(law.family, full, device.distance, device.parameters, conductance)
        device.solver.factor(conductance)
        drop = device.solver.solve(drives(step * dt)).drop
        out = np.empty_like(full), np.empty(gaps)
        advance_gaps(law.family, full, (drop, device.distance), device.parameters, dt, out)
        return out[0][:count].ravel()

    return advance


def linearised_exponent(
    device: Device, drives: Drives, *, steps: int, dt: float, seed: int, settle: int = 0
) -> Exponent:
    """Carry an infinitesimal difference of the first state variable along a run of a fresh device.

    d state' = (dF/dstate) d state + (dF/dV) dV, where dV solves the network with sources dG*V beside its gaps and all
    electrodes' voltages at 0. The derivatives of a gap's own law are central differences of it, gap by gap.
    """
    law, gaps = device.law, len(device.conductance)
    advance = network_step(device, drives, dt)
    rng = np.random.default_rng(seed)
    state = np.array(device.state[0])
    tangent = rng.standard_normal(gaps)
    tangent /= np.linalg.norm(tangent)
    growth = np.empty(steps)
    scale = law.level() if np.isfinite(law.level()) else 1.0

    def alone(first: np.ndarray, drop: np.ndarray) -> np.ndarray:
        full = np.zeros((3, gaps))
        full[0] = first
        return np.asarray(law.step(tuple(full), voltage=drop, distance=device.distance, dt=dt)[0])

    def conduct(first: np.ndarray) -> np.ndarray:
        return np.asarray(law.conductance((first, 0.0, 0.0), distance=device.distance))

    if len(law.states) > 1 or len(device.parameters) > 1:
        raise InvalidInputError(
            f"{type(law).__name__} has several state variables, or its parameters differ from gap to gap.\n"
            "  Use the two-trajectory method."
        )
    for step in range(settle + steps):
        now, h = drives(step * dt), 1e-7 * scale
        device.solver.factor(conduct(state))
        drop = device.solver.solve(now).drop
        slope = (conduct(state + h) - conduct(state - h)) / (2 * h)
        silent = {name: Drive(voltage=0.0, resistance=drive.resistance) for name, drive in now.items()}
        answer = device.solver.solve(silent, injected=slope * tangent * drop).drop
        own = (alone(state + h, drop) - alone(state - h, drop)) / (2 * h)
        k = 1e-7
        by_voltage = (alone(state, drop + k) - alone(state, drop - k)) / (2 * k)
        tangent = own * tangent + by_voltage * answer
        length = float(np.linalg.norm(tangent))
        if step >= settle:
            growth[step - settle] = np.log(max(length, 1e-300))
        tangent = tangent / length if length > 0 else rng.standard_normal(gaps) / np.sqrt(gaps)
        state = advance(state, step)
    return _summary(growth, dt, 0)


def triangle(amplitude: float, frequency: float, *, source: str = "left", sink: str = "right") -> Drives:
    """Return a triangular voltage that starts at 0 and rises, between two electrodes."""

    def drives(time: float) -> dict[str, Drive]:
        phase = (time * frequency) % 1.0
        height = 1 - 4 * abs(((phase + 0.25) % 1.0) - 0.5)
        return {source: Drive(voltage=amplitude * height), sink: Drive(voltage=0.0)}

    return drives
