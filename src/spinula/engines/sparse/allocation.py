"""How many connections each layer gets, and which sites they take at first: no site is ever laid out densely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError


def check_density(density: float, name: str = "density") -> float:
    """Return a density of connections if it lies in (0, 1].

    Raises
    ------
    OutOfRangeError
        If it does not.
    """
    if not 0.0 < density <= 1.0:
        raise OutOfRangeError(name, density, "wanted more than 0 and at most 1")
    return float(density)


def erk_densities(shapes: Sequence[tuple[int, int]], density: float) -> list[float]:
    """Return one density per layer: in proportion to (outputs + inputs)/(outputs*inputs), at most 1.

    Small layers are kept denser (Erdos-Renyi, for matrices); all layers together have ``density``. A layer that would
    exceed 1 is full, and the others share what is left.

    Parameters
    ----------
    shapes : sequence of (outputs, inputs)
    density : float, of all layers together

    Raises
    ------
    OutOfRangeError
        If the density is not in (0, 1].

    Examples
    --------
    >>> [round(d, 3) for d in erk_densities([(300, 784), (100, 300), (10, 100)], 0.05)]
    [0.038, 0.111, 0.919]
    """
    check_density(density)
    if not shapes:
        raise InvalidInputError("no layers came; wanted at least one (outputs, inputs).")
    sites = np.array([outputs * inputs for outputs, inputs in shapes], float)
    share = np.array([(outputs + inputs) / (outputs * inputs) for outputs, inputs in shapes])
    full = np.zeros(len(sites), bool)
    scale = 0.0
    while not full.all():
        scale = (density * sites.sum() - sites[full].sum()) / (share * sites)[~full].sum()
        above = ~full & (scale * share > 1.0)
        if not above.any():
            break
        # The most crowded first: filling it lowers the share of the others.
        full |= above & (share == share[above].max())
    return [float(value) for value in np.where(full, 1.0, np.minimum(scale * share, 1.0))]


def _distinct(sites: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``count`` distinct integers below ``sites``, uniformly and sorted; count is at most half of the sites."""
    drawn = np.zeros(0, np.int64)
    while drawn.size < count:
        more = rng.integers(sites, size=count - drawn.size + count // 16 + 8)
        drawn = np.sort(np.concatenate([drawn, more]))
        drawn = drawn[np.append(True, drawn[1:] != drawn[:-1])]
    if drawn.size > count:
        drawn = np.sort(rng.choice(drawn, count, replace=False))
    return drawn


def sample_sites(shape: tuple[int, int], count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows, cols) of ``count`` distinct sites of a layer (outputs, inputs), uniformly, by row and column.

    Memory and time grow with the connections, not with the sites.

    Raises
    ------
    InvalidInputError
        If there are not as many sites.

    Examples
    --------
    >>> rows, cols = sample_sites((3, 2), 6, np.random.default_rng(0))
    >>> rows.tolist(), cols.tolist()
    ([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1])
    """
    outputs, inputs = shape
    sites = outputs * inputs
    if not 0 <= count <= sites:
        raise InvalidInputError(f"{count} connections do not fit into a layer of {outputs} x {inputs} sites.")
    if 2 * count <= sites:
        flat = _distinct(sites, count, rng)
    else:  # most sites are taken: draw the vacant ones, and walk through what lies between them
        vacant = _distinct(sites, sites - count, rng)
        flat = np.arange(count) + np.searchsorted(vacant - np.arange(vacant.size), np.arange(count), side="right")
    return flat // inputs, flat % inputs
