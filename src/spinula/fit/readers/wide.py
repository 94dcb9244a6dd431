"""Wide matrices: one row per spine, one column per session; 0 and empty cells are absences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from spinula.core.errors import TableError
from spinula.core.table import SpineTable
from spinula.fit.readers.columns import Reading, build, column_of, note, plain, tidy_names, time_of

_LABELS = ("animal", "cell", "dendrite", "spine_id", "position_um", "condition")


def is_wide(frame: pd.DataFrame) -> bool:
    """Whether two or more columns are named by a time, and no column holds the time of a row."""
    times = [name for name in frame.columns if time_of(name) is not None]
    rest = {plain(name) for name in frame.columns if name not in times}
    return len(times) >= 2 and not rest & {"session", "day", "timepoint", "days", "size"}


def read_matrix(path: Path, reading: Reading) -> SpineTable:
    """Read an NPY matrix.

    Raises
    ------
    TableError
        If the file is not a numeric matrix of spines x sessions.
    """
    try:
        matrix = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        problem = "no such file" if not path.exists() else f"cannot be read as NPY ({error})"
        raise TableError(problem, file=str(path), cure="Save it with numpy.save, as numbers.") from None
    if matrix.ndim != 2 or matrix.shape[1] < 2 or matrix.dtype.kind not in "fiub":
        raise TableError(
            f"has shape {matrix.shape} and holds {matrix.dtype}", file=str(path),
            cure="Wanted numbers, spines x sessions, two sessions or more.",
        )  # fmt: skip
    frame = pd.DataFrame(matrix.astype(float), index=range(1, len(matrix) + 1))
    frame.columns = [f"session{column}" for column in frame.columns]
    return read_wide(frame, path, reading)


def read_wide(frame: pd.DataFrame, path: Path, reading: Reading) -> SpineTable:
    """Make a table of a wide frame, whose index holds the rows of the file.

    Raises
    ------
    TableError
        If days and columns do not match, or a cell is not a size.
    """
    names = [name for name in frame.columns if time_of(name) is not None]
    days, notes = _days(frame, names, path, reading)
    matrix = _numbers(frame, names, path)
    spines, sessions = matrix.shape
    size = np.where(np.isfinite(matrix) & (matrix != 0), matrix, np.nan).ravel()
    labels = {ours: column_of(frame.drop(columns=names), ours, reading, path) for ours in _LABELS}
    table = pd.DataFrame(
        {
            "dendrite": path.name.split(".")[0], "spine_id": np.repeat(np.arange(spines), sessions),
            "session": np.tile(np.arange(sessions), spines), "day": np.tile(days, spines), "size": size,
            "present": np.isfinite(size), "observed": True,
        },
        index=np.repeat(frame.index.to_numpy(), sessions),
    )  # fmt: skip
    for ours, theirs in labels.items():
        if theirs is not None:
            table[ours] = np.repeat(frame[theirs].to_numpy(), sessions)
    notes += tidy_names(table)
    return build(table, reading.size_unit or "a.u.", {"file": path.name, "notes": notes}, path, labels)


def _days(frame: pd.DataFrame, names: list[str], path: Path, reading: Reading) -> tuple[np.ndarray, list]:
    """Return the day of each column: as given, or by its name, or (with a note) by its number."""
    headless = frame.attrs.get("headless", False)
    if reading.days is not None:
        if len(reading.days) != len(names):
            raise TableError(
                f"{len(names)} sessions, but {len(reading.days)} days", file=str(path),
                cure="Give one day per session, --days 0,4,8.",
            )  # fmt: skip
        return np.asarray(reading.days, float), []
    if headless:
        raise TableError(
            "the first row holds sizes, not names", file=str(path), row=1,
            cure="Say when the sessions were, --days 0,4,8, or add a header such as day0,day4,day8.",
        )  # fmt: skip
    times = [time for name in names if (time := time_of(name)) is not None]
    days = np.array([day for day, _ in times])
    if (np.diff(days) <= 0).any():
        raise TableError(
            f"the days {', '.join(map(str, names[:6]))} do not rise", file=str(path), cure="Order the columns in time."
        )
    if all(is_day for _, is_day in times):
        return days, []
    assumed = note(
        "days assumed", "day", "sessions have numbers but no days: one day apart was assumed.",
        "Give the days, --days 0,4,8: every rate and time constant depends on them.", level="warning",
    )  # fmt: skip
    return days, [assumed]


def _numbers(frame: pd.DataFrame, names: list[str], path: Path) -> np.ndarray:
    """Return the cells as numbers, or name the one that is not a size."""
    for name in names:
        cells = pd.to_numeric(frame[name], errors="coerce").astype(float)
        text = cells.isna() & frame[name].notna()
        for bad, problem in ((text, "is not a number"), (cells < 0, "is negative"), (np.isinf(cells), "is infinite")):
            if bad.any():
                row = frame.index[bad][0]
                raise TableError(
                    f"{frame.loc[row, name]!r} {problem}", file=str(path), row=int(row), column=str(name),
                    cure="A cell is a size, or 0 or empty where there is no spine.",
                )  # fmt: skip
    return frame[names].apply(pd.to_numeric).to_numpy(float)
