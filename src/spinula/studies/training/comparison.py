"""All rules on the same task, each tuned with the same budget: the table of accuracies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.files import kept
from spinula.core.streams import Streams
from spinula.engines.sparse.rules import Rule, rule
from spinula.law.training import TrainingLaw
from spinula.measures.intervals import mean_interval
from spinula.studies.training.data import Data
from spinula.studies.training.running import Plan, train

BUDGET = 12  # settings that are tried for each rule, density and data set, each with two seeds
BATCH = 64
_RATES = (0.1, 0.2, 0.3)
# What the spine rule is without one of its terms, or with one that it does not have.
ABLATION = {
    "as tuned": {},
    "no shrinkage": {"shrinkage": 0.0},
    "uniform formation": {"candidates": 1},
    "signs belong to sites": {"signed": True},
    "born near zero": {"size_new": 1e-5},
    "no weight decay": {"decay": 0.0},
    "with fluctuation": {"noise_slope": 0.01, "noise_floor": 3e-4},
    "with strong fluctuation": {"noise_slope": 0.05, "noise_floor": 1.5e-3},
    "no elimination": {"continuous": False},
    "no momentum": {"momentum": 0.0},
}


def settings(name: str, density: float, *, count: int = BUDGET, seed: int = 0) -> list[Rule]:
    """Return the settings of a rule that are tried: a Latin hypercube, each number evenly over the same range for all.

    Learning rate .1, .2 or .3; weight decay 1e-4 to 3e-3; for rules whose sizes fall to a threshold, shrinkage from a
    third to three times what serves DEEP R at that density (see ``rule``); for periodic rules period 50, 100 or 200
    steps and dropped share .1, .3 or .5; for guided formation 16 or 64 candidates and a new size of 2e-2 to 6e-2.
    Numbers with a range are even in the logarithm. Nothing else is tuned; the batch is 64 for all. ``dense`` is the
    static rule with every connection.
    """
    from scipy.stats import qmc

    base = rule("static" if name == "dense" else name, density)
    drawn = qmc.LatinHypercube(6, seed=Streams(seed).generator(f"settings {name}")).random(count)
    made = []
    for rate, decay, shrinkage, size_new, first, second in drawn.tolist():
        changes: dict[str, Any] = {"rate": _pick(_RATES, rate), "decay": 1e-4 * 30**decay}
        if base.continuous:
            changes["shrinkage"] = base.law.shrinkage * 3 ** (2 * shrinkage - 1)
        if base.candidates > 1:
            changes.update(size_new=2e-2 * 3**size_new, candidates=_pick((16, 64), first))
        if base.every:
            changes.update(every=_pick((50, 100, 200), first), drop=_pick((0.1, 0.3, 0.5), second))
        made.append(base.changed(changes))
    return made


def _pick(values: tuple[Any, ...], place: float) -> Any:
    return values[int(place * len(values))]


def tune(
    name: str, data: Data, density: float, *, epochs: int, count: int = BUDGET, seeds: tuple[int, ...] = (100, 101)
) -> pd.DataFrame:
    """Return the validation accuracy of every setting of a rule, its mean over seeds, best first."""
    rows = []
    for number, chosen in enumerate(settings(name, density, count=count)):
        found = []
        for seed in seeds:
            *_, (last, _) = train(Plan(chosen, density, epochs=epochs, batch=BATCH, seed=seed), data, final=False)
            found.append(last["accuracy"])
        rows.append({"setting": number, "accuracy": float(np.mean(found))})
    return pd.DataFrame(rows).sort_values("accuracy", ascending=False, ignore_index=True)


def _final(chosen: Rule, data: Data, density: float, *, epochs: int, seeds: int) -> dict[str, Any]:
    """Train one setting on all training data with fresh seeds; return test accuracies and how much was rewired."""
    accuracies, eliminated, connections, begun = [], [], 0, time.process_time()
    for seed in range(seeds):
        *_, (last, trained) = train(Plan(chosen, density, epochs=epochs, batch=BATCH, seed=seed), data)
        assert trained is not None
        accuracies.append(float(last["accuracy"]))
        eliminated.append(int(trained.history["eliminated"].sum()))
        connections = int(last["connections"])
    seconds = (time.process_time() - begun) / seeds
    return {
        "data": data.name, "density": density, "accuracies": accuracies, "eliminated": float(np.mean(eliminated)),
        "connections": connections, "setting": chosen.describe(), "epochs": epochs, "batch": BATCH, "seconds": seconds,
    }  # fmt: skip


def compare(
    data: Data, densities: list[float], names: list[str], folder: Path, *, epochs: int = 15, tuning_epochs: int = 8,
    seeds: int = 5, budget: int = BUDGET,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Tune every rule at every density, then train the best setting on all training data with fresh seeds.

    Each result is kept in ``folder`` as it comes; what is there already is not run again. Yields one row per rule and
    density: test accuracy by seed, the setting, CPU seconds of a run, and how much was rewired. ``dense`` counts as a
    rule at density 1 only.
    """
    for density in densities:
        for name in names:

            def made(name: str = name, density: float = density) -> dict[str, Any]:
                tuned = tune(name, data, density, epochs=tuning_epochs, count=budget)
                best = settings(name, density, count=budget)[int(tuned["setting"].iloc[0])]
                about = {"rule": name, "validation": float(tuned["accuracy"].iloc[0]),
                         "tuning_epochs": tuning_epochs, "budget": budget}  # fmt: skip
                return {**about, **_final(best, data, density, epochs=epochs, seeds=seeds)}

            yield kept(folder / f"{data.name}-{density:g}-{name}.json", made)


def ablate(data: Data, density: float, folder: Path, *, epochs: int = 15, seeds: int = 5) -> Iterator[dict[str, Any]]:
    """Train the tuned spine rule, and what it is without each of its terms; ``compare`` must have tuned it before.

    Nothing is tuned again: a term that another setting would make up for counts as needed. Yields rows as ``compare``.
    """
    setting = json.loads((folder / f"{data.name}-{density:g}-spine.json").read_text(encoding="utf-8"))["setting"]
    tuned = Rule(**{**setting, "law": TrainingLaw(**setting["law"])})
    for name, changes in ABLATION.items():

        def made(name: str = name, changes: dict[str, Any] = changes) -> dict[str, Any]:
            return {"rule": name, **_final(tuned.changed(changes), data, density, epochs=epochs, seeds=seeds)}

        yield kept(folder / f"{data.name}-{density:g}-ablation-{name.replace(' ', '_')}.json", made)


def summary(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return mean, SD and 95 % interval (t, over seeds) of the test accuracy in per cent, and how much was rewired."""
    made = []
    for row in rows:
        values = 100 * np.array(row["accuracies"])
        mean, low, high = mean_interval(values)
        made.append(
            {
                "data": row["data"], "density": row["density"], "rule": row["rule"], "accuracy": mean,
                "sd": values.std(ddof=1), "low": low, "high": high,
                "seeds": len(values), "turnovers": row["eliminated"] / max(1, row["connections"]),
                "connections": row["connections"], "seconds": row["seconds"],
            }
        )  # fmt: skip
    return pd.DataFrame(made)
