"""Read a longitudinal table of any of the usual shapes into a spine table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from spinula.core.errors import TableError
from spinula.core.table import REQUIRED, SpineTable, sidecar
from spinula.fit.readers.columns import (
    SYNONYMS,
    Reading,
    build,
    chosen,
    column_of,
    found,
    note,
    numbered,
    plain,
    tidy_names,
    time_of,
)
from spinula.fit.readers.text import read_frame
from spinula.fit.readers.wide import is_wide, read_matrix, read_wide

# Codes of a scored table: 0 absent, 1 shaft synapse, 2 spine, 3 unsure, 4 spine without a density.
_PRESENT_STATES, _UNSURE_STATE = (1, 2, 4), 3
_STATE_WORDS = {"absent": 0, "shaft": 1, "spine": 2, "present": 2, "unsure": 3, "unknown": 3, "unobserved": 3}


def read_table(path: str | Path, reading: Reading | None = None) -> SpineTable:
    """Read a table of spines over sessions.

    Understood are spinula's own CSV and Parquet; any tidy table (one row per spine and session) under the usual column
    names or those that ``reading.columns`` gives; and wide matrices, CSV or NPY, of spines x sessions, in which 0 or an
    empty cell is an absent spine. What had to be assumed is in ``about["notes"]``, which the validator shows.

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
        return read_matrix(path, reading)
    meta: dict = {}
    if path.suffix == ".parquet":
        frame, meta = _parquet(path)
    else:
        frame = read_frame(path)
        if sidecar(path).exists():
            meta = json.loads(sidecar(path).read_text(encoding="utf-8"))
    frame = chosen(frame, reading, path)
    if set(REQUIRED) <= set(frame.columns) and not reading.columns and reading.size in (None, "size"):
        return build(frame, reading.size_unit or meta.get("size_unit", "a.u."), meta.get("about", {}), path, {})
    return read_wide(frame, path, reading) if is_wide(frame) else _tidy(frame, path, reading)


def _parquet(path: Path) -> tuple[pd.DataFrame, dict]:
    if not path.exists():
        raise TableError("no such file", file=str(path), cure="Check the path.")
    from spinula.core.table import open_parquet

    try:
        frame, meta = open_parquet(path)
    except (OSError, ValueError) as error:
        raise TableError(f"is not Parquet ({error})", file=str(path), cure="Copy it again, or export CSV.") from None
    frame.index = pd.Index(numbered(len(frame)))
    return frame, meta


def _tidy(frame: pd.DataFrame, path: Path, reading: Reading) -> SpineTable:
    names = {wanted: column_of(frame, wanted, reading, path) for wanted in SYNONYMS}
    if names["spine_id"] is None or (names["session"] is None and names["day"] is None):
        missing = "spine_id" if names["spine_id"] is None else "session or day"
        option = "spine_id" if names["spine_id"] is None else "session"
        raise TableError(
            f"no column is the {missing}", file=str(path), cure=f"{found(frame)} Name it with --column {option}=NAME."
        )
    table = pd.DataFrame(index=frame.index)
    for ours in ("animal", "cell", "dendrite", "spine_id", "position_um", "condition"):
        if names[ours] is not None:
            table[ours] = frame[names[ours]]
    table["dendrite"] = table["dendrite"].map(_label) if "dendrite" in table else "1"
    table["size"] = frame[names["size"]] if names["size"] else np.nan
    if (minus := table["spine_id"].astype(str).isin(["-1", "-1.0"])).any():
        raise TableError(
            "-1 is not an identity", file=str(path), row=int(table.index[minus][0]), column=str(names["spine_id"]),
            cure="-1 marks an unknown match: leave such rows out, or give each a name of its own.",
        )  # fmt: skip
    notes = tidy_names(table)
    notes += _times(table, frame, names)
    notes += _presence(table, frame, names, reading, path)
    used = {name for ours, name in names.items() if ours != "state"}
    kept = [name for name in frame.columns if name not in used and name not in table]
    if names["size"] is None and (numeric := [name for name in kept if frame[name].dtype.kind == "f"]):
        notes.append(
            note(
                "no size", "size", "no column was taken for the size: turnover and survival only.",
                f"Name one with --size, such as {', '.join(sorted(map(str, numeric), key=_unlike_a_size)[:6])}.",
            )
        )  # fmt: skip
    table = pd.concat([table, frame[kept]], axis=1)
    unit = reading.size_unit or ("um3" if plain(names["size"]) in ("headvolume", "headvol") else "a.u.")
    return build(table, unit, {"file": path.name, "size": names["size"], "notes": notes}, path, names)


