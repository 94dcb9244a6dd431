"""The interface of every law of a gap between two silver islands.

A law is a frozen set of parameters and two equations: how the state of a gap moves under a voltage, and how well it
then conducts. A state is three numbers per gap (a law that needs fewer leaves the others at 0). The equations are
plain functions, named ``advance`` and ``conduct`` in each file; the engine compiles those same functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

QUANTUM = 7.748091729e-5  # conductance quantum 2e^2/h, S (exact in the SI of 2019)


def relaxed(value, growth, rate, dt):
    """Return where dx/dt = growth - rate*x takes x in a time: exact, for any dt; ``rate`` must not be 0."""
    goal = growth / rate
    return goal + (value - goal) * np.exp(-rate * dt)


def rosenbrock(value, change, slope, dt):
    """Return one exponential Rosenbrock step of dx/dt = F(x): x + dt*phi(F'*dt)*F, phi(z) = (exp(z) - 1)/z.

    Second order, exact if F is linear, and L-stable.

    Source
    ------
    [hochbruck2010] section 2.4.
    """
    exponent = slope * dt
    exponent = exponent + (exponent == 0.0) * 1e-300
    return value + dt * change * np.expm1(exponent) / exponent


class JunctionLaw(BaseModel, ABC):
    """What all laws of a gap share.

    The parameters are handed to the equations as one array, in the order of the fields (:meth:`vector`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    states: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[int] = -1
    """Number by which the compiled kernel knows the law."""

    def vector(self) -> np.ndarray:
        """Return the parameters in the order of the fields, shape (1, parameters)."""
        return np.array([[float(getattr(self, name)) for name in type(self).model_fields]])

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the parameters in the order of :meth:`vector`."""
        return list(cls.model_fields)

    def start(self, gaps: int) -> np.ndarray:
        """Return the state of gaps that were never used, shape (3, gaps)."""
        return np.zeros((3, gaps))

    def level(self) -> float:
        """Return the size of the first state at which the law changes its character; infinite if it never does."""
        return np.inf

    @abstractmethod
    def step(self, state: Any, *, voltage: Any, distance: Any, dt: float) -> Any:
        """Move the state under a constant voltage.

        Parameters
        ----------
        state : tuple of three Arrays
        voltage : Array, V
        distance : Array, nm
        dt : float, s
        """

    @abstractmethod
    def conductance(self, state: Any, *, distance: Any) -> Any:
        """Return how well a gap in this state conducts, S."""
