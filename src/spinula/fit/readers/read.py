"""Read a longitudinal table of any of the usual shapes into a spine table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from spinula.core.errors import TableError
from spinula.core.table import REQUIRED, SpineTable, sidecar
from spinula.fit.readers.text import read_frame

# What labs call our columns, in order of preference; compared without case, spaces and underscores.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "animal": ("animal", "mouse", "mouseid", "animalid", "rat", "subject"),
    "cell": ("cell", "cellid", "neuron"),
    "dendrite": ("dendrite", "dendriteid", "branch", "segment", "segmentid", "parentid"),
    "spine_id": ("spineid", "spine", "synapseid", "synapse", "track", "id"),
    "session": ("session", "timepoint", "imagingsession", "frame", "t"),
    "day": ("day", "days", "timedays", "time"),
    "size": ("size", "headvolume", "headvol", "volume", "spinevol", "psd95norm", "intensity", "area"),
    "position_um": ("positionum", "position", "distum", "pdist", "distance"),
    "present": ("present", "exists"),
    "observed": ("observed", "imaged"),
    "condition": ("condition", "group", "genotype", "treatment", "celltype"),
    "state": ("state", "status"),
}
# Codes of a scored table: 0 absent, 1 shaft synapse, 2 spine, 3 unsure, 4 spine without a density.
_PRESENT_STATES, _UNSURE_STATE = (1, 2, 4), 3


@dataclass(frozen=True)
class Reading:
    """How to read a file where its own names do not say it.

    Parameters
    ----------
    size : str
        The column that holds the size; needed where several could.
    size_unit : str
    columns : dict of our name to the file's name; wins over the synonyms
    days : days of the sessions of a wide matrix
    unsure : "unobserved" or "present"
        What a spine scored as unsure (state 3) counts as.
    select : dict of column to value; rows that do not match are left out
    """

    size: str | None = None
    size_unit: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    days: Sequence[float] | None = None
    unsure: str = "unobserved"
    select: Mapping[str, str] = field(default_factory=dict)


def read_table(path: str | Path, reading: Reading | None = None) -> SpineTable:
    """Read a table of spines over sessions.

    Understood are spinula's own CSV and Parquet; any tidy table (one row per spine and session) under the usual column
    names or those that ``reading.columns`` gives; and wide matrices, CSV or NPY, of spines x sessions, in which 0 or an
    empty cell is an absent spine.

    Raises
    ------
    TableError
        If a column cannot be found or is ambiguous (names the columns that the file has), or the rows are not a table.

    Source
    ------
    The state codes are those of [melander2021].
    """
    path, reading = Path(path), reading or Reading()
    if path.suffix == ".npy":
        return _wide(np.load(path), [str(k) for k in range(np.load(path, mmap_mode="r").shape[1])], path, reading)
    if path.suffix == ".parquet":
        return SpineTable.read(path)
    frame = read_frame(path)
    for column, value in reading.select.items():
        if column not in frame:
            raise TableError("is not in the file", file=str(path), column=column, cure=_found(frame))
        frame = frame[frame[column].astype(str) == str(value)]
        if frame.empty:
            raise TableError(f"no row has {value!r}", file=str(path), column=column, cure="Check the spelling.")
    if set(REQUIRED) <= set(frame.columns) and not reading.columns and reading.size in (None, "size"):
        meta = json.loads(sidecar(path).read_text(encoding="utf-8")) if sidecar(path).exists() else {}
        unit = reading.size_unit or meta.get("size_unit", "a.u.")
        return SpineTable(frame, unit, meta.get("about", {}), str(path))
    if _is_wide(frame):
        names = [column for column in frame.columns if _number(column) is not None]
        return _wide(frame[names].to_numpy(float), [str(name) for name in names], path, reading)
    return _tidy(frame.reset_index(drop=True), path, reading)


def _found(frame: pd.DataFrame) -> str:
    return f"Columns found: {', '.join(map(str, frame.columns))}."


def _plain(name: str) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def _number(name: object) -> float | None:
    text = str(name).lower().strip().lstrip("abcdefghijklmnopqrstuvwxyz_ ")
    try:
        return float(text)
    except ValueError:
        return None


def _is_wide(frame: pd.DataFrame) -> bool:
    """Whether most columns are named by a number (a day or a session) and hold numbers."""
    numeric = [name for name in frame.columns if _number(name) is not None and frame[name].dtype.kind in "fi"]
    plain = {_plain(name) for name in frame.columns}
    return len(numeric) >= 2 and len(numeric) >= len(frame.columns) - 2 and "session" not in plain


def _column(frame: pd.DataFrame, wanted: str, reading: Reading, path: Path) -> str | None:
    """Return the file's name of one of our columns, or None."""
    if wanted in reading.columns:
        name = reading.columns[wanted]
        if name not in frame:
            raise TableError("is not in the file", file=str(path), column=name, cure=_found(frame))
        return name
    by_plain: dict[str, list[str]] = {}
    for name in frame.columns:
        by_plain.setdefault(_plain(name), []).append(name)
    for synonym in SYNONYMS[wanted]:
        if len(names := by_plain.get(synonym, [])) == 1:
            return names[0]
        if names:
            raise TableError(
                f"{wanted} could be any of {', '.join(names)}", file=str(path), cure="Say which with --column."
            )
    return None


