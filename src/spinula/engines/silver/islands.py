"""From a film to its gap graph: label the islands, find which is nearest to each bare pixel, measure where two meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.silver.graph import GapGraph

_TOUCHING = np.ones((3, 3), int)  # pixels that share a corner conduct


@dataclass(frozen=True)
class Film:
    """A film seen from above.

    Parameters
    ----------
    silver : Array of bool, shape (rows, columns)
    nm_per_px : float, nm
        Side of a pixel.
    """

    silver: np.ndarray
    nm_per_px: float

    def __post_init__(self) -> None:
        if self.silver.ndim != 2 or self.silver.dtype != bool or min(self.silver.shape) < 2:
            raise InvalidInputError(
                f"a film of shape {self.silver.shape} and type {self.silver.dtype}.\n"
                "  Wanted true and false in two dimensions, 2 x 2 pixels or more."
            )
        if not 0 < self.nm_per_px < 1e6:
            raise OutOfRangeError("nm_per_px", self.nm_per_px, "wanted more than 0 and less than 1e6 nm")

    @property
    def coverage(self) -> float:
        """Share of the area that is silver."""
        return float(self.silver.mean())

    def without_specks(self, smallest_area: float) -> Film:
        """Return the film without islands below an area, nm2."""
        labels, count = label(self.silver)
        sizes = np.bincount(labels.ravel(), minlength=count + 1) * self.nm_per_px**2
        sizes[0] = 0
        return Film((sizes >= max(smallest_area, 1e-300))[labels], self.nm_per_px)

    def euler(self) -> int:
        """Return the Euler number: islands minus holes (silver touches at corners, bare substrate at sides)."""
        from scipy import ndimage

        bare = np.pad(~self.silver, 1, constant_values=True)
        return label(self.silver)[1] - (ndimage.label(bare)[1] - 1)


def label(silver: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the number of the island of each pixel (0: none, from 1) and how many islands there are."""
    from scipy import ndimage

    labels = np.empty(silver.shape, np.int32)
    count = ndimage.label(silver, structure=_TOUCHING, output=labels)
    return labels, int(count)


def find_gaps(
    film: Film, *, largest_gap: float, electrodes: Mapping[str, np.ndarray] | None = None
) -> tuple[GapGraph, np.ndarray]:
    """Turn a film into its gap graph.

    Each bare pixel belongs to the nearest island. Where the zones of two islands meet, the distance across is that of
    the two nearest silver pixels minus one; the gap's distance is the smallest of them. The width is the length of that
    front where the way over it from silver to silver is at most 1.25 times the smallest distance plus a pixel; a step
    of the front counts by the cosine between it and the way across, which makes the length of a straight front exact
    in any direction.

    Parameters
    ----------
    film : Film
    largest_gap : float, nm
        Wider gaps are left out.
    electrodes : dict of name to Array of bool, shape of the film

    Returns
    -------
    GapGraph, and Array of int32, shape of the film
        Number of the island of each pixel from 1 on (island ``i`` of the graph is ``i + 1``); 0 where it is bare.

    Raises
    ------
    InvalidInputError
        If there are fewer than two islands, or an electrode does not fit, touches no island, or shares one.
    """
    if not film.nm_per_px <= largest_gap < np.inf:
        raise OutOfRangeError("largest_gap", largest_gap, f"wanted at least one pixel, {film.nm_per_px:g} nm")
    labels, count = label(film.silver)
    if count < 2:
        raise InvalidInputError(
            f"the film has {count} island: no gap.\n  Lower the coverage, or raise the threshold of the image."
        )
    rows, columns = _nearest(film.silver)
    pairs = _fronts(labels, rows, columns, largest_gap / film.nm_per_px)
    tail, head, distance, width = _gather(pairs, count)
    area, x, y = _centres(labels, count)
    touched = {name: _under(name, mask, labels) for name, mask in (electrodes or {}).items()}
    graph = GapGraph(
        np.column_stack([x, y]) * film.nm_per_px, area * film.nm_per_px**2, tail, head,
        distance * film.nm_per_px, width * film.nm_per_px, touched,
    )  # fmt: skip
    return graph.check(), labels


def _under(name: str, mask: np.ndarray, labels: np.ndarray) -> np.ndarray:
    if mask.shape != labels.shape or mask.dtype != bool:
        raise InvalidInputError(
            f"electrode {name!r} has shape {mask.shape} and type {mask.dtype}.\n"
            f"  Wanted true and false, shape {labels.shape}."
        )
    found = np.unique(labels[mask])
    found = found[found > 0].astype(np.int64) - 1
    if not len(found):
        raise InvalidInputError(f"electrode {name!r} touches no silver.\n  Make it larger, or move it.")
    return found


