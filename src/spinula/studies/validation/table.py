"""All rows in order, and how to run them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from spinula.core.errors import UnknownNameError
from spinula.studies.validation import behaviour, disorders, memory, parallels
from spinula.studies.validation.extrinsic import competition, dopamine, slices
from spinula.studies.validation.intrinsic import lattice, linear, logsize, presets
from spinula.studies.validation.row import Result, Row
from spinula.studies.validation.silver import analysis as silver_analysis
from spinula.studies.validation.silver import behaviour as silver_behaviour
from spinula.studies.validation.silver import exact as silver_exact


def rows() -> list[Row]:
    """Return all validation rows, by number."""
    parts = (linear, presets, logsize, lattice, slices, competition, dopamine, memory, disorders, behaviour, parallels,
             silver_exact, silver_analysis, silver_behaviour)  # fmt: skip
    return sorted((row for part in parts for row in part.ROWS), key=_place)


def _place(row: Row) -> tuple[int, str]:
    number = re.match(r"\d+", str(row.number))
    assert number is not None
    return int(number.group()), str(row.number)


def run_rows(numbers: Iterable[int | str] = (), *, seed: int) -> Iterator[Result]:
    """Run the rows of the given numbers (all, if none is given) and yield each result as it comes.

    Statistical rows at a fixed seed have one outcome; over seeds each sign or KS test fails by chance in at most 1 %.

    Raises
    ------
    UnknownNameError
        If there is no row of a number.
    """
    known = {str(row.number): row for row in rows()}
    for number in map(str, numbers or known):
        if number not in known:
            raise UnknownNameError("validation row", number, known, see="spinula list")
        row, start = known[number], time.process_time()
        outcome = row.run(seed)
        yield Result(row, outcome.reproduced, outcome.passed, outcome.detail, time.process_time() - start)
