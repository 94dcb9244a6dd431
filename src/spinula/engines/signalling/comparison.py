"""A delay window beside a kernel: shapes scaled to their maximum, peaks, half-maximum windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError


@dataclass(frozen=True)
class KernelComparison:
    """How a window and a kernel agree, both scaled to their maximum; a half-maximum that is not reached is NaN."""

    rms: float
    peak_s: float
    kernel_peak_s: float
    half_s: tuple[float, float]
    kernel_half_s: tuple[float, float]


def compare_with_kernel(window: pd.DataFrame, kernel: Callable[[float], float]) -> KernelComparison:
    """Compare what a model says of a delay with what a kernel says.

    rms = sqrt(mean((excess/max(excess) - kernel/max(kernel))^2)) over the delays of the window

    Parameters
    ----------
    window : DataFrame with delay_s (s) and excess, or response
    kernel : function of one delay (s)

    Raises
    ------
    InvalidInputError
        If there are fewer than three delays, or the window or the kernel is nowhere above zero.
    """
    window = window.sort_values("delay_s")
    delays = window["delay_s"].to_numpy(float)
    response = window["excess" if "excess" in window else "response"].to_numpy(float)
    if len(delays) < 3:
        raise InvalidInputError(f"{len(delays)} delays: a comparison needs three or more.")
    fine = np.union1d(np.linspace(delays[0], delays[-1], 2001), delays)
    smooth = np.array([float(kernel(delay)) for delay in fine])
    for name, values in (("the window", response), ("the kernel", smooth)):
        if not np.isfinite(values).all() or values.max() <= 0.0:
            raise InvalidInputError(f"{name} is nowhere above zero at these delays: there is no shape to compare.")
    response, smooth = response / response.max(), smooth / smooth.max()
    rms = math.sqrt(np.mean((response - np.interp(delays, fine, smooth)) ** 2))
    peaks = float(delays[response.argmax()]), float(fine[smooth.argmax()])
    return KernelComparison(rms, *peaks, _half_window(delays, response), _half_window(fine, smooth))


def _half_window(delays: np.ndarray, scaled: np.ndarray) -> tuple[float, float]:
    """Return where the flanks of the peak cross 1/2, by linear interpolation; NaN where they do not."""
    peak, below = int(scaled.argmax()), scaled < 0.5
    left, right = np.flatnonzero(below[:peak]), peak + np.flatnonzero(below[peak:])
    ends = []
    for low, high in (
        (left[-1], left[-1] + 1) if len(left) else (0, 0),
        (right[0], right[0] - 1) if len(right) else (0, 0),
    ):
        share = (0.5 - scaled[low]) / (scaled[high] - scaled[low]) if low != high else math.nan
        ends.append(float(delays[low] + share * (delays[high] - delays[low])))
    return ends[0], ends[1]
