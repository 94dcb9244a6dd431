"""The spine table: one long schema for what a microscope saw and for what an engine simulated.

One row is one spine (or synapse) in one imaging session.

| column | unit | meaning |
|---|---|---|
| animal, cell, dendrite | | where the spine sits; the animal is the unit of statistics, the dendrite of imaging |
| spine_id | | a new one at each birth; unique within its dendrite |
| session | | 0, 1, 2, ... in order of time |
| day | day | when the session was, per dendrite |
| position_um | um | along the dendrite; NaN if not measured |
| size | size_unit | head volume, or what stands for it; NaN if not measured |
| observed | | the spine's place was imaged in that session and could be scored |
| present | | a spine was seen there; never true where not observed |
| condition | | genotype, drug, group |

*Not imaged is not absent*: a session in which a dendrite was not imaged has ``observed = False`` (or no row at all).
A dendrite that has any observed row in a session was imaged then, so that a spine without a row there was absent.
Further columns are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.errors import MissingExtraError, TableError
from spinula.core.files import replacing, write_text
from spinula.core.quantity import canonical_unit
from spinula.core.rows import SPINE, check_rows, typed

SCHEMA_VERSION = 1
REQUIRED = ("dendrite", "spine_id", "session", "day", "present", "observed")
OPTIONAL: Mapping[str, Any] = {
    "animal": "",
    "cell": "",
    "position_um": np.nan,
    "size": np.nan,
    "condition": "",
}
COLUMNS = (
    "animal",
    "cell",
    "dendrite",
    "spine_id",
    "session",
    "day",
    "position_um",
    "size",
    "present",
    "observed",
    "condition",
)


@dataclass(frozen=True)
class Panel:
    """A spine table as arrays: one row per spine, one column per session.

    Attributes
    ----------
    size : Array, shape (spines, sessions), size_unit
        NaN where absent, not measured or not observed.
    present, observed : Array of bool, shape (spines, sessions)
        ``observed & ~present`` is a true absence.
    day : Array, shape (spines, sessions), day
        NaN where the spine's dendrite was not imaged.
    spines : DataFrame, one row per spine
        animal, cell, dendrite, spine_id, condition, position_um (first known).
    """

    size: np.ndarray
    present: np.ndarray
    observed: np.ndarray
    day: np.ndarray
    spines: pd.DataFrame
    size_unit: str


@dataclass(frozen=True)
class SpineTable:
    """A validated long table of spines over sessions (see the module's text for the columns).

    Parameters
    ----------
    frame : DataFrame
        Has at least dendrite, spine_id, session, day, present, observed; the rest is filled in.
    size_unit : str
        ``um3`` for head volume, else what the size is measured in (``a.u.`` for fluorescence).
    about : dict
        Provenance that travels with the table (seed, preset, source file).

    Raises
    ------
    TableError
        If a column is missing or of the wrong kind, a row is doubled, a spine is present where it was not observed,
        a size is negative or infinite, or days do not rise with sessions.
    """

    frame: pd.DataFrame
    size_unit: str = "um3"
    about: dict[str, Any] = field(default_factory=dict)
    file: str = "table"

    def __post_init__(self) -> None:
        frame = self.frame.reset_index(drop=True)
        for column in REQUIRED:
            if column not in frame:
                raise TableError(
                    "is missing",
                    file=self.file,
                    column=column,
                    cure=f"Columns found: {', '.join(map(str, frame.columns))}.",
                )
        for column, filler in OPTIONAL.items():
            if column not in frame:
                frame[column] = filler
        others = [column for column in frame.columns if column not in COLUMNS]
        frame = frame[[*COLUMNS, *others]]
        frame = typed(frame, self.file)
        check_rows(frame, self.file)
        order = ["animal", "cell", "dendrite", "spine_id", "session"]
        frame = frame.sort_values(order, kind="stable", ignore_index=True)
        object.__setattr__(self, "frame", frame)
        object.__setattr__(self, "size_unit", canonical_unit(self.size_unit))

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, **where: Any) -> SpineTable:
        """Keep the rows whose columns have the given values (a value or a list of values).

        Examples
        --------
        >>> example_table().select(dendrite="d1").frame.dendrite.unique().tolist()
        ['d1']
        """
        keep = pd.Series(True, index=self.frame.index)
        for column, wanted in where.items():
            values = wanted if isinstance(wanted, list | tuple | set | np.ndarray) else [wanted]
            keep &= self.frame[column].isin(list(values))
        return SpineTable(self.frame[keep], self.size_unit, self.about, self.file)

    def panel(self) -> Panel:
        """Return the table as spines x sessions arrays, with true absences filled in.

        A session in which a dendrite has an observed row was imaged there: its spines without a row were absent.
        """
        frame = self.frame
        sessions = np.sort(frame["session"].unique())
        column = np.searchsorted(sessions, frame["session"].to_numpy())
        row, index = _group_codes(frame, SPINE)
        spines = frame.loc[index, ["animal", "cell", "dendrite", "spine_id", "condition", "position_um"]].reset_index(
            drop=True
        )
        shape = (len(spines), len(sessions))
        present, size = np.zeros(shape, bool), np.full(shape, np.nan)
        present[row, column] = frame["present"]
        size[row, column] = frame["size"]

        dendrite, _ = _group_codes(frame, ["dendrite"])
        imaged = np.zeros((dendrite.max() + 1 if len(frame) else 0, len(sessions)), bool)
        when = np.full(imaged.shape, np.nan)
        seen = frame["observed"].to_numpy()
        imaged[dendrite[seen], column[seen]] = True
        when[dendrite[seen], column[seen]] = frame["day"].to_numpy()[seen]
        of_spine = np.zeros(len(spines), int)
        of_spine[row] = dendrite
        observed = imaged[of_spine]
        observed[row, column] = seen
        return Panel(np.where(present, size, np.nan), present, observed, when[of_spine], spines, self.size_unit)

    def write(self, path: str | Path) -> None:
        """Write CSV (``.csv``, ``.csv.gz``; units in a ``.json`` beside it) or Parquet (``.parquet``; units inside).

        Raises
        ------
        MissingExtraError
            If pyarrow is needed and absent.
        """
        path = Path(path)
        meta = {"schema_version": SCHEMA_VERSION, "size_unit": self.size_unit, "about": self.about}
        if path.suffix == ".parquet":
            arrow, parquet = _parquet()
            table = arrow.Table.from_pandas(self.frame, preserve_index=False)
            table = table.replace_schema_metadata(
                {**(table.schema.metadata or {}), b"spinula": json.dumps(meta).encode()}
            )
            with replacing(path) as temporary:
                parquet.write_table(table, temporary)
        else:
            with replacing(path) as temporary:
                self.frame.to_csv(temporary, index=False)
            write_text(sidecar(path), json.dumps(meta, indent=2) + "\n")

    @classmethod
    def read(cls, path: str | Path) -> SpineTable:
        """Read a table that :meth:`write` wrote (for other people's files see ``spinula.fit.readers``).

        Raises
        ------
        TableError
            If the file is absent or is not a spine table.
        """
        path = Path(path)
        if not path.exists():
            raise TableError("no such file", file=str(path), cure="Check the path.")
        if path.suffix == ".parquet":
            frame, meta = open_parquet(path)
        else:
            frame = pd.read_csv(path, keep_default_na=True, low_memory=False)
            meta = json.loads(sidecar(path).read_text(encoding="utf-8")) if sidecar(path).exists() else {}
        return cls(frame, meta.get("size_unit", "a.u."), meta.get("about", {}), str(path))


def sidecar(path: Path) -> Path:
    """Return the path of the JSON that carries a CSV table's units."""
    return path.with_name(path.name + ".json")


def example_table() -> SpineTable:
    """Return a table of five spines on two dendrites, small enough to read."""
    rows = [
        ("m1", "d1", 0, [0.10, 0.12, 0.11]),
        ("m1", "d1", 1, [0.04, np.nan, np.nan]),
        ("m1", "d1", 2, [np.nan, 0.05, 0.06]),
        ("m2", "d2", 0, [0.20, 0.19, None]),
        ("m2", "d2", 1, [0.07, 0.08, None]),
    ]
    frame = pd.DataFrame(
        [
            {"animal": animal, "dendrite": dendrite, "spine_id": spine, "session": session, "day": 4.0 * session,
             "size": size, "present": not np.isnan(size), "observed": True}
            for animal, dendrite, spine, sizes in rows
            for session, size in enumerate(sizes)
            if size is not None
        ]
    )  # fmt: skip
    return SpineTable(frame)


def open_parquet(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the frame of a Parquet file and what :meth:`SpineTable.write` put beside it (nothing in other files)."""
    _, parquet = _parquet()
    table = parquet.read_table(path)
    return table.to_pandas(), json.loads((table.schema.metadata or {}).get(b"spinula", b"{}"))


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    return pyarrow, pyarrow.parquet


def _group_codes(frame: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row the number of its group, and for each group its first row."""
    codes = frame.groupby(columns, sort=False, observed=True).ngroup().to_numpy()
    _, first = np.unique(codes, return_index=True)
    return codes, first
