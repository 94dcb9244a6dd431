"""What the studies of reinforcement share: cases that name a variant of an experiment, and how findings are judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from spinula.studies.memory.study import Case, Found, Keeper, Options
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.reading import load_experiment
from spinula.studies.reinforcement.running import mean, run_variant

ANIMALS = 20


def variant(
    options: Options, experiment: str, condition: str | Condition = "control", value: float | None = None, *,
    label: str = "",
) -> Case:  # fmt: skip
    """Return the case of one condition of an experiment (one of its file, or another) over all animals."""
    if isinstance(condition, str):
        known = {one.name: one for one in load_experiment(experiment).file.condition}
        condition = known[condition]
    seeds = options.series(ANIMALS, trial=4)
    name = label or condition.name
    return {
        "name": f"{experiment}, {name}" + ("" if value is None else f", {value:g}"), "seed": seeds[0],
        "animals": len(seeds), "experiment": experiment, "label": name, "value": value,
        "condition": condition.model_dump(mode="json"),
    }  # fmt: skip


def sweep(options: Options, experiment: str, condition: str | Condition = "control", *, label: str = "") -> list[Case]:
    """Return the cases of one condition at every value of the experiment's sweep."""
    swept = load_experiment(experiment).file.sweep
    assert swept is not None
    return [variant(options, experiment, condition, value, label=label) for value in swept.values]


def run(case: Case, keeper: Keeper) -> Found:
    """Run a case and return what was seen late in each session, by animal and cue."""
    value = float("nan") if case["value"] is None else case["value"]
    course = run_variant(
        load_experiment(case["experiment"]), Condition.model_validate(case["condition"]), value,
        seed=case["seed"], animals=case["animals"],
    )  # fmt: skip
    keeper.tell(1.0)
    return course.summary()


def seen(
    results: Iterable[tuple[Case, Found]], experiment: str, label: str = "control", value: float | None = None
) -> Found:
    """Return the result of one case."""
    for case, found in results:
        if (case["experiment"], case["label"], case["value"]) == (experiment, label, value):
            return found
    raise KeyError((experiment, label, value))


def swept(
    results: Iterable[tuple[Case, Found]], experiment: str, label: str, name: str, *, cue: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a sweep and a quantity late in the last session: shapes (values,), (values, animals)."""
    mine = [(case["value"], found) for case, found in results
            if case["experiment"] == experiment and case["label"] == label]  # fmt: skip
    mine.sort(key=lambda pair: pair[0])
    return np.array([value for value, _ in mine]), np.array([np.array(found[name])[-1, :, cue] for _, found in mine])


def sessions(found: Found, name: str, phase: str) -> np.ndarray:
    """Return a quantity late in each session of a phase: shape (sessions, animals, cues)."""
    return np.array(found[name])[np.array(found["phase"]) == phase]


def shown(values: Any, unit: str = "", digits: int = 2) -> str:
    """Return a mean over animals with its 95 % interval as text."""
    middle, low, high = mean(np.asarray(values, float))
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]{unit}"


def below(values: Any, limit: float) -> bool:
    """Tell whether the whole 95 % interval of a mean over animals lies below a limit (NaN: it does not)."""
    middle, _, high = mean(np.asarray(values, float))
    return bool(middle < limit and high < limit)


def above(values: Any, limit: float) -> bool:
    """Tell whether the whole 95 % interval of a mean over animals lies above a limit."""
    return below(-np.asarray(values, float), -limit)


def inside(values: Any, target: float, tolerance: float) -> bool:
    """Tell whether the whole 95 % interval of a mean over animals lies within a band around a target."""
    return above(values, target - tolerance) and below(values, target + tolerance)


def index(licks: np.ndarray, *, plus: int = 0, minus: int = 1) -> np.ndarray:
    """Return (licks at one cue - licks at the other)/(their sum) over the last axis; 0 where there is no licking."""
    high, low = licks[..., plus], licks[..., minus]
    total = high + low
    return np.divide(high - low, total, out=np.zeros_like(total), where=total > 1e-9)


def peak_and_half(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return where a curve peaks (parabola through three points) and where it crosses half of its largest value.

    Parameters
    ----------
    x : Array, ascending; y : Array, same shape

    Returns
    -------
    Array of three: peak, first and last crossing of half of the maximum, by linear interpolation
    """
    top = int(np.clip(y.argmax(), 1, len(y) - 2))
    near, at = x[top - 1 : top + 2], y[top - 1 : top + 2]
    curvature, slope, _ = np.polyfit(near - x[top], at, 2)
    peak = x[top] - slope / (2 * curvature) if curvature < 0 else x[top]
    half = 0.5 * y.max()
    rises = np.flatnonzero((y[:-1] < half) & (y[1:] >= half))
    falls = np.flatnonzero((y[:-1] >= half) & (y[1:] < half))

    def cross(step: int) -> float:
        return float(x[step] + (half - y[step]) / (y[step + 1] - y[step]) * (x[step + 1] - x[step]))

    first = cross(rises[0]) if len(rises) else float("nan")
    return np.array([peak, first, cross(falls[-1]) if len(falls) else float("nan")])
