"""Spikes in files: CSV, Parquet, or SONATA (HDF5).

A table of spikes has the columns ``time`` [ms], ``population`` (name) and ``neuron`` (index within it, from 0).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError
from spinula.core.files import replacing
from spinula.engines.network.exchange.connections import parquet_library
from spinula.engines.network.exchange.sonata import hdf5_library, mark, opened

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit, Snapshot

_SORTING = {"none": 0, "by_id": 1, "by_time": 2}
_COLUMNS = ["time", "population", "neuron"]
# The unit stands in the name of the column: a CSV file has no other place for it.
_WRITTEN = {"time": "time_ms"}


def spikes_of(circuit: Circuit, snapshots: Iterable[Snapshot]) -> pd.DataFrame:
    """Return the spikes of snapshots: columns time (ms), population and neuron (within it), in order of time."""
    snapshots = list(snapshots)
    times = np.concatenate([np.zeros(0), *(snapshot.spike_times for snapshot in snapshots)])
    neurons = np.concatenate([np.zeros(0, np.int64), *(s.spike_neurons.astype(np.int64) for s in snapshots)])
    first = np.array([population.first for population in circuit.populations])
    which = np.searchsorted(first, neurons, side="right") - 1
    names = np.array([population.name for population in circuit.populations])
    return pd.DataFrame({"time": times, "population": names[which], "neuron": neurons - first[which]})


def write_spikes(path: str | Path, spikes: pd.DataFrame) -> None:
    """Write spikes in the format that the suffix names: .csv, .csv.gz, .parquet, or .h5 (SONATA).

    Raises
    ------
    InvalidInputError
        If the suffix is another.
    MissingExtraError
        If pyarrow or h5py is needed and absent.
    """
    kind = _format(path)
    with replacing(path) as temporary:
        if kind == "sonata":
            _write_sonata(temporary, spikes)
        elif kind == "parquet":
            parquet_library()
            spikes[_COLUMNS].rename(columns=_WRITTEN).to_parquet(temporary, index=False)
        else:
            spikes[_COLUMNS].rename(columns=_WRITTEN).to_csv(temporary, index=False)


def read_spikes(path: str | Path) -> pd.DataFrame:
    """Read spikes that :func:`write_spikes` or another program wrote: columns time (ms), population, neuron.

    Raises
    ------
    InvalidInputError
        If the file does not exist, has another suffix, or does not hold spikes.
    """
    kind = _format(path)
    if not Path(path).exists():
        raise InvalidInputError(f"{path}: no such file of spikes.")
    if kind == "sonata":
        return _read_sonata(path)
    try:
        if kind == "parquet":
            parquet_library()
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path)
    except (OSError, ValueError) as error:  # pyarrow's and pandas' errors of format are ValueErrors
        raise InvalidInputError(f"{path}: cannot be read ({error}).") from None
    missing = [_WRITTEN.get(name, name) for name in _COLUMNS if _WRITTEN.get(name, name) not in frame]
    if missing:
        raise InvalidInputError(f"{path}: no column {', '.join(missing)}; it holds {', '.join(map(str, frame))}.")
    frame = frame.rename(columns={written: name for name, written in _WRITTEN.items()})[_COLUMNS]
    return _checked(frame, path)


def _format(path: str | Path) -> str:
    name = Path(path).name
    for suffix, kind in ((".csv", "csv"), (".csv.gz", "csv"), (".parquet", "parquet"), (".h5", "sonata")):
        if name.endswith(suffix):
            return kind
    raise InvalidInputError(f"{path}: spikes are kept as .csv, .csv.gz, .parquet or .h5 (SONATA).")


def _checked(frame: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    for name in ("time", "neuron"):
        if frame[name].dtype.kind not in "iuf":
            raise InvalidInputError(f"{path}: column {name!r} holds {frame[name].dtype}; wanted numbers.")
    bad = np.flatnonzero(~(frame["time"] >= 0) | ~(frame["neuron"] >= 0))
    if len(bad):
        raise InvalidInputError(
            f"{path}: spike {bad[0]} is {frame.iloc[bad[0]].to_dict()}: wanted time and neuron >= 0."
        )
    return frame.astype({"time": float, "neuron": np.int64})


def _write_sonata(path: Path, spikes: pd.DataFrame) -> None:
    h5py = hdf5_library()
    with h5py.File(path, "w") as file:
        mark(file)
        root = file.create_group("spikes")
        for name, mine in spikes.groupby("population", sort=False):
            mine, group = mine.sort_values(["time", "neuron"]), root.create_group(str(name))
            group.attrs.create("sorting", _SORTING["by_time"], dtype=h5py.enum_dtype(_SORTING, basetype="u1"))
            times = group.create_dataset("timestamps", data=mine["time"].to_numpy(np.float64))
            times.attrs["units"] = "milliseconds"
            group.create_dataset("node_ids", data=mine["neuron"].to_numpy(np.uint64))


def _read_sonata(path: str | Path) -> pd.DataFrame:
    frames = []
    with opened(path) as file:
        if "spikes" not in file:
            raise InvalidInputError(f"{path}: no group /spikes; it holds {', '.join(file) or 'nothing'}.")
        for name, group in file["spikes"].items():
            missing = [wanted for wanted in ("timestamps", "node_ids") if wanted not in group]
            if missing:
                raise InvalidInputError(f"{path}: {group.name}: no {', '.join(missing)}.")
            times, ids = group["timestamps"], group["node_ids"]
            if len(times) != len(ids):
                raise InvalidInputError(f"{path}: {group.name}: {len(times)} timestamps for {len(ids)} node_ids.")
            units = times.attrs.get("units", "milliseconds")
            units = units.decode() if isinstance(units, bytes) else str(units)
            if units not in ("milliseconds", "ms"):
                raise InvalidInputError(f"{path}: {group.name}: times in {units!r}; wanted milliseconds.")
            frames.append(pd.DataFrame({"time": times[:], "population": name, "neuron": ids[:].astype(np.int64)}))
    if not frames:
        return pd.DataFrame({"time": np.zeros(0), "population": np.zeros(0, str), "neuron": np.zeros(0, np.int64)})
    frame = pd.concat(frames).sort_values("time", kind="stable", ignore_index=True)
    return _checked(frame, path)
