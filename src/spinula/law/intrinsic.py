"""Intrinsic dynamics: how a spine's size changes with no activity at all.

    dV = drift(V) dt + spread(V) dW        (Ito; V in um3, t in day)

All families share one interface, :class:`IntrinsicLaw`. The equations themselves are the small functions at the top:
plain arithmetic that takes a float, an array or a tensor, and that Numba compiles for the engines.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from spinula.core.errors import StepTooLargeError
from spinula.core.quantity import quantity
from spinula.law import additive


def reverting_drift(size, recovery_rate, size_rest, crowding):
    """Return recovery_rate*(size_rest - size) - crowding*size^2, um3/day."""
    return recovery_rate * (size_rest - size) - crowding * size * size


def log_reverting_drift(size, recovery_rate, size_rest, log):
    """Return -recovery_rate*size*log(size/size_rest), um3/day; ``log`` is the natural logarithm to use."""
    return -recovery_rate * size * log(size / size_rest)


def linear_spread(size, noise_slope, noise_floor):
    """Return noise_slope*size + noise_floor, um3/sqrt(day)."""
    return noise_slope * size + noise_floor


def namespace(value: Any) -> Any:
    """Return the module whose exp, log and sqrt fit a value: math, NumPy or the tensor's own library."""
    if isinstance(value, int | float):
        return math
    if isinstance(value, np.ndarray | np.generic):
        return np
    import sys

    return sys.modules[type(value).__module__.partition(".")[0]]


