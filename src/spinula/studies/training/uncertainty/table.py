"""All ways to know what a network does not know, tuned by the same number of settings, trained at the same cost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.errors import UnknownNameError
from spinula.core.files import kept
from spinula.engines.sparse.rules import RULES
from spinula.law.training import TrainingLaw
from spinula.measures.intervals import mean_interval
from spinula.studies.training.data import Data
from spinula.studies.training.running import Plan
from spinula.studies.training.uncertainty.calibration import (
    assess,
    best_temperature,
    negative_log_likelihood,
    softmax,
    tempered,
)
from spinula.studies.training.uncertainty.ensembles import METHODS, Method

TUNING_SEED = 100
MEASURES = ("accuracy", "nll", "brier", "ece", "ece_mass", "auroc_entropy", "auroc_softmax")


def base_plan(density: float, *, epochs: int = 15, seed: int = 0) -> Plan:
    """Return what all methods start from: the spine rule at rate 0.3, shrinkage 1.4e-3 and a new size of 5e-3."""
    law = TrainingLaw(shrinkage=1.4e-3, size_new=5e-3)
    return Plan(replace(RULES["spine"], rate=0.3, candidates=16, law=law), density, epochs=epochs, seed=seed)


def as_seen(outside: Data, data: Data) -> np.ndarray:
    """Return another data set's test images on the scale that a network trained on ``data`` was given.

    Both are bytes from 0 to 255, each standardised by its own mean and SD; a network standardises what it sees by those
    of its own training set.
    """
    dark, bright = outside.test_images.min(), outside.test_images.max()
    low, high = data.test_images.min(), data.test_images.max()
    return ((outside.test_images - dark) / (bright - dark) * (high - low) + low).astype(np.float32)


def _method(name: str) -> Method:
    if name not in METHODS:
        raise UnknownNameError("method", name, METHODS)
    return METHODS[name]


def tune(name: str, data: Data, plan: Plan) -> pd.DataFrame:
    """Return the negative log-likelihood on the validation set of every setting of a method, best first.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    """
    method, rows = _method(name), []
    for setting in method.settings:
        (scores,) = method.members(replace(plan, seed=TUNING_SEED), data, [data.validation_images], setting)
        mean = softmax(scores).mean(axis=0)
        rows.append({"setting": setting, "nll": negative_log_likelihood(mean, data.validation_labels)})
    return pd.DataFrame(rows).sort_values("nll", ignore_index=True)


def score(name: str, data: Data, outside: np.ndarray, plan: Plan, setting: dict[str, float]) -> list[dict[str, Any]]:
    """Return the measures of one trained method on the test set: as it is, and after temperature scaling.

    The network trains without the validation set, on which the temperature is fitted.
    """
    begun = time.process_time()
    scored = [data.validation_images, data.test_images, outside]
    held, test, other = (softmax(made).mean(axis=0) for made in _method(name).members(plan, data, scored, setting))
    temperature = best_temperature(held, data.validation_labels)
    seconds = time.process_time() - begun
    about = {"method": name, "seed": plan.seed, "temperature": temperature, "seconds": seconds}
    after = assess(tempered(test, temperature), data.test_labels, tempered(other, temperature))
    return [
        {**about, "tempered": False, **assess(test, data.test_labels, other)},
        {**about, "tempered": True, **after},
    ]


def compare(
    data: Data, outside: Data, plan: Plan, folder: Path, *, names: Sequence[str] = tuple(METHODS), seeds: int = 5
) -> Iterator[dict[str, Any]]:
    """Tune every method by the validation set, then train its best setting with fresh seeds; yield one row a method.

    Each result is kept in ``folder`` as it comes; what is there already is not run again.
    """
    images = as_seen(outside, data)
    for name in names:
        method, path = _method(name), folder / f"{data.name}-{plan.density:g}-{name}.json"

        def made(name: str = name, method: Method = method) -> dict[str, Any]:
            tuned = tune(method.tuned_as or name, data, plan)
            setting = dict(tuned["setting"].iloc[0])
            runs = [
                row for seed in range(seeds) for row in score(name, data, images, replace(plan, seed=seed), setting)
            ]
            return {
                "data": data.name, "outside": outside.name, "method": name, "title": method.title, "setting": setting,
                "plan": plan.as_dict(), "passes": method.passes, "cost": method.cost, "runs": runs,
                "tuning": tuned.to_dict("records"),
            }  # fmt: skip

        yield kept(path, made)


def summary(rows: Sequence[dict[str, Any]], *, against: str = "single") -> pd.DataFrame:
    """Return mean and 95 % interval (t, over seeds) of every measure, and the difference to another method.

    Returns
    -------
    DataFrame, one row per data set, method, measure and whether after temperature scaling
        data, method, tempered, measure, mean, low, high, difference, difference_low, difference_high (by seed, paired)
    """
    runs = pd.concat([pd.DataFrame(row["runs"]).assign(data=row["data"]) for row in rows], ignore_index=True)
    made = []
    for (data, tempered_, method), group in runs.groupby(["data", "tempered", "method"], sort=False):
        reference = runs[(runs["data"] == data) & (runs["tempered"] == tempered_) & (runs["method"] == against)]
        for measure in MEASURES:
            values = group.set_index("seed")[measure]
            away = (values - reference.set_index("seed")[measure]).dropna()
            mean, low, high = mean_interval(values.to_numpy())
            made.append((data, method, tempered_, measure, mean, low, high, *mean_interval(away.to_numpy())))
    names = ["data", "method", "tempered", "measure", "mean", "low", "high"]
    return pd.DataFrame(made, columns=[*names, "difference", "difference_low", "difference_high"])
