"""The studies of memory by name."""

from __future__ import annotations

from importlib import import_module

from spinula.core.errors import UnknownNameError
from spinula.studies.memory.study import Study

# Where each study is written; each module has one STUDY. A module is imported when its study is asked for.
_WRITTEN: dict[str, str] = {
    "sampling": "storage.sampling",
    "eigenvalues": "storage.eigenvalues",
    "inhibition": "storage.inhibition",
    "cascade": "storage.cascade",
    "optimal_plasticity": "storage.optimal_plasticity",
    "forgetting": "forgetting.forgetting",
    "silencing": "forgetting.silencing",
    "humble": "assemblies.hebbian",
    "reactivation": "assemblies.reactivation",
    "contacts": "assemblies.contacts",
    "covariation": "assemblies.covariation",
}
STUDIES: tuple[str, ...] = tuple(_WRITTEN)


def study(name: str) -> Study:
    """Return a study by name.

    Raises
    ------
    UnknownNameError
        If there is no such study.
    """
    if name not in _WRITTEN:
        raise UnknownNameError("study", name, STUDIES, see="spinula list")
    return import_module(f"spinula.studies.memory.{_WRITTEN[name]}").STUDY
