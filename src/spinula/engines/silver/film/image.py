"""A micrograph as a film: read, even out, threshold, clean; warn where the answer is doubtful, or refuse."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError, SpinulaWarning
from spinula.engines.silver.islands import Film, label

# Limits of a usable picture; assumed: set on synthetic films with known defects (tests/engines/silver/test_image.py).
_NARROW = 0.02  # spread of grey values, of full scale, below which there is no picture
_LOW_CONTRAST = 0.15
_NOISY, _TOO_NOISY = 0.15, 0.6  # noise over the distance between silver and substrate
_FORESHORTENED, _FLAT = 0.85, 0.5  # ratio of slopes along two directions
_UNEVEN = 0.35  # background slope across the picture over the contrast
_TWO_PEAKS, _DOUBTFUL = 0.77, 0.84  # variance between classes over all variance; even grey: 0.75, one bell: 0.64
_LARGEST = 64_000_000  # pixels


@dataclass(frozen=True)
class Micrograph:
    """A film read from a picture, and how good the picture was.

    Parameters
    ----------
    film : Film
    threshold : float, 1
        Grey value (0 to 1 between the 0.5th and 99.5th percentile) above which a pixel is silver.
    separability : float, 1
        Variance between silver and substrate over all variance: Otsu's measure.
    noise : float, 1
        Standard deviation of pixel noise over the distance between the two grey values.
    foreshortening : float, 1
        Ratio of slopes along two directions at right angles: the cosine of the tilt, if the film is isotropic.
    unevenness : float, 1
        Range of the plane through the background, over the contrast; it was subtracted.
    contrast : float, 1
        Range of grey values (0.5th to 99.5th percentile) of full scale.
    """

    film: Film
    threshold: float
    separability: float
    noise: float
    foreshortening: float
    unevenness: float
    contrast: float


def read_grey(path: str | Path) -> np.ndarray:
    """Return the grey values of a PNG or TIFF file, 0 to 1 of full scale; colours are averaged by luminance.

    Raises
    ------
    InvalidInputError
        If the file is no picture, is cut short, or is too large.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _LARGEST:
                raise InvalidInputError(f"{path} has {picture.width} x {picture.height} pixels.\n  Cut or shrink it.")
            if getattr(picture, "n_frames", 1) > 1:
                warnings.warn(f"{path} holds several pictures; the first is read.", SpinulaWarning, stacklevel=2)
            if picture.mode.startswith("I") or picture.mode == "F":
                grey = np.asarray(picture, np.float64)
                top = 65535.0 if picture.mode.startswith("I") else max(float(grey.max()), 1e-300)
            else:
                grey, top = np.asarray(picture.convert("RGB").convert("L"), np.float64), 255.0
    except FileNotFoundError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInputError(f"{path} cannot be read as a picture: {error}.\n  Give a PNG or TIFF file.") from None
    if not np.isfinite(grey).all() or grey.min() < 0:
        raise InvalidInputError(f"{path} holds values that are no grey.\n  Export it as 8 or 16 bit without sign.")
    return grey / top


def read_film(
    grey: np.ndarray, *, nm_per_px: float, smooth: float = 1.0, smallest_area: float = 0.0, bottom: int = 0,
    threshold: float | None = None,
) -> Micrograph:  # fmt: skip
    """Turn grey values into a film; silver is bright.

    Parameters
    ----------
    grey : Array, shape (rows, columns), 1
    nm_per_px : float, nm
        From the microscope or its scale bar: nothing in a picture says it.
    smooth : float, px
        Standard deviation of the blur against noise.
    smallest_area : float, nm2
        Smaller specks of silver are taken for noise.
    bottom : int, px
        Rows to cut off below, where microscopes write their scale bar.
    threshold : float, 1, optional
        Default: Otsu's, that parts the grey values best.

    Warns
    -----
    SpinulaWarning
        Low contrast, noise, tilt, uneven background, two peaks that overlap.

    Raises
    ------
    InvalidInputError
        If the picture has no contrast, is buried in noise, has one peak of grey values only, or is all silver or none.
    """
    from scipy import ndimage

    grey = np.asarray(grey, float)
    if grey.ndim != 2 or not 0 <= bottom < grey.shape[0]:
        raise InvalidInputError(f"grey values of shape {grey.shape}, {bottom} rows to cut.\n  Wanted two dimensions.")
    grey = grey[: grey.shape[0] - bottom]
    if min(grey.shape) < 32:
        raise InvalidInputError(f"the picture has {grey.shape[0]} x {grey.shape[1]} pixels.\n  Wanted 32 x 32 or more.")
    if not 0 <= smooth <= 20:
        raise OutOfRangeError("smooth", smooth, "wanted 0 to 20 px")
    low, high = np.percentile(grey, [0.5, 99.5])
    contrast = float(high - low)
    if contrast < _NARROW:
        raise InvalidInputError(
            f"the picture has no contrast: its grey values span {100 * contrast:.2g} % of the scale.\n"
            "  Take it with more contrast, or export it as 16 bit."
        )
    even, unevenness = _without_plane(np.clip((grey - low) / contrast, 0, 1))
    sigma = _noise(even)
    blurred = ndimage.gaussian_filter(even, smooth) if smooth else even
    cut, separability, distance = _otsu(blurred)
    cut = cut if threshold is None else threshold
    made = Micrograph(
        Film(blurred > cut, nm_per_px).without_specks(smallest_area), float(cut), separability,
        sigma / max(distance, 1e-9), _foreshortening(ndimage.gaussian_filter(even, max(smooth, 1.5))),
        unevenness, contrast,
    )  # fmt: skip
    _refuse(made)
    _warn(made)
    return made


