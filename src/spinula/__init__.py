"""The dynamics of dendritic spines: simulate them, image them, fit them to longitudinal tables.

    import spinula

    preset = spinula.load_preset("neocortex_adult")
    population = spinula.Population(preset.dynamics, seed=1)
    table = spinula.Microscope(log_noise=0.15).image(population.run(days=40, every=4), seed=1)
    print(spinula.turnover(table))
    print(spinula.fit_log_ou(table).frame())

Everything below is imported on first use, so that ``import spinula`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# The public page: every name a user needs, and the room it lives in.
_HOME = {
    "Streams": "core.streams",
    "SpineTable": "core.table",
    "SpinulaError": "core.errors",
    "SpinulaWarning": "core.errors",
    "Boundary": "law",
    "Dynamics": "law",
    "FormationRate": "law",
    "KestenLaw": "law",
    "LinearLaw": "law",
    "LogOULaw": "law",
    "LogRevertingLaw": "law",
    "bibliography": "presets",
    "load_preset": "presets",
    "preset_names": "presets",
    "Dendrite": "engines.dendrite",
    "Density": "engines.density",
    "Layout": "engines.population",
    "Microscope": "engines.observation",
    "Population": "engines.population",
    "autocorrelation": "measures",
    "change_by_size": "measures",
    "compare_distributions": "measures",
    "kaplan_meier": "measures",
    "survival": "measures",
    "turnover": "measures",
    "SpineLinear": "engines.sparse.pytorch",
    "SpineOptimizer": "engines.sparse.pytorch",
    "SpineSparsity": "engines.sparse.pytorch",
    "sparsify": "engines.sparse.pytorch",
    "load_protocol": "studies.protocol",
    "run_protocol": "studies.protocol",
    "check": "fit.validate",
    "fit_log_ou": "fit.likelihood",
    "read_table": "fit.readers",
    "write_preset": "fit.export",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'spinula' has no attribute {name!r}")
    value = getattr(import_module(f"spinula.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
