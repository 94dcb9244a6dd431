"""Drift of a doped region (HP), with decay, and with a lifetime and a floor that learn (STM to LTM).

    HP with decay:   dx/dt = rate*l*window(x) - decay*x,      l = V*on/(R*volt),  R = on_resistance*(x + ratio*(1 - x))
    STM to LTM:      dw/dt = (rate*l - (w - floor)/tau)*window(w)
                     dtau/dt = life_gain*l*(life_top - w),    dfloor/dt = floor_gain*l*window(w)
    window(x) = 1 - (2x - 1)^(2*order)

The first state takes an exponential Rosenbrock step (second order, L-stable) and is held in [0, 1]; lifetime and
floor follow with the new value (first order).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from spinula.core.quantity import quantity
from spinula.law.silver.junction import JunctionLaw, rosenbrock

SHORTEST_LIFE = 1e-6  # s; the lifetime of the learning law may not reach 0


def window(x, order):
    """Return 1 - (2x - 1)^(2*order): no drift at either end."""
    return 1.0 - ((2.0 * x - 1.0) ** 2) ** order


def window_slope(x, order):
    """Return the derivative of the window."""
    centred = 2.0 * x - 1.0
    return -4.0 * order * centred * (centred * centred) ** (order - 1.0)


def conduct(state, distance, p):
    """Return 1/R(x), S."""
    return 1.0 / (p[0] * (state[0] + p[1] * (1.0 - state[0])))


def advance(state, voltage, distance, p, dt):
    """Move x of the HP law with decay."""
    x = state[0]
    flow = p[2] * voltage / (x + p[1] * (1.0 - x))
    flow_slope = -flow * (1.0 - p[1]) / (x + p[1] * (1.0 - x))
    change = flow * window(x, p[3]) - p[4] * x
    slope = flow * window_slope(x, p[3]) + flow_slope * window(x, p[3]) - p[4]
    return np.minimum(np.maximum(rosenbrock(x, change, slope, dt), 0.0), 1.0), state[1], state[2]


def advance_learning(state, voltage, distance, p, dt):
    """Move w, its lifetime and its floor."""
    w, life, floor = state[0], np.maximum(state[1], SHORTEST_LIFE), state[2]
    flow = voltage / (w + p[1] * (1.0 - w))
    flow_slope = -flow * (1.0 - p[1]) / (w + p[1] * (1.0 - w))
    pull = p[2] * flow - (w - floor) / life
    slope = pull * window_slope(w, p[3]) + (p[2] * flow_slope - 1.0 / life) * window(w, p[3])
    moved = np.minimum(np.maximum(rosenbrock(w, pull * window(w, p[3]), slope, dt), 0.0), 1.0)
    lived = np.maximum(life + dt * p[4] * flow * (p[5] - moved), SHORTEST_LIFE)
    raised = np.minimum(np.maximum(floor + dt * p[6] * flow * window(moved, p[3]), 0.0), 1.0)
    return moved, lived, raised


class DecayingDrift(JunctionLaw):
    """The HP junction of [strukov2008] with the window of [joglekar2009]; ``decay`` 0 is the plain HP law.

    Source
    ------
    [strukov2008]; resistance ratio 160 as in [sillin2013]; starting value and order of the window are assumed.
    """

    states: ClassVar[tuple[str, ...]] = ("doped",)
    family: ClassVar[int] = 4

    on_resistance: float = quantity(10.0, unit="ohm", what="resistance of the doped junction", gt=0, le=1e9)
    ratio: float = quantity(160.0, unit="1", what="resistance undoped over doped", gt=1, le=1e9)
    rate: float = quantity(100.0, unit="1/(s V)", what="drift per volt over the doped junction", gt=0, le=1e9)
    order: float = quantity(1.0, unit="1", what="order of the window", ge=1, le=20)
    decay: float = quantity(0.0, unit="1/s", what="rate of return to the undoped state", ge=0, le=1e9)
    initial: float = quantity(0.05, unit="1", what="doped share at the start", gt=0, lt=1)

    def start(self, gaps: int) -> np.ndarray:
        """Return gaps with the initial doped share: at 0 the window lets nothing move."""
        state = np.zeros((3, gaps))
        state[0] = self.initial
        return state

    def step(self, state: Any, *, voltage: Any, distance: Any, dt: float) -> Any:
        """Move the doped share under a constant voltage."""
        return advance(state, voltage, distance, self.vector()[0], dt)

    def conductance(self, state: Any, *, distance: Any) -> Any:
        """Return 1/R, S."""
        return conduct(state, distance, self.vector()[0])


class LearningDrift(JunctionLaw):
    """The junction of [chen2014]: lifetime and floor grow with use, so that short memory becomes long.

    Source
    ------
    Form of [chen2014]; numbers are assumed.
    """

    states: ClassVar[tuple[str, ...]] = ("width", "lifetime", "floor")
    family: ClassVar[int] = 5

    on_resistance: float = quantity(10.0, unit="ohm", what="resistance at w = 1", gt=0, le=1e9)
    ratio: float = quantity(160.0, unit="1", what="resistance at w = 0 over that at 1", gt=1, le=1e9)
    rate: float = quantity(100.0, unit="1/(s V)", what="growth of w per volt at w = 1", gt=0, le=1e9)
    order: float = quantity(1.0, unit="1", what="order of the window", ge=1, le=20)
    life_gain: float = quantity(10.0, unit="1/V", what="growth of the lifetime with use", ge=0, le=1e9)
    life_top: float = quantity(1.0, unit="1", what="w at which the lifetime stops growing", gt=0, le=1)
    floor_gain: float = quantity(1.0, unit="1/(s V)", what="growth of the floor with use", ge=0, le=1e9)
    initial: float = quantity(0.05, unit="1", what="w at the start", gt=0, lt=1)
    initial_life: float = quantity(0.5, unit="s", what="lifetime at the start", gt=0, le=1e9)

    def start(self, gaps: int) -> np.ndarray:
        """Return gaps with the initial width and lifetime, and no floor."""
        state = np.zeros((3, gaps))
        state[0], state[1] = self.initial, self.initial_life
        return state

    def step(self, state: Any, *, voltage: Any, distance: Any, dt: float) -> Any:
        """Move width, lifetime and floor under a constant voltage."""
        return advance_learning(state, voltage, distance, self.vector()[0], dt)

    def conductance(self, state: Any, *, distance: Any) -> Any:
        """Return 1/R, S."""
        return conduct(state, distance, self.vector()[0])
