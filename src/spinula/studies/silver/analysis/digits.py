"""Handwritten digits: each picture's rows go in one after another as voltages, a ridge read-out names the digit.

Every picture meets the same fresh device, so that pictures are independent and a run that was cut goes on where it was.
Three controls: the read-out on the raw pixels, on the frozen network, and an echo-state network of as many features on
a CPU, which is also what the energy is compared with.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from spinula.core.errors import InvalidInputError, MissingExtraError
from spinula.core.files import replacing, write_text
from spinula.engines.silver.device import Device
from spinula.engines.silver.solver import Drive
from spinula.studies.silver.analysis.reservoir import Make, read_islands, respond, train_readout

SIDE, CHUNK = 8, 100
TRAINED = 1200  # of 1797 pictures


@dataclass(frozen=True)
class Showing:
    """How a picture is shown: volts of a full pixel and an offset, s per row, substeps, islands read, frozen gaps."""

    gain: float
    hold: float
    offset: float = 0.0
    substeps: int = 1
    islands: int = 32
    frozen: bool = False


def load_pictures() -> tuple[np.ndarray, np.ndarray]:
    """Return pictures, shape (1797, 8, 8), from 0 to 1, and digits, in a fixed random order.

    Raises
    ------
    MissingExtraError
        If scikit-learn, which brings them, is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError("scikit-learn", "ann") from None
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return np.asarray(images)[order].reshape(-1, SIDE, SIDE) / 16, np.asarray(labels)[order].astype(np.int64)


