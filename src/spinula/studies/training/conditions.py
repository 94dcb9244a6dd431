"""Disorders and treatments applied to training: what a preset changes in a spine is changed in the network's law.

A preset says what differs from its base in a brain. The ratio of the two numbers, which has no unit, multiplies the
number of the training law that means the same:

    law.noise_slope -> noise_slope        law.recovery_rate -> decay
    law.noise_floor -> noise_floor        boundary.size_min -> size_min,  boundary.size_new -> size_new

What else a preset states (potentiation, dopamine, formation per length) has no counterpart here; it is listed and not
used. The base network takes its spread and its restoring drift from a preset too, by a clock: how many days of a spine
one unit of training time is (a step is as long as its learning rate). The clock is a choice, and :func:`dose_response`
shows how much hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError
from spinula.core.files import kept
from spinula.engines.sparse.rules import RULES
from spinula.law.training import TrainingLaw
from spinula.measures import size_moments, survival, turnover
from spinula.measures.intervals import mean_interval
from spinula.presets import load_preset
from spinula.studies.training.data import Data
from spinula.studies.training.running import Plan, train

MAPPED = {
    "law.noise_slope": "noise_slope",
    "law.noise_floor": "noise_floor",
    "law.recovery_rate": "decay",
    "boundary.size_min": "size_min",
    "boundary.size_new": "size_new",
}
NAMES = ("fragile_x", "neocortex_enriched", "neocortex_deprived", "neocortex_blocked")
FACTORS = (0.0, 0.5, 1.0, 1.25, 2.0, 3.0, 4.0, 6.0)
CLOCK = 0.0225  # day per unit of training time: 15 epochs of MNIST at rate 0.3 and batch 128 last 24 days. A choice.
TYPICAL_SIZE = 0.1  # of a connection, where size_rest is that of a spine; the order of a trained first layer. A choice.
MEASURES = ("accuracy", "turnover_ratio", "survival", "size", "size_cv", "size_log_sd")


def base_law(name: str = "neocortex_adult", *, clock: float = CLOCK) -> TrainingLaw:
    """Return a training law with the spread and the restoring drift of a preset; its threshold stays that of training.

    noise_slope = slope*sqrt(clock), decay = recovery_rate*clock,
    noise_floor = floor*sqrt(clock)*TYPICAL_SIZE/size_rest

    The drift restores a spine to size_rest; a connection without a gradient has no size to rest at, and decays to 0.

    Raises
    ------
    InvalidInputError
        If the preset's law has no slope, floor, recovery rate and resting size.

    Examples
    --------
    >>> law = base_law(clock=0.01)
    >>> round(law.noise_slope, 3), round(law.decay, 5)
    (0.02, 0.0005)
    """
    found = {
        key.partition(".")[2]: q.value for key, q in load_preset(name).quantities.items() if key.startswith("law.")
    }
    needed = ("noise_slope", "noise_floor", "recovery_rate", "size_rest")
    if missing := [key for key in needed if key not in found]:
        raise InvalidInputError(f"the law of {name!r} has no {', '.join(missing)}; wanted a linear one.")
    root = float(np.sqrt(clock))
    return TrainingLaw(
        shrinkage=1.4e-3, decay=found["recovery_rate"] * clock, noise_slope=found["noise_slope"] * root,
        noise_floor=found["noise_floor"] * root * TYPICAL_SIZE / found["size_rest"], size_min=1e-4, size_new=5e-3,
    )  # fmt: skip


def base_plan(density: float, *, clock: float = CLOCK, epochs: int = 15, seed: int = 0) -> Plan:
    """Return the plan of the base condition: the spine rule with the spread of an adult neocortex."""
    rule = replace(RULES["spine"], rate=0.3, candidates=16, law=base_law(clock=clock))
    return Plan(rule, density, epochs=epochs, seed=seed)


def ratios(name: str) -> pd.DataFrame:
    """Return what a preset changes against its base.

    Returns
    -------
    DataFrame, one row per number that differs
        key, base, value, ratio, target (in the training law, or None: not used), how (stated, fitted, assumed ...)

    Raises
    ------
    InvalidInputError
        If the preset has no base: then there is nothing that it differs from.

    Examples
    --------
    >>> ratios("fragile_x")[["key", "ratio", "target", "how"]].to_dict("records")
    [{'key': 'law.noise_slope', 'ratio': 1.25, 'target': 'noise_slope', 'how': 'assumed'}]
    """
    preset = load_preset(name)
    if preset.base is None:
        raise InvalidInputError(f"the preset {name!r} has no base that it differs from; wanted one such as fragile_x.")
    base, rows = load_preset(preset.base).quantities, []
    for key, quantity in preset.quantities.items():
        before = base[key].value if key in base else np.nan
        if quantity.value == before:
            continue
        ratio = quantity.value / before if before else np.nan
        target = MAPPED.get(key) if np.isfinite(ratio) else None
        rows.append((key, before, quantity.value, ratio, target, quantity.how))
    return pd.DataFrame(rows, columns=["key", "base", "value", "ratio", "target", "how"])


def conditioned(law: TrainingLaw, name: str) -> TrainingLaw:
    """Return a training law with the numbers of a preset's condition.

    Raises
    ------
    InvalidInputError
        If nothing that the preset changes has a counterpart in training, or the law's number is 0 and cannot change.

    Examples
    --------
    >>> law = base_law()
    >>> round(conditioned(law, "fragile_x").noise_slope / law.noise_slope, 6)
    1.25
    """
    found = ratios(name)
    used = found[found["target"].notna()]
    if used.empty:
        keys = ", ".join(found["key"])
        raise InvalidInputError(f"nothing that {name!r} changes has a counterpart in training (it changes {keys}).")
    changes = {}
    for target, ratio in zip(used["target"], used["ratio"], strict=True):
        if not (before := getattr(law, target)):
            raise InvalidInputError(f"{name!r} changes {target} by {ratio:g} times, but the law's {target} is 0.")
        changes[target] = before * ratio
    return TrainingLaw(**{**law.model_dump(), **changes})


def _run(plan: Plan, data: Data) -> dict[str, float]:
    """Return what one training gives; survival from the middle of training to its end, turnover over that time."""
    *_, (last, trained) = train(plan, data, record=True)
    assert trained is not None  # the last row brings it
    assert trained.table is not None
    middle = plan.epochs // 2
    sizes = size_moments(trained.table, session=plan.epochs, replicates=0)["value"]
    return {
        "accuracy": float(last["accuracy"]),
        "turnover_ratio": float(turnover(trained.table, replicates=0)["turnover_ratio"].iloc[middle:].mean()),
        "survival": float(survival(trained.table, session=middle, replicates=0)["survival"].iloc[-1]),
        "size": float(sizes["mean"]), "size_cv": float(sizes["cv"]), "size_log_sd": float(sizes["log_sd"]),
    }  # fmt: skip


def conditions(
    data: Data, plan: Plan, names: Sequence[str] = NAMES, *, seeds: int = 5, folder: Path | None = None
) -> Iterator[dict[str, Any]]:
    """Train the base and every condition with the same seeds; yield one row per run.

    Every row: condition, seed, and of the first layer accuracy (of the network, on the test set), turnover_ratio (mean
    between epochs, second half), survival (middle to end), size, size_cv, size_log_sd (at the end). With a folder each
    row is kept there as it comes; what is there already is not run again.
    """
    laws = {"base": plan.rule.law, **{name: conditioned(plan.rule.law, name) for name in names}}
    for seed in range(seeds):
        for name, law in laws.items():

            def made(name: str = name, law: TrainingLaw = law, seed: int = seed) -> dict[str, Any]:
                run = replace(plan, seed=seed, rule=replace(plan.rule, law=law))
                return {"data": data.name, "condition": name, "seed": seed, **_run(run, data)}

            stem = f"{data.name}-{plan.density:g}-{name}-seed-{seed}.json"
            yield kept(folder / stem, made) if folder else made()


def dose_response(
    data: Data, plan: Plan, factors: Sequence[float] = FACTORS, *, seeds: int = 5
) -> Iterator[dict[str, Any]]:
    """Train with the whole spread (slope and floor) multiplied by each factor; yield one row per run.

    Factor 0 is the control without fluctuation. Rows as those of :func:`conditions`, with ``factor``.
    """
    for seed in range(seeds):
        for factor in factors:
            law = plan.rule.law
            spread = {"noise_slope": factor * law.noise_slope, "noise_floor": factor * law.noise_floor}
            run = replace(plan, seed=seed, rule=plan.rule.changed(spread))
            yield {"data": data.name, "factor": factor, "seed": seed, **_run(run, data)}


def contrast(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return each condition minus the base, run by run with the same seed.

    Returns
    -------
    DataFrame, one row per condition and measure
        condition, measure, base, value (means), difference, low, high (95 %, t), effect (difference over the SD of the
        base over seeds; NaN if that is 0), seeds

    Source
    ------
    Paired differences with Student's interval; the effect size is Glass's, with the spread of the control.
    """
    frame, made = pd.DataFrame(list(rows)), []
    base = frame[frame["condition"] == "base"].set_index("seed")
    for name, group in frame[frame["condition"] != "base"].groupby("condition", sort=False):
        here = group.set_index("seed")
        for measure in MEASURES:
            away = (here[measure] - base[measure]).dropna()
            mean, low, high = mean_interval(away)
            sd = base[measure].std()
            made.append(
                (name, measure, base[measure].mean(), here[measure].mean(), mean, low, high,
                 mean / sd if sd > 0 else np.nan, len(away))
            )  # fmt: skip
    columns = ["condition", "measure", "base", "value", "difference", "low", "high", "effect", "seeds"]
    return pd.DataFrame(made, columns=columns)


def trend(
    rows: Sequence[dict[str, Any]], measure: str = "accuracy", *, above: float = 1.0, replicates: int = 2000
) -> dict[str, float]:
    """Return Kendall's tau-b of a measure against the factor, for factors of ``above`` and more: -1 always falls.

    Returns
    -------
    dict: tau, low, high (95 %, resampling seeds, each with all its factors)

    Source
    ------
    Kendall's tau-b; a bootstrap over whole seeds, since the runs of one seed share their beginning.
    """
    from scipy.stats import kendalltau

    frame = pd.DataFrame(list(rows))
    frame = frame[frame["factor"] >= above]
    wide = frame.pivot(index="seed", columns="factor", values=measure).to_numpy()
    factors = np.tile(np.sort(frame["factor"].unique()), (len(wide), 1))

    def tau(chosen: np.ndarray) -> float:
        return float(kendalltau(factors[chosen].ravel(), wide[chosen].ravel()).statistic)

    generator = np.random.default_rng(0)
    drawn = [tau(generator.integers(0, len(wide), len(wide))) for _ in range(replicates)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return {"tau": tau(np.arange(len(wide))), "low": float(low), "high": float(high)}
