"""Networks that other programs wrote: MATLAB files with an adjacency matrix, edge lists as CSV or .npz."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from spinula.core.errors import InvalidInputError, TableError
from spinula.engines.silver.graph import GapGraph

_ADJACENCY = ("adj_matrix", "adjMat", "adjacency", "adjacency_matrix", "conMat")
_PLACE = (("xc", "yc"), ("x", "y"))


def read_network(
    path: str | Path, *, electrodes: Mapping[str, Sequence[int]], first: int = 0, distance: float = 5.0,
    width: float = 50.0,
) -> GapGraph:  # fmt: skip
    """Read a network of another program as a gap graph.

    - ``.mat`` (up to version 7): a symmetric adjacency matrix named adj_matrix, adjMat, adjacency, adjacency_matrix or
      conMat; centres xc and yc (um), if there are any.
    - ``.npz``: ``adjacency`` in the same way, or ``ends``, shape (gaps, 2), with ``position``, ``distance`` and
      ``width`` (nm), if there are any.
    - ``.csv``: columns tail and head, with distance_nm and width_nm, if there are any.

    Parameters
    ----------
    path : path
    electrodes : dict of name to nodes
        Numbered as in the file.
    first : int
        Number of the file's first node: 1 for most MATLAB files. Of a matrix, only that of ``electrodes``.
    distance, width : float, nm
        Of each gap where the file gives none. The tunnelling and the rate-balance law read neither.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, has no network or a row that is no gap, or it is not symmetric, or nodes are not
        numbered as ``first`` says.
    """
    path = Path(path)
    reader = {".mat": _read_mat, ".npz": _read_npz, ".csv": _read_csv}.get(path.suffix.lower())
    if reader is None:
        raise InvalidInputError(f"{path.name} is no .mat, .npz or .csv.\n  Save the network as one of them.")
    if not path.exists():
        raise InvalidInputError(f"there is no file {path}.")
    found = reader(path)
    ends, nodes = found["ends"], found.get("nodes")
    if nodes is None:
        ends = ends - first
    if len(ends) and ends.min() < 0:
        raise InvalidInputError(
            f"{path.name}: a node has a number below {first}.\n  Give the number of its first node."
        )
    touched = {name: np.asarray(members, np.int64) - first for name, members in electrodes.items()}
    top = nodes if nodes is not None else int(ends.max(initial=-1)) + 1
    if any(members.min(initial=0) < 0 or members.max(initial=-1) >= top for members in touched.values()):
        raise InvalidInputError(f"an electrode is on a node that {path.name} does not have.\n  Check ``first``.")
    return GapGraph.from_edges(
        ends, found.get("distance", np.float64(distance)), found.get("width", np.float64(width)),
        position=found.get("position"),
        electrodes=touched,
    )  # fmt: skip


def _read_mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        file = loadmat(path, squeeze_me=True)
    except (NotImplementedError, ValueError, MatReadError):
        raise InvalidInputError(
            f"{path.name} is no MATLAB file up to version 7.\n  Save it in MATLAB with save(..., '-v7')."
        ) from None
    return _of_matrix(path, file)


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
    except (ValueError, EOFError, OSError, TypeError, BadZipFile, zlib.error) as error:
        # TypeError: one array saved with np.save under this name.
        raise InvalidInputError(
            f"{path.name} is no whole .npz file of numbers: {error}.\n  Save it with numpy.savez, or copy it anew."
        ) from None
    if "ends" in content:
        return {name: content[name] for name in ("ends", "position", "distance", "width") if name in content}
    return _of_matrix(path, content)


def _read_csv(path: Path) -> dict[str, Any]:
    import pandas as pd

    try:
        table = pd.read_csv(path, skip_blank_lines=False).dropna(how="all")  # rows keep their numbers
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        cure = "Wanted a line of names, tail and head among them, and a line for each gap."
        raise InvalidInputError(f"{path.name} is no table: {str(error).strip().rstrip('.')}.\n  {cure}") from None
    if not {"tail", "head"} <= set(table.columns):
        raise InvalidInputError(f"{path.name} has the columns {', '.join(table.columns)}.\n  Wanted tail and head.")
    ends = [_column(path, table, name, "a whole number of a node", whole=True) for name in ("tail", "head")]
    found: dict[str, Any] = {"ends": np.column_stack(ends).astype(np.int64)}
    for name in ("distance", "width"):
        if f"{name}_nm" in table:
            found[name] = _column(path, table, f"{name}_nm", "a number of nm above 0")
    return found


def _column(path: Path, table: Any, name: str, wanted: str, *, whole: bool = False) -> np.ndarray:
    """Return a column as floats; name the first row, as a line of the file, that is none or is out of bounds."""
    import pandas as pd

    values = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
    right = np.isfinite(values) & ((values == np.floor(values)) if whole else (values > 0))
    if not right.all():
        row = int(np.argmin(right))
        found = "is empty" if pd.isna(table[name].iloc[row]) else f"is {table[name].iloc[row]}"
        cure = f"Wanted {wanted} in each row."
        raise TableError(found, file=path.name, row=int(table.index[row]) + 2, column=name, cure=cure)
    return values


def _of_matrix(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """Return the gaps of an adjacency matrix, in the order of its upper triangle, and the places of its nodes."""
    from scipy import sparse

    name = next((name for name in _ADJACENCY if name in content), None)
    if name is None:
        known = ", ".join(key for key in content if not key.startswith("__")) or "nothing"
        raise InvalidInputError(f"{path.name} holds {known}.\n  Wanted a matrix named {', '.join(_ADJACENCY)}.")
    matrix: Any = sparse.csr_matrix(content[name])
    if matrix.shape[0] != matrix.shape[1] or abs(matrix - matrix.T).max() > 0:
        raise InvalidInputError(f"{name} of {path.name} is not square and symmetric: {matrix.shape}.")
    upper: Any = sparse.triu(matrix, k=1).tocsr()
    upper.sort_indices()
    rows, columns = upper.nonzero()
    found: dict[str, Any] = {"ends": np.column_stack([rows, columns]).astype(np.int64), "nodes": matrix.shape[0]}
    for x, y in _PLACE:
        if x in content and y in content and np.size(content[x]) == matrix.shape[0]:
            found["position"] = 1000.0 * np.column_stack([np.ravel(content[x]), np.ravel(content[y])])
            break
    return found
