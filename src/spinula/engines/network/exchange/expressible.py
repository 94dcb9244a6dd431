"""What of a circuit other simulators can be handed; the rest is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.law.circuits.timing import PairTiming

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit


def check_expressible(circuit: Circuit, simulator: str) -> None:
    """Refuse what cannot be handed over: all but integrate-and-fire neurons, currents, fixed synapses, pair timing.

    Raises
    ------
    InvalidInputError
        Naming the population or projection and what it has.
    """
    refused = f"cannot be handed to {simulator}"
    if circuit.time > 0:
        raise InvalidInputError(
            f"a circuit that has run {refused}: its traces and the spikes on their way would be lost.\n"
            "  Build a new one from its connections (Connections.edges)."
        )
    for population in circuit.populations:
        if population.model.synapses != "current":
            raise InvalidInputError(f"population {population.name}: {population.model.synapses} synapses {refused}.")
    for projection in circuit.projections:
        name = f"projection {projection.pre.name} to {projection.post.name}"
        if projection.living is not None:
            raise InvalidInputError(f"{name}: living spines {refused}.")
        if projection.timing is not None and type(projection.timing) is not PairTiming:
            raise InvalidInputError(f"{name}: {projection.timing.kind} timing {refused}; pair timing can.")
    if circuit._drive.poisson:
        raise InvalidInputError(
            f"Poisson input {refused}: its spikes would be others.\n  Draw them and give them by Circuit.send."
        )
    if circuit._drive.bursts:
        raise InvalidInputError(f"bursts of dopamine {refused}.")


def given_spikes(circuit: Circuit) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return step, neuron (among all), weight (mV) and channel (0 excitatory, 1 inhibitory) of all spikes sent."""
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    pieces = [
        (steps, neurons, weights, np.full(len(steps), channel))
        for steps, neurons, weights, channel in circuit._drive.given
    ]
    step, neuron, weight, channel = (np.concatenate(column) for column in zip(nothing, *pieces, strict=True))
    return step, neuron, weight, channel
