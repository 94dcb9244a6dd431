"""What is laid on a substrate: nanoparticles in the gaps of a film, and nanowires that cross."""

from __future__ import annotations

import numpy as np
from numba import njit

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.core.streams import Streams
from spinula.engines.silver.graph import GapGraph
from spinula.engines.silver.islands import Film


def add_particles(
    film: Film, *, density: float, diameter: float, seed: int, spread: float = 0.2, clearance: float = 0.0
) -> Film:
    """Lay isolated round particles into the bare part of a film, one after another where they fit.

    A particle that would touch silver, or come nearer than ``clearance``, is not laid: as many are tried as the density
    asks of the bare area, so that a crowded film holds fewer (random sequential adsorption).

    Parameters
    ----------
    film : Film
    density : float, 1/um2
        Particles tried per bare area.
    diameter : float, nm
        Median; at least one pixel.
    seed : int
    spread : float, 1
        Standard deviation of the logarithm of the diameter.
    clearance : float, nm
        Smallest distance to other silver; one pixel at least is kept.
    """
    _within("density", density, 0, 1e6)
    _within("diameter / nm_per_px", diameter / film.nm_per_px, 1, min(film.silver.shape) / 4)
    _within("spread", spread, 0, 1)
    _within("clearance", clearance, 0, diameter * 20)
    rng = Streams(seed).generator("nanoparticles")
    count = rng.poisson(density * (film.nm_per_px / 1000) ** 2 * film.silver.size)
    place = rng.random((count, 2)) * film.silver.shape
    radius = diameter / 2 / film.nm_per_px * np.exp(spread * rng.standard_normal(count))
    silver = film.silver.copy()
    _lay(silver, place, radius, max(clearance / film.nm_per_px, 1.0) + 1.0)
    return Film(silver, film.nm_per_px)


@njit(cache=True)
def _lay(silver, place, radius, clearance):
    """Paint each disc that is on the film and clear of silver."""
    rows, columns = silver.shape
    for n in range(len(radius)):
        y, x, r = place[n, 0], place[n, 1], radius[n]
        far = r + clearance
        if y - r < 0 or x - r < 0 or y + r > rows or x + r > columns:
            continue
        top, bottom = max(int(y - far), 0), min(int(y + far) + 1, rows)
        left, right = max(int(x - far), 0), min(int(x + far) + 1, columns)
        free = True
        for i in range(top, bottom):
            for j in range(left, right):
                if silver[i, j] and (i + 0.5 - y) ** 2 + (j + 0.5 - x) ** 2 <= far * far:
                    free = False
                    break
            if not free:
                break
        if free:
            for i in range(top, bottom):
                for j in range(left, right):
                    if (i + 0.5 - y) ** 2 + (j + 0.5 - x) ** 2 <= r * r:
                        silver[i, j] = True


def lay_wires(*, side: float, density: float, length: float, seed: int) -> np.ndarray:
    """Return the ends of straight wires whose middles and directions are drawn at random.

    Parameters
    ----------
    side : float, um
        Of the square that holds the middles.
    density : float, 1/um2
    length : float, um
    seed : int

    Returns
    -------
    Array, shape (wires, 4), um
        x and y of both ends.
    """
    _within("side", side, 1e-3, 1e6)
    _within("length", length, side * 1e-4, side)
    _within("density", density, 0, 1e7 / side**2)
    rng = Streams(seed).generator("nanowires")
    count = rng.poisson(density * side**2)
    middle, angle = rng.random((count, 2)) * side, rng.random(count) * np.pi
    half = length / 2 * np.column_stack([np.cos(angle), np.sin(angle)])
    return np.hstack([middle - half, middle + half])


def cross(wires: np.ndarray) -> np.ndarray:
    """Return the pairs of wires that cross, shape (crossings, 2), first < second."""
    from scipy.spatial import cKDTree

    start, end = wires[:, :2], wires[:, 2:]
    longest = float(np.hypot(*(end - start).T).max(initial=0.0))
    pairs = cKDTree((start + end) / 2).query_pairs(longest, output_type="ndarray")
    if not len(pairs):
        return np.empty((0, 2), np.int64)
    a, b = np.sort(pairs, axis=1).T
    apart = (_turn(start[a], end[a], start[b]) * _turn(start[a], end[a], end[b]) < 0) & (
        _turn(start[b], end[b], start[a]) * _turn(start[b], end[b], end[a]) < 0
    )
    found = np.column_stack([a, b])[apart].astype(np.int64)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    return (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])


def wire_graph(wires: np.ndarray, *, side: float, diameter: float, coat: float) -> GapGraph:
    """Return the gap graph of crossing wires; wires that reach over the left or right edge touch that electrode.

    Parameters
    ----------
    wires : Array, shape (wires, 4), um
    side : float, um
    diameter : float, nm
        Of a wire; the width of a gap.
    coat : float, nm
        Thickness of the insulator between two wires; the distance across a gap.

    Raises
    ------
    InvalidInputError
        If no wires cross.
    """
    _within("diameter", diameter, 1, 1e4)
    _within("coat", coat, 0.1, 100)
    pairs = cross(wires)
    if not len(pairs):
        raise InvalidInputError("no two wires cross: no gap.\n  Raise the density, or the length.")
    x = wires[:, [0, 2]]
    middle = (wires[:, :2] + wires[:, 2:]) * 500
    area = np.hypot(*(wires[:, 2:] - wires[:, :2]).T) * 1000 * diameter
    edges = {"left": np.flatnonzero(x.min(axis=1) <= 0), "right": np.flatnonzero(x.max(axis=1) >= side)}
    return GapGraph.from_edges(
        pairs, np.float64(coat), np.float64(diameter), position=middle, area=area,
        electrodes={name: found for name, found in edges.items() if len(found)},
    )  # fmt: skip


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise OutOfRangeError(name, value, f"wanted {low:g} to {high:g}")
