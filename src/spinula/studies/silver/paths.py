"""The path along which a device switches first: the scale of all voltages that it is given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.engines.silver.device import Device
from spinula.law.silver import SilverGap
from spinula.studies.silver.pulses import Pulse, hold, respond

SWITCHED = 1e-6  # S: below, gaps tunnel; above, a path of some ten bridged gaps conducts


def switching_voltage(
    make: Callable[[], Device], source: str, sink: str, *, resistance: float = 3e3, stair: float = 0.1
) -> float | None:
    """Return the voltage at which a ramp switches a fresh device between two electrodes, V; None if none up to 6 times
    the path's threshold does.

    The ramp rises in steps of 2 % of the path's threshold, from half of it; each lasts ``stair`` seconds.
    """
    device = make()
    pulse = Pulse(0.0, source=source, sink=sink, resistance=resistance)
    unit = path_threshold(device, source, sink)
    for share in np.arange(0.5, 6.0, 0.02):
        hold(device, pulse.drives(float(share * unit)), stair)
        if respond(device, pulse) > SWITCHED:
            return float(share * unit)
    return None


def path_threshold(device: Device, source: str, sink: str) -> float:
    """Return the smallest sum of threshold voltages over the gaps of any path between two electrodes, V.

    Below it no path can have all of its gaps above their threshold field at once. It is an estimate, not a bound of
    the voltage that switches a device: gaps share voltage by their conductances, and growth takes time.

    Raises
    ------
    InvalidInputError
        If the law has no threshold field, or no path joins the electrodes.
    UnknownNameError
        If there is no electrode of that name.
    """
    if not isinstance(device.law, SilverGap):
        raise InvalidInputError(f"{type(device.law).__name__} has no threshold field.\n  Use it with SilverGap.")
    electrodes, islands = device.graph.electrodes, len(device.graph.position)
    for name in (source, sink):
        if name not in electrodes:
            raise UnknownNameError("electrode", name, electrodes)
    threshold = device.parameters[:, SilverGap.names().index("field_threshold")] * device.distance
    # Islands under one electrode, floating ones too, are one node: number them alike.
    node = np.arange(islands)
    for members in electrodes.values():
        node[members] = members[0]
    tail, head = node[device.solver.tail], node[device.solver.head]
    low, high = np.minimum(tail, head), np.maximum(tail, head)
    # Of parallel gaps the easiest counts; a sparse matrix would add them up.
    order = np.lexsort((threshold, high, low))
    first = np.append(True, (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)) & (low[order] != high[order])
    keep = order[first]
    graph = csr_matrix((threshold[keep], (low[keep], high[keep])), shape=(islands, islands))
    found = dijkstra(graph, directed=False, indices=node[electrodes[source][0]])[node[electrodes[sink][0]]]
    if not np.isfinite(found):
        raise InvalidInputError(f"no path joins {source!r} and {sink!r}.\n  Widen the largest gap, or cover more.")
    return float(found)