def with_inputs(graph: Any, count: int = SIDE) -> Any:
    """Return the network with ``count`` single islands along its left side as inputs, and its right side as ground.

    Islands are taken at even steps of height among the leftmost tenth of those that are joined; ``right`` is kept if
    there is an electrode of that name, else it is the rightmost twentieth.

    Raises
    ------
    InvalidInputError
        If fewer islands than inputs are there.
    """
    position = np.asarray(graph.position, float)
    right = np.asarray(graph.electrodes.get("right", np.empty(0, np.int64)))
    joined = np.zeros(len(position), bool)
    joined[np.concatenate([graph.tail, graph.head])] = True
    free = np.setdiff1d(np.flatnonzero(joined), right)
    if not len(right):
        right = free[np.argsort(-position[free, 0], kind="stable")[: max(len(free) // 20, 1)]]
        free = np.setdiff1d(free, right)
    near = free[np.argsort(position[free, 0], kind="stable")[: max(len(free) // 10, 3 * count)]]
    if len(near) < count:
        raise InvalidInputError(f"{len(near)} islands for {count} inputs.\n  Take a larger network.")
    near = near[np.argsort(position[near, 1], kind="stable")]
    taken = near[np.linspace(0, len(near) - 1, count).round().astype(int)]
    electrodes = {f"in_{k}": np.array([island]) for k, island in enumerate(taken)} | {"right": right}
    return SimpleNamespace(
        position=position, tail=graph.tail, head=graph.head, distance=graph.distance, electrodes=electrodes
    )


def show(device: Device, picture: np.ndarray, showing: Showing) -> np.ndarray:
    """Show one picture and return the voltages of the islands after each row, shape (rows * islands,), V."""
    chosen = read_islands(device, showing.islands)
    dt, seen = showing.hold / showing.substeps, []
    for row in showing.offset + showing.gain * picture:
        drives = {f"in_{k}": Drive(voltage=value) for k, value in enumerate(row.tolist())}
        drives["right"] = Drive(voltage=0.0)
        solution = respond(device, drives, dt, 0 if showing.frozen else showing.substeps)
        seen.append(solution.voltage[chosen])
    return np.concatenate(seen)


def picture_features(
    make: Make, pictures: np.ndarray, showing: Showing, *, folder: Path | None = None
) -> tuple[np.ndarray, float]:
    """Show all pictures to a fresh device each.

    Parameters
    ----------
    make : function
        Makes a fresh device whose inputs are ``in_0`` ... ``in_7`` and whose ground is ``right``.
    pictures : Array, shape (pictures, 8, 8), 1
    showing : Showing
    folder : Path, optional
        Keeps the features of every hundred pictures; those that are there are not computed again.

    Returns
    -------
    tuple of Array (pictures, features), V, and float, J: what was fed into the network in all

    Raises
    ------
    InvalidInputError
        If the folder holds the features of other settings.
    """
    device = make()
    start, conductance = device.state.copy(), device.conductance.copy()
    if folder is not None:
        _claim(folder, device, showing, len(pictures))
    parts, energy = [], 0.0
    for first in range(0, len(pictures), CHUNK):
        file = None if folder is None else folder / f"pictures_{first:05d}.npz"
        if file is not None and file.exists():
            with np.load(file) as kept:
                part, spent = kept["features"], float(kept["energy"])
        else:
            before, rows = device.energy, []
            for picture in pictures[first : first + CHUNK]:
                device.state, device.conductance = start.copy(), conductance.copy()
                rows.append(show(device, picture, showing))
            part, spent = np.array(rows), device.energy - before
            if file is not None:
                with replacing(file) as temporary:
                    np.savez(temporary, features=part, energy=spent)
        parts.append(part)
        energy += spent
    return np.concatenate(parts), energy


def _claim(folder: Path, device: Device, showing: Showing, count: int) -> None:
    """Note whose features a folder holds, or refuse it if it holds others'."""
    said = {
        "law": type(device.law).__name__, "parameters": device.law.vector()[0].tolist(), **asdict(showing),
        "gaps": len(device.distance), "distances": float(device.distance.sum()), "pictures": count,
    }  # fmt: skip
    note = folder / "settings.json"
    if note.exists():
        if json.loads(note.read_text(encoding="utf-8")) != json.loads(json.dumps(said)):
            raise InvalidInputError(f"{folder} holds features of other settings.\n  Give another folder.")
    else:
        write_text(note, json.dumps(said, indent=1))


def echo_features(pictures: np.ndarray, size: int, *, seed: int) -> np.ndarray:
    """Return the states of an echo-state network after each row: x <- tanh(W x + V row), spectral radius 0.9.

    Ten connections per unit; weights and inputs uniform. Shape (pictures, rows * size).
    """
    rng = np.random.default_rng(seed)
    inner = rng.uniform(-1, 1, (size, size)) * (rng.random((size, size)) < min(10 / size, 1.0))
    inner *= 0.9 / max(float(np.abs(np.linalg.eigvals(inner)).max()), 1e-12)
    outer = rng.uniform(-1, 1, (size, pictures.shape[2]))
    state, seen = np.zeros((len(pictures), size)), []
    for row in range(pictures.shape[1]):
        state = np.tanh(state @ inner.T + pictures[:, row] @ outer.T)
        seen.append(state)
    return np.concatenate(seen, axis=1)


def echo_operations(size: int) -> float:
    """Return the multiplications with addition that the echo-state network needs per picture, without tanh."""
    return float(SIDE * size * (min(10, size) + SIDE))


def accuracy(features: np.ndarray, labels: np.ndarray, *, trained: int = TRAINED) -> tuple[float, float]:
    """Train a read-out on the first pictures; return its share of right digits on the rest and its standard error.

    The penalty is chosen among powers of ten on the last fifth of the training pictures, then all are trained on.
    """
    target = np.eye(10)[labels]
    inner = trained * 4 // 5

    def right(first: int, last: int, ridge: float) -> float:
        readout = train_readout(features[:first], target[:first], ridge=ridge)
        return float((readout.predict(features[first:last]).argmax(axis=1) == labels[first:last]).mean())

    best = max((10.0**power for power in range(-7, 1)), key=lambda ridge: right(inner, trained, ridge))
    share = right(trained, len(labels), best)
    return share, float(np.sqrt(share * (1 - share) / (len(labels) - trained)))


@dataclass(frozen=True)
class DigitScores:
    """Shares of right digits (each with its standard error) and what they cost.

    ``energy`` is fed into the network per picture, J; ``simulated`` and ``echo_seconds`` are CPU seconds per picture of
    this simulation and of the echo-state network, ``echo_operations`` the latter's multiplications with addition.
    """

    network: tuple[float, float]
    resistors: tuple[float, float]
    raw: tuple[float, float]
    echo: tuple[float, float]
    energy: float
    simulated: float
    echo_seconds: float
    echo_operations: float


def score_digits(
    make: Make, showing: Showing, *, seed: int, pictures: int | None = None, folder: Path | None = None
) -> DigitScores:
    """Classify digits by the network and by the three controls.

    Parameters
    ----------
    pictures : int, optional
        Take fewer than all 1797; two thirds are trained on.
    """
    images, labels = load_pictures()
    images, labels = images[:pictures], labels[:pictures]
    trained = TRAINED if pictures is None else 2 * len(labels) // 3
    places = (None, None) if folder is None else (folder / "network", folder / "resistors")
    start = time.process_time()
    seen, energy = picture_features(make, images, showing, folder=places[0])
    simulated = (time.process_time() - start) / len(images)
    still = Showing(**{**asdict(showing), "frozen": True})
    resistors, _ = picture_features(make, images, still, folder=places[1])
    size = seen.shape[1] // SIDE
    start = time.process_time()
    echo = echo_features(images, size, seed=seed)
    lasted = (time.process_time() - start) / len(images)
    flat = images.reshape(len(images), -1)
    found = [accuracy(each, labels, trained=trained) for each in (seen, resistors, flat, echo)]
    return DigitScores(*found, energy / len(images), simulated, lasted, echo_operations(size))
