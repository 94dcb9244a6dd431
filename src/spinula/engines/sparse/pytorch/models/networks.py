"""A small convolutional network and a character-level Transformer, of modules that ``sparsify`` can replace."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.sparse.pytorch.modules import GAINS, SpineLinear


@torch.no_grad()
def as_linear(model: nn.Module) -> nn.Module:
    """Scale the weights of new sparse layers to the variance that nn.Linear gives its own, 1/3 over the connections.

    A path of residuals wants smaller weights than the layers of rectifiers that SpineLinear's are made for (2 over
    the connections).

    Examples
    --------
    >>> layer = as_linear(SpineLinear(200, 100, density=0.5, seed=1))
    >>> round(float(layer.weight.detach().square().sum()) / 100, 1)
    0.3
    """
    for layer in model.modules():
        if isinstance(layer, SpineLinear):
            layer.weight.mul_((1.0 / 3.0 / GAINS["he"]) ** 0.5)
    return model


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return a model whose initial weights follow from a seed, and leave PyTorch's own generator as it was.

    Examples
    --------
    >>> one, two = (seeded(lambda: ConvNet(64, 10), seed=3) for _ in range(2))
    >>> torch.equal(one.scores.weight, two.scores.weight)
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


class ConvNet(nn.Module):
    """Two convolutions with pooling, then two linear layers: images in rows of pixels to scores of classes.

    Parameters
    ----------
    pixels : int
        Pixels of a square image.
    classes : int
    channels : (int, int)
        Channels of the two convolutions.
    hidden : int
        Width of the hidden linear layer.

    Raises
    ------
    InvalidInputError
        If the images are not square, or smaller than 4 x 4.

    Examples
    --------
    >>> ConvNet(784, 10)(torch.zeros(5, 784)).shape
    torch.Size([5, 10])
    """

    def __init__(self, pixels: int, classes: int, *, channels: tuple[int, int] = (16, 32), hidden: int = 128) -> None:
        super().__init__()
        self.side = round(pixels**0.5)
        if self.side**2 != pixels or self.side < 4:
            raise InvalidInputError(f"{pixels} pixels make no square image of at least 4 x 4.")
        self.first = nn.Conv2d(1, channels[0], 3, padding=1)
        self.second = nn.Conv2d(channels[0], channels[1], 3, padding=1)
        self.hidden = nn.Linear(channels[1] * (self.side // 4) ** 2, hidden)
        self.scores = nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores, shape (samples, classes), of images, shape (samples, pixels)."""
        x = x.reshape(-1, 1, self.side, self.side)
        for layer in (self.first, self.second):
            x = functional.max_pool2d(functional.relu(layer(x)), 2)
        return self.scores(functional.relu(self.hidden(x.flatten(1))))


class Attention(nn.Module):
    """Causal attention of several heads, with linear layers for queries, keys and values (one) and for the output."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inward, self.outward = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what each place takes from those before it; shape (samples, places, width)."""
        samples, places, width = x.shape
        parts = self.inward(x).reshape(samples, places, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.outward(mixed.transpose(1, 2).reshape(samples, places, width))


class Block(nn.Module):
    """Attention and a perceptron at each place, both behind a normalisation and beside a residual path."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.between, self.widen, self.narrow = (
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the places after the block; shape (samples, places, width)."""
        x = x + self.attention(self.before(x))
        return x + self.narrow(functional.gelu(self.widen(self.between(x))))


class CharTransformer(nn.Module):
    """Predict the next character from those before it: a decoder of a few blocks.

    Parameters
    ----------
    characters : int
        How many different ones there are.
    context : int
        How many characters it sees.
    width, depth, heads : int

    Raises
    ------
    OutOfRangeError
        If the heads do not share the width evenly.

    Examples
    --------
    >>> CharTransformer(60, context=16)(torch.zeros(5, 16, dtype=torch.long)).shape
    torch.Size([5, 16, 60])
    """

    def __init__(self, characters: int, *, context: int = 64, width: int = 128, depth: int = 2, heads: int = 4) -> None:
        super().__init__()
        if width % heads:
            raise OutOfRangeError("heads", heads, f"wanted a divisor of the width, {width}")
        self.context = context
        self.characters, self.places = nn.Embedding(characters, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm, self.scores = nn.LayerNorm(width), nn.Linear(width, characters)
        for table in (self.characters, self.places):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Return scores, shape (samples, places, characters), for the character after each place."""
        x = self.characters(codes) + self.places.weight[: codes.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.scores(self.norm(x))
