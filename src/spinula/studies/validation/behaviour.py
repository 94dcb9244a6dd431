"""Rows 39 to 46 and 43b once more, in animals that learn from reward: each is borne out if every claim on it is."""

from __future__ import annotations

from functools import cache, partial

from spinula.studies.memory.study import Finding, Options, find
from spinula.studies.reinforcement.catalogue import STUDIES, study
from spinula.studies.validation.memory import judged
from spinula.studies.validation.row import Outcome, Row

# Rows that more than one study speaks of.
_SHARED = {"43b-network": ("dips", "receptors"), "46-network": ("discrimination", "extinction")}


@cache
def _found(name: str, seed: int) -> Finding:
    """Run a study once for all of its rows; the first of them bears its time."""
    return find(study(name), Options(seed=seed))


def _outcome(seed: int, *, names: tuple[str, ...], number: str) -> Outcome:
    return judged([claim for name in names for claim in _found(name, seed).claims if claim.row == number])


def _rows(name: str) -> list[Row]:
    return [
        Row(
            text.number, text.model, text.quantity, text.target, text.tolerance, text.kind, text.source,
            partial(_outcome, names=_SHARED.get(str(text.number), (name,)), number=str(text.number)),
        )
        for text in study(name).rows
    ]  # fmt: skip


ROWS = [row for name in STUDIES for row in _rows(name)]
