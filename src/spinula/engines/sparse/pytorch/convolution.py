"""A convolution for PyTorch whose weights exist at connections only.

    layer = SpineConv2d(64, 128, 3, padding=1, density=0.05, seed=1)
    layer(images)                 # (samples, 64, height, width) -> (samples, 128, height, width)

A connection is a number of one output channel, one input channel and one place of the kernel. On the CPU the images
of a channel lie in one long line, with as many zeros between rows and images as the kernel overlaps; a connection then
adds a shifted line to another line, and the loops are those of a linear layer, without any unfolding.
"""

from __future__ import annotations

from collections import namedtuple
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numba import njit
from torch import nn
from torch.autograd.function import once_differentiable

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.sparse import kernels
from spinula.engines.sparse.kernels import LANES
from spinula.engines.sparse.pytorch.functional import array, run
from spinula.engines.sparse.pytorch.modules import SpineLinear

Pair = tuple[int, int]
Lines = namedtuple("Lines", "output grid stride phases length before count places planes shifts")
Lines.__doc__ = """How images lie in lines: height and width of an output; rows and columns of the grid that an image
takes; the stride; for each phase of it (first row, its row of the grid, first column, its column of the grid, rows,
columns); the length of an input's line; the zeros before an output's line; how many numbers of a line are computed; and
for each column of the matrix its place in the input's memory, the line where it lies, and its shift in that line."""


def _pair(name: str, value: int | Pair, least: int) -> Pair:
    """Return (vertical, horizontal) of a number or a pair of them."""
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(isinstance(part, int) for part in pair):
        raise InvalidInputError(f"{name} is {value!r}; wanted an integer or two.")
    for part in pair:
        if part < least:
            raise OutOfRangeError(name, part, f"wanted at least {least}")
    return pair


