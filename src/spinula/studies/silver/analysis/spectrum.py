"""The spectrum of a current and the exponent beta of its fall, power ~ 1/frequency^beta, with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal, special

from spinula.core.errors import InvalidInputError

_HANN = 1.5  # equivalent noise bandwidth of the window in bins: neighbouring bins are not independent
_NORMAL = 1.959963984540054


@dataclass(frozen=True)
class Spectrum:
    """A power spectrum and its exponent.

    Parameters
    ----------
    frequency, power : Array, shape (bins,), Hz and unit^2/Hz
    beta : float, 1
        Power falls as frequency^-beta: 0 white, 1 pink, 2 brown.
    interval : tuple of float, 1
        95 % interval of beta.
    band : tuple of float, Hz
        Where beta was fitted.
    """

    frequency: np.ndarray
    power: np.ndarray
    beta: float
    interval: tuple[float, float]
    band: tuple[float, float]


def spectrum(values: np.ndarray, dt: float, *, band: tuple[float, float] | None = None, segments: int = 8) -> Spectrum:
    """Estimate a spectrum by Welch's method (Hann window, half overlap) and fit its exponent.

    log(power) is regressed on log(frequency) with the known scatter of an average of ``segments`` periodograms, so that
    the interval needs no bootstrap. It holds for a stationary Gaussian series with one exponent within the band.

    Parameters
    ----------
    values : Array, shape (n,)
    dt : float, s
        Between values.
    band : tuple of float, Hz, optional
        Default: from the fourth bin to a quarter of the sampling frequency.
    segments : int
        Independent stretches that are averaged.

    Raises
    ------
    InvalidInputError
        If the series is constant, not finite, or too short for the band.

    Source
    ------
    [welch1967].
    """
    values = np.asarray(values, float)
    if not np.isfinite(values).all() or len(values) < 32 or np.ptp(values) == 0:
        raise InvalidInputError("a spectrum wants 32 finite values or more that are not all alike.")
    length = max(2 * len(values) // (segments + 1), 16)
    frequency, power = signal.welch(values, 1 / dt, nperseg=length, detrend="constant")
    low, high = band or (frequency[4], 0.25 / dt)
    inside = (frequency >= low) & (frequency <= high) & (power > 0)
    if inside.sum() < 5:
        raise InvalidInputError(
            f"fewer than 5 frequencies lie within {low:g} to {high:g} Hz.\n  Widen the band, or give a longer series."
        )
    # Half-overlapped Hann segments count as 36/19 of as many separate ones, less at the ends [welch1967].
    separate = max(1.0, (2 * len(values) / length - 1) * 9 / 11)
    x, y = np.log(frequency[inside]), np.log(power[inside])
    y = y - (special.digamma(separate) - np.log(separate))
    spread = x - x.mean()
    beta = -float(spread @ y / (spread @ spread))
    error = float(np.sqrt(_HANN * special.polygamma(1, separate) / (spread @ spread)))
    return Spectrum(
        frequency[1:], power[1:], beta, (beta - _NORMAL * error, beta + _NORMAL * error), (float(low), float(high))
    )


def coloured_noise(count: int, beta: float, rng: np.random.Generator) -> np.ndarray:
    """Draw Gaussian noise whose power falls as frequency^-beta, with mean 0 and standard deviation 1.

    The series is cut out of one twice as long, so that its two ends do not meet.
    """
    frequency = np.fft.rfftfreq(2 * count)
    frequency[0] = np.inf
    shape = frequency ** (-beta / 2)
    phase = rng.standard_normal((2, len(shape)))
    values = np.fft.irfft(shape * (phase[0] + 1j * phase[1]), 2 * count)[:count]
    return (values - values.mean()) / values.std()
