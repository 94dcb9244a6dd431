"""All rules on the same task, each tuned with the same budget: the table of accuracies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.files import write_text
from spinula.core.streams import Streams
from spinula.engines.sparse.rules import RULES, Rule
from spinula.law.training import TrainingLaw
from spinula.studies.training.data import Data
from spinula.studies.training.running import Plan, train

BUDGET = 12  # settings that are tried for each rule, density and data set
BATCH = 64
_RATES = (0.1, 0.2, 0.3, 0.5)


def settings(name: str, *, count: int = BUDGET, seed: int = 0) -> list[Rule]:
    """Return the settings of a rule that are tried: drawn at random from the same ranges for all that share a number.

    Learning rate in .1 to .5; weight decay 1e-5 to 3e-3 or, for rules whose sizes fall to a threshold, shrinkage 3e-4
    to 1e-2 (both even in the logarithm); for periodic rules period 50 to 200 steps and dropped share .1 to .5; for
    guided formation 16 or 64 candidates and a new size of 1e-3 to 1e-2. Nothing else is tuned; the batch is 64 for all.
    """
    generator = Streams(seed).generator(f"settings {name}")
    base, made = RULES[name], []
    for _ in range(count):
        rate = float(generator.choice(_RATES))
        decay, shrinkage = 10 ** generator.uniform(-5, -2.5), 10 ** generator.uniform(-3.5, -2)
        every, drop = int(generator.choice((50, 100, 200))), float(generator.choice((0.1, 0.3, 0.5)))
        candidates, size_new = int(generator.choice((16, 64))), 10 ** generator.uniform(-3, -2)
        if base.continuous:
            law = base.law.model_copy(update={"shrinkage": float(shrinkage)})
            if base.candidates > 1:
                law = law.model_copy(update={"size_new": float(size_new)})
            chosen = replace(base, rate=rate, law=law)
            made.append(replace(chosen, candidates=candidates) if base.candidates > 1 else chosen)
        else:
            law = TrainingLaw(decay=float(decay))
            chosen = replace(base, rate=rate, law=law)
            made.append(replace(chosen, every=every, drop=drop) if base.every else chosen)
    return made


def tune(name: str, data: Data, density: float, *, epochs: int, count: int = BUDGET, seed: int = 100) -> pd.DataFrame:
    """Return the validation accuracy of every setting of a rule, best first."""
    rows = []
    for number, rule in enumerate(settings(name, count=count)):
        *_, (last, trained) = train(Plan(rule, density, epochs=epochs, batch=BATCH, seed=seed), data, final=False)
        assert trained is not None
        rows.append(
            {"setting": number, "accuracy": last["accuracy"], "eliminated": trained.history["eliminated"].sum()}
        )
    return pd.DataFrame(rows).sort_values("accuracy", ascending=False, ignore_index=True)


def compare(
    data: Data, densities: list[float], names: list[str], folder: Path, *, epochs: int = 15, tuning_epochs: int = 8,
    seeds: int = 5,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Tune every rule at every density, then train the best setting on all training data with fresh seeds.

    Each result is kept in ``folder`` as it comes; what is there already is not run again. Yields one row per rule and
    density: test accuracy by seed, the setting, and how much was rewired.
    """
    for density in densities:
        for name in names:
            path = folder / f"{data.name}-{density:g}-{name}.json"
            if not path.exists():
                tuned = tune(name, data, density, epochs=tuning_epochs)
                best = settings(name)[int(tuned["setting"].iloc[0])]
                accuracies, eliminated, connections = [], [], 0
                for seed in range(seeds):
                    *_, (last, trained) = train(Plan(best, density, epochs=epochs, batch=BATCH, seed=seed), data)
                    assert trained is not None
                    accuracies.append(float(last["accuracy"]))
                    eliminated.append(int(trained.history["eliminated"].sum()))
                    connections = int(last["connections"])
                row = {
                    "data": data.name, "density": density, "rule": name, "accuracies": accuracies,
                    "validation": float(tuned["accuracy"].iloc[0]), "eliminated": float(np.mean(eliminated)),
                    "connections": connections, "setting": best.describe(), "epochs": epochs,
                    "tuning_epochs": tuning_epochs, "budget": BUDGET, "batch": BATCH,
                }  # fmt: skip
                write_text(path, json.dumps(row, indent=1))
            yield json.loads(path.read_text(encoding="utf-8"))


def summary(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return mean, SD and 95 % interval (t, over seeds) of the test accuracy in per cent, and how much was rewired."""
    from scipy import stats

    made = []
    for row in rows:
        values = 100 * np.array(row["accuracies"])
        reach = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        made.append(
            {
                "data": row["data"], "density": row["density"], "rule": row["rule"], "accuracy": values.mean(),
                "sd": values.std(ddof=1), "low": values.mean() - reach, "high": values.mean() + reach,
                "seeds": len(values), "turnovers": row["eliminated"] / max(1, row["connections"]),
                "connections": row["connections"],
            }
        )  # fmt: skip
    return pd.DataFrame(made)
