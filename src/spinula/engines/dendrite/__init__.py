"""One dendrite under glutamate, GABA, spikes and dopamine, from milliseconds to months."""

from spinula.engines.dendrite.compile import EventError, pulse_table
from spinula.engines.dendrite.dendrite import Dendrite, DendriteSnapshot
from spinula.engines.dendrite.events import (
    KINDS,
    Dopamine,
    DrugOn,
    Event,
    Gaba,
    Noradrenaline,
    Pairing,
    Serotonin,
    Spikes,
    Uncaging,
)
from spinula.engines.dendrite.geometry import Geometry, branch, read_swc

__all__ = [
    "KINDS",
    "Dendrite",
    "DendriteSnapshot",
    "Dopamine",
    "DrugOn",
    "Event",
    "EventError",
    "Gaba",
    "Geometry",
    "Noradrenaline",
    "Pairing",
    "Serotonin",
    "Spikes",
    "Uncaging",
    "branch",
    "pulse_table",
    "read_swc",
]
