"""All rows in order, and how to run them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from spinula.core.errors import UnknownNameError
from spinula.studies.validation import lattice, linear, logsize, presets
from spinula.studies.validation.row import Result, Row


def rows() -> list[Row]:
    """Return all validation rows, by number."""
    return sorted([*linear.ROWS, *presets.ROWS, *logsize.ROWS, *lattice.ROWS], key=lambda row: row.number)


def run_rows(numbers: Iterable[int] = (), *, seed: int) -> Iterator[Result]:
    """Run the rows of the given numbers (all, if none is given) and yield each result as it comes.

    Statistical rows at a fixed seed have one outcome; over seeds each sign or KS test fails by chance in at most 1 %.

    Raises
    ------
    UnknownNameError
        If there is no row of a number.
    """
    known = {row.number: row for row in rows()}
    for number in numbers or known:
        if number not in known:
            raise UnknownNameError("validation row", str(number), map(str, known), see="spinula list")
        row, start = known[number], time.process_time()
        outcome = row.run(seed)
        yield Result(row, outcome.reproduced, outcome.passed, outcome.detail, time.process_time() - start)
