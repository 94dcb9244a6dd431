"""Run an experiment: every condition over the same animals, so that conditions differ by what is done to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from spinula.core.files import replacing
from spinula.engines.striatum import Record, Session, Striatum, StriatumModel, Trial, run
from spinula.studies.reinforcement.experiment import Condition, Experiment, Phase
from spinula.studies.reinforcement.numbers import model_with

ALONE = Condition(name="control")


@dataclass(frozen=True)
class Course:
    """One condition's sessions, over all animals.

    Attributes
    ----------
    value : float, of the sweep; NaN without one
    records : one per session
    """

    condition: str
    value: float
    records: tuple[Record, ...]

    def summary(self) -> dict[str, Any]:
        """Return plain lists of what was seen late in each session (last fifth of its trials), by animal and cue.

        Returns
        -------
        dict with phase (sessions), licks, value, d1, d2 (sessions, animals, cues), and first: licks on the first trial
        """
        records = [record for record in self.records if len(record.licks)]
        late_ = {name: np.stack([late(getattr(record, name)) for record in records]) for name in ("licks", "value")}
        drive = np.stack([late(record.drive) for record in records])
        return {
            "phase": [record.session.phase for record in records],
            "licks": late_["licks"].tolist(), "value": late_["value"].tolist(),
            "first": np.stack([record.licks[0] for record in records]).tolist(),
            "d1": drive[:, :, 0].tolist(), "d2": drive[:, :, 1].tolist(),
        }  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment."""

    experiment: Experiment
    courses: tuple[Course, ...]
    seed: int
    animals: int

    def course(self, condition: str, value: float = float("nan")) -> Course:
        """Return the course of a condition (at a value of the sweep)."""
        for course in self.courses:
            if course.condition == condition and (np.isnan(value) or course.value == value):
                return course
        raise KeyError(condition)

    def sessions(self) -> pd.DataFrame:
        """Return licks, prediction and drives at the end of each session, with 95 % intervals, by condition and cue."""
        rows = []
        for course in self.courses:
            for record in course.records:
                if not len(record.licks):
                    continue
                for cue, name in enumerate(self.experiment.file.cues):
                    row = {"condition": course.condition, "value": course.value, "phase": record.session.phase,
                           "day": record.session.day, "cue": name}  # fmt: skip
                    shown = {
                        "licks": record.licks[..., cue],
                        "predicted": record.value[..., cue],
                        "d1_drive": record.drive[:, :, 0, cue],
                        "d2_drive": record.drive[:, :, 1, cue],
                    }
                    for key, values in shown.items():
                        row |= dict(zip((key, f"{key}_low", f"{key}_high"), mean(late(values)), strict=True))
                    rows.append(row)
        return pd.DataFrame(rows)

    def trials(self, parts: int = 6) -> pd.DataFrame:
        """Return means over animals in ``parts`` of each session: dopamine by the trial's cue, drives and licks."""
        rows = []
        for course in self.courses:
            width = min(1.0, *(record.session.days or 1.0 for record in course.records))
            for record in course.records:
                for part, index in enumerate(np.array_split(np.arange(len(record.licks)), parts)):
                    if len(index):
                        at = record.session.day + (part + 0.5) / parts * width
                        rows += self._part(course, record, index, at)
        return pd.DataFrame(rows)

    def _part(self, course: Course, record: Record, index: np.ndarray, at: float) -> list[dict]:
        rows = []
        for cue, name in enumerate(self.experiment.file.cues):
            mine = record.cue[index] == cue
            row = {"condition": course.condition, "value": course.value, "phase": record.session.phase, "day": at,
                   "cue": name}  # fmt: skip
            for key in ("burst", "pause"):
                values = getattr(record, key)[index]
                row[key] = float(values[mine].mean()) if mine.any() else np.nan
            shown = {"licks": record.licks[index, :, cue], "d1_drive": record.drive[index, :, 0, cue],
                     "d2_drive": record.drive[index, :, 1, cue]}  # fmt: skip
            for key, values in shown.items():
                row |= dict(zip((key, f"{key}_low", f"{key}_high"), mean(values.mean(axis=0)), strict=True))
            rows.append(row)
        return rows


