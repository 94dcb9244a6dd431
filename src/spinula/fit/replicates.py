"""Many fits that can be stopped and gone on with: bootstrap replicates, one fit per dendrite or condition.

Each finished part is one JSON file, written whole or not at all. A run that was killed goes on where it stopped; a part
whose data or options are not those of the file is fitted anew.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError, NotConvergedError, OutputExistsError, SpinulaWarning, UsageError
from spinula.core.files import write_text
from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.fit.likelihood import LogOUFit, fit_log_ou

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Part:
    """One table to fit: a name, what identifies its data, and how to make it (not called for a finished part)."""

    name: str
    digest: str
    make: Callable[[], SpineTable]


@dataclass(frozen=True)
class PartFit:
    """What became of a part: its fit, or why there is none."""

    name: str
    fit: LogOUFit | None
    problem: str = ""


def digest_of(table: SpineTable) -> str:
    """Return a short hash of a table's rows and unit."""
    rows = pd.util.hash_pandas_object(table.frame, index=False).to_numpy()
    return hashlib.blake2b(rows.tobytes() + table.size_unit.encode(), digest_size=12).hexdigest()


def split(table: SpineTable, by: str = "dendrite") -> list[Part]:
    """Return one part for each value of a column (dendrite, cell, animal, condition).

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> [part.name for part in split(example_table(), "animal")]
    ['m1', 'm2']
    """
    if by not in ("dendrite", "cell", "animal", "condition"):
        raise UsageError(f"by = {by!r}: wanted dendrite, cell, animal or condition.")
    parts = []
    for value in sorted(table.frame[by].unique()):
        piece = table.select(**{by: value})
        parts.append(Part(str(value), digest_of(piece), lambda piece=piece: piece))
    return parts


def resampled(table: SpineTable, *, replicates: int, seed: int, by: str = "dendrite") -> list[Part]:
    """Return bootstrap replicates of a table: whole animals or dendrites, drawn with replacement.

    A replicate depends on the seed and on its own number only.

    Source
    ------
    [davison1997] section 3.8: with nested data, resample the highest level.
    """
    if by not in ("dendrite", "animal"):
        raise UsageError(f"by = {by!r}: wanted dendrite or animal.")
    digest, streams = digest_of(table), Streams(seed)
    width = len(str(max(replicates - 1, 0)))

    def part(number: int) -> Part:
        name = f"replicate_{number:0{width}d}"
        return Part(name, f"{digest}-{by}-{seed}-{number}", lambda: _draw(table, by, streams.generator(name)))

    return [part(number) for number in range(replicates)]


def fit_many(
    parts: Iterable[Part],
    *,
    out: str | Path | None = None,
    resume: bool = False,
    noise: float | None = None,
    errors: str = "auto",
    check: bool = False,
) -> Iterator[PartFit]:
    """Fit every part, one after the other, and yield each result as it is there.

    Parameters
    ----------
    out : path, optional
        A folder for one JSON file per finished part; without it nothing is kept.
    resume : bool
        Take finished parts from ``out`` instead of refusing a folder that has some.
    noise, errors, check
        As :func:`spinula.fit.likelihood.fit_log_ou`. Cautions stay in each fit's ``cautions``; none is issued.

    Raises
    ------
    OutputExistsError
        If ``out`` has finished parts and ``resume`` was not asked for.

    Examples
    --------
    >>> from spinula.core.table import example_table
    >>> [result.fit is None for result in fit_many(split(example_table()), noise=0.05, errors="model")]
    [False, False]
    """
    folder = None if out is None else Path(out)
    if folder is not None and not resume and any(folder.glob("*.json")):
        raise OutputExistsError(folder)
    options = {"noise": noise, "errors": errors, "check": check}
    return _run(parts, folder, options)


def _run(parts: Iterable[Part], folder: Path | None, options: dict[str, Any]) -> Iterator[PartFit]:
    for part in parts:
        file = None if folder is None else folder / f"{_file_name(part.name)}.json"
        key = {"schema_version": SCHEMA_VERSION, "name": part.name, "digest": part.digest, "options": options}
        done = None if file is None else _finished(file, key)
        if done is None:
            done = _fit(part, options)
            if file is not None:
                record = {**key, "fit": done.fit.as_dict() if done.fit else None, "problem": done.problem}
                write_text(file, json.dumps(record, indent=1) + "\n")
        yield done


def _fit(part: Part, options: dict[str, Any]) -> PartFit:
    """Fit one part; a part that cannot be fitted is a result too, and the others go on."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SpinulaWarning)
            return PartFit(part.name, fit_log_ou(part.make(), **options))
    except (NotConvergedError, InvalidInputError) as error:
        return PartFit(part.name, None, str(error))


def _finished(file: Path, key: dict[str, Any]) -> PartFit | None:
    """Return the result in a file if it is of the same data and options."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if any(record.get(name) != value for name, value in key.items()):
        return None
    fit = record["fit"]
    return PartFit(record["name"], LogOUFit.from_dict(fit) if fit else None, record["problem"])


def _file_name(name: str) -> str:
    """Return a name that every file system takes, and that no other part has."""
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
    return plain if plain == name else f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"


def _draw(table: SpineTable, by: str, generator: np.random.Generator) -> SpineTable:
    frame = table.frame
    groups = dict(list(frame.groupby(by, sort=True)))
    names = sorted(groups)
    copies = []
    for copy, index in enumerate(generator.integers(len(names), size=len(names))):
        piece = groups[names[index]]
        # Two copies of a dendrite are two dendrites.
        renamed = {column: piece[column].astype(str) + f"#{copy}" for column in {"dendrite", by}}
        copies.append(piece.assign(**renamed))
    return SpineTable(pd.concat(copies, ignore_index=True), table.size_unit, table.about, table.file)
