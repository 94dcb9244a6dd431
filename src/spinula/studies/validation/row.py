"""One row of the validation table, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["published", "computed", "analytic", "qualitative"]


@dataclass(frozen=True)
class Outcome:
    """What a row's run found: the reproduced value as text, the verdict, and what else a reader should know."""

    reproduced: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """One claim to be reproduced.

    Attributes
    ----------
    number : int or str, the row of the validation table
    model, quantity : str, what is run and what is read off
    target, tolerance : str, the published or derived value and the band around it
    kind : published (in a paper), computed (from the authors' model), analytic, or qualitative (a sign)
    source : str, key in references.bib, or "" for a derivation
    run : function(seed) -> Outcome
    """

    number: int | str
    model: str
    quantity: str
    target: str
    tolerance: str
    kind: Kind
    source: str
    run: Callable[[int], Outcome]


@dataclass(frozen=True)
class Result:
    """A row with its outcome and the CPU time it took, s."""

    row: Row
    reproduced: str
    passed: bool
    detail: str
    seconds: float


def within(value: float, target: float, tolerance: float) -> bool:
    """Whether a value lies within an absolute tolerance of its target."""
    return abs(value - target) <= tolerance