def _gather(pairs: tuple[np.ndarray, ...], count: int) -> tuple[np.ndarray, ...]:
    """Return one gap per pair of islands: tail, head, distance and width in pixels."""
    low, high, distance, way, share = pairs
    keys, gap = np.unique(low.astype(np.int64) * count + high, return_inverse=True)
    least = np.full(len(keys), np.inf)
    np.minimum.at(least, gap, distance)
    facing = way <= 1.25 * least[gap] + 1.0
    width = np.bincount(gap[facing], share[facing], len(keys))
    # A front of one step that runs along the way across would have no width at all.
    return keys // count, keys % count, least, np.maximum(width, 1.0)


@njit(cache=True)
def _nearest(silver):
    """Return row and column of the nearest silver pixel: down the columns, then lower envelopes along the rows."""
    rows, columns = silver.shape
    far = rows + columns
    nearest = np.full((rows, columns), -far, np.int32)
    for i in range(rows):
        for j in range(columns):
            if silver[i, j]:
                nearest[i, j] = i
            elif i > 0:
                nearest[i, j] = nearest[i - 1, j]
    for i in range(rows - 2, -1, -1):
        for j in range(columns):
            below = nearest[i + 1, j]
            if below > i and below - i < i - nearest[i, j]:
                nearest[i, j] = below
    row_of, column_of = np.empty((rows, columns), np.int32), np.empty((rows, columns), np.int32)
    apex, start, height = np.empty(columns, np.int32), np.empty(columns), np.empty(columns)
    for i in range(rows):
        last = -1
        for j in range(columns):
            away = float(i - nearest[i, j])
            if away > rows:
                continue  # a column without silver
            height[j] = away * away
            at = -1e18
            while last >= 0:
                k = apex[last]
                at = (height[j] + j * j - height[k] - k * k) / (2.0 * (j - k))
                if at > start[last]:
                    break
                last -= 1
                at = -1e18
            last += 1
            apex[last], start[last] = j, at
        k = 0
        for j in range(columns):
            while k < last and start[k + 1] < j:
                k += 1
            row_of[i, j], column_of[i, j] = nearest[i, apex[k]], apex[k]
    return row_of, column_of


@njit(cache=True)
def _fronts(labels, row_of, column_of, largest):
    """Return the steps of all fronts: lower and higher island, distance, way over it, share of length."""
    rows, columns = labels.shape
    room = 4096
    low, high = np.empty(room, np.int32), np.empty(room, np.int32)
    distance, way, share = np.empty(room), np.empty(room), np.empty(room)
    found = 0
    for i in range(rows):
        for j in range(columns):
            a = labels[row_of[i, j], column_of[i, j]]
            for side in range(2):
                m, n = (i, j + 1) if side == 0 else (i + 1, j)
                if m >= rows or n >= columns:
                    continue
                b = labels[row_of[m, n], column_of[m, n]]
                if a == b:
                    continue
                dy, dx = row_of[m, n] - row_of[i, j], column_of[m, n] - column_of[i, j]
                centres = np.sqrt(float(dx * dx + dy * dy))
                if centres - 1.0 > largest:
                    continue
                if found == room:
                    room *= 2
                    low, high = _grown(low, room), _grown(high, room)
                    distance, way, share = _grown(distance, room), _grown(way, room), _grown(share, room)
                low[found], high[found] = min(a, b) - 1, max(a, b) - 1
                distance[found] = centres - 1.0
                # Beyond the end of an edge the front goes on, but the way over it is longer.
                way[found] = np.hypot(float(row_of[i, j] - i), float(column_of[i, j] - j)) + np.hypot(
                    float(row_of[m, n] - m), float(column_of[m, n] - n)
                )
                share[found] = abs(dx if side == 0 else dy) / centres
                found += 1
    return low[:found], high[:found], distance[:found], way[:found], share[:found]


@njit(cache=True)
def _grown(array, room):
    longer = np.empty(room, array.dtype)
    longer[: len(array)] = array
    return longer


@njit(cache=True)
def _centres(labels, count):
    """Return pixels, and mean column and row (middle of a pixel at 0.5), of each island."""
    area, x, y = np.zeros(count), np.zeros(count), np.zeros(count)
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            k = labels[i, j] - 1
            if k >= 0:
                area[k] += 1.0
                x[k] += j + 0.5
                y[k] += i + 0.5
    return area, x / area, y / area
