"""The tunnelling junction with two thresholds, as in models of silver nanowire networks.

    d lambda/dt = (|V| - set)*sign(V)                |V| > set
                = 0                                  reset <= |V| <= set
                = reset_gain*(|V| - reset)*sign(lambda)   |V| < reset, stops at 0
    s = gap*max(1 - |lambda|/flux_bridge, 0)
    R_t = (2/area)*s^distance_power/(prefactor*sqrt(barrier))*exp(decay*s*barrier^barrier_power)
    G = 1/(R_t + 1/on) + off

Every rate is constant under a constant voltage, so that the step is exact for any dt. The published program raises the
barrier to the power 2 in the exponent, where Simmons' formula has the square root, and two ports of it square the
distance; the defaults here are the physics, ``as_published`` and ``as_ported`` the programs.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from spinula.core.quantity import quantity
from spinula.law.silver.junction import JunctionLaw


def conduct(state, distance, p):
    """Return the conductance of junctions, S; they share one maximal gap, ``distance`` is not used."""
    s = p[5] * np.maximum(1.0 - np.abs(state[0]) / p[2], 0.0)
    tunnel = 2.0 / p[9] * s ** p[13] / (p[11] * np.sqrt(p[8])) * np.exp(p[10] * s * p[8] ** p[12])
    return 1.0 / (tunnel + 1.0 / p[6]) + p[7]


def advance(state, voltage, distance, p, dt):
    """Move the flux; exact under a constant voltage."""
    flux, size = state[0], np.abs(voltage)
    grown = np.minimum(np.maximum(flux + np.maximum(size - p[0], 0.0) * np.sign(voltage) * dt, -p[3]), p[3])
    left = np.maximum(np.abs(flux) - p[4] * np.maximum(p[1] - size, 0.0) * dt, 0.0) * np.sign(flux)
    return grown * (size > p[0]) + left * (size <= p[0]), state[1], state[2]


class TunnelThreshold(JunctionLaw):
    """The junction of [hochstetter2021].

    Source
    ------
    [hochstetter2021] and its program (parameters of the direct-current runs); exponent and prefactor from
    [simmons1963]: (3/2)(e^2/h^2)sqrt(2 m) = 4.738e-5 S per nm2 nm-1 V^1/2 and 2 sqrt(2 m e)/hbar = 10.25 /nm/V^1/2.
    """

    states: ClassVar[tuple[str, ...]] = ("flux",)
    family: ClassVar[int] = 1

    set_voltage: float = quantity(0.01, unit="V", what="voltage above which a filament grows", gt=0, le=10)
    reset_voltage: float = quantity(0.005, unit="V", what="voltage below which it decays", ge=0, le=10)
    flux_bridge: float = quantity(0.01, unit="V s", what="flux at which the filament bridges", gt=0, le=1e3)
    flux_max: float = quantity(0.015, unit="V s", what="largest flux", gt=0, le=1e3)
    reset_gain: float = quantity(10.0, unit="1", what="decay relative to growth", ge=0, le=1e3)
    gap: float = quantity(5.0, unit="nm", what="widest tunnelling gap", gt=0, le=50)
    on: float = quantity(7.77e-5, unit="S", what="conductance of a bridged junction", gt=0, le=1)
    off: float = quantity(7.77e-8, unit="S", what="conductance of an open one", gt=0, le=1)
    barrier: float = quantity(0.81, unit="V", what="height of the tunnelling barrier", gt=0, le=10)
    area: float = quantity(0.17, unit="nm2", what="area through which electrons tunnel", gt=0, le=1e4)
    decay: float = quantity(10.25, unit="1/(nm V^1/2)", what="tunnelling exponent", gt=0, le=20)
    prefactor: float = quantity(4.738e-5, unit="S/(nm V^1/2)", what="tunnelling prefactor", gt=0, le=1)
    barrier_power: float = quantity(0.5, unit="1", what="power of the barrier in the exponent", ge=0, le=3)
    distance_power: float = quantity(1.0, unit="1", what="power of the gap before the exponential", ge=0, le=3)

    @classmethod
    def as_published(cls) -> TunnelThreshold:
        """Return the law as the published MATLAB program computes it: barrier squared, its own constants."""
        return cls(decay=10.19, prefactor=4.7131e-5, barrier_power=2.0)

    @classmethod
    def as_ported(cls) -> TunnelThreshold:
        """Return the law as two Python ports compute it: the gap squared as well."""
        return cls(decay=10.19, prefactor=4.7131e-5, barrier_power=2.0, distance_power=2.0)

    def level(self) -> float:
        """Return the flux that bridges."""
        return self.flux_bridge

    def step(self, state: Any, *, voltage: Any, distance: Any, dt: float) -> Any:
        """Move the flux under a constant voltage."""
        return advance(state, voltage, distance, self.vector()[0], dt)

    def conductance(self, state: Any, *, distance: Any) -> Any:
        """Return tunnelling in series with the bridge, beside the open junction, S."""
        return conduct(state, distance, self.vector()[0])
