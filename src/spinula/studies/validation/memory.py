"""The rows of studies that make claims: each is borne out if every claim that names it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

from spinula.studies.memory import catalogue
from spinula.studies.memory.study import Claim, Finding, Options, Study, find
from spinula.studies.validation.row import Outcome, Row

Lookup = Callable[[str], Study]


@cache
def finding(study: Lookup, name: str, seed: int) -> Finding:
    """Run a study once for all of its rows; the first of them bears its time."""
    return find(study(name), Options(seed=seed))


def _outcome(seed: int, *, study: Lookup, names: tuple[str, ...], number: int | str) -> Outcome:
    return _judged([claim for name in names for claim in finding(study, name, seed).claims if claim.row == number])


def _judged(claims: list[Claim]) -> Outcome:
    """Return what claims and their negative controls make of a row: it passes if all of them do and one is a claim."""
    said = [claim.found for claim in claims if not claim.control]
    controls = sum(claim.control and claim.passed for claim in claims)
    hold = [f"{controls} negative control{'s' * (controls > 1)} hold{'s' * (controls == 1)}"] if controls else []
    failed = [f"NOT: {claim.text} ({claim.found})" for claim in claims if not claim.passed]
    # A row that no claim names was not tested.
    return Outcome("; ".join(said), bool(said) and not failed, "; ".join([*failed, *hold]))


def rows_of(study: Lookup, name: str, shared: Mapping[str, tuple[str, ...]] | None = None) -> list[Row]:
    """Return the rows of a study; ``study`` finds it by name, ``shared`` names all studies that speak of a row."""
    return [
        Row(
            text.number, text.model, text.quantity, text.target, text.tolerance, text.kind, text.source,
            partial(_outcome, study=study, names=(shared or {}).get(str(text.number), (name,)), number=text.number),
        )
        for text in study(name).rows
    ]  # fmt: skip


ROWS = [row for name in catalogue.STUDIES for row in rows_of(catalogue.study, name)]
