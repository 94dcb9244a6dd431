"""Follow a network while it learns: a row per epoch, its connections as spines, and a checkpoint to go on from."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError
from spinula.core.files import replacing, write_text
from spinula.core.table import SpineTable

_SHARES = {"size_low": 0.05, "size_median": 0.5, "size_high": 0.95}


@dataclass(frozen=True)
class Layer:
    """The connections of one layer: name, shape (outputs, inputs), and by connection row, column and weight."""

    name: str
    shape: tuple[int, int]
    rows: np.ndarray
    cols: np.ndarray
    weights: np.ndarray


class Learner(Protocol):
    """A network that learns epoch by epoch and can be cut between two."""

    network: Any
    suffix: str

    def advance(self) -> dict[str, float]:
        """Learn for an epoch and return what it gave: loss, train_accuracy, accuracy, eliminated."""
        ...

    def layers(self) -> list[Layer]:
        """Return the sparse layers, from input to output."""
        ...

    def write(self, path: Path, extra: dict[str, np.ndarray]) -> None:
        """Write all that decides how learning goes on, and some arrays beside it."""
        ...

    def read(self, path: Path) -> dict[str, np.ndarray]:
        """Take over what was written; return the arrays beside it."""
        ...


@dataclass
class Trained:
    """A trained network and its history.

    Attributes
    ----------
    network : Perceptron, or the model of a :class:`ModelPlan`
    history : DataFrame, one row per epoch: epoch, loss, train_accuracy, accuracy (validation or test), eliminated and
        formed (events), turnover_ratio between the ends of two epochs, connections, sizes below which 5, 50 and 95 %
        of them lie (size_low, size_median, size_high), the median size of those new at the end of the epoch and of
        those gone by then as it was at its beginning (size_formed, size_eliminated), for text bits per character
    table : SpineTable or None
        The first layer's connections as spines: one session per epoch, a weight's magnitude as size, the output unit as
        dendrite; so that turnover, survival and size distributions are measured as in a cortex.
    layers : list of Layer, at the end
    """

    network: Any
    history: pd.DataFrame
    table: SpineTable | None = None
    layers: list[Layer] = field(default_factory=list)


def fingerprint(plan: dict[str, Any], data: np.ndarray) -> str:
    """Return a short hash that tells one run from another: its plan and the data that it learns (labels or text)."""
    digest = hashlib.blake2b(json.dumps(plan, sort_keys=True).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(data).tobytes())
    return digest.hexdigest()


class Journal:
    """The folder ``partial`` of a run: which run it is, its last checkpoint, and the connections of every session.

    Parameters
    ----------
    folder : Path, of the run
    mark : str, the run's fingerprint
    resume : bool
        Whether a run that was cut goes on; else what is there is removed.

    Attributes
    ----------
    restored : int, how many epochs were taken over from a checkpoint

    Raises
    ------
    InvalidInputError
        If the part of another run is to be resumed.
    """

    def __init__(self, folder: Path, mark: str, *, resume: bool = False) -> None:
        self.partial, self.restored = folder / "partial", 0
        plan = self.partial / "plan.json"
        if resume and plan.exists() and json.loads(plan.read_text(encoding="utf-8"))["fingerprint"] != mark:
            raise InvalidInputError(
                f"{folder} holds the part of another run.\n"
                "  Resume with the same arguments and seed, or start again with --force."
            )
        if not resume and self.partial.exists():
            shutil.rmtree(self.partial)
        self.partial.mkdir(parents=True, exist_ok=True)
        write_text(plan, json.dumps({"fingerprint": mark}))

    def close(self) -> None:
        """Remove the folder: the run has ended and written what it was for."""
        shutil.rmtree(self.partial)

    def save(self, learner: Learner, rows: list[dict[str, Any]]) -> None:
        """Write a checkpoint, whole or not at all."""
        history = np.frombuffer(json.dumps(rows).encode(), np.uint8).copy()
        with replacing(self.partial / f"checkpoint{learner.suffix}") as temporary:
            learner.write(temporary, {"rows": history})

    def load(self, learner: Learner) -> list[dict[str, Any]]:
        """Bring a learner to the last checkpoint and return its rows; none if there is no checkpoint."""
        path = self.partial / f"checkpoint{learner.suffix}"
        if not path.exists():
            return []
        rows = json.loads(bytes(learner.read(path)["rows"]).decode())
        self.restored = len(rows)
        return rows

    def save_session(self, session: int, layer: Layer) -> None:
        """Keep one session of the spine table."""
        with replacing(self.partial / f"{session:05d}.npz") as temporary:
            np.savez(temporary, rows=layer.rows, cols=layer.cols, weights=layer.weights)

    def load_session(self, session: int, like: Layer) -> Layer:
        """Return one session of the spine table."""
        with np.load(self.partial / f"{session:05d}.npz") as saved:
            return Layer(like.name, like.shape, saved["rows"], saved["cols"], saved["weights"])


@dataclass(frozen=True)
class Spines:
    """All connections of a network: a number for each site, sorted, and sizes."""

    ids: np.ndarray
    sizes: np.ndarray

    @staticmethod
    def of(layers: list[Layer]) -> Spines:
        """Return the connections of all layers."""
        parts, sizes, offset = [np.zeros(0, np.int64)], [np.zeros(0)], 0
        for layer in layers:
            ids = offset + layer.rows.astype(np.int64) * layer.shape[1] + layer.cols
            order = np.argsort(ids)
            parts.append(ids[order])
            sizes.append(np.abs(layer.weights[order]).astype(float))
            offset += layer.shape[0] * layer.shape[1]
        return Spines(np.concatenate(parts), np.concatenate(sizes))

    def without(self, other: Spines) -> np.ndarray:
        """Return the sizes of those that are not among others."""
        return self.sizes[~np.isin(self.ids, other.ids, assume_unique=True)]


def follow(
    learner: Learner, epochs: int, *, journal: Journal | None = None, record: bool = False, about: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], Trained | None]]:  # fmt: skip
    """Let a network learn; yield (row of the history, None) after each epoch and (last row, Trained) at the end.

    With a journal every epoch is kept before it is yielded; the rows of a run that goes on are yielded again first.
    ``record``: keep the connections of the first layer, epoch by epoch, as a spine table; ``about`` goes into it.
    """
    rows = journal.load(learner) if journal else []
    yield from ((row, None) for row in rows[: epochs - 1])
    layers, kept = learner.layers(), []
    record = record and bool(layers)
    if record and rows and journal:
        kept = [journal.load_session(session, layers[0]) for session in range(len(rows) + 1)]
    elif record:
        kept = [_keep(journal, 0, layers[0])]
    now = Spines.of(layers)
    for epoch in range(len(rows), epochs):
        found, before = learner.advance(), now
        layers = learner.layers()
        now = Spines.of(layers)
        rows.append({"epoch": epoch + 1, **found, **_counts(before, now, found["eliminated"])})
        if record:
            kept.append(_keep(journal, epoch + 1, layers[0]))
        if journal:
            journal.save(learner, rows)
        if epoch + 1 < epochs:
            yield rows[-1], None
    yield rows[-1], Trained(learner.network, pd.DataFrame(rows), _table(kept, about) if kept else None, layers)


def _keep(journal: Journal | None, session: int, layer: Layer) -> Layer:
    if journal:
        journal.save_session(session, layer)
    return layer


def _counts(before: Spines, now: Spines, eliminated: float) -> dict[str, Any]:
    """Return what an epoch did to the connections; nothing where there is no sparse layer."""
    if not len(now.ids):
        return {}
    new, gone = now.without(before), before.without(now)
    quantiles = np.quantile(now.sizes, list(_SHARES.values())).tolist()
    return {
        "formed": int(eliminated) + len(now.ids) - len(before.ids),
        "turnover_ratio": (len(new) + len(gone)) / (len(before.ids) + len(now.ids)), "connections": len(now.ids),
        **dict(zip(_SHARES, quantiles, strict=True)),
        "size_formed": float(np.median(new)) if len(new) else None,
        "size_eliminated": float(np.median(gone)) if len(gone) else None,
    }  # fmt: skip


def _table(sessions: list[Layer], about: dict[str, Any]) -> SpineTable:
    """Return the sessions of a layer as a spine table."""
    frames = [
        pd.DataFrame(
            {
                "dendrite": [f"unit {row}" for row in layer.rows],
                "spine_id": layer.rows.astype(np.int64) * layer.shape[1] + layer.cols, "session": number,
                "day": float(number), "size": np.abs(layer.weights).astype(float), "present": True, "observed": True,
                "position_um": np.nan,
            }
        )
        for number, layer in enumerate(sessions)
    ]  # fmt: skip
    return SpineTable(pd.concat(frames, ignore_index=True), "a.u.", about)
