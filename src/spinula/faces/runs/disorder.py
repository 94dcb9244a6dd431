"""Run a condition through every level: ``spinula run disorder fragile_x``."""

from __future__ import annotations

from spinula.core.errors import UsageError
from spinula.faces.runs.asked import Asked

WHAT = "study"
TAKES = frozenset({"second word"})


def names() -> list[str]:
    """Return the word that a condition follows."""
    return ["disorder"]


def owns(name: str) -> bool:
    """Tell whether the word that a condition follows was given."""
    return name == "disorder"


def run(asked: Asked) -> None:
    """Show the condition that was asked for beside its base."""
    from spinula.faces.commands.disorders.compare import disorder

    if not asked.detail:
        raise UsageError("Which disorder?\n  A condition follows: spinula run disorder fragile_x.")
    for option, given in (("--out", asked.out is not None), ("--resume", asked.resume), ("--force", asked.force)):
        if given:
            raise UsageError(
                f"disorder writes no files, so it takes no {option}.\n  Leave it out; --json prints a document."
            )
    disorder(asked.detail, animals=asked.replicates or 8, seed=1 if asked.seed is None else asked.seed,
             as_json=asked.as_json)  # fmt: skip
