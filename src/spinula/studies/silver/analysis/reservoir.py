"""A network as a reservoir: a signal goes in as a voltage, voltages of islands come out, a ridge read-out learns.

The read-out is linear and in closed form: W = (X'X + ridge*n*I)^-1 X'Y on standardised features and a constant; a
ridge of 1e-6 does what a read noise of a thousandth of a feature's spread would do. Two controls belong to every task:
the same read-out on the raw input, and on the same network with its gaps frozen (a network of resistors, which is
linear: it can neither remember nor bend a signal).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.silver.device import Device
from spinula.engines.silver.solver import Drive, Solution

Make = Callable[[], Device]


@dataclass(frozen=True)
class Feeding:
    """How a signal is fed to a device and read from it.

    Parameters
    ----------
    offset, gain : float, V
        The source's voltage is offset + gain*signal.
    hold : float, s
        How long each value of the signal is held.
    substeps : int
        Steps of the device within one value.
    islands : int
        Islands that are read, spread over the network.
    source, sink : str
        Electrodes; others float.
    frozen : bool
        Leave all gaps as they are: the control of resistors.
    """

    offset: float
    gain: float
    hold: float
    substeps: int = 1
    islands: int = 64
    source: str = "left"
    sink: str = "right"
    frozen: bool = False

    def __post_init__(self) -> None:
        if not (self.hold > 0 and self.substeps >= 1 and self.islands >= 1):
            raise OutOfRangeError("hold, substeps or islands", min(self.hold, self.substeps, self.islands),
                                  "wanted hold > 0, one substep and one island or more")  # fmt: skip


def read_islands(device: Device, count: int) -> np.ndarray:
    """Return islands that are no electrode and have a path to one, evenly spread over their order in the plane."""
    solver = device.solver
    taken = np.concatenate([np.asarray(members) for members in device.graph.electrodes.values()])
    free = np.setdiff1d(np.flatnonzero(solver.connected), taken)
    if not len(free):
        raise InvalidInputError("no island lies between the electrodes: there is nothing to read.")
    position = np.asarray(device.graph.position, float)[free]
    free = free[np.lexsort((position[:, 1], position[:, 0]))] if np.isfinite(position).all() else free
    return free[np.unique(np.linspace(0, len(free) - 1, min(count, len(free))).round().astype(int))]


def feed(device: Device, signal: np.ndarray, feeding: Feeding) -> np.ndarray:
    """Feed a signal and return what the islands show at the end of each value.

    Parameters
    ----------
    device : Device
    signal : Array, shape (steps,), 1

    Returns
    -------
    Array, shape (steps, islands + 1), V and A
        Voltages of the islands, then the current of the source.
    """
    chosen = read_islands(device, feeding.islands)
    at, out = device.solver.electrodes.index(feeding.source), np.empty((len(signal), len(chosen) + 1))
    ground = Drive(voltage=0.0)
    dt = feeding.hold / feeding.substeps
    for step, value in enumerate(np.asarray(signal, float).tolist()):
        drives = {feeding.source: Drive(voltage=feeding.offset + feeding.gain * value), feeding.sink: ground}
        solution = respond(device, drives, dt, 0 if feeding.frozen else feeding.substeps)
        out[step, :-1] = solution.voltage[chosen]
        out[step, -1] = solution.electrode_current[at]
    return out


def respond(device: Device, drives: dict[str, Drive], dt: float, substeps: int) -> Solution:
    """Take steps under drives and return the last one's solution; no steps: what a frozen device shows."""
    if substeps < 1:
        return device.solve(drives)
    for _ in range(substeps - 1):
        device.step(drives, dt)
    return device.step(drives, dt).solution


@dataclass(frozen=True)
class Readout:
    """A trained linear read-out: ``predict(features)`` gives (rows, targets)."""

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return what the read-out says of rows of features."""
        inner = (features - self.mean) / self.scale
        return inner @ self.weight[:-1] + self.weight[-1]


def train_readout(features: np.ndarray, target: np.ndarray, *, ridge: float = 1e-6) -> Readout:
    """Fit a ridge read-out in closed form.

    Parameters
    ----------
    features : Array, shape (rows, features)
    target : Array, shape (rows,) or (rows, targets)
    ridge : float, 1
        Penalty relative to the variance of a standardised feature; the constant is not penalised.

    Raises
    ------
    InvalidInputError
        If shapes do not fit, or ``ridge`` is not above 0.
    """
    if len(features) != len(target) or len(features) < 2:
        raise InvalidInputError(f"{len(features)} rows of features and {len(target)} of targets: wanted as many, 2 up.")
    if not ridge > 0:
        raise OutOfRangeError("ridge", ridge, "wanted more than 0")
    mean, scale = features.mean(axis=0), features.std(axis=0)
    # A feature that does not move (relative to rounding) carries nothing: it is silenced, not blown up.
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(mean), 1e-300), scale, np.inf)
    inner = (features - mean) / scale
    centre = target.mean(axis=0)
    matrix = inner.T @ inner / len(inner)
    matrix[np.diag_indices_from(matrix)] += ridge
    weight = np.linalg.solve(matrix, inner.T @ (target - centre) / len(inner))
    return Readout(mean, scale, np.concatenate([weight, np.atleast_1d(centre)[None] if target.ndim > 1 else [centre]]))


def rnmse(target: np.ndarray, found: np.ndarray) -> float:
    """Return the root of the squared error over the variance of the target: 0 perfect, 1 no better than the mean."""
    return float(np.sqrt(np.mean((target - found) ** 2) / np.var(target)))


def evaluate(
    features: np.ndarray, target: np.ndarray, *, washout: int, train: int, ridge: float = 1e-6
) -> tuple[float, np.ndarray]:
    """Train on one stretch, test on the next one.

    Parameters
    ----------
    washout, train : int
        Rows left out at the start; rows of training after them. The rest is the test.

    Returns
    -------
    tuple of float (RNMSE of the test) and Array (what was predicted there)
    """
    if not 0 <= washout < washout + train < len(features):
        raise OutOfRangeError("washout + train", washout + train, f"wanted less than {len(features)} rows")
    middle = washout + train
    readout = train_readout(features[washout:middle], target[washout:middle], ridge=ridge)
    found = readout.predict(features[middle:])
    return rnmse(target[middle:], found), found
