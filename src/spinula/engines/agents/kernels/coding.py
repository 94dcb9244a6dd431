"""Observations into active features; what each coder means is told in ``features``."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def tiles(observation, low, scale, shift, side, index, strength):
    """Write one tile per grid; see :class:`spinula.engines.agents.features.Tiles`."""
    tilings, dimensions = shift.shape
    for tiling in range(tilings):
        place = tiling
        for dimension in range(dimensions):
            at = (observation[dimension] - low[dimension]) * scale[dimension]
            at = min(max(at, 0.0), side - 1.0)
            place = place * side + min(int(at + shift[tiling, dimension]), side - 1)
        index[tiling] = place
        strength[tiling] = 1.0 / np.sqrt(tilings)
    return tilings


@njit(cache=True)
def linear(observation, scale, index, strength):
    """Write what is above and below 0 of each dimension, and a constant."""
    dimensions = len(scale)
    length = np.sqrt(dimensions + 1.0)
    for dimension in range(dimensions):
        value = observation[dimension] / scale[dimension]
        index[dimension] = 2 * dimension + (1 if value < 0.0 else 0)
        strength[dimension] = abs(value) / length
    index[dimensions], strength[dimensions] = 2 * dimensions, 1.0 / length
    return dimensions + 1


@njit(cache=True)
def pixels(image, pairs, reach, index, strength):
    """Write the pixels that are on, and the near pairs of them."""
    rows, columns, channels = image.shape
    most, pixels, count = len(index), rows * columns * channels, 0
    for row in range(rows):
        for column in range(columns):
            for channel in range(channels):
                if image[row, column, channel] and count < most:
                    index[count] = (row * columns + column) * channels + channel
                    count += 1
    if reach >= 0:
        count = _paired(pairs, reach, index, count, pixels, image.shape)
    for k in range(count):
        strength[k] = 1.0 / np.sqrt(count)
    return count


@njit(cache=True)
def _paired(pairs, reach, index, single, pixels, shape):
    _, columns, channels = shape
    kinds, side, count = channels * (channels - 1) // 2, 2 * reach + 1, single
    for first in range(single):
        for second in range(single):
            kind = pairs[index[first] % channels, index[second] % channels]
            if kind < 0:
                continue
            here, there = index[first] // channels, index[second] // channels
            down = there // columns - here // columns + reach
            right = there % columns - here % columns + reach
            if 0 <= down < side and 0 <= right < side and count < len(index):
                index[count] = pixels + ((here * kinds + kind) * side + down) * side + right
                count += 1
    return count
