"""One training run of a perceptron: what was asked for, and everything that came of it, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinula.engines.sparse import checkpoint
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import Rule
from spinula.studies.training.data import Data
from spinula.studies.training.following import Journal, Layer, Trained, follow


@dataclass(frozen=True)
class Plan:
    """What to train: hidden widths, density in all (dealt out by ERK), rule, epochs, batch and seed."""

    rule: Rule
    density: float = 0.05
    hidden: tuple[int, ...] = (300, 100)
    epochs: int = 15
    batch: int = 128
    seed: int = 0

    def widths(self, data: Data) -> list[int]:
        """Return the widths of the layers, from features to classes."""
        return [data.images.shape[1], *self.hidden, data.classes]

    def network(self, data: Data) -> Perceptron:
        """Return the network as it is before training."""
        return Perceptron(self.widths(data), self.density, self.rule, seed=self.seed, batch=self.batch)

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return {**vars(self), "rule": self.rule.describe(), "hidden": list(self.hidden)}


class _Learner:
    """A perceptron at its data, as :func:`follow` wants it."""

    suffix = ".npz"

    def __init__(self, plan: Plan, data: Data, final: bool) -> None:
        self.images, self.labels = data.whole() if final else (data.images, data.labels)
        held_out = (data.validation_images, data.validation_labels)
        self.scored = (data.test_images, data.test_labels) if final else held_out
        self.left, self.network = plan.epochs, plan.network(data)
        self._epochs: Iterator[Any] | None = None

    def advance(self) -> dict[str, float]:
        # The cosine of the learning rate counts the steps before and the epochs to come: it is the same after a cut.
        if self._epochs is None:
            self._epochs = self.network.fit(self.images, self.labels, epochs=self.left)
        epoch = next(self._epochs)
        return {
            "loss": epoch.loss, "train_accuracy": epoch.accuracy, "accuracy": self.network.accuracy(*self.scored),
            "eliminated": epoch.eliminated,
        }  # fmt: skip

    def layers(self) -> list[Layer]:
        widths = self.network.flat.widths.tolist()
        return [
            Layer(f"layer {number + 1}", (widths[number + 1], widths[number]), *self.network.connections(number))
            for number in range(len(widths) - 1)
        ]

    def write(self, path: Path, extra: dict[str, np.ndarray]) -> None:
        np.savez(path, **checkpoint.state(self.network), **{f"extra_{k}": v for k, v in extra.items()})

    def read(self, path: Path) -> dict[str, np.ndarray]:
        with np.load(path) as saved:
            checkpoint.restore(self.network, saved)
            found = {name.removeprefix("extra_"): saved[name] for name in saved.files if name.startswith("extra_")}
        steps = max(1, len(self.labels) // self.network.batch)
        self.left -= self.network.step // steps
        return found


def train(
    plan: Plan, data: Data, *, final: bool = True, record: bool = False, journal: Journal | None = None
) -> Iterator[tuple[dict[str, Any], Trained | None]]:
    """Train a network; yield (row of the history, None) after each epoch and (last row, Trained) at the end.

    ``final``: train on all training data and score on the test set; else hold out the validation set and score on it.
    ``record``: keep the connections of every epoch as a spine table (of the first layer).
    ``journal``: keep a checkpoint of every epoch, and go on from the last one.
    """
    about = {"network": plan.as_dict(), "data": data.name}
    yield from follow(_Learner(plan, data, final), plan.epochs, journal=journal, record=record, about=about)
