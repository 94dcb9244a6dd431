"""The rules that every row of a spine table obeys; a row that does not is named, with the cause and the cure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.core.errors import TableError

SPINE = ["dendrite", "spine_id"]


def typed(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """Give every column its type, or say which row cannot have it."""
    frame = frame.copy()
    for column in ("session", "day", "position_um", "size"):
        numbers = pd.to_numeric(frame[column], errors="coerce").astype(float)
        bad = numbers.isna() & frame[column].notna()
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            text = frame[column].iloc[row]
            raise TableError(
                f"{text!r} is not a number", file=file, row=row, column=column,
                cure="Use a decimal point; leave the cell empty where nothing was measured.",
            )  # fmt: skip
        frame[column] = numbers
    for column in ("session", "day"):
        if frame[column].isna().any():
            row = int(np.flatnonzero(frame[column].isna())[0])
            raise TableError("is empty", file=file, row=row, column=column, cure="Every row needs a session and a day.")
    if (fraction := frame["session"] % 1 != 0).any():
        row = int(np.flatnonzero(fraction)[0])
        raise TableError(
            f"{frame['session'].iloc[row]:g} is not a whole number", file=file, row=row, column="session",
            cure="Number the sessions 0, 1, 2, ... and put the time in 'day'.",
        )  # fmt: skip
    frame["session"] = frame["session"].astype(np.int64)
    for column in ("present", "observed"):
        frame[column] = _booleans(frame[column], column, file)
    for column in ("animal", "cell", "dendrite", "condition"):
        frame[column] = frame[column].fillna("").astype(str)
    if frame["spine_id"].isna().any():
        row = int(np.flatnonzero(frame["spine_id"].isna())[0])
        raise TableError(
            "is empty", file=file, row=row, column="spine_id", cure="Every row needs the spine's identity."
        )
    if frame["spine_id"].dtype == object:
        frame["spine_id"] = frame["spine_id"].astype(str)
    return frame


def _booleans(values: pd.Series, column: str, file: str) -> pd.Series:
    words = {
        "true": True,
        "1": True,
        "1.0": True,
        "yes": True,
        "false": False,
        "0": False,
        "0.0": False,
        "no": False,
    }
    if values.dtype == bool:
        return values
    mapped = values.astype(str).str.strip().str.lower().map(words)
    if mapped.isna().any():
        row = int(np.flatnonzero(mapped.isna())[0])
        raise TableError(
            f"{values.iloc[row]!r} is neither true nor false", file=file, row=row, column=column,
            cure="Write 1 or 0; a spine that could not be scored has observed = 0 and present = 0.",
        )  # fmt: skip
    return mapped.astype(bool)


def check_rows(frame: pd.DataFrame, file: str) -> None:
    """Refuse rows that contradict each other or themselves."""
    checks = [
        (
            frame.duplicated([*SPINE, "session"]), "spine_id", "this spine has a second row for the same session",
            "Drop the copies; if a group was pooled with its parts, keep the parts only.",
        ),
        (
            frame["present"] & ~frame["observed"], "present", "present, but not observed",
            "A spine that was seen was observed; one that was not imaged has present = 0.",
        ),
        (frame["size"] < 0, "size", "is negative", "Subtract less background, or leave the cell empty."),
        (~np.isfinite(frame["size"]) & frame["size"].notna(), "size", "is infinite", "Leave the cell empty."),
        (
            frame["size"].notna() & (frame["size"] > 0) & ~frame["present"], "size",
            "a spine that is absent has a size",
            "Set present = 1, or leave the size empty.",
        ),
    ]  # fmt: skip
    for bad, column, problem, cure in checks:
        if bad.any():
            raise TableError(problem, file=file, row=int(np.flatnonzero(bad)[0]), column=column, cure=cure)
    owner = frame.groupby("dendrite", observed=True)[["animal", "cell", "condition"]].nunique()
    if len(owner) and (owner[["animal", "cell"]] > 1).to_numpy().any():
        name = owner.index[(owner[["animal", "cell"]] > 1).any(axis=1)][0]
        raise TableError(
            f"dendrite {name!r} belongs to more than one animal or cell", file=file, column="dendrite",
            cure="Give each dendrite a name of its own, such as animal_dendrite.",
        )  # fmt: skip
    when = frame.groupby(["dendrite", "session"], observed=True)["day"].agg(["min", "max"])
    if len(when):
        torn = (when["max"] - when["min"]).to_numpy() > 1e-9
        if torn.any():
            name, session = when.index[torn][0]
            raise TableError(
                f"dendrite {name!r} has several days for session {session}", file=file, column="day",
                cure="One session of one dendrite is one time point.",
            )  # fmt: skip
        step = when["min"].groupby(level=0).diff()
        if (step <= 0).any():
            name, session = when.index[(step <= 0).to_numpy()][0]
            raise TableError(
                f"dendrite {name!r}: the day of session {session} is not after that of the session before",
                file=file, column="day", cure="Sessions are numbered in order of time.",
            )  # fmt: skip
