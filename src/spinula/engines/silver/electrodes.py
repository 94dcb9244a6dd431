"""Electrodes as masks on a film: stripes, a ring of pads, interdigitated fingers. One that nothing drives floats."""

from __future__ import annotations

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError


def stripes(
    shape: tuple[int, int], *, width: float, sides: tuple[str, ...] = ("left", "right")
) -> dict[str, np.ndarray]:
    """Return stripes along sides of the film.

    Parameters
    ----------
    shape : tuple of int, px
        Rows and columns of the film.
    width : float, px
    sides : tuple of "left", "right", "top", "bottom"

    Raises
    ------
    InvalidInputError
        If a side is unknown or stripes would meet.
    """
    rows, columns = shape
    _within("width", width, 1, min(shape) / 3)
    y, x = np.mgrid[:rows, :columns] + 0.5
    known = {"left": x < width, "right": x > columns - width, "top": y < width, "bottom": y > rows - width}
    for side in sides:
        if side not in known:
            raise InvalidInputError(f"no side called {side!r}.\n  Known: {', '.join(known)}.")
    return _apart({side: known[side] for side in sides})


def ring(shape: tuple[int, int], *, pads: int = 16, radius: float | None = None, size: float) -> dict[str, np.ndarray]:
    """Return round pads on a circle about the middle, ``pad_0`` on the right, then against the clock.

    Parameters
    ----------
    shape : tuple of int, px
    pads : int
    radius : float, px, optional
        Of the circle; default 0.42 of the shorter side.
    size : float, px
        Diameter of a pad.

    Raises
    ------
    InvalidInputError
        If pads overlap or lie off the film.
    """
    rows, columns = shape
    _within("pads", pads, 2, 4096)
    radius = 0.42 * min(shape) if radius is None else radius
    _within("size", size, 1, min(shape) / 2)
    _within("radius", radius, size / 2, min(shape) / 2 - size / 2)
    y, x = np.mgrid[:rows, :columns] + 0.5
    made = {}
    for pad in range(pads):
        angle = 2 * np.pi * pad / pads
        away = np.hypot(x - columns / 2 - radius * np.cos(angle), y - rows / 2 + radius * np.sin(angle))
        made[f"pad_{pad}"] = away <= size / 2
    return _apart(made)


def interdigitated(shape: tuple[int, int], *, fingers: int, width: float) -> dict[str, np.ndarray]:
    """Return two combs, ``left`` and ``right``, whose fingers alternate down the film.

    Parameters
    ----------
    shape : tuple of int, px
    fingers : int
        Of both combs together, evenly spaced.
    width : float, px
        Of a finger and of the spines of the combs; fingers end two widths before the other comb's spine.

    Raises
    ------
    InvalidInputError
        If the combs do not fit.
    """
    rows, columns = shape
    _within("fingers", fingers, 2, rows)
    _within("width", width, 1, min(rows / (2 * fingers), columns / 8))
    y, x = np.mgrid[:rows, :columns] + 0.5
    combs = {"left": x < width, "right": x > columns - width}
    for finger in range(fingers):
        along = np.abs(y - (finger + 0.5) * rows / fingers) <= width / 2
        if finger % 2 == 0:
            combs["left"] = combs["left"] | (along & (x < columns - 3 * width))
        else:
            combs["right"] = combs["right"] | (along & (x > 3 * width))
    return _apart(combs)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise OutOfRangeError(name, value, f"wanted {low:g} to {high:g} for a film of this size")


def _apart(masks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the masks, or refuse them where two overlap."""
    taken = np.zeros(next(iter(masks.values())).shape, int) if masks else np.zeros((1, 1), int)
    for mask in masks.values():
        taken += mask
    if taken.max() > 1:
        raise InvalidInputError("electrodes overlap.\n  Make them smaller, or fewer.")
    return masks
