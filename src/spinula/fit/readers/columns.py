"""What the columns of other people's tables mean, and what a reader had to assume about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from spinula.core.errors import TableError
from spinula.core.table import SpineTable

# What labs call our columns, in order of preference; compared without case, spaces and underscores.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "animal": ("animal", "mouse", "mouseid", "animalid", "rat", "subject"),
    "cell": ("cell", "cellid", "neuron"),
    "dendrite": ("dendrite", "dendriteid", "branch", "segment", "parentid", "segmentid"),
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
# A column or a session named by a time: 4, day4, d-3, session_2, t1, 4.5 days.
_TIME = re.compile(r"\s*(day|d|session|s|timepoint|tp|time|t)?[\s_]*(-?\d+(?:\.\d+)?)\s*(d|days?)?\s*", re.IGNORECASE)


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


def found(frame: pd.DataFrame) -> str:
    """Return the sentence that names a frame's columns, the first thirty of them."""
    names = [str(name) for name in frame.columns]
    return f"Columns found: {', '.join(names[:30])}{', ...' if len(names) > 30 else ''}."


def plain(name: object) -> str:
    """Return a name without case, spaces and signs."""
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def time_of(name: object) -> tuple[float, bool] | None:
    """Return the number in the name of a time, and whether it is a day (not the number of a session).

    Examples
    --------
    >>> time_of("day-3"), time_of("s2"), time_of("4.5"), time_of("ch1")
    ((-3.0, True), (2.0, False), (4.5, True), None)
    """
    match = _TIME.fullmatch(str(name))
    if match is None:
        return None
    word = (match.group(1) or "day").lower()
    return float(match.group(2)), word in ("day", "d") or match.group(3) is not None


def column_of(frame: pd.DataFrame, wanted: str, reading: Reading, path: Path) -> str | None:
    """Return the file's name of one of our columns, or None.

    Raises
    ------
    TableError
        If the name that was given is not there, or several columns could be meant.
    """
    given = reading.size if wanted == "size" and reading.size else reading.columns.get(wanted)
    if given is not None:
        if given not in frame:
            raise TableError("is not in the file", file=str(path), column=given, cure=found(frame))
        return given
    by_plain: dict[str, list[str]] = {}
    for name in frame.columns:
        by_plain.setdefault(plain(name), []).append(name)
    meant = [by_plain[synonym] for synonym in SYNONYMS[wanted] if synonym in by_plain]
    # Sizes are not alike: a volume beside an area is a choice that only the user can make.
    several = [name for names in meant for name in names] if wanted == "size" else meant[0] if meant else []
    if len(several) > 1 and not (wanted == "size" and plain(several[0]) == "size" and len(meant[0]) == 1):
        option = "--size NAME" if wanted == "size" else f"--column {wanted}=NAME"
        raise TableError(f"{wanted} could be any of {', '.join(several)}", file=str(path), cure=f"Say which: {option}.")
    return meant[0][0] if meant else None


def chosen(frame: pd.DataFrame, reading: Reading, path: Path) -> pd.DataFrame:
    """Return the rows that the reading selects."""
    for column, value in reading.select.items():
        if column not in frame:
            raise TableError("is not in the file", file=str(path), column=column, cure=found(frame))
        kept = frame[column].astype(str).str.strip() == str(value)
        if frame[column].dtype.kind in "fi":
            kept |= frame[column] == pd.to_numeric(value, errors="coerce")
        if not kept.any():
            levels = ", ".join(map(str, frame[column].dropna().unique()[:8]))
            raise TableError(f"no row has {value!r}", file=str(path), column=column, cure=f"There are {levels}.")
        frame = frame.loc[kept]
    return frame


def note(trap: str, column: str, message: str, cure: str = "", *, level: str = "note") -> dict[str, str]:
    """Return what a reader assumed, in the words of a finding (see ``spinula.fit.validate``)."""
    return {"level": level, "trap": trap, "column": column, "message": message, "cure": cure}


def tidy_names(table: pd.DataFrame) -> list[dict[str, str]]:
    """Make the names in a table unambiguous, in place: one spelling per condition, one name per dendrite."""
    notes = []
    if "condition" in table:
        words = table["condition"].dropna().astype(str).str.strip()
        # The most frequent spelling wins.
        spelling = words.groupby(words.str.casefold()).agg(lambda group: group.value_counts().index[0])
        folded = words.str.casefold().map(spelling)
        changed = sorted(set(words[words != folded]))
        table.loc[words.index, "condition"] = folded
        if changed:
            kept = sorted(set(folded[words != folded]))
            notes.append(
                note(
                    "levels differ by case", "condition",
                    f"{', '.join(map(repr, changed))} was read as {', '.join(map(repr, kept))}.",
                    "If they are different levels, give them different names.", level="warning",
                )
            )  # fmt: skip
    owners = [column for column in ("animal", "cell") if column in table]
    if owners and (table.groupby("dendrite")[owners].nunique() > 1).to_numpy().any():
        parts = [table[column].fillna("").astype(str) for column in (*owners, "dendrite")]
        table["dendrite"] = ["_".join(word for word in words if word) for words in zip(*parts, strict=True)]
        notes.append(
            note(
                "dendrite names repeat", "dendrite", "the same name occurs in several animals or cells.",
                f"They were told apart as {'_'.join((*owners, 'dendrite'))}, such as {table['dendrite'].iloc[0]!r}.",
            )
        )  # fmt: skip
    return notes


def build(
    table: pd.DataFrame, unit: str, about: Mapping[str, Any], path: Path, names: Mapping[str, str | None]
) -> SpineTable:
    """Make the spine table of a table that is indexed by the rows of its file.

    An error names that row, as a spreadsheet counts (the header is row 1), and the file's own column.
    """
    try:
        return SpineTable(table, unit, dict(about), str(path))
    except TableError as error:
        row = None if error.row is None else int(table.index[error.row])
        column = names.get(error.column) or error.column
        raise TableError(error.problem, file=str(path), row=row, column=column, cure=error.cure) from None


def numbered(count: int) -> Iterable[int]:
    """Return the rows of a file of so many records under one header, as a spreadsheet counts them."""
    return range(2, count + 2)
