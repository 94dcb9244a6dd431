"""A circuit's connections and spikes in files that others read, and the same network in NEST and in Brian2."""

from spinula.engines.network.exchange.connections import Connections, connections_of, read_edges, write_edges
from spinula.engines.network.exchange.sonata import read_sonata_edges, write_sonata_edges
from spinula.engines.network.exchange.spikes import read_spikes, spikes_of, write_spikes
from spinula.engines.network.exchange.to_brian2 import to_brian2
from spinula.engines.network.exchange.to_nest import to_nest

__all__ = [
    "Connections",
    "connections_of",
    "read_edges",
    "read_sonata_edges",
    "read_spikes",
    "spikes_of",
    "to_brian2",
    "to_nest",
    "write_edges",
    "write_sonata_edges",
    "write_spikes",
]