def _tidy(frame: pd.DataFrame, path: Path, reading: Reading) -> SpineTable:
    names = {wanted: _column(frame, wanted, reading, path) for wanted in SYNONYMS}
    if reading.size:
        if reading.size not in frame:
            raise TableError("is not in the file", file=str(path), column=reading.size, cure=_found(frame))
        names["size"] = reading.size
    if names["spine_id"] is None or (names["session"] is None and names["day"] is None):
        missing = "spine_id" if names["spine_id"] is None else "session or day"
        raise TableError(
            f"no column is the {missing}", file=str(path), cure=f"{_found(frame)} Name it with --column {missing}=NAME."
        )
    table = pd.DataFrame(index=frame.index)
    for ours in ("animal", "cell", "dendrite", "spine_id", "position_um", "condition"):
        if names[ours] is not None:
            table[ours] = frame[names[ours]]
    table["dendrite"] = table["dendrite"].map(_label) if "dendrite" in table else "1"
    table["size"] = frame[names["size"]] if names["size"] else np.nan
    _times(table, frame, names)
    if (minus := table["spine_id"].astype(str).isin(["-1", "-1.0"])).any():
        raise TableError(
            "-1 is not an identity", file=str(path), row=int(np.flatnonzero(minus)[0]), column=str(names["spine_id"]),
            cure="-1 marks an unknown match: leave such rows out, or give each a name of its own.",
        )  # fmt: skip
    _presence(table, frame, names, reading, path)
    used = {name for ours, name in names.items() if ours != "state"}
    kept = [name for name in frame.columns if name not in used and name not in table]
    table = pd.concat([table, frame[kept]], axis=1)
    unit = reading.size_unit or ("um3" if _plain(str(names["size"])) in ("headvolume", "headvol") else "a.u.")
    return SpineTable(table, unit, {"file": path.name, "size": names["size"]}, str(path))


def _label(value: object) -> str:
    """Return a dendrite's name; whole numbers lose their decimals."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _times(table: pd.DataFrame, frame: pd.DataFrame, names: Mapping[str, str | None]) -> None:
    """Fill session and day, each from the other where only one is given."""
    day, session = names["day"], names["session"]
    table["day"] = frame[day] if day is not None else frame[session]
    if session is not None:
        table["session"] = frame[session]
    else:
        table["session"] = table.groupby("dendrite")["day"].rank(method="dense").astype(int) - 1


def _presence(
    table: pd.DataFrame, frame: pd.DataFrame, names: Mapping[str, str | None], reading: Reading, path: Path
) -> None:
    """Fill present and observed from their columns, from a state code, or from the sizes."""
    state = names["state"]
    if state is not None and pd.to_numeric(frame[state], errors="coerce").isin([0, 1, 2, 3, 4]).all():
        code = frame[state].astype(int)
        unsure = code == _UNSURE_STATE
        table["present"] = code.isin(_PRESENT_STATES) | (unsure & (reading.unsure == "present"))
        table["observed"] = ~unsure | (reading.unsure == "present")
        return
    if names["present"] is not None:
        table["present"] = frame[names["present"]]
        table["observed"] = frame[names["observed"]] if names["observed"] else True
        return
    table["observed"] = True
    if names["size"] is None:
        table["present"] = True
        return
    size = pd.to_numeric(table["size"], errors="coerce")
    # Tables that list absences as 0 or empty are told from tables that list only what was seen.
    lists_absence = bool((size == 0).any()) or size.isna().mean() > 0.05
    table["present"] = size > 0 if lists_absence else True
    table.loc[size == 0, "size"] = np.nan


def _wide(matrix: np.ndarray, names: list[str], path: Path, reading: Reading) -> SpineTable:
    """Make a table of a spines x sessions matrix; 0 and NaN are absences."""
    if matrix.ndim != 2 or matrix.shape[1] < 2:
        raise TableError(f"has shape {matrix.shape}", file=str(path), cure="Wanted spines x sessions, two or more.")
    days = list(reading.days) if reading.days is not None else [_number(name) for name in names]
    if len(days) != matrix.shape[1] or any(day is None for day in days):
        raise TableError(
            f"{matrix.shape[1]} sessions, but {len(days)} days",
            file=str(path),
            cure="Give one day per column, --days 0,4,8.",
        )
    spines, sessions = matrix.shape
    size = np.where(np.isfinite(matrix) & (matrix != 0), matrix, np.nan).ravel()
    frame = pd.DataFrame(
        {
            "dendrite": path.name.split(".")[0],
            "spine_id": np.repeat(np.arange(spines), sessions),
            "session": np.tile(np.arange(sessions), spines),
            "day": np.tile(np.array(days, float), spines),
            "size": size,
            "present": np.isfinite(size),
            "observed": True,
        }
    )
    return SpineTable(frame, reading.size_unit or "a.u.", {"file": path.name}, str(path))
