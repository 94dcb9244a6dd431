"""Read an experiment: every mistake becomes an error that names the file, the line and the key."""

from __future__ import annotations

from pathlib import Path

from spinula.core.errors import InvalidInputError
from spinula.core.toml import mistake, read_toml, validate
from spinula.engines.striatum.striatum import patterns
from spinula.presets import bibliography
from spinula.presets.shipped import shipped_names, shipped_path
from spinula.studies.reinforcement.catalogue import STUDIES
from spinula.studies.reinforcement.experiment import Condition, Experiment, ExperimentFile
from spinula.studies.reinforcement.numbers import model_with


def experiment_names() -> list[str]:
    """Return the names of the experiments that ship with spinula."""
    return shipped_names("experiments")


def is_experiment(name: str | Path) -> bool:
    """Tell whether a name is an experiment's, or a TOML file has phases as experiments do."""
    if not str(name).endswith(".toml"):
        return str(name) in experiment_names()
    return Path(name).exists() and "phase" in read_toml(name)[0]


def load_experiment(name: str | Path) -> Experiment:
    """Load an experiment by name, or from a TOML file.

    Raises
    ------
    UnknownNameError
        If no experiment has that name.
    ConfigError
        If the file says something impossible; names file, line and key.

    Examples
    --------
    >>> load_experiment("discrimination").file.about.source
    'iino2020'
    """
    path = shipped_path("experiment", "experiments", name)
    data, text = read_toml(path)
    experiment = Experiment(path.stem, validate(ExperimentFile, data, file=path, text=text), path, text)
    _check(experiment)
    return experiment


def _check(experiment: Experiment) -> None:
    """Check what one table says of another."""
    found = experiment.file
    if found.about.source and found.about.source not in bibliography():
        raise mistake(experiment, ["about", "source"], f"{found.about.source!r} is not in references.bib")
    if found.about.study and found.about.study not in STUDIES:
        problem, cure = f"no study is called {found.about.study!r}", f"Studies: {', '.join(STUDIES)}."
        raise mistake(experiment, ["about", "study"], problem, cure)
    if len(set(found.cues)) < len(found.cues):
        raise mistake(experiment, ["cues"], "names a cue twice")
    phases = [phase.name for phase in found.phase]
    if len(set(phases)) < len(phases):
        raise mistake(experiment, ["phase"], "two phases have one name")
    for number, phase in enumerate(found.phase):
        for kind, trial in enumerate(phase.trial):
            if trial.cue is not None and trial.cue not in found.cues:
                key: list[str | int] = ["phase", number, "trial", kind, "cue"]
                raise mistake(experiment, key, f"no cue is called {trial.cue!r}", f"Cues: {', '.join(found.cues)}.")
    names = [condition.name for condition in found.condition]
    if len(set(names)) < len(names):
        raise mistake(experiment, ["condition"], "two conditions have one name")
    for number, condition in enumerate(found.condition):
        for field in ("since", "until"):
            wanted = getattr(condition, field)
            if wanted is not None and wanted not in phases:
                key = ["condition", number, field]
                raise mistake(experiment, key, f"no phase is called {wanted!r}", f"Phases: {', '.join(phases)}.")
        _check_model(experiment, number, condition)


def _check_model(experiment: Experiment, number: int, condition: Condition) -> None:
    """Refuse numbers and drugs that the striatum does not know, and circuits too small for the cues."""
    try:
        model = model_with(condition.set, drugs=condition.drugs)
        patterns(model, len(experiment.file.cues))
    except InvalidInputError as error:
        problem, _, cure = str(error).partition("\n  ")
        field = "drugs" if "drug" in problem else "set"
        raise mistake(experiment, ["condition", number, field], problem, cure) from None
    changed = {key for key in condition.set if key.split(".")[0] in ("circuit", "dynamics", "dynamics_d2")}
    if changed and condition.since is not None:
        problem = f"{', '.join(sorted(changed))} cannot change between phases"
        raise mistake(experiment, ["condition", number, "set"], problem, "Leave `since` out: it then holds throughout.")