def _unlike_a_size(name: str) -> bool:
    """Sort key that puts names of sizes first."""
    return not any(part in name.lower() for part in ("vol", "size", "area", "sum", "int", "width", "norm"))


def _label(value: object) -> str:
    """Return a dendrite's name; whole numbers lose their decimals."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _times(table: pd.DataFrame, frame: pd.DataFrame, names: Mapping[str, str | None]) -> list[dict[str, str]]:
    """Fill session and day, each from the other where only one is given."""
    for ours in ("day", "session"):
        if (theirs := names[ours]) is not None:
            column = frame[theirs]
            times = column.map(time_of) if column.dtype.kind not in "fiub" else None
            # Sessions called S1, S2, ...; anything else is left to the table's own rules, which name the row.
            table[ours] = column if times is None or times.isna().any() else times.map(lambda time: time[0])
    if "session" not in table:
        number = pd.to_numeric(table["day"], errors="coerce")
        table["session"] = _sessions(number, table) if number.notna().all() else 0
        return []
    if "day" in table:
        return []
    table["day"] = table["session"]
    return [
        note(
            "days assumed", "day", "sessions have numbers but no days: one day apart was assumed.",
            "Give a column of days: every rate and time constant depends on them.", level="warning",
        )
    ]  # fmt: skip


def _sessions(day: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Number the days in time, over the largest unit whose dendrites were imaged on common days.

    Numbering each dendrite by itself would put its third day beside another's second where it missed one.
    """
    per_dendrite = day.groupby(table["dendrite"]).nunique()
    units = [pd.Series("all", table.index), *([table["animal"]] if "animal" in table else []), table["dendrite"]]
    for unit in units:
        unit = unit.fillna("").astype(str)
        most = per_dendrite.groupby(unit.groupby(table["dendrite"]).first()).max()
        if (day.groupby(unit).nunique() <= most).all():
            return day.groupby(unit).rank(method="dense").astype(int) - 1
    raise AssertionError("each dendrite has its own days")


def _presence(
    table: pd.DataFrame, frame: pd.DataFrame, names: Mapping[str, str | None], reading: Reading, path: Path
) -> list[dict[str, str]]:
    """Fill present and observed from their columns, from a state code, or from the sizes."""
    if names["present"] is not None:
        present = frame[names["present"]]
        known = present.notna()
        table["present"] = present.where(known, 0) if names["observed"] is None else present
        table["observed"] = known if names["observed"] is None else frame[names["observed"]]
        return []
    if (code := _state_codes(frame, names["state"], path)) is not None:
        unsure = (code == _UNSURE_STATE) | code.isna()
        there = reading.unsure == "present"
        table["present"] = code.isin(_PRESENT_STATES) | ((code == _UNSURE_STATE) & there)
        table["observed"] = code.notna() & (~unsure | there)
        table.loc[~table["observed"], "size"] = np.nan
        return []
    table["observed"] = True if names["observed"] is None else frame[names["observed"]]
    table["present"] = True
    if names["size"] is None:
        return []
    size = pd.to_numeric(table["size"], errors="coerce")
    empty = int(table["size"].isna().sum())
    # Tables that list absences as 0 or empty are told from tables that list only what was seen.
    lists_absence = bool((size == 0).any()) or empty > 0.05 * len(table)
    if lists_absence:
        table["present"] = (size != 0) & table["size"].notna()
    table.loc[size == 0, "size"] = np.nan
    if not empty:
        return []
    meaning = "absent" if lists_absence else "present, without a size"
    return [
        note(
            "presence from sizes", str(names["size"]),
            f"{empty} rows have no size: their spines were taken as {meaning}.",
            "Add a column 'present' (1 or 0) if that is not so.",
        )
    ]  # fmt: skip


def _state_codes(frame: pd.DataFrame, name: str | None, path: Path) -> pd.Series | None:
    """Return the codes of a state column, NaN where empty; None if the column holds something else."""
    if name is None:
        return None
    words = frame[name].astype(str).str.strip().str.lower().map(_STATE_WORDS)
    if frame[name].dtype.kind not in "fi":
        return words if (words.notna() | frame[name].isna()).all() else None
    code = frame[name].astype(float)
    if (bad := code.notna() & ~code.isin(range(5))).any():
        raise TableError(
            f"{code[bad].iloc[0]:g} is no state", file=str(path), row=int(frame.index[bad][0]), column=name,
            cure="0 absent, 1 shaft, 2 spine, 3 unsure, 4 spine without a density; or give a column 'present'.",
        )  # fmt: skip
    return code
