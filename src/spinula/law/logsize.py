"""Intrinsic dynamics in log-size: Ornstein-Uhlenbeck processes with one or two time scales, in closed form."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from spinula.core.quantity import quantity
from spinula.law.intrinsic import IntrinsicLaw, namespace


def log_transition(deviation, kept, scatter, noise):
    """Return an Ornstein-Uhlenbeck deviation after one step, exact for any step: deviation*kept + scatter*noise.

    Source
    ------
    [gillespie1996].
    """
    return deviation * kept + scatter * noise


def log_step_factors(sd: float, rate: float, dt: float) -> tuple[float, float]:
    """Return what :func:`log_transition` needs for a step: exp(-rate*dt) and sd*sqrt(1 - exp(-2*rate*dt))."""
    return math.exp(-rate * dt), sd * math.sqrt(-math.expm1(-2 * rate * dt))


class _LogSize(IntrinsicLaw):
    """What one and two time scales share; ``components`` tells them apart."""

    log_mean: float = quantity(unit="log(um3)", what="stationary mean of log-size")
    log_sd: float = quantity(unit="1", what="stationary SD of log-size", gt=0, le=5)
    recovery_rate: float = quantity(unit="1/day", what="1/time constant", gt=0, le=50)

    @property
    def log_spread(self) -> float:
        """Fluctuation amplitude of log-size, log_sd*sqrt(2*recovery_rate), 1/sqrt(day)."""
        return self.log_sd * math.sqrt(2 * self.recovery_rate)

    @property
    def components(self) -> tuple[tuple[float, float], ...]:
        """(SD, rate) of each process that log-size is the sum of."""
        return ((self.log_sd, self.recovery_rate),)

    def drift(self, size: Any) -> Any:
        """Return the Ito drift of the size, V*[rate*(log_mean - log V) + log_spread^2/2], um3/day."""
        log = namespace(size).log
        return size * (self.recovery_rate * (self.log_mean - log(size)) + 0.5 * self.log_spread**2)

    def spread(self, size: Any) -> Any:
        """Return log_spread*size, um3/sqrt(day)."""
        return self.log_spread * size

    def step(self, size: Any, *, drive: Any, noise: Any, dt: float) -> Any:
        """Move every spine one step; exact for any step when ``drive`` is 0; arguments as :meth:`advance`."""
        x = namespace(size)
        deviation = x.log(size) + (drive / size) * dt - self.log_mean
        moved = log_transition(deviation, *log_step_factors(self.log_sd, self.recovery_rate, dt), noise)
        return x.exp(self.log_mean + moved)

    def distance(self, size: float, size_min: float) -> float:
        """Return log(size/size_min)/log_spread, sqrt(day)."""
        return math.log(size / size_min) / self.log_spread

    @property
    def fastest_rate(self) -> float:
        """The recovery rate, 1/day."""
        return self.recovery_rate

    def log_autocovariance(self, lag: Any) -> Any:
        """Return the stationary covariance of log-size at a lag (day)."""
        x = namespace(lag)
        return sum(sd**2 * x.exp(-rate * lag) for sd, rate in self.components)

    def mean_squared_change(self, lag: Any) -> Any:
        """Return E[(x(t+lag) - x(t))^2] of log-size at a lag (day): 2*[C(0) - C(lag)]."""
        return 2 * (sum(sd**2 for sd, _ in self.components) - self.log_autocovariance(lag))

    def stationary(self) -> Any:
        """Return the stationary law of the size with no boundary (scipy, frozen): log-normal."""
        from scipy.stats import lognorm

        return lognorm(math.sqrt(sum(sd**2 for sd, _ in self.components)), scale=math.exp(self.log_mean))


class LogOULaw(_LogSize):
    """Log-size as one Ornstein-Uhlenbeck process: stationary sizes are exactly log-normal.

    x = log V;  dx = -recovery_rate*(x - log_mean) dt + log_sd*sqrt(2*recovery_rate) dW

    Source
    ------
    [loewenstein2011], with one of its two time scales; the law that ``spinula fit`` estimates.
    """

    family: Literal["log_ou"] = "log_ou"
    stands_for: ClassVar[str] = "Loewenstein 2011, one time scale"


class TwoTimeLogOULaw(_LogSize):
    """Log-size as the sum of a fast and a slow Ornstein-Uhlenbeck process (days and months).

    x = log V = log_mean + x1 + x2;  dx_i = -x_i*rate_i dt + sd_i*sqrt(2*rate_i) dW_i

    ``log_sd`` and ``recovery_rate`` are those of the slow process. The size alone is not a Markov process: ``drift`` is
    the stationary conditional mean, and ``step`` needs the fast deviation; the engines carry it.

    Source
    ------
    [loewenstein2011]: two time scales, days and months, converge to a log-normal.
    """

    family: Literal["two_time_log_ou"] = "two_time_log_ou"
    stands_for: ClassVar[str] = "Loewenstein 2011"

    fast_log_sd: float = quantity(unit="1", what="stationary SD of the fast part of log-size", gt=0, le=5)
    fast_rate: float = quantity(unit="1/day", what="1/time constant of the fast part", gt=0, le=50)

    @property
    def log_spread(self) -> float:
        """Fluctuation amplitude of log-size, both parts together, 1/sqrt(day)."""
        return math.sqrt(sum(2 * sd**2 * rate for sd, rate in self.components))

    @property
    def components(self) -> tuple[tuple[float, float], ...]:
        """(SD, rate) of the slow and of the fast process."""
        return ((self.log_sd, self.recovery_rate), (self.fast_log_sd, self.fast_rate))

    def drift(self, size: Any) -> Any:
        """Return the stationary conditional mean E[dV/dt | V], um3/day."""
        x = namespace(size)
        total = sum(sd**2 for sd, _ in self.components)
        pull = sum(sd**2 * rate for sd, rate in self.components) / total
        return size * (pull * (self.log_mean - x.log(size)) + 0.5 * self.log_spread**2)

    def step(self, size: Any, *, drive: Any, noise: Any, dt: float) -> Any:
        """Move every spine one step; ``size`` is the pair (size, fast deviation), ``noise`` a pair of normals."""
        total, fast = size
        x = namespace(total)
        slow = x.log(total) + (drive / total) * dt - self.log_mean - fast
        slow = log_transition(slow, *log_step_factors(self.log_sd, self.recovery_rate, dt), noise[0])
        fast = log_transition(fast, *log_step_factors(self.fast_log_sd, self.fast_rate, dt), noise[1])
        return x.exp(self.log_mean + slow + fast), fast

    @property
    def fastest_rate(self) -> float:
        """The rate of the fast part, 1/day."""
        return max(self.recovery_rate, self.fast_rate)
