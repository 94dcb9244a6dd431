"""The level of trained networks: digits learnt by a sparse network whose connections live by the condition's law.

What a condition changes in the law of a spine is changed in the law of a connection, by the ratios and the clock of
``studies/training/conditions``; density of connections goes with the condition's spine density at rest.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cache, lru_cache

import numba
import numpy as np

from spinula.law.training import TrainingLaw
from spinula.presets.compose import BASE, Composition, compose
from spinula.studies.disorders.model import resting
from spinula.studies.training.conditions import MAPPED, base_plan
from spinula.studies.training.data import Data, load_data
from spinula.studies.training.running import train

MEASURES = {"trained_accuracy": "accuracy of a trained network (digits)"}
SEEDS, EPOCHS, BATCH = 5, 8, 32
CLOCK = 0.1  # day per unit of training time: these epochs last 11 days of a spine. A choice.
DENSITY = 0.05  # of connections, in the base. A choice: sparse enough that they matter, dense enough to learn


def measured(composition: Composition, wanted: Collection[str] | None = None) -> dict[str, float]:
    """Return the means over networks of the measures that are wanted, or of all."""
    return {name: float(values.mean()) for name, values in series(composition, wanted).items()}


def series(
    composition: Composition, wanted: Collection[str] | None = None, *, seed: int = 1, seeds: int = SEEDS
) -> dict[str, np.ndarray]:
    """Return each measure in each network; nothing for another base than the adult neocortex, which sets the clock.

    Returns
    -------
    dict of measure to Array, shape (seeds,)
    """
    asked = [name for name in MEASURES if wanted is None or name in wanted]
    if not asked or composition.preset.name != BASE:
        return {}
    density = DENSITY * resting(composition).spine_density / resting(compose(BASE)).spine_density
    found = [_trained(law_of(composition), round(density, 6), number) for number in range(seed, seed + seeds)]
    return {"trained_accuracy": np.array(found)}


def law_of(composition: Composition) -> TrainingLaw:
    """Return the law of connections under a composition: the base's, with the ratios of what the condition edits."""
    law = base_plan(DENSITY, clock=CLOCK).rule.law
    ratios = {
        MAPPED[change.key]: change.value / change.base
        for change in composition.changes
        if change.key in MAPPED and change.base
    }
    return TrainingLaw(**{**law.model_dump(), **{name: getattr(law, name) * ratio for name, ratio in ratios.items()}})


@cache
def _digits() -> Data:
    return load_data("digits")


@lru_cache(maxsize=1024)
def _trained(law: TrainingLaw, density: float, seed: int) -> float:
    plan = base_plan(density, clock=CLOCK, epochs=EPOCHS, seed=seed)
    plan = replace(plan, rule=replace(plan.rule, law=law), hidden=(100, 50), batch=BATCH)
    before = numba.get_num_threads()
    numba.set_num_threads(1)  # a network this small only waits for a second thread
    try:
        *_, (last, _) = train(plan, _digits())
    finally:
        numba.set_num_threads(before)
    return float(last["accuracy"])
