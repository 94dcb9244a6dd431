"""The rows of the studies of memory: each is borne out if every claim that names it is."""

from __future__ import annotations

from functools import cache, partial

from spinula.studies.memory.catalogue import STUDIES, study
from spinula.studies.memory.study import Claim, Finding, Options, find
from spinula.studies.validation.row import Outcome, Row


@cache
def _found(name: str, seed: int) -> Finding:
    """Run a study once for all of its rows; the first of them bears its time."""
    return find(study(name), Options(seed=seed))


def _outcome(seed: int, *, name: str, number: int | str) -> Outcome:
    return judged([claim for claim in _found(name, seed).claims if claim.row == number])


def judged(claims: list[Claim]) -> Outcome:
    """Return what claims and their negative controls make of a row: it passes if all of them do and one is a claim."""
    said = [claim.found for claim in claims if not claim.control]
    controls = sum(claim.control and claim.passed for claim in claims)
    hold = [f"{controls} negative control{'s' * (controls > 1)} hold{'s' * (controls == 1)}"] if controls else []
    failed = [f"NOT: {claim.text} ({claim.found})" for claim in claims if not claim.passed]
    # A row that no claim names was not tested.
    return Outcome("; ".join(said), bool(said) and not failed, "; ".join([*failed, *hold]))


def rows_of(name: str) -> list[Row]:
    """Return the rows of a study of memory."""
    return [
        Row(
            text.number, text.model, text.quantity, text.target, text.tolerance, text.kind, text.source,
            partial(_outcome, name=name, number=text.number),
        )
        for text in study(name).rows
    ]  # fmt: skip


ROWS = [row for name in STUDIES for row in rows_of(name)]