class IntrinsicLaw(BaseModel, ABC):
    """The interface of every intrinsic law.

    A law is a frozen set of named parameters (each with unit and bounds) and four methods: ``drift``, ``spread``,
    ``advance`` (one Ito-Euler step) and ``step`` (one step in the additive coordinate: what the engines use).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stands_for: ClassVar[str] = ""

    @abstractmethod
    def drift(self, size: Any) -> Any:
        """Return the mean rate of change at a size, um3/day."""

    @abstractmethod
    def spread(self, size: Any) -> Any:
        """Return the fluctuation amplitude at a size, um3/sqrt(day)."""

    @abstractmethod
    def step(self, size: Any, *, drive: Any, noise: Any, dt: float) -> Any:
        """Move every spine one step in the additive coordinate (see :mod:`spinula.law.additive`)."""

    @abstractmethod
    def distance(self, size: float, size_min: float) -> float:
        """Return how far a size lies above the threshold in the additive coordinate, sqrt(day)."""

    @property
    @abstractmethod
    def fastest_rate(self) -> float:
        """The largest relaxation rate of the law, 1/day: it bounds the time step."""

    def check_step(self, dt: float) -> None:
        """Refuse a time step that overshoots the drift.

        Raises
        ------
        StepTooLargeError
            If ``dt`` is not positive or ``fastest_rate*dt`` exceeds 0.5.
        """
        if not 0 < dt * self.fastest_rate <= 0.5:
            raise StepTooLargeError(dt, 0.5 / self.fastest_rate)

    def advance(self, size: Any, *, drive: Any, noise: Any, dt: float) -> Any:
        """Move every spine one time step forward (Ito-Euler).

        size <- size + [drift(size) + drive]*dt + spread(size)*sqrt(dt)*noise

        Parameters
        ----------
        size : Array, shape (...,), um3
            Head volume of each spine.
        drive : Array, shape (...,), um3/day
            What activity adds to the drift; 0 for intrinsic dynamics alone.
        noise : Array, shape (...,), 1
            Standard normal draws.
        dt : float, day

        Raises
        ------
        StepTooLargeError
            If ``dt`` times the fastest rate of the law exceeds 0.5.

        Source
        ------
        [yasumatsu2008]: drift and spread as functions of volume; the integral in Ito's sense.

        Examples
        --------
        >>> law = LinearLaw(recovery_rate=0.05, size_rest=0.1, noise_slope=0.1, noise_floor=0.005)
        >>> round(law.advance(0.1, drive=0.0, noise=1.0, dt=1.0), 6)
        0.115
        """
        self.check_step(dt)
        return additive.euler_step(size, self.drift(size) + drive, self.spread(size), noise, dt, math.sqrt(dt))


class _LinearSpread(IntrinsicLaw):
    """What the three families with spread = noise_slope*size + noise_floor share."""

    recovery_rate: float = quantity(unit="1/day", what="rate of return to the resting size", gt=0, le=50)
    size_rest: float = quantity(unit="um3", what="size at which the drift vanishes", gt=0)
    noise_slope: float = quantity(unit="1/sqrt(day)", what="growth of the fluctuation with size", ge=1e-3, le=5)
    noise_floor: float = quantity(unit="um3/sqrt(day)", what="fluctuation at zero size", ge=0)

    def spread(self, size: Any) -> Any:
        """Return noise_slope*size + noise_floor, um3/sqrt(day)."""
        return linear_spread(size, self.noise_slope, self.noise_floor)

    def step(self, size: Any, *, drive: Any, noise: Any, dt: float) -> Any:
        """Move every spine one step in the additive coordinate; arguments as :meth:`advance`."""
        self.check_step(dt)
        spread = self.spread(size)
        moved = additive.additive_increment(
            self.drift(size) + drive, spread, 0.5 * self.noise_slope, noise, dt, math.sqrt(dt)
        )
        return additive.shift_linear(size, spread, self.noise_slope, moved, namespace(size).expm1)

    def distance(self, size: float, size_min: float) -> float:
        """Return how far a size lies above the threshold in the additive coordinate, sqrt(day)."""
        return additive.distance_linear(size, size_min, self.noise_slope, self.noise_floor)

    @property
    def fastest_rate(self) -> float:
        """The recovery rate or the rate at which the fluctuation multiplies sizes, 1/day."""
        return max(self.recovery_rate, 0.5 * self.noise_slope**2)


class LinearLaw(_LinearSpread):
    """Linear recovery, spread linear in size: the law of CA1 spines and the continuous Kesten process.

    dV = recovery_rate*(size_rest - V) dt + (noise_slope*V + noise_floor) dW

    Source
    ------
    [yasumatsu2008]: spread linear in volume; the linear drift is the simplest that settles.
    """

    family: Literal["linear"] = "linear"
    stands_for: ClassVar[str] = "Yasumatsu 2008"

    def drift(self, size: Any) -> Any:
        """Return recovery_rate*(size_rest - size), um3/day."""
        return reverting_drift(size, self.recovery_rate, self.size_rest, 0.0)

    def stationary(self) -> Any:
        """Return the stationary law of the size with no boundary: a shifted inverse gamma (scipy, frozen).

        U = V + noise_floor/noise_slope ~ InvGamma(1 + 2k/a^2, 2k*mean(U)/a^2), k = recovery_rate, a = noise_slope.

        Source
        ------
        Zero-flux solution of the Fokker-Planck equation.

        Examples
        --------
        >>> law = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.002)
        >>> float(round(law.stationary().mean(), 9))
        0.09
        """
        from scipy.stats import invgamma

        offset = self.noise_floor / self.noise_slope
        ratio = 2 * self.recovery_rate / self.noise_slope**2
        return invgamma(1 + ratio, loc=-offset, scale=ratio * (self.size_rest + offset))

    def mean_after(self, size: Any, time: Any) -> Any:
        """Return the mean size after a time (day), with no boundary: exact exponential return to rest."""
        return self.size_rest + (size - self.size_rest) * namespace(time).exp(-self.recovery_rate * time)


class LinearQuadraticLaw(_LinearSpread):
    """Linear recovery and a quadratic crowding term, which thins the tail of large spines.

    dV = [recovery_rate*(size_rest - V) - crowding*V^2] dt + (noise_slope*V + noise_floor) dW
    """

    family: Literal["linear_quadratic"] = "linear_quadratic"
    stands_for: ClassVar[str] = "Yasumatsu 2008, thinner tail"

    crowding: float = quantity(unit="1/(um3 day)", what="quadratic loss of large spines", ge=0)

    def drift(self, size: Any) -> Any:
        """Return recovery_rate*(size_rest - size) - crowding*size^2, um3/day."""
        return reverting_drift(size, self.recovery_rate, self.size_rest, self.crowding)


class LogRevertingLaw(_LinearSpread):
    """Recovery in log-size: the family nearest to a log-normal population.

    dV = -recovery_rate*V*log(V/size_rest) dt + (noise_slope*V + noise_floor) dW
    """

    family: Literal["log_reverting"] = "log_reverting"
    stands_for: ClassVar[str] = "log-reverting, nearly log-normal"

    def drift(self, size: Any) -> Any:
        """Return -recovery_rate*size*log(size/size_rest), um3/day."""
        return log_reverting_drift(size, self.recovery_rate, self.size_rest, namespace(size).log)
