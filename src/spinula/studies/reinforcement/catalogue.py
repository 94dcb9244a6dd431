"""The studies of learning from reward by name."""

from __future__ import annotations

from importlib import import_module

from spinula.core.errors import UnknownNameError
from spinula.studies.memory.study import Study

STUDIES: tuple[str, ...] = (
    "acquisition",
    "discrimination",
    "dips",
    "receptors",
    "extinction",
    "reversal",
    "curves",
)


def study(name: str) -> Study:
    """Return a study by name.

    Raises
    ------
    UnknownNameError
        If there is no such study.

    Examples
    --------
    >>> study("acquisition").rows[0].number
    '39-network'
    """
    if name not in STUDIES:
        raise UnknownNameError("study", name, STUDIES)
    return import_module(f"spinula.studies.reinforcement.questions.{name}").STUDY
