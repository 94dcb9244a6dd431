"""Kesten processes: each size is multiplied and added to at random, in steps or in continuous time."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from spinula.core.quantity import quantity
from spinula.law import additive
from spinula.law.intrinsic import IntrinsicLaw, namespace, reverting_drift


def kesten_spread(size, root_c, floor, sqrt):
    """Return sqrt(root_c^2*size^2 + floor^2), um3/sqrt(day): independent multiplicative and additive fluctuation."""
    return sqrt(root_c * root_c * size * size + floor * floor)


class KestenLaw(IntrinsicLaw):
    """The Kesten process in continuous time: multiplicative and additive noise are independent.

    dV = recovery_rate*(size_rest - V) dt + sqrt(noise_slope^2*V^2 + noise_floor^2) dW

    Source
    ------
    [statman2014]; the continuous twin of :class:`KestenMap` (see :meth:`KestenMap.continuous`).
    """

    family: Literal["kesten"] = "kesten"
    stands_for: ClassVar[str] = "Statman 2014, continuous"

    recovery_rate: float = quantity(unit="1/day", what="rate of return to the resting size", gt=0, le=50)
    size_rest: float = quantity(unit="um3", what="mean size with no boundary", gt=0)
    noise_slope: float = quantity(unit="1/sqrt(day)", what="multiplicative fluctuation", ge=1e-3, le=5)
    noise_floor: float = quantity(unit="um3/sqrt(day)", what="additive fluctuation", gt=0)

    def drift(self, size: Any) -> Any:
        """Return recovery_rate*(size_rest - size), um3/day."""
        return reverting_drift(size, self.recovery_rate, self.size_rest, 0.0)

    def spread(self, size: Any) -> Any:
        """Return sqrt(noise_slope^2*size^2 + noise_floor^2), um3/sqrt(day)."""
        return kesten_spread(size, self.noise_slope, self.noise_floor, namespace(size).sqrt)

    def step(self, size: Any, *, drive: Any, noise: Any, dt: float) -> Any:
        """Move every spine one step in the additive coordinate; arguments as :meth:`advance`."""
        self.check_step(dt)
        spread = self.spread(size)
        half_slope = 0.5 * self.noise_slope**2 * size / spread
        moved = additive.additive_increment(self.drift(size) + drive, spread, half_slope, noise, dt, math.sqrt(dt))
        return additive.shift_quadratic(size, spread, self.noise_slope, 0.5, moved, namespace(size).expm1)

    def distance(self, size: float, size_min: float) -> float:
        """Return how far a size lies above the threshold in the additive coordinate, sqrt(day)."""
        return additive.distance_quadratic(size, size_min, self.noise_slope, self.noise_floor)

    @property
    def fastest_rate(self) -> float:
        """The recovery rate or the rate at which the fluctuation multiplies sizes, 1/day."""
        return max(self.recovery_rate, 0.5 * self.noise_slope**2)

    @property
    def tail_exponent(self) -> float:
        """The exponent q of the tail P(V > v) ~ v^-q: 1 + 2*recovery_rate/noise_slope^2."""
        return 1 + 2 * self.recovery_rate / self.noise_slope**2


class KestenMap(IntrinsicLaw):
    """The Kesten process in steps of one imaging interval: S <- kept*S + added, both random and independent.

    Both are log-normal, so that sizes stay positive.

    Source
    ------
    [statman2014]: the process and its moments; log-normal factors are a choice made here.
    """

    family: Literal["kesten_map"] = "kesten_map"
    stands_for: ClassVar[str] = "Statman 2014"

    interval: float = quantity(unit="day", what="time of one step", gt=0)
    kept_mean: float = quantity(unit="1", what="mean factor of one step", gt=0, lt=1)
    kept_sd: float = quantity(unit="1", what="SD of the factor", gt=0)
    added_mean: float = quantity(unit="um3", what="mean addition of one step", gt=0)
    added_sd: float = quantity(unit="um3", what="SD of the addition", gt=0)

    @staticmethod
    def _log_normal(mean: float, sd: float) -> tuple[float, float]:
        variance = math.log1p((sd / mean) ** 2)
        return math.log(mean) - variance / 2, math.sqrt(variance)

    @property
    def kept_log(self) -> tuple[float, float]:
        """Mean and SD of the logarithm of the factor."""
        return self._log_normal(self.kept_mean, self.kept_sd)

    @property
    def added_log(self) -> tuple[float, float]:
        """Mean and SD of the logarithm of the addition."""
        return self._log_normal(self.added_mean, self.added_sd)

    def drift(self, size: Any) -> Any:
        """Return the mean change of one step divided by its time, um3/day."""
        return (self.added_mean - (1 - self.kept_mean) * size) / self.interval

    def spread(self, size: Any) -> Any:
        """Return the SD of the change of one step divided by sqrt(time), um3/sqrt(day)."""
        variance = (self.kept_sd * size) ** 2 + self.added_sd**2
        return namespace(size).sqrt(variance / self.interval)

    def step(self, size: Any, *, drive: Any, noise: Any, dt: float) -> Any:
        """Move every spine one step of ``interval`` days; ``noise`` is a pair of normals.

        Raises
        ------
        StepTooLargeError
            If ``dt`` is not the law's interval.
        """
        if abs(dt - self.interval) > 1e-9 * self.interval:
            from spinula.core.errors import StepTooLargeError

            raise StepTooLargeError(dt, self.interval)
        exp = namespace(size).exp
        (m_kept, s_kept), (m_added, s_added) = self.kept_log, self.added_log
        return exp(m_kept + s_kept * noise[0]) * size + exp(m_added + s_added * noise[1]) + drive * dt

    def distance(self, size: float, size_min: float) -> float:
        """Return infinity: a map is never between two steps, so that no bridge can cross."""
        return math.inf

    @property
    def fastest_rate(self) -> float:
        """The rate that makes ``interval`` the largest step, 1/day."""
        return 0.5 / self.interval

    @property
    def mean(self) -> float:
        """The stationary mean, um3."""
        return self.added_mean / (1 - self.kept_mean)

    @property
    def variance(self) -> float:
        """The stationary variance, um6; infinite if the second moment of the factor reaches 1."""
        second = self.kept_mean**2 + self.kept_sd**2
        if second >= 1:
            return math.inf
        return (self.kept_sd**2 * self.mean**2 + self.added_sd**2) / (1 - second)

    @property
    def tail_exponent(self) -> float:
        """The exponent q that solves E[kept^q] = 1: the tail is P(S > s) ~ s^-q.

        Source
        ------
        [kesten1973]; closed form for a log-normal factor.
        """
        mean, sd = self.kept_log
        return -2 * mean / sd**2

    def mean_after(self, steps: Any) -> Any:
        """Return the mean size of a synapse born at 0, after a number of steps, um3."""
        return self.mean * (1 - self.kept_mean**steps)

    def continuous(self) -> KestenLaw:
        """Return the continuous law with the same mean and variance of the factor over one interval.

        Examples
        --------
        >>> kesten = KestenMap(interval=1, kept_mean=0.95, kept_sd=0.19, added_mean=0.005, added_sd=0.003)
        >>> round(kesten.continuous().tail_exponent / kesten.tail_exponent, 6)
        1.0
        """
        rate = -math.log(self.kept_mean) / self.interval
        slope = math.sqrt(math.log1p((self.kept_sd / self.kept_mean) ** 2) / self.interval)
        floor = self.added_sd / math.sqrt(self.interval)
        return KestenLaw(recovery_rate=rate, size_rest=self.mean, noise_slope=slope, noise_floor=floor)
