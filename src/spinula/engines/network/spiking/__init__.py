"""Circuits of spiking neurons with living spines: event-driven, one visit per presynaptic spike."""

from spinula.engines.network.spiking.circuit import Circuit, Snapshot
from spinula.engines.network.spiking.plan import Living, Population, Projection
from spinula.engines.network.spiking.wiring import Edges, OutDegree, Probability

__all__ = ["Circuit", "Edges", "Living", "OutDegree", "Population", "Probability", "Projection", "Snapshot"]
