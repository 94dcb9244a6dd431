"""What a circuit refuses at the door: kernels do not look twice at an index or a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.network.spiking.plan import Living, Population
from spinula.law.circuits.timing import Timing


def check_connection(post: Population, gain: float, delay: float, living: Living | None, dt: float) -> None:
    """Refuse gains, delays and ticks that a circuit with this step (ms) cannot have."""
    if not np.isfinite(gain) or not np.isfinite(delay):
        raise InvalidInputError(f"gain = {gain:g}, delay = {delay:g} ms: wanted finite numbers.")
    check_weight(post, gain)
    if round(delay / dt) < 1:
        raise InvalidInputError(f"delay = {delay:g} ms: wanted at least one step, {dt:g} ms.")
    if living is not None and (round(living.tick / dt) < 1 or abs(living.tick / dt - round(living.tick / dt)) > 1e-6):
        raise InvalidInputError(f"tick = {living.tick:g} ms: wanted a multiple of the step, {dt:g} ms.")


def check_sizes(sizes: np.ndarray, timing: Timing | None, living: Living | None) -> None:
    """Refuse sizes that are no numbers or negative, and zero for a law of log-size without a boundary."""
    if not (np.isfinite(sizes).all() and (sizes >= 0).all()):
        raise InvalidInputError("sizes must be finite numbers from 0 um3 on.")
    if living is None or living.dynamics.boundary is not None or living.dynamics.law.family != "log_ou":
        return
    if (sizes <= 0).any() or (timing is not None and timing.size_floor <= 0):
        raise InvalidInputError(
            "a law of log-size cannot leave size 0.\n  Give it a boundary, or sizes and a size_floor above 0."
        )


def check_weight(population: Population, weights: Any) -> None:
    """Refuse weights that are no numbers, and negative ones where they are conductances."""
    weights = np.asarray(weights, float)
    if not np.isfinite(weights).all():
        raise InvalidInputError(f"weights to {population.name} must be finite numbers.")
    if population.model.synapses == "conductance" and (weights < 0).any():
        raise InvalidInputError(
            f"{population.name} has conductances, which cannot be negative.\n"
            "  Give a positive number, and inhibitory=True to inhibit."
        )


def steps_ahead(times: Any, now: float, dt: float) -> np.ndarray:
    """Return times (ms) as steps; all must lie after the present."""
    times = np.atleast_1d(np.asarray(times, float))
    if not np.isfinite(times).all():
        raise InvalidInputError("times must be finite numbers of ms.")
    steps = np.round(times / dt).astype(np.int64)
    if (steps <= round(now / dt)).any():
        late = float(times[np.flatnonzero(steps <= round(now / dt))[0]])
        raise InvalidInputError(f"{late:g} ms has passed (it is {now:g} ms): wanted times from {now + dt:g} ms on.")
    return steps


def spike_list(
    population: Population, steps: np.ndarray, neurons: Any, weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return steps, neurons among all, and weights of given spikes, in order of time."""
    neurons = np.atleast_1d(np.asarray(neurons))
    if neurons.shape != steps.shape or (neurons.size and neurons.dtype.kind not in "iu"):
        raise InvalidInputError("wanted one neuron (a whole number) for each time.")
    if neurons.size and (neurons.min() < 0 or neurons.max() >= population.count):
        raise InvalidInputError(f"neurons of {population.name} are 0 to {population.count - 1}.")
    check_weight(population, weight)
    order = np.argsort(steps, kind="stable")
    weights = np.broadcast_to(np.asarray(weight, float), steps.shape)[order]
    return steps[order], population.first + neurons.astype(np.int64)[order], weights
