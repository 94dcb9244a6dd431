"""The parallels by name, in the order of the page."""

from __future__ import annotations

from importlib import import_module

from spinula.core.errors import UnknownNameError
from spinula.studies.parallels.parallel import Parallel

# Each is written in the module of its name in ``pairs``, which has one PARALLEL; modules are imported when asked for.
PARALLELS: tuple[str, ...] = (
    "fluctuation",
    "prior",
    "rewiring",
    "rules",
    "dopamine",
    "refinement",
    "replay",
    "stability",
    "gating",
    "adaptation",
)


def parallel(name: str) -> Parallel:
    """Return a parallel by name.

    Raises
    ------
    UnknownNameError
        If there is no such parallel.
    """
    if name not in PARALLELS:
        raise UnknownNameError("parallel", name, PARALLELS, see="spinula list")
    return import_module(f"spinula.studies.parallels.pairs.{name}").PARALLEL
