"""One training run: what was asked for, and everything that came of it, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.table import SpineTable
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import Rule
from spinula.studies.training.data import Data


@dataclass(frozen=True)
class Plan:
    """What to train: hidden widths, density in all (dealt out by ERK), rule, epochs, batch and seed."""

    rule: Rule
    density: float = 0.05
    hidden: tuple[int, ...] = (300, 100)
    epochs: int = 15
    batch: int = 128
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return {**vars(self), "rule": self.rule.describe(), "hidden": list(self.hidden)}


@dataclass
class Trained:
    """A trained network and its history.

    Attributes
    ----------
    network : Perceptron
    history : DataFrame, one row per epoch: epoch, loss, train_accuracy, accuracy (validation or test), eliminated,
        turnover_ratio between the ends of two epochs, connections
    table : SpineTable or None
        The first layer's connections as spines: one session per epoch, a weight's magnitude as size, the input as
        dendrite; so that turnover, survival and size distributions are measured as in a cortex.
    """

    network: Perceptron
    history: pd.DataFrame
    table: SpineTable | None = None
    sites: list[np.ndarray] = field(default_factory=list)


def train(
    plan: Plan, data: Data, *, final: bool = True, record: bool = False
) -> Iterator[tuple[dict[str, Any], Trained | None]]:
    """Train a network; yield (row of the history, None) after each epoch and (last row, Trained) at the end.

    ``final``: train on all training data and score on the test set; else hold out the validation set and score on it.
    ``record``: keep the connections of every epoch as a spine table (of the first layer).
    """
    images, labels = data.whole() if final else (data.images, data.labels)
    scored = (data.test_images, data.test_labels) if final else (data.validation_images, data.validation_labels)
    widths = [images.shape[1], *plan.hidden, data.classes]
    network = Perceptron(widths, plan.density, plan.rule, seed=plan.seed, batch=plan.batch)
    rows, frames, before = [], [], _sites(network)
    if record:
        frames.append(_frame(network, 0))
    for epoch in network.fit(images, labels, epochs=plan.epochs):
        now = _sites(network)
        shared = len(np.intersect1d(before, now, assume_unique=True))
        rows.append(
            {
                "epoch": epoch.number + 1, "loss": epoch.loss, "train_accuracy": epoch.accuracy,
                "accuracy": network.accuracy(*scored), "eliminated": epoch.eliminated,
                "turnover_ratio": 1.0 - 2.0 * shared / (len(before) + len(now)), "connections": len(now),
            }
        )  # fmt: skip
        before = now
        if record:
            frames.append(_frame(network, epoch.number + 1))
        if epoch.number + 1 < plan.epochs:
            yield rows[-1], None
    table = None
    if record:
        about = {"network": plan.as_dict(), "data": data.name}
        table = SpineTable(pd.concat(frames, ignore_index=True), "a.u.", about)
    yield rows[-1], Trained(network, pd.DataFrame(rows), table)


def _sites(network: Perceptron) -> np.ndarray:
    """Return a number for every connection of every layer, sorted."""
    parts, offset = [], 0
    for layer in range(len(network.stores)):
        rows, cols, _ = network.connections(layer)
        inputs, outputs = int(network.flat.widths[layer]), int(network.flat.widths[layer + 1])
        parts.append(offset + rows.astype(np.int64) * inputs + cols)
        offset += inputs * outputs
    return np.concatenate(parts)


def _frame(network: Perceptron, session: int) -> pd.DataFrame:
    """Return the first layer's connections as the rows of one session."""
    rows, cols, weights = network.connections(0)
    inputs = int(network.flat.widths[0])
    return pd.DataFrame(
        {
            "dendrite": [f"unit {row}" for row in rows], "spine_id": rows.astype(np.int64) * inputs + cols,
            "session": session, "day": float(session), "size": np.abs(weights).astype(float), "present": True,
            "observed": True, "position_um": np.nan,
        }
    )  # fmt: skip
