"""The level of the striatum: generalisation on the first day, discrimination after five more, from the same animals.

The published experiment on the striatum engine; from the second part on dopamine, D2 receptors and RGS are those of the
condition, and so are its drugs. A gain of reinforcement holds from the start.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.presets.compose import Composition
from spinula.studies.reinforcement.cases import index
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.numbers import striatum
from spinula.studies.reinforcement.reading import load_experiment
from spinula.studies.reinforcement.running import run_variant

MEASURES = {
    "generalisation": "licks at CS- over CS+ after one day of CS+",
    "discrimination": "index of discrimination after five days",
}
SEEDS = 8
_DISCRIMINATION = "discrimination"


def measured(composition: Composition, wanted: Collection[str] | None = None) -> dict[str, float]:
    """Return the means over animals of the measures that are wanted, or of all."""
    return {name: float(values.mean()) for name, values in series(composition, wanted).items()}


def series(
    composition: Composition, wanted: Collection[str] | None = None, *, seed: int = 1, seeds: int = SEEDS
) -> dict[str, np.ndarray]:
    """Return each measure in each animal; nothing for a base without bursts or dips of dopamine.

    Nothing either where tonic dopamine is lower than usual: the engine knows more of it, as a drug makes, not less.

    Returns
    -------
    dict of measure to Array, shape (seeds,)
    """
    asked = [name for name in MEASURES if wanted is None or name in wanted]
    if not asked or not (composition.mechanisms.reinforcement or composition.mechanisms.dips):
        return {}
    if composition.levers.dopamine.tonic < 1.0:
        return {}
    early, late, drugs = numbers(composition)
    found = _run(tuple(early.items()), tuple(late.items()), tuple(drugs.items()), seed, seeds)
    return {name: found[name] for name in asked}


def numbers(composition: Composition) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return what a composition changes in the striatum: from the start, from the second part on, and its drugs.

    Raises
    ------
    InvalidInputError
        If tonic dopamine is lower than usual, which the engine does not have.

    Examples
    --------
    >>> from spinula.presets.compose import compose
    >>> numbers(compose("rgs_low"))[1]
    {'receptors.rgs': 0.45}
    """
    levers, mechanisms = composition.levers, composition.mechanisms
    if levers.dopamine.tonic < 1.0:
        raise InvalidInputError(
            f"{composition.name} has {levers.dopamine.tonic:g} of the usual tonic dopamine, and the striatum engine"
            " knows the usual and more.\n  Ask another level (the dendrite, say), or give dopamine.tonic of 1 or more."
        )
    usual = striatum()[0]
    early: dict[str, float] = {}
    if mechanisms.reinforcement and mechanisms.reinforcement.gain != usual.reinforcement.gain:
        early["reinforcement.gain"] = mechanisms.reinforcement.gain
    late: dict[str, float] = {}
    for name, lever in (("d2_receptor", levers.detection.d2_receptor), ("rgs", levers.detection.rgs)):
        if lever != 1.0:
            late[f"receptors.{name}"] = lever * getattr(usual.receptors, name)
    drugs: dict[str, float] = {}
    if levers.dopamine.tonic != 1.0 or levers.dopamine.floor != 0.0:
        late |= {"dips.drug_tonic": levers.dopamine.tonic, "dips.drug_floor": levers.dopamine.floor}
        drugs["methamphetamine"] = 1.0
    if levers.dopamine.occupancy > 0:
        drugs["d2_antagonist"] = levers.dopamine.occupancy
    return early, late, drugs


@lru_cache(maxsize=256)
def _run(early: Any, late: Any, drugs: Any, seed: int, animals: int) -> dict[str, np.ndarray]:
    experiment = load_experiment(_DISCRIMINATION)
    # A gain is part of the animal, and holds throughout; drugs and receptors come with the second part, as published.
    since = None if early else _DISCRIMINATION
    condition = Condition(name="condition", since=since, set=dict(early) | dict(late), drugs=dict(drugs))
    seen = run_variant(experiment, condition, seed=seed, animals=animals).summary()
    licks = np.array(seen["licks"])
    first = licks[len(seen["phase"]) - 1 - seen["phase"][::-1].index("conditioning")]
    general = np.divide(first[:, 1], first[:, 0], out=np.zeros(len(first)), where=first[:, 0] > 0)
    return {"generalisation": general, "discrimination": index(licks[-1])}
