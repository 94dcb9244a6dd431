"""Connections as SONATA edges: HDF5 with one dataset per column, indices both ways, and the types of edges as CSV.

The layout is that of the SONATA developer guide (github.com/AllenInstitute/sonata), version 0.1: required datasets of
an edge population, attributes of single edges in groups, types of edges in a CSV file whose columns edges inherit.
``size`` [um3] and ``spine_id`` are columns of our own, as the guide allows; ``syn_weight`` is in mV (current synapses)
or leak conductances, ``delay`` in ms.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError, MissingExtraError, UnknownNameError
from spinula.core.files import replacing, write_text
from spinula.engines.network.exchange.connections import Connections, checked, connections_of

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit
    from spinula.engines.network.spiking.plan import Projection

MAGIC, VERSION = 0x0A7A, (0, 1)
_REQUIRED = ("source_node_id", "target_node_id", "edge_type_id", "edge_group_id", "edge_group_index")
_NAMES = {"syn_weight": "weight", "delay": "delay", "size": "size", "spine_id": "spine_id"}


def hdf5_library() -> Any:
    """Return h5py, or say which extra brings it."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("h5py", "sonata") from None
    return h5py


def types_path(path: str | Path) -> Path:
    """Return where the types of the edges of a file are written: edges.h5 has edges_types.csv beside it."""
    return Path(path).with_name(Path(path).stem + "_types.csv")


def write_sonata_edges(path: str | Path, circuit: Circuit, projections: list[Projection]) -> None:
    """Write projections as edge populations, ``A_to_B`` (``A_to_B_1`` for a second one), and the types beside.

    Raises
    ------
    MissingExtraError
        If h5py is absent.
    """
    h5py, types, names = hdf5_library(), ["edge_type_id population model_template gain inhibitory"], []
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        mark(file)
        for number, projection in enumerate(projections):
            name = f"{projection.pre.name}_to_{projection.post.name}"
            name += f"_{number}" if name in names else ""
            names.append(name)
            group = file.create_group(f"edges/{name}")
            _write_population(group, connections_of(circuit, projection), projection, number)
            types.append(f"{number} {name} NULL {float(projection.gain)!r} {int(projection.inhibitory)}")
    write_text(types_path(path), "\n".join(types) + "\n")


def mark(file: Any) -> None:
    """Write the attributes by which SONATA files are known."""
    file.attrs["magic"] = np.uint32(MAGIC)
    file.attrs["version"] = np.array(VERSION, np.uint32)


def _write_population(group: Any, found: Connections, projection: Projection, kind: int) -> None:
    table, count = found.table, len(found.table)
    ends = (("source", "pre", projection.pre), ("target", "post", projection.post))
    for end, column, population in ends:
        ids = table[column].to_numpy(np.uint64)
        group.create_dataset(f"{end}_node_id", data=ids).attrs["node_population"] = population.name
    group.create_dataset("edge_type_id", data=np.full(count, kind, np.uint64))
    group.create_dataset("edge_group_id", data=np.zeros(count, np.uint64))
    group.create_dataset("edge_group_index", data=np.arange(count, dtype=np.uint64))
    weight = "mV" if projection.post.model.synapses == "current" else "leak conductance"
    units = {"syn_weight": weight, "delay": "ms", "size": "um3", "spine_id": "id"}
    for name, column in _NAMES.items():
        group.create_dataset(f"0/{name}", data=table[column].to_numpy()).attrs["units"] = units[name]
    for way, column, population in (("source_to_target", "pre", ends[0][2]), ("target_to_source", "post", ends[1][2])):
        nodes, ranges = _index(table[column].to_numpy(), population.count)
        group.create_dataset(f"indices/{way}/node_id_to_ranges", data=nodes)
        group.create_dataset(f"indices/{way}/range_to_edge_id", data=ranges)


