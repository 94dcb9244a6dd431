"""Morphologies of a dewetted film, all periodic: a cut Gaussian field, Cahn-Hilliard separation, holes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.special import ndtri

from spinula.core.errors import NotConvergedError, OutOfRangeError
from spinula.core.streams import Streams
from spinula.engines.silver.islands import Film


def _waves(shape: tuple[int, int]) -> np.ndarray:
    """Return |k| of each mode of a real transform, 1/px."""
    rows, columns = shape
    return 2 * np.pi * np.hypot(fft.fftfreq(rows)[:, None], fft.rfftfreq(columns)[None, :])


def gaussian_field(shape: tuple[int, int], *, wavelength: float, bandwidth: float, seed: int) -> np.ndarray:
    """Draw a Gaussian random field of variance 1 whose spectrum has a peak.

    Its amplitude at wave number k is exp(-(k - k0)^2 / (2 (bandwidth*k0)^2)), k0 = 2*pi/wavelength.

    Parameters
    ----------
    shape : tuple of int, px
    wavelength : float, px
        4 px or more, at most the shorter side.
    bandwidth : float, 1
        Relative width of the peak, 0.01 to 1.
    seed : int

    Returns
    -------
    Array, shape ``shape``, 1
        Its expected variance is 1: that of one draw varies.
    """
    _within("wavelength", wavelength, 4, min(shape))
    _within("bandwidth", bandwidth, 0.01, 1)
    centre = 2 * np.pi / wavelength
    amplitude = np.exp(-(((_waves(shape) - centre) / (bandwidth * centre)) ** 2) / 2)
    amplitude[0, 0] = 0.0
    white = Streams(seed).generator("spinodal field").standard_normal(shape)
    field = fft.irfft2(fft.rfft2(white) * amplitude, s=shape)
    # Modes of the half plane stand for two, those of its edges for one.
    twice = np.full(amplitude.shape[1], 2.0)
    twice[0] = 1.0
    if shape[1] % 2 == 0:
        twice[-1] = 1.0
    return field / np.sqrt(float((amplitude**2 * twice).sum()) / (shape[0] * shape[1]))


def spinodal(
    shape: tuple[int, int], *, nm_per_px: float, wavelength: float, coverage: float, seed: int, bandwidth: float = 0.15
) -> Film:
    """Return the film where a Gaussian field lies above the level that leaves a share ``coverage`` in expectation.

    Parameters
    ----------
    shape : tuple of int, px
    nm_per_px : float, nm
    wavelength : float, nm
    coverage : float, 1
    seed : int
    bandwidth : float, 1
    """
    _within("coverage", coverage, 0.02, 0.98)
    field = gaussian_field(shape, wavelength=wavelength / nm_per_px, bandwidth=bandwidth, seed=seed)
    return Film(field > -ndtri(coverage), nm_per_px)


@dataclass(frozen=True)
class Separation:
    """A moment of a phase separation: time (1), concentration (-1 bare, 1 silver), its length (px) and free energy."""

    time: float
    concentration: np.ndarray
    length: float
    energy: float


def separate(concentration: np.ndarray, *, dt: float, every: int = 100) -> Iterator[Separation]:
    """Follow the Cahn-Hilliard equation without end, in units of the interface (1 px, mobility 1).

    dc/dt = lap(c^3 - c - lap c),  energy = mean of (c^2 - 1)^2/4 + |grad c|^2/2

    Semi-implicit in Fourier space, with the stabilising term 2c of Eyre's splitting: the energy does not grow, and the
    mean stays as it is. The length is 2*pi over the mean wave number of the structure factor.

    Parameters
    ----------
    concentration : Array, shape (rows, columns)
    dt : float, 1
        Above 0, at most 1: larger steps are stable but slow the true motion.
    every : int
        Steps between two yields; the start comes first.
    """
    _within("dt", dt, 1e-6, 1)
    _within("every", every, 1, 1e9)
    c = np.array(concentration, float)
    k2 = _waves((c.shape[0], c.shape[1])) ** 2
    below = 1 + dt * (2 * k2 + k2**2)
    spectrum, step = fft.rfft2(c), 0
    while True:
        if step % every == 0:
            yield Separation(step * dt, c.copy(), _length(spectrum, k2), _energy(c, spectrum, k2))
        spectrum = (spectrum - dt * k2 * fft.rfft2(c**3 - 3 * c)) / below
        c = fft.irfft2(spectrum, s=c.shape)
        step += 1


def _length(spectrum: np.ndarray, k2: np.ndarray) -> float:
    power = np.abs(spectrum) ** 2
    power[0, 0] = 0
    power[:, 1:-1] *= 2
    return float(2 * np.pi * power.sum() / max((power * np.sqrt(k2)).sum(), 1e-300))


def _energy(c: np.ndarray, spectrum: np.ndarray, k2: np.ndarray) -> float:
    slope = fft.irfft2(k2 * spectrum, s=c.shape)
    return float(((c**2 - 1) ** 2 / 4 + c * slope / 2).mean())


def cahn_hilliard(
    shape: tuple[int, int], *, nm_per_px: float, wavelength: float, coverage: float, seed: int, dt: float = 0.5
) -> Film:
    """Return the film that has separated until its length is ``wavelength``.

    Parameters
    ----------
    shape : tuple of int, px
    nm_per_px : float, nm
    wavelength : float, nm
        14 px or more (separation begins near 9 px), at most a third of the shorter side.
    coverage : float, 1
        0.3 to 0.7: beyond, a flat mixture is stable or nearly so and nothing separates by itself.
    seed : int
    dt : float, 1

    Raises
    ------
    NotConvergedError
        If the length is not reached by time 1e5.
    """
    _within("coverage", coverage, 0.3, 0.7)
    _within("wavelength / nm_per_px", wavelength / nm_per_px, 14, min(shape) / 3)
    noise = Streams(seed).generator("cahn-hilliard").standard_normal(shape) * 0.05
    for moment in separate(2 * coverage - 1 + noise - noise.mean(), dt=dt, every=20):
        if moment.time > 40 and moment.length >= wavelength / nm_per_px:
            return Film(moment.concentration > 0, nm_per_px)
        if moment.time > 1e5:
            break
    raise NotConvergedError(f"no structure of {wavelength:g} nm by time 1e5.\n  Ask for a shorter wavelength.")


def holes(
    shape: tuple[int, int], *, nm_per_px: float, density: float, radius: float, seed: int, spread: float = 0.3
) -> Film:
    """Return a full film with round holes at independent places; they may overlap.

    Parameters
    ----------
    shape : tuple of int, px
    nm_per_px : float, nm
    density : float, 1/um2
    radius : float, nm
        Median radius of a hole.
    seed : int
    spread : float, 1
        Standard deviation of the logarithm of the radius. The expected coverage is
        exp(-density*pi*radius^2*exp(2*spread^2)).
    """
    _within("spread", spread, 0, 1)
    _within("radius / nm_per_px", radius / nm_per_px, 0.5, min(shape) / 4)
    rng = Streams(seed).generator("holes")
    mean = density * shape[0] * shape[1] * (nm_per_px / 1000) ** 2
    _within("density", density, 0, 1e6)
    _within("number of holes", mean, 0, 1e7)
    silver = np.ones(shape, bool)
    for _ in range(rng.poisson(mean)):
        y, x = rng.random(2) * shape
        size = min(radius / nm_per_px * np.exp(spread * rng.standard_normal()), min(shape) / 2)
        i = np.arange(int(np.floor(y - size)), int(np.ceil(y + size)) + 1)
        j = np.arange(int(np.floor(x - size)), int(np.ceil(x + size)) + 1)
        inside = (i[:, None] + 0.5 - y) ** 2 + (j[None, :] + 0.5 - x) ** 2 <= size**2
        silver[np.ix_(i % shape[0], j % shape[1])] &= ~inside
    return Film(silver, nm_per_px)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise OutOfRangeError(name, value, f"wanted {low:g} to {high:g}")
