"""The additive coordinate of a law as a map: to it, back from it, and the potential along it."""

from __future__ import annotations

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.law import Law

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)


class Coordinate:
    """y = integral of dV/spread(V), from the threshold (or from a reference size) upwards, in sqrt(day)."""

    def __init__(self, law: Law, size_min: float | None) -> None:
        if law.family in ("two_time_log_ou", "kesten_map"):
            raise InvalidInputError(
                f"the density engine needs a law of one variable in continuous time; {law.family!r} is not one.\n"
                "  Use the population engine, or for a Kesten map its .continuous() twin."
            )
        self._law, self._bounded = law, size_min is not None
        in_log = law.family == "log_ou"
        self._slope = law.log_spread if in_log else law.noise_slope
        self._floor = 0.0 if in_log else law.noise_floor
        self._quadratic = law.family == "kesten"
        start = size_min if size_min is not None else (np.exp(law.log_mean) if in_log else law.size_rest)
        self._start = self._raw(np.array([start]))[0]

    def _raw(self, size: np.ndarray) -> np.ndarray:
        if self._quadratic:
            return np.arcsinh(self._slope * size / self._floor) / self._slope
        return np.log(self._slope * size + self._floor) / self._slope

    def additive(self, size: np.ndarray) -> np.ndarray:
        """Return y of sizes (um3)."""
        return self._raw(size) - self._start

    def size(self, y: np.ndarray) -> np.ndarray:
        """Return the size (um3) of y."""
        scaled = self._slope * (y + self._start)
        if self._quadratic:
            return np.sinh(scaled) * self._floor / self._slope
        return (np.exp(scaled) - self._floor) / self._slope

    def _drift(self, y: np.ndarray) -> np.ndarray:
        """Return b(y) = drift/spread - spread'/2, 1/sqrt(day)."""
        size = self.size(y)
        spread = self._law.spread(size)
        slope = self._slope**2 * size / spread if self._quadratic else self._slope
        return self._law.drift(size) / spread - 0.5 * slope

    def potential_steps(self, y: np.ndarray) -> np.ndarray:
        """Return the change of the log zero-flux density (per y) between neighbouring points: 2*integral of b."""
        middle, half = 0.5 * (y[1:] + y[:-1]), 0.5 * np.diff(y)
        return 2 * half * sum(w * self._drift(middle + half * node) for node, w in zip(_NODES, _WEIGHTS, strict=True))

    def reach(self, depth: float) -> tuple[float, float]:
        """Return the y between which the zero-flux density is above exp(-depth) of its peak."""
        steps = 0.25 * np.arange(4000)
        ends = []
        for direction in (-1.0, 1.0):
            if direction < 0 and self._bounded:
                ends.append(0.0)
                continue
            # Far out, sizes and drifts overflow; the search ends before, where the density is nil.
            with np.errstate(all="ignore"):
                level = np.cumsum(self.potential_steps(direction * steps))
            below = ~(level >= np.fmax.accumulate(np.fmax(level, 0.0)) - depth)
            ends.append(direction * float(steps[1:][below.argmax() if below.any() else -1]))
        return ends[0], ends[1]