def _index(ids: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, by node, where its ranges stand (-1 if it has none), and the ranges of edges."""
    first = np.flatnonzero(np.diff(ids, prepend=-1))
    ranges = np.stack([first, np.append(first, len(ids))[1:]], axis=1)
    order = np.argsort(ids[first], kind="stable")
    owners = ids[first][order]
    nodes = np.stack([np.searchsorted(owners, np.arange(count), side=side) for side in ("left", "right")], axis=1)
    nodes[nodes[:, 0] == nodes[:, 1]] = -1
    return nodes.astype(np.int64), ranges[order].astype(np.int64)


def read_sonata_edges(
    path: str | Path, population: str | None = None, *, types: str | Path | None = None, gain: float | None = None
) -> Connections:
    """Read an edge population of a SONATA file.

    Parameters
    ----------
    path : HDF5 file
    population : str, name of the edge population; may be left out if the file has one
    types : CSV with the types of edges, for attributes that single edges do not have; found beside the file if
        ``write_sonata_edges`` wrote it
    gain : float, weight per um3, for files without sizes

    Raises
    ------
    InvalidInputError
        If the file is no SONATA file of edges, or is not whole.
    MissingExtraError
        If h5py is absent.
    """
    with opened(path) as file:
        group = population_of(file, "edges", population, path)
        where = f"{path}: {group.name}"
        missing = [name for name in _REQUIRED if name not in group]
        if missing:
            raise InvalidInputError(f"{where}: no {', '.join(missing)}; SONATA wants {', '.join(_REQUIRED)}.")
        lengths = {name: len(group[name]) for name in _REQUIRED}
        if len(set(lengths.values())) > 1:
            raise InvalidInputError(f"{where}: datasets of one length were wanted, these have {lengths}.")
        columns: dict[str, Any] = {"pre": group["source_node_id"][:], "post": group["target_node_id"][:]}
        for name, column in _NAMES.items():
            values = _attribute(group, name, where)
            if values is None:
                values = _inherited(types or types_path(path), group, name)
            if values is not None:
                columns[column] = values
        names = [_text(group[f"{end}_node_id"].attrs.get("node_population", end)) for end in ("source", "target")]
    return checked((names[0], names[1]), columns, gain, where)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _attribute(group: Any, name: str, where: str) -> np.ndarray | None:
    """Return an attribute of every edge from the groups that hold it; None if no edge has it."""
    ids, places = group["edge_group_id"][:], group["edge_group_index"][:]
    values, having, kinds = np.full(len(ids), np.nan), np.zeros(len(ids), bool), []
    for number in np.unique(ids):
        if str(number) not in group:
            raise InvalidInputError(f"{where}: edges belong to group {number}, which the file does not hold.")
        mine = ids == number
        if name in group[str(number)]:
            column = group[str(number)][name][:]
            if places[mine].max() >= len(column):
                raise InvalidInputError(
                    f"{where}/{number}/{name}: {len(column)} values, but an edge has index {places[mine].max()}."
                )
            values[mine], having[mine] = column[places[mine]], True
            kinds.append(column.dtype)
    if not having.any():
        return None
    if not having.all():
        raise InvalidInputError(f"{where}: edge {np.flatnonzero(~having)[0]} has no {name}, others have.")
    return values.astype(np.result_type(*kinds))


def _inherited(path: str | Path, group: Any, name: str) -> np.ndarray | None:
    """Return an attribute of every edge from the types of edges; None if they do not have it."""
    if not Path(path).exists():
        return None
    kinds = pd.read_csv(path, sep=r"\s+", na_values=["NULL"])
    if "edge_type_id" not in kinds:
        raise InvalidInputError(f"{path}: no column edge_type_id; it holds {', '.join(map(str, kinds.columns))}.")
    if "population" in kinds:
        kinds = kinds[kinds["population"] == group.name.split("/")[-1]]
    if name not in kinds or kinds[name].isna().all():
        return None
    found = kinds.set_index("edge_type_id")[name].reindex(group["edge_type_id"][:])
    if found.isna().any():
        raise InvalidInputError(f"{path}: no {name} for edge_type_id {found.index[found.isna()][0]}.")
    return found.to_numpy()


@contextmanager
def opened(path: str | Path) -> Any:
    """Open an HDF5 file to read it.

    Raises
    ------
    InvalidInputError
        If there is no such file, or it is no HDF5 file.
    """
    h5py = hdf5_library()
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InvalidInputError(f"{path}: not an HDF5 file that can be read ({error}).") from None
    with file:
        yield file


def population_of(file: Any, kind: str, name: str | None, path: str | Path) -> Any:
    """Return the named population of ``edges`` or ``spikes``, or the only one."""
    if kind not in file:
        raise InvalidInputError(f"{path}: no group /{kind}; it holds {', '.join(file) or 'nothing'}.")
    names = list(file[kind])
    if name is None and len(names) != 1:
        raise InvalidInputError(f"{path}: say which population of {', '.join(names) or 'none'}.")
    if name is not None and name not in names:
        raise UnknownNameError(f"population of {kind}", name, names)
    return file[kind][name or names[0]]