def late(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last fifth of the trials (first axis)."""
    return values[-max(1, len(values) // 5) :].mean(axis=0)


def mean(values: np.ndarray) -> tuple[float, float, float]:
    """Return a mean over animals and its 95 % t interval."""
    middle = float(values.mean())
    if len(values) < 2:
        return middle, float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return middle, middle - half, middle + half


def variants(experiment: Experiment) -> list[tuple[Condition, float]]:
    """Return every (condition, value of the sweep) that an experiment asks for; NaN without a sweep."""
    values = experiment.file.sweep.values if experiment.file.sweep else [float("nan")]
    return [(condition, value) for condition in experiment.file.condition or [ALONE] for value in values]


def sessions(experiment: Experiment, condition: Condition, value: float = float("nan")) -> list[Session]:
    """Return the sessions of one variant."""
    usual = model_with(_throughout(condition))
    usual = usual.model_copy(update={"intrinsic": condition.intrinsic})
    model = model_with(condition.set, drugs=condition.drugs, clamped=tuple(condition.clamped))
    model = model.model_copy(update={"intrinsic": condition.intrinsic})
    names = [phase.name for phase in experiment.file.phase]
    first = names.index(condition.since) if condition.since else 0
    last = names.index(condition.until) if condition.until else len(names) - 1
    made: list[Session] = []
    day = 0.0
    for number, phase in enumerate(experiment.file.phase):
        now: StriatumModel = model if first <= number <= last else usual
        for _ in range(phase.days):
            made.append(Session(phase.name, _trials(experiment, phase, value), day, phase.every_days, now))
            day += phase.every_days
    # Nothing is looked at after the last session.
    made[-1] = replace(made[-1], days=0.0)
    return made


def _throughout(condition: Condition) -> dict[str, float]:
    """Return the numbers of a condition that hold from the first day: those of circuits and intrinsic laws."""
    return {key: v for key, v in condition.set.items() if key.split(".")[0] in ("circuit", "dynamics", "dynamics_d2")}


def _trials(experiment: Experiment, phase: Phase, value: float) -> tuple[Trial, ...]:
    made, sweep = [], experiment.file.sweep
    for kind in phase.trial:
        cue = None if kind.cue is None else experiment.file.cues.index(kind.cue)
        data = kind.model_dump() | {"cue": cue}
        if sweep and (kind.dip_s > 0 if sweep.field.startswith("dip") else kind.reward > 0):
            data[sweep.field] = value
        made.append(Trial(**data))
    return tuple(made)


def run_variant(
    experiment: Experiment, condition: Condition, value: float = float("nan"), *, seed: int, animals: int
) -> Course:
    """Run one condition over animals with the seeds ``seed``, ``seed + 1``, ..."""
    planned = sessions(experiment, condition, value)
    assert planned[0].model is not None
    made = Striatum(planned[0].model, seeds=range(seed, seed + animals), cues=len(experiment.file.cues))
    return Course(condition.name, value, tuple(run(made, planned)))


def run_experiment(
    experiment: Experiment, *, seed: int, animals: int | None = None, store: Path | None = None
) -> Iterator[tuple[int, Outcome | None]]:
    """Run an experiment, yielding (variants done, None) as they come and (all of them, Outcome) at the end.

    With a ``store`` folder each variant is kept there as it comes; a run that was killed goes on from them.
    """
    count, courses = animals or experiment.file.animals, []
    for number, (condition, value) in enumerate(variants(experiment)):
        path = store / f"{number:05d}.npz" if store else None
        if path and path.exists():
            course = Course(condition.name, value, _read(path, sessions(experiment, condition, value)))
        else:
            course = run_variant(experiment, condition, value, seed=seed, animals=count)
            if path:
                _write(path, course.records)
        courses.append(course)
        yield len(courses), None
    yield len(courses), Outcome(experiment, tuple(courses), seed, count)


_SEEN = [field.name for field in fields(Record) if field.name != "session"]


def _write(path: Path, records: Sequence[Record]) -> None:
    arrays = {f"{number} {name}": getattr(one, name) for number, one in enumerate(records) for name in _SEEN}
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)


def _read(path: Path, planned: Sequence[Session]) -> tuple[Record, ...]:
    """Return the records of a variant that ran before; its sessions follow from the experiment."""
    with np.load(path) as kept:
        seen = [{name: kept[f"{number} {name}"] for name in _SEEN} for number in range(len(planned))]
    return tuple(
        Record(session, **{**arrays, "turnover": int(arrays["turnover"])})
        for session, arrays in zip(planned, seen, strict=True)
    )
