"""The silver gap: mass that a field drives into a gap, a supply that tires, a life that grows with the neck's mass.

    f = min(exp((|V| - field_threshold*s)/voltage_scale) - 1, 20) above the threshold, else 0
    dw/dt = growth*supply*f*c(w)*(1 - w/mass_max) - w/tau(w) - joule*P*l*w,   c = 1 (w < 1), neck_growth (w >= 1)
    dh/dt = (1 - h)/supply_time - supply_use*f*h
    tau(w) = life_short + (life_long - life_short)*r/(1 + r),                 r = (w/mass_life)^sharpness
    G = leak + contact*exp(-tunnelling*s*(1 - w)) (w < 1),  leak + contact*(1 + neck_slope*l*(w - 1)) (w >= 1)
    l = neck_length/s, or 1 if neck_length is 0

w (1): mass in the gap per length, 1 bridges it; h (1): mobile silver left beside it; s (nm): distance; P (uW): loss in
the gap. With a neck_length, thick necks are ohmic (conductance goes with cross-section over length) and their heat
counts per length: then a constant threshold field is a constant current density, and gaps of unlike distance in series
grow necks of like cross-section and lifetime. With 0 the widest gap of a path keeps the thinnest neck.

It is a phenomenological law: silver devices switch at a constant field (doi 10.1039/d5nr01617g), and filaments live the
longer the thicker they are [wang2019]; the form in between and the numbers are ours.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from spinula.core.quantity import quantity
from spinula.law.silver.junction import QUANTUM, JunctionLaw, relaxed

LARGEST_DRIVE = 20.0  # the drive f saturates: an exponential of a voltage has no physical top of its own


def drive(voltage, distance, p):
    """Return f, 1: how far the voltage exceeds the threshold, saturating at 20."""
    excess = np.maximum(np.abs(voltage) - p[0] * distance, 0.0)
    return np.minimum(np.exp(np.minimum(excess / p[1], 4.0)) - 1.0, LARGEST_DRIVE)


def lifetime(mass, p):
    """Return tau(w), s."""
    ratio = np.exp(p[7] * np.log(np.maximum(mass / p[6], 1e-9)))  # a power, at half its cost
    return p[4] + (p[5] - p[4]) * ratio / (1.0 + ratio)


def per_length(distance, p):
    """Return l, 1: what a neck of this length conducts and is heated, over one of the length ``neck_length``."""
    return (p[16] <= 0.0) + p[16] / distance


def conduct(state, distance, p):
    """Return the conductance of gaps, S."""
    mass = state[0]
    thin = np.exp(-p[11] * distance * np.maximum(1.0 - mass, 0.0))
    return p[12] + p[13] * (thin + p[14] * per_length(distance, p) * np.maximum(mass - 1.0, 0.0))


def advance(state, voltage, distance, p, dt):
    """Move mass and supply; each is relaxed exactly with the coefficients of the step's start."""
    mass, supply = state[0], state[1]
    push = drive(voltage, distance, p)
    power = 1e6 * voltage * voltage * conduct(state, distance, p)
    growth = p[2] * supply * push * (1.0 + (p[3] - 1.0) * (mass >= 1.0))
    loss = growth / p[8] + 1.0 / lifetime(mass, p) + p[15] * power * per_length(distance, p)
    return (
        relaxed(mass, growth, loss, dt),
        relaxed(supply, 1.0 / p[9], 1.0 / p[9] + p[10] * push, dt),
        state[2],
    )


class SilverGap(JunctionLaw):
    """A gap between silver islands; the defaults are the prototype's set A, found by search, for gaps of about 2 nm.

    Source
    ------
    This project: a model, not a measurement; every number is assumed.

    Examples
    --------
    >>> law = SilverGap()
    >>> round(float(law.conductance((1.0, 1.0, 0.0), distance=2.0)) * 1e6, 2)
    77.48
    """

    states: ClassVar[tuple[str, ...]] = ("mass", "supply")
    family: ClassVar[int] = 0

    field_threshold: float = quantity(0.08, unit="V/nm", what="field at which silver starts to move", gt=0, le=5)
    voltage_scale: float = quantity(0.10, unit="V", what="voltage over which the drive grows e-fold", gt=0, le=5)
    growth: float = quantity(1.65, unit="1/s", what="rate of growth at drive 1", ge=0, le=1e6)
    neck_growth: float = quantity(0.39, unit="1", what="growth of a bridged gap over that of an open one", ge=0, le=10)
    life_short: float = quantity(0.21, unit="s", what="lifetime of a thin filament", gt=0, le=1e4)
    life_long: float = quantity(2.75e4, unit="s", what="lifetime of a thick neck", gt=0, le=1e9)
    mass_life: float = quantity(1.49, unit="1", what="mass at half the long lifetime", gt=0, le=100)
    sharpness: float = quantity(16.6, unit="1", what="power with which the lifetime grows with mass", ge=1, le=40)
    mass_max: float = quantity(4.0, unit="1", what="largest mass", gt=1, le=100)
    supply_time: float = quantity(97.4, unit="s", what="time in which the supply comes back", gt=0, le=1e6)
    supply_use: float = quantity(0.142, unit="1/s", what="rate of using the supply at drive 1", ge=0, le=1e6)
    tunnelling: float = quantity(9.2, unit="1/nm", what="decay of the tunnelling conductance", gt=0, le=30)
    leak: float = quantity(1e-9, unit="S", what="conductance of the bare gap", gt=0, le=1e-3)
    contact: float = quantity(QUANTUM, unit="S", what="conductance when just bridged", gt=0, le=1)
    neck_slope: float = quantity(3.0, unit="1", what="gain of conductance per unit of mass beyond 1", ge=0, le=100)
    joule: float = quantity(7.2e-3, unit="1/(s uW)", what="rate of loss per power in the gap", ge=0, le=1e3)
    neck_length: float = quantity(0.0, unit="nm", what="length at which necks have the slope; 0: any", ge=0, le=1e3)

    def start(self, gaps: int) -> np.ndarray:
        """Return empty gaps with a full supply."""
        state = np.zeros((3, gaps))
        state[1] = 1.0
        return state

    def level(self) -> float:
        """Return 1: the mass that bridges the gap."""
        return 1.0

    def step(self, state: Any, *, voltage: Any, distance: Any, dt: float) -> Any:
        """Move mass and supply under a constant voltage."""
        return advance(state, voltage, distance, self.vector()[0], dt)

    def conductance(self, state: Any, *, distance: Any) -> Any:
        """Return tunnelling below mass 1, a neck above it, S."""
        return conduct(state, distance, self.vector()[0])
