"""Gates of a dense perceptron: units that are silent, weights that are absent, plasticity that is vetoed or scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import OutOfRangeError
from spinula.engines.continual.dense import DensePerceptron, Guard
from spinula.engines.continual.replay import Memory


@dataclass(frozen=True)
class Masks:
    """What is drawn anew at each step of training, and how a step is scaled.

    Attributes
    ----------
    silent : float, chance that a hidden unit is silent for a sample (dropout)
    absent : float, chance that a weight is absent for a batch (DropConnect)
    surprised : bool, whether each step is scaled by the mean chance that the network gave to the wrong classes

    Raises
    ------
    OutOfRangeError
        If a chance is not in [0, 1).

    Source
    ------
    [srivastava2014] and [wan2013]; weights are absent for a batch here, for a sample there.
    """

    silent: float = 0.0
    absent: float = 0.0
    surprised: bool = False

    def __post_init__(self) -> None:
        for name in ("silent", "absent"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise OutOfRangeError(name, value, "wanted at least 0 and less than 1")


class GatedPerceptron(DensePerceptron):
    """A dense perceptron with gates: on its hidden units, on its weights, on its plasticity.

    Parameters
    ----------
    widths, seed, batch, rate, decay, guard, memory : as :class:`DensePerceptron`
    masks : Masks

    Attributes
    ----------
    open : list of Array, shape (units,) or (samples, units), or None
        What the output of each hidden layer is multiplied by; None: nothing.
    plastic : Array, one number per parameter, or None
        What the gradient is multiplied by; None: nothing.
    present : Array, one number per parameter, or None
        What the parameters were multiplied by at the last step of training, where weights are absent at times.
    """

    def __init__(
        self, widths: list[int], *, seed: int, batch: int = 16, rate: float = 0.1, decay: float = 0.0,
        guard: Guard | None = None, memory: Memory | None = None, masks: Masks | None = None,
    ) -> None:  # fmt: skip
        super().__init__(widths, seed=seed, batch=batch, rate=rate, decay=decay, guard=guard, memory=memory)
        self.masks = masks or Masks()
        self.open: list[np.ndarray] | None = None
        self.plastic: np.ndarray | None = None
        self.present: np.ndarray | None = None
        self._draw = self.streams.generator("masks")

    def enter(self, units: Sequence[np.ndarray] | None, *, silence: bool = True, veto: bool = True) -> None:
        """Go into a context: its units speak or learn, the others do not.

        Parameters
        ----------
        units : sequence of Array of bool, one per hidden layer, or None (no context)
        silence : bool, whether the other units are silent
        veto : bool, whether weights into the other units, and from the other units of the last hidden layer to the
            output, keep as they are; biases of the output, which all contexts share, then always do
        """
        self.open = [np.asarray(part, np.float32) for part in units] if units is not None and silence else None
        self.plastic = None
        if units is not None and veto:
            self.plastic = np.zeros_like(self.theta)
            weights, biases = self.parts(self.plastic)
            for layer, part in enumerate(units):
                weights[layer][:] = part
                biases[layer][:] = part
            weights[-1][:] = np.asarray(units[-1])[:, None]

    def forward(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the features of every layer, gated; the input first and the scores last; (samples, features)."""
        features = [images]
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            made = features[-1] @ weight
            made += bias
            if number < len(self.weights) - 1:
                np.maximum(made, 0, out=made)
                if self.open is not None:
                    made *= self.open[number]
            features.append(made)
        return features

    def backward(self, features: list[np.ndarray], slope: np.ndarray) -> list[np.ndarray]:
        """Return d loss/d of every layer's output before its rectifier, given the last one's, the first layer first."""
        slopes = [slope]
        for number in range(len(self.weights) - 1, 0, -1):
            back = (slopes[-1] @ self.weights[number].T) * (features[number] > 0)
            if self.open is not None:
                back *= self.open[number - 1]
            slopes.append(back)
        return slopes[::-1]

    def gradient(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return (gradient behind fresh masks, vetoed and scaled; features of every layer)."""
        masks, before = self.masks, self.open
        if masks.silent > 0:
            self.open = [self._kept(masks.silent, (len(labels), width)) for width in self.widths[1:-1]]
        if masks.absent > 0:
            whole, self.present = self.theta.copy(), np.ones_like(self.theta)
            for part in self.parts(self.present)[0]:
                part[:] = self._kept(masks.absent, part.shape)
            self.theta *= self.present
            gradient, features = super().gradient(images, labels)
            gradient *= self.present
            self.theta[:] = whole
        else:
            gradient, features = super().gradient(images, labels)
        self.open = before
        if self.plastic is not None:
            gradient *= self.plastic
        if masks.surprised:
            gradient *= 1.0 - self.chances(features[-1], labels)[np.arange(len(labels)), labels].mean()
        return gradient, features

    def _kept(self, chance: float, shape: tuple[int, ...]) -> np.ndarray:
        """Return 0 with a chance, else what keeps the mean at 1."""
        return (self._draw.random(shape, np.float32) >= chance) / np.float32(1.0 - chance)


def contexts(widths: Sequence[int], count: int, share: float, rng: np.random.Generator) -> list[list[np.ndarray]]:
    """Return for each context which units of each hidden layer are open: a random share of them, the same number.

    Parameters
    ----------
    widths : sequence of int, features from input to classes
    count : int, contexts; share : float, of the units of a layer; rng : Generator

    Source
    ------
    [masse2018]: context-dependent gating, there with 20 % of the units open.

    Examples
    --------
    >>> made = contexts([4, 10, 2], 3, 0.2, np.random.default_rng(0))
    >>> [int(units[0].sum()) for units in made]
    [2, 2, 2]
    """
    return [
        [np.isin(np.arange(width), rng.permutation(width)[: max(1, round(share * width))]) for width in widths[1:-1]]
        for _ in range(count)
    ]
