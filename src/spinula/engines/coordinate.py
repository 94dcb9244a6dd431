"""The additive coordinate of a law as a map: to it, back from it, and the potential along it."""

from __future__ import annotations

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.law import Law

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)
_STRIDES = np.concatenate([[0.0], np.cumsum(0.25 * 1.02 ** np.arange(600))])


class Coordinate:
    """y = integral of dV/spread(V), from the threshold (or from a reference size) upwards, in sqrt(day).

    Parameters
    ----------
    law : Law, of one variable in continuous time
    size_min : float or None, um3
    drive : float, um3/day
        What is added to the law's drift.
    """

    def __init__(self, law: Law, size_min: float | None, *, drive: float = 0.0) -> None:
        if law.family in ("two_time_log_ou", "kesten_map"):
            raise InvalidInputError(
                f"the density engine needs a law of one variable in continuous time; {law.family!r} is not one.\n"
                "  Use the population engine, or for a Kesten map its .continuous() twin."
            )
        self._law, self._drive, self._bounded = law, drive, size_min is not None
        in_log = law.family == "log_ou"
        self._slope = law.log_spread if in_log else law.noise_slope
        self._floor = 0.0 if in_log else law.noise_floor
        self._quadratic = law.family == "kesten"
        start = size_min if size_min is not None else (np.exp(law.log_mean) if in_log else law.size_rest)
        self._start = 0.0
        self._start = self.additive(np.array([start]))[0]

    def additive(self, size: np.ndarray) -> np.ndarray:
        """Return y of sizes (um3)."""
        if self._quadratic:
            return np.arcsinh(self._slope * size / self._floor) / self._slope - self._start
        return np.log(self._slope * size + self._floor) / self._slope - self._start

    def size(self, y: np.ndarray) -> np.ndarray:
        """Return the size (um3) of y."""
        scaled = self._slope * (y + self._start)
        if self._quadratic:
            return np.sinh(scaled) * self._floor / self._slope
        return (np.exp(scaled) - self._floor) / self._slope

    def _drift(self, y: np.ndarray) -> np.ndarray:
        """Return b(y) = (drift + drive)/spread - spread'/2, 1/sqrt(day)."""
        size = self.size(y)
        spread = self._law.spread(size)
        slope = self._slope**2 * size / spread if self._quadratic else self._slope
        return (self._law.drift(size) + self._drive) / spread - 0.5 * slope

    def potential_steps(self, y: np.ndarray) -> np.ndarray:
        """Return the change of the log zero-flux density (per y) between neighbouring points: 2*integral of b."""
        middle, half = 0.5 * (y[1:] + y[:-1]), 0.5 * np.diff(y)
        drift = self._drift(middle + half * _NODES[:, None])
        return 2 * half * (_WEIGHTS @ drift)

    def reach(self, depth: float) -> tuple[float, float]:
        """Return the y between which the zero-flux density is above exp(-depth) of its peak.

        Raises
        ------
        InvalidInputError
            If the drift drives sizes away for ever, so that nothing is ever at rest.
        """
        return (0.0 if self._bounded else self._end(-1.0, depth)), self._end(1.0, depth)

    def _end(self, direction: float, depth: float) -> float:
        # The logarithm in the drift of one family ends at size 0, which its noise floor can reach: nothing passes it.
        stop = direction < 0 and self._law.family == "log_reverting" and self._floor > 0
        bottom = float(self.additive(np.array([0.0]))[0]) if stop else -np.inf
        y = np.maximum(direction * _STRIDES, bottom)
        with np.errstate(
            all="ignore"
        ):  # far out the drift overflows: the walk ends before that, or the law has no rest
            rises = self.potential_steps(y) if direction > 0 else -self.potential_steps(y[::-1])[::-1]
        rises = np.where(np.diff(y) == 0, 0.0, rises)
        level = np.concatenate([[0.0], np.cumsum(rises)])
        low = level < np.maximum.accumulate(np.nan_to_num(level, nan=-np.inf, posinf=np.inf)) - depth
        if low.any():
            return float(y[np.argmax(low)])
        if stop:
            return bottom
        raise InvalidInputError(
            f"this law and drive push sizes {'up' if direction > 0 else 'down'} for ever: nothing comes to rest.\n"
            "  Use a weaker drive" + ("." if self._bounded else ", or a boundary.")
        )