def _refuse(made: Micrograph) -> None:
    if made.noise > _TOO_NOISY:
        raise InvalidInputError(
            f"the picture is buried in noise: {made.noise:.2f} of the step from substrate to silver.\n"
            "  Scan longer, or raise --smooth."
        )
    if made.separability < _TWO_PEAKS:
        raise InvalidInputError(
            f"the grey values do not fall in two groups (separability {made.separability:.2f}, wanted "
            f"{_TWO_PEAKS}): no silver islands on a substrate are seen.\n  Give a picture of the film itself."
        )
    coverage, count = made.film.coverage, label(made.film.silver)[1]
    if not 0.03 <= coverage <= 0.97 or count < 2:
        raise InvalidInputError(
            f"{100 * coverage:.1f} % of the picture is silver, in {count} islands: no network of gaps.\n"
            "  Check that silver is bright, cut off the scale bar, or give a threshold."
        )
    if made.foreshortening < _FLAT:
        raise InvalidInputError(
            f"the structure is stretched {1 / made.foreshortening:.1f} times in one direction.\n"
            "  Take it from above; lines are no film of islands."
        )


def _warn(made: Micrograph) -> None:
    said = []
    if made.contrast < _LOW_CONTRAST:
        said.append(f"low contrast: the grey values span {100 * made.contrast:.0f} % of the scale")
    if made.noise > _NOISY:
        said.append(f"noise is {made.noise:.2f} of the step from substrate to silver: small gaps are not sure")
    if made.separability < _DOUBTFUL:
        said.append(f"silver and substrate overlap in grey (separability {made.separability:.2f})")
    if made.foreshortening < _FORESHORTENED:
        tilt = np.degrees(np.arccos(made.foreshortening))
        said.append(f"the structure is stretched in one direction, as by a tilt of {tilt:.0f} degrees")
    if made.unevenness > _UNEVEN:
        said.append(f"the background slopes by {made.unevenness:.2f} of the contrast; a plane was subtracted")
    for problem in said:
        warnings.warn(f"picture: {problem}.", SpinulaWarning, stacklevel=3)


def _without_plane(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the picture without its slope, and the range of the plane that was subtracted."""
    rows, columns = grey.shape
    y, x = np.linspace(-0.5, 0.5, rows), np.linspace(-0.5, 0.5, columns)
    down, along = float((grey.mean(axis=1) @ y) / (y @ y)), float((grey.mean(axis=0) @ x) / (x @ x))
    return grey - down * y[:, None] - along * x[None, :], abs(down) + abs(along)


def _noise(grey: np.ndarray) -> float:
    """Return the standard deviation of pixel noise: a mask that planes and edges along an axis do not pass.

    The median of its size is used, for edges are few.
    """
    mask = np.array([1.0, -2.0, 1.0])
    rough = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    rough = rough[:, :-2] * mask[0] + rough[:, 1:-1] * mask[1] + rough[:, 2:] * mask[2]
    return float(np.median(np.abs(rough)) / 0.6745 / 6)


def _otsu(grey: np.ndarray) -> tuple[float, float, float]:
    """Return the threshold that parts best, the share of variance between both classes, and their distance."""
    counts, edges = np.histogram(grey, bins=512)
    middle, share = (edges[1:] + edges[:-1]) / 2, counts / counts.sum()
    below, sums = np.cumsum(share), np.cumsum(share * middle)
    inside = (below > 0) & (below < 1)
    between = np.zeros(len(share))
    between[inside] = (sums[-1] * below - sums)[inside] ** 2 / (below * (1 - below))[inside]
    # Between two clean peaks any threshold does as well: take the middle of the best ones.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    at = int(best[len(best) // 2])
    total = float((share * (middle - sums[-1]) ** 2).sum())
    distance = (sums[-1] - sums[at]) / (1 - below[at]) - sums[at] / below[at]
    return float(edges[at + 1]), float(between[at] / max(total, 1e-300)), float(distance)


def _foreshortening(grey: np.ndarray) -> float:
    """Return the square root of the smaller over the larger eigenvalue of the mean structure tensor."""
    down, along = np.gradient(grey)
    tensor = np.array([[(down**2).mean(), (down * along).mean()], [(down * along).mean(), (along**2).mean()]])
    small, large = np.linalg.eigvalsh(tensor)
    return float(np.sqrt(max(small, 0.0) / max(large, 1e-300)))
