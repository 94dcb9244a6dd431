"""The switch of percolating nanoparticle films: a field grows a filament across a gap, a current breaks it.

    open:    dx/dt = growth*(|V|/s - field_threshold)  above the threshold, -x/life below;      x reaches 1: closed
    closed:  dy/dt = wear*(|V|*contact/current_limit - 1) above the limit, else 0;              y reaches 1: open, x = 0
    G = leak + contact*exp(-tunnelling*s*(1 - x)) open,  leak + contact closed

A gap charges, fires and is reset, as a leaky integrate-and-fire neuron is. Thresholds and hazards of single switches
are random in experiments; here that is the spread of the parameters, the switch itself is deterministic.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from spinula.core.quantity import quantity
from spinula.law.silver.junction import QUANTUM, JunctionLaw


def conduct(state, distance, p):
    """Return tunnelling through an open gap, the contact of a closed one, S."""
    return p[6] + p[5] * np.exp(-p[7] * distance * (1.0 - state[0]) * (1.0 - state[1]))


def advance(state, voltage, distance, p, dt):
    """Grow, close, wear, break; states are extent x, closed (0 or 1), wear y."""
    extent, closed, wear = state[0], state[1], state[2]
    excess = np.abs(voltage) / distance - p[1]
    grown = (extent + p[0] * np.maximum(excess, 0.0) * dt) * np.exp(-dt / p[2] * (excess <= 0.0))
    worn = wear + p[3] * np.maximum(np.abs(voltage) * p[5] / p[4] - 1.0, 0.0) * dt
    closes = (1.0 - closed) * (grown >= 1.0)
    stays = closed * (worn < 1.0)
    now = closes + stays
    return now + (1.0 - now) * (1.0 - closed) * grown, now, stays * worn


class PercolatingSwitch(JunctionLaw):
    """A switching gap of a percolating film, after [pike2020].

    Source
    ------
    Mechanism of [pike2020]; the form of the rates and all numbers are assumed.
    """

    states: ClassVar[tuple[str, ...]] = ("extent", "closed", "wear")
    family: ClassVar[int] = 6

    growth: float = quantity(100.0, unit="nm/(s V)", what="growth per field beyond threshold", gt=0, le=1e9)
    field_threshold: float = quantity(0.1, unit="V/nm", what="field at which a filament grows", gt=0, le=10)
    life: float = quantity(1.0, unit="s", what="lifetime of an unfinished filament", gt=0, le=1e9)
    wear: float = quantity(10.0, unit="1/s", what="wear at twice the limiting current", ge=0, le=1e9)
    current_limit: float = quantity(1e-5, unit="A", what="current above which a filament wears out", gt=0, le=1)
    contact: float = quantity(QUANTUM, unit="S", what="conductance of a closed gap", gt=0, le=1)
    leak: float = quantity(1e-9, unit="S", what="conductance of the bare gap", gt=0, le=1)
    tunnelling: float = quantity(9.2, unit="1/nm", what="decay of the tunnelling conductance", gt=0, le=30)

    def level(self) -> float:
        """Return 1: the extent that closes the gap."""
        return 1.0

    def step(self, state: Any, *, voltage: Any, distance: Any, dt: float) -> Any:
        """Move extent and wear under a constant voltage; close or break."""
        return advance(state, voltage, distance, self.vector()[0], dt)

    def conductance(self, state: Any, *, distance: Any) -> Any:
        """Return the conductance, S."""
        return conduct(state, distance, self.vector()[0])