def _axis(size: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[int, int, int]:
    """Return (outputs, cells of the grid, leading cells that are zero) along one axis of an image.

    A cell holds one number of each phase of the stride. What overlaps an image on one side is the zeros that lead the
    next one, where there are enough of them.
    """
    outputs = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    lead, needed = padding // stride, outputs + dilation * (kernel - 1) // stride
    return outputs, max((size - 1 + padding) // stride + 1, needed - lead, outputs), lead


@lru_cache(64)
def _lines(channels: int, axes: tuple[tuple[int, int, int, int], ...], images: int, size: Pair) -> Lines:
    """Return how images lie in lines; an axis is (kernel, stride, padding, dilation)."""
    (height, rows, above), (width, cols, left) = (_axis(n, *axis) for n, axis in zip(size, axes, strict=True))
    if height < 1 or width < 1:
        raise InvalidInputError(f"images of {size[0]} x {size[1]} are smaller than the kernel.")
    (kernel_y, stride_y, pad_y, dilation_y), (kernel_x, stride_x, pad_x, dilation_x) = axes
    length = -(-(images * rows * cols + above * cols + left) // 16) * 16
    phases = []
    for phase_y in range(stride_y):
        for phase_x in range(stride_x):
            y, x = (phase_y - pad_y) % stride_y, (phase_x - pad_x) % stride_x
            counts = len(range(y, size[0], stride_y)), len(range(x, size[1], stride_x))
            phases.append((y, (y + pad_y) // stride_y, x, (x + pad_x) // stride_x, *counts))
    channel, site = np.divmod(np.arange(channels * kernel_y * kernel_x), kernel_y * kernel_x)
    down, right = (site // kernel_x) * dilation_y, (site % kernel_x) * dilation_x
    planes = (channel * stride_y + down % stride_y) * stride_x + right % stride_x
    shifts = down // stride_y * cols + right // stride_x
    before = (kernel_y - 1) * dilation_y // stride_y * cols + (kernel_x - 1) * dilation_x // stride_x
    count = ((images - 1) * rows + height - 1) * cols + width if images else 0
    return Lines((height, width), (rows, cols), (stride_y, stride_x), tuple(phases), length, before, count,
                 planes * length + shifts, planes, shifts)  # fmt: skip


def _views(lines: Lines, planes: torch.Tensor, images: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return, for each phase of the stride, where its numbers lie in (images, channels, ...) and in the lines."""
    (count, channels), (rows, cols), phases = images.shape[:2], lines.grid, len(lines.phases)
    grid = planes.view(channels, phases, -1)[:, :, : count * rows * cols].view(channels, phases, count, rows, cols)
    return [
        (images[:, :, y :: lines.stride[0], x :: lines.stride[1]], grid[:, k, :, row : row + tall, col : col + wide])
        for k, (y, row, x, col, tall, wide) in enumerate(lines.phases)
        if tall and wide
    ]


@njit(nogil=True, cache=True)
def _by_line(entries, planes, shifts, line, lines):
    """Return the rows of the pass from outputs to inputs: (start, count, place, weight) by line of the input.

    ``entries`` is (col_start, col_count, row, slot, weight) of a store; ``line`` is (length, zeros before) of outputs.
    """
    start, counts, rows, slots, weights = entries
    first = np.zeros(lines + 1, np.int32)
    for col in range(counts.size):
        first[planes[col] + 1] += counts[col]
    first[:] = np.cumsum(first)
    filled, place, weight = (
        np.zeros(lines, np.int32),
        np.empty(first[-1], shifts.dtype),
        np.empty(first[-1], weights.dtype),
    )
    for col in range(counts.size):
        plane = planes[col]
        for entry in range(start[col], start[col] + counts[col]):
            at = first[plane] + filled[plane]
            place[at] = rows[entry] * line[0] + line[1] - shifts[col]
            weight[at] = weights[slots[entry]]
            filled[plane] += 1
    return first, filled, place, weight


def _short(places: np.ndarray, memory: torch.Tensor) -> np.ndarray:
    """Return places in memory in 32 bits where they fit: the kernels are compiled for them already."""
    return places.astype(np.int32) if memory.numel() < 1 << 31 else places


class _Convolution(torch.autograd.Function):
    """The convolution with gradients for existing connections only: ``apply(x, weight, bias, layer)``."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, layer: Any) -> torch.Tensor:
        """Compute the convolution; keep the input in lines."""
        lines, weights = layer.lines(x), array(weight)
        planes = x.new_zeros(x.shape[1] * len(lines.phases), lines.length)
        for images, grid in _views(lines, planes, x):
            grid.copy_(images.transpose(0, 1))
        ctx.save_for_backward(planes, weight)
        ctx.layer, ctx.version, ctx.lines, ctx.shape = layer, layer.version, lines, x.shape
        (rows, cols), (height, width) = lines.grid, lines.output
        start, counts, col = layer.indices()[0]
        places = _short(lines.places, planes)[col]
        y = x.new_empty(layer.out_channels, len(x) * rows * cols)
        offset = np.zeros(layer.out_channels, weights.dtype) if bias is None else array(bias)
        run(kernels.forward, weights.size * lines.count, (start, counts, places, weights), offset,
            planes.numpy(), y.numpy(), (lines.count, 1, y.shape[1]), False)  # fmt: skip
        grid = y.view(layer.out_channels, len(x), rows, cols)[:, :, :height, :width]
        return grid.transpose(0, 1).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Compute what is needed of dx, dweight and dbias."""
        layer, lines, (planes, weight) = ctx.layer, ctx.lines, ctx.saved_tensors
        if ctx.version != layer.version:
            raise RuntimeError("the connections of a SpineConv2d changed between its forward and its backward pass.")
        layer.remember_lines(lines, planes, dy)
        wants_x, wants_weight, wants_bias, _ = ctx.needs_input_grad
        (rows, cols), (height, width) = lines.grid, lines.output
        used = len(dy) * rows * cols
        slopes = dy.new_zeros(layer.out_channels, lines.before + used)
        grid = slopes[:, lines.before :].view(layer.out_channels, len(dy), rows, cols)
        grid[:, :, :height, :width].copy_(dy.transpose(0, 1))
        weights, by_row, dx, dw = array(weight), layer.indices()[0], None, None
        if wants_weight:
            dw = torch.zeros_like(weight)
            places = _short(lines.places, planes)[by_row[2]]
            after = slopes.view(-1)[lines.before :].view(1, -1)
            run(kernels.weight_gradient, weights.size * used, (*by_row[:2], places, weights),
                (planes.numpy(), after.numpy()), dw.numpy(), (lines.count, 1, slopes.shape[1]))  # fmt: skip
        if wants_x:
            back, line = torch.empty_like(planes), (slopes.shape[1], lines.before)
            entries, shifts = (*layer.indices()[1], weights), _short(lines.shifts, slopes)
            turned = _by_line(entries, lines.planes, shifts, line, len(planes))
            run(kernels.forward, weights.size * used, turned, np.zeros(len(planes), weights.dtype), slopes.numpy(),
                back.numpy(), (used, 1, lines.length), False)  # fmt: skip
            dx = dy.new_empty(ctx.shape)
            for images, grid in _views(lines, back, dx):
                images.copy_(grid.transpose(0, 1))
        return dx, dw, dy.sum((0, 2, 3)) if wants_bias else None, None


class SpineConv2d(SpineLinear):
    """A two-dimensional convolution with connections at some sites only; the padding is of zeros.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding, dilation : int or (vertical, horizontal)
    density, bias, seed, init, signed, device, dtype, backend : as for SpineLinear

    Attributes
    ----------
    in_features : int
        in_channels*kernel_size[0]*kernel_size[1], the columns of the layer's matrix in the order of nn.Conv2d's weight;
        its rows are the output channels. All that is said of SpineLinear holds for this matrix.

    Notes
    -----
    When it saves time. Forward and backward of 64 images on one thread, kernels of 3 x 3, against nn.Conv2d (CPU time,
    minimum of 25), at 1, 5, 10 and 20 % of connections: 64 -> 64 channels of 14 x 14 pixels 4.9, 3.0, 2.1 and 1.2 times
    faster, 128 -> 128 of 7 x 7 pixels 4.5, 2.2, 1.4 and 0.8 times, 16 -> 32 of 14 x 14 pixels 1.7, 1.4, 1.2 and 1.0
    times. So up to about 10 %; with a single input channel there is nothing to win at any density.
    A masked convolution takes the time of the dense one.

    The "torch" backend unfolds the images, which takes kernel_size[0]*kernel_size[1] times their memory.

    Raises
    ------
    OutOfRangeError
        If the density is not in (0, 1], or a number of the shape is too small.
    InvalidInputError
        If a size is neither an integer nor two of them.

    Examples
    --------
    >>> layer = SpineConv2d(16, 32, 3, padding=1, density=0.1, seed=3)
    >>> layer
    SpineConv2d(16, 32, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), dilation=(1, 1), connections=461, ...)
    >>> layer(torch.zeros(2, 16, 8, 8)).shape
    torch.Size([2, 32, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        *,
        density: float = 0.05,
        bias: bool = True,
        seed: int = 0,
        init: Literal["he", "lecun"] = "he",
        signed: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        backend: Literal["numba", "torch"] | None = None,
    ) -> None:
        kernel = _pair("kernel_size", kernel_size, 1)
        if in_channels < 1:
            raise OutOfRangeError("in_channels", in_channels, "wanted at least 1")
        super().__init__(
            in_channels * kernel[0] * kernel[1], out_channels, density=density, bias=bias, seed=seed, init=init,
            signed=signed, device=device, dtype=dtype, backend=backend,
        )  # fmt: skip
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel
        self.stride, self.padding = _pair("stride", stride, 1), _pair("padding", padding, 0)
        self.dilation = _pair("dilation", dilation, 1)

    @classmethod
    def like(cls, dense: nn.Module, *, density: float = 0.05, seed: int = 0, signed: bool = True) -> SpineConv2d:
        """Return a new sparse convolution of the shape of a dense one, with its bias.

        Raises
        ------
        InvalidInputError
            If the dense one works in groups, or pads with anything but zeros on both sides.
        """
        if not can_be_sparse(dense):
            raise InvalidInputError("a convolution in groups, or with padding other than zeros, cannot be sparse here.")
        layer = cls(
            dense.in_channels, dense.out_channels, dense.kernel_size, dense.stride, _padding(dense), dense.dilation,
            density=density, bias=dense.bias is not None, seed=seed, signed=signed, device=dense.weight.device,
            dtype=dense.weight.dtype,
        )  # fmt: skip
        return layer.adopt_bias(dense)

    def dense_module(self) -> nn.Conv2d:
        """Return an ordinary convolution with the same weights."""
        made = nn.Conv2d(
            self.in_channels, self.out_channels, self.kernel_size, self.stride, self.padding, self.dilation,
            bias=self.bias is not None, device=self.weight.device, dtype=self.weight.dtype,
        )  # fmt: skip
        return self._fill(made)

    def to_dense(self) -> torch.Tensor:
        """Return all weights, shape (out_channels, in_channels, height, width): for tests and export."""
        return super().to_dense().view(self.out_channels, self.in_channels, *self.kernel_size)

    def lines(self, x: torch.Tensor) -> Lines:
        """Return how images lie in lines."""
        axes = tuple(zip(self.kernel_size, self.stride, self.padding, self.dilation, strict=True))
        return _lines(self.in_channels, axes, len(x), tuple(x.shape[2:]))

    def product(self, x: torch.Tensor) -> torch.Tensor:
        """Return the convolution of (samples, in_channels, height, width), or of one image, without hooks."""
        if x.dim() not in (3, 4) or x.shape[-3] != self.in_channels:
            raise InvalidInputError(
                f"x has shape {tuple(x.shape)}; wanted (samples, {self.in_channels}, rows, columns)."
            )
        x = self.cast(x)
        if x.dim() == 3:
            return self.product(x[None])[0]
        lines = self.lines(x)
        if self.on_kernels:
            return _Convolution.apply(x, self.weight, self.bias, self)
        patches = nn.functional.unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)
        y = self.matrix_product(patches.transpose(1, 2))
        return y.transpose(1, 2).reshape(len(x), self.out_channels, *lines.output)

    def remember_lines(self, lines: Lines, planes: torch.Tensor, dy: torch.Tensor) -> None:
        """Keep some places of a backward pass, spread over all images, as ``remember`` keeps samples."""
        if not self.watched:
            return
        count = dy.numel() // self.out_channels
        chosen = torch.arange(min(count, LANES)) * count // min(count, LANES)
        image, place = chosen // (dy.shape[2] * dy.shape[3]), chosen % (dy.shape[2] * dy.shape[3])
        row, col = place // dy.shape[3], place % dy.shape[3]
        first = (image * lines.grid[0] + row) * lines.grid[1] + col
        self.remember(planes.view(-1)[torch.from_numpy(lines.places)[:, None] + first], dy[image, :, row, col].t())

    def extra_repr(self) -> str:
        """Return sizes and density in words."""
        shape = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
        return f"{shape}padding={self.padding}, dilation={self.dilation}, {self.size_in_words()}"


def _padding(dense: nn.Conv2d) -> Pair | None:
    """Return the zeros on both sides that a convolution pads with; None if there are more on one side."""
    if dense.padding == "valid":
        return 0, 0
    if dense.padding == "same":
        spans = [step * (size - 1) for size, step in zip(dense.kernel_size, dense.dilation, strict=True)]
        return None if any(span % 2 for span in spans) else (spans[0] // 2, spans[1] // 2)
    return dense.padding


def can_be_sparse(dense: nn.Module) -> bool:
    """Return whether a module is a convolution of which there is a sparse one."""
    return (
        type(dense) is nn.Conv2d and dense.groups == 1 and dense.padding_mode == "zeros" and _padding(dense) is not None
    )
