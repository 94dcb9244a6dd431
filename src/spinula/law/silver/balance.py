"""Rate balance: potentiation and depression rates that depend exponentially on the voltage.

    dg/dt = kp*(1 - g) - kd*g
    kp = potentiation*exp(potentiation_slope*|V|),  kd = depression*exp(-depression_slope*|V|)
    g(t + dt) = a + (g - a)*exp(-(kp + kd)*dt),   a = kp/(kp + kd);        G = low + (high - low)*g

The step is exact. The published programs compute a + (1 - a)*g*exp(-(kp + kd)*dt) instead (a misplaced parenthesis),
which is not a solution of the equation and depends on dt; :class:`RateBalanceAsPublished` does the same.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from spinula.core.quantity import quantity
from spinula.law.silver.junction import JunctionLaw, relaxed


def rates(voltage, p):
    """Return the rates of potentiation and depression at a voltage, 1/s."""
    size = np.abs(voltage)
    return p[0] * np.exp(p[1] * size), p[2] * np.exp(-p[3] * size)


def conduct(state, distance, p):
    """Return low + (high - low)*g, S."""
    return p[4] + (p[5] - p[4]) * state[0]


def advance(state, voltage, distance, p, dt):
    """Move g exactly under a constant voltage."""
    up, down = rates(voltage, p)
    return relaxed(state[0], up, up + down, dt), state[1], state[2]


def advance_as_published(state, voltage, distance, p, dt):
    """Move g as the published programs do."""
    up, down = rates(voltage, p)
    share = up / (up + down)
    return share * (1.0 + down / up * state[0] * np.exp(-(up + down) * dt)), state[1], state[2]


class RateBalance(JunctionLaw):
    """The junction of [milano2022], with its equation solved exactly; defaults are its connectome set.

    Source
    ------
    [milano2022]; conductances in the programs' own unit, taken as S.

    Examples
    --------
    >>> round(RateBalance().half_activation, 4)
    0.7743
    """

    states: ClassVar[tuple[str, ...]] = ("balance",)
    family: ClassVar[int] = 2

    potentiation: float = quantity(1e-4, unit="1/s", what="rate of potentiation without voltage", gt=0, le=1e6)
    potentiation_slope: float = quantity(10.0, unit="1/V", what="its growth with the voltage", ge=0, le=100)
    depression: float = quantity(0.5, unit="1/s", what="rate of depression without voltage", gt=0, le=1e6)
    depression_slope: float = quantity(1.0, unit="1/V", what="its fall with the voltage", ge=0, le=100)
    low: float = quantity(1e-3, unit="S", what="conductance at g = 0", gt=0, le=1)
    high: float = quantity(0.1, unit="S", what="conductance at g = 1", gt=0, le=10)

    @property
    def half_activation(self) -> float:
        """The voltage at which g settles at one half, V."""
        ratio = np.log(self.depression / self.potentiation)
        return float(ratio / (self.potentiation_slope + self.depression_slope))

    def step(self, state: Any, *, voltage: Any, distance: Any, dt: float) -> Any:
        """Move g under a constant voltage."""
        return advance(state, voltage, distance, self.vector()[0], dt)

    def conductance(self, state: Any, *, distance: Any) -> Any:
        """Return low + (high - low)*g, S."""
        return conduct(state, distance, self.vector()[0])


class RateBalanceAsPublished(RateBalance):
    """The same law with the published programs' misplaced parenthesis, for comparison with their output only."""

    family: ClassVar[int] = 3

    def step(self, state: Any, *, voltage: Any, distance: Any, dt: float) -> Any:
        """Move g as the programs do; the result depends on ``dt``."""
        return advance_as_published(state, voltage, distance, self.vector()[0], dt)
