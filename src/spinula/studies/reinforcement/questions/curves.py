"""Spines against the rules of reinforcement learning: the same trials, the same errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from spinula.law.circuits.conditioning import rescorla_wagner, temporal_difference
from spinula.studies.memory.study import Case, Claim, Finding, Found, Keeper, Options, Panel, RowText, Study, curve
from spinula.studies.reinforcement.cases import ANIMALS, below, shown
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.mapping import departures, limit
from spinula.studies.reinforcement.numbers import model_with, striatum
from spinula.studies.reinforcement.reading import load_experiment
from spinula.studies.reinforcement.running import mean, run_variant

STEPS = 4  # of 0.2 s from the cue to the reward, for the rules that have time in them
_LAMBDA = 0.9
_RULES = ("Rescorla-Wagner", "TD(0)", f"TD({_LAMBDA})")


def cases(options: Options) -> list[Case]:
    """Return the cases: the experiment of discrimination trial by trial, and walks in and out of the limit."""
    seeds = options.series(ANIMALS, trial=3)
    walks = [
        {"name": f"walk {kind}, {seed}", "seed": seed, "kind": kind} for kind in ("limit", "usual") for seed in seeds
    ]
    return [{"name": "trials", "seed": seeds[0], "animals": len(seeds), "kind": "trials"}, *walks]


def run(case: Case, keeper: Keeper) -> Found:
    """Run one case."""
    if case["kind"] != "trials":
        model = limit(model_with()) if case["kind"] == "limit" else model_with()
        return {"away": departures(model, seed=case["seed"]).tolist()}
    course = run_variant(
        load_experiment("discrimination"), Condition(name="control"), seed=case["seed"], animals=case["animals"]
    )
    keeper.tell(0.5)
    cue, reward, value = (
        np.concatenate([getattr(record, name) for record in course.records]) for name in ("cue", "reward", "value")
    )
    learned = len(course.records[0].cue)
    here = np.arange(cue.shape[1])
    predicted = np.stack([row[here, shown_] for row, shown_ in zip(value, cue, strict=True)])
    fits = {name: _fit(rule, cue, reward, predicted, learned) for name, rule in rules().items()}
    return {
        "conditioning": learned, "cue": cue.T.tolist(), "spines": predicted.T.tolist(),
        "rules": {name: curve_.T.tolist() for name, (_, curve_) in fits.items()},
        "rates": {name: rate for name, (rate, _) in fits.items()},
    }  # fmt: skip


Rule = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def features(cue: np.ndarray) -> np.ndarray:
    """Return shares of inputs that are active, shape (trials, elements): of CS+ only, shared, of CS- only.

    Scaled so that the sum of squares of a cue is 1.
    """
    overlap = striatum()[0].circuit.overlap
    both = np.sqrt([1 - overlap, overlap, 1 - overlap])
    return np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])[cue] * both


def rules() -> dict[str, Rule]:
    """Return the textbook rules as functions (cues, rewards, rate) -> prediction at each trial's cue."""
    return {
        _RULES[0]: lambda cue, reward, rate: rescorla_wagner(features(cue), reward, rate),
        _RULES[1]: partial(_in_time, trace=0.0),
        _RULES[2]: partial(_in_time, trace=_LAMBDA),
    }


def _in_time(cue: np.ndarray, reward: np.ndarray, rate: float, *, trace: float) -> np.ndarray:
    """Return the prediction of TD(trace), each cue's elements apart at each step from the cue to the reward."""
    x = features(cue)
    steps = np.einsum("te,sk->tske", x, np.eye(STEPS)).reshape(len(x), STEPS, -1)
    given = np.zeros((len(x), STEPS))
    given[:, -1] = reward
    return temporal_difference(steps, given, rate, trace=trace)


def _fit(rule: Rule, cue: np.ndarray, reward: np.ndarray, spines: np.ndarray, learned: int) -> tuple[float, np.ndarray]:
    """Choose the learning rate that fits the day of conditioning best, and predict all trials with it."""
    mean_ = spines[:learned].mean(1)

    def misfit(rate: float) -> float:
        return float(np.mean((rule(cue[:learned, 0], reward[:learned, 0], rate) - mean_) ** 2))

    best = float(minimize_scalar(misfit, bounds=(1e-3, 0.9), method="bounded").x)
    return best, np.stack([rule(cue[:, n], reward[:, n], best) for n in range(cue.shape[1])], axis=1)


def _misfits(found: Found) -> dict[str, np.ndarray]:
    """Return the root mean square difference from the spines on the day of conditioning, of every animal."""
    spines, until = np.array(found["spines"]), found["conditioning"]
    return {
        name: np.sqrt(np.mean((np.array(values)[:, :until] - spines[:, :until]) ** 2, axis=1))
        for name, values in found["rules"].items()
    }


def _late(found: Found, values: list[list[float]]) -> np.ndarray:
    """Return the prediction of CS- over its last twenty trials, of every animal."""
    cue = np.array(found["cue"])
    return np.array([np.array(one)[cues == 1][-20:].mean() for one, cues in zip(values, cue, strict=True)])


def _claims(found: Found, walks: dict[str, np.ndarray]) -> list[Claim]:
    misfit = _misfits(found)
    spines, rule = _late(found, found["spines"]), _late(found, found["rules"][_RULES[0]])
    text = ", ".join(f"{name} {shown(values, digits=3)}" for name, values in misfit.items())
    most = float(walks["limit"].max())
    return [
        Claim(
            "In the limit of mapping.py D1 and D2 spines learn as TD(0) does, within 1e-6 of a reward after 400 steps.",
            f"largest difference {most:.1e} over {len(walks['limit'])} walks", most < 1e-6, row="46c-network",
        ),
        Claim(
            "With their usual numbers they do not.",
            f"largest difference {shown(walks['usual'].max(axis=1))} rewards",
            bool(walks["usual"].max(axis=1).min() > 1e-2), control=True, row="46c-network",
        ),
        Claim(
            "One learning rate describes the day of conditioning by Rescorla-Wagner's rule (root mean square below "
            "0.1), better than by TD(0) in steps of 0.2 s: the window of a spine reaches back to the cue at once.",
            f"{text}; rates " + ", ".join(f"{name} {rate:.2f}" for name, rate in found["rates"].items()),
            below(misfit[_RULES[0]], 0.1) and below(misfit[_RULES[0]] - misfit[_RULES[1]], 0.0),
        ),
        Claim(
            "Spines stop where dips become too short to be seen: CS- keeps more prediction than by "
            "Rescorla-Wagner's rule.",
            f"spines {shown(spines)}, rule {shown(rule)}", below(rule - spines, -0.05),
        ),
    ]  # fmt: skip


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw learning curves and the walks, and judge the mapping."""
    found = next(result for case, result in results if case["kind"] == "trials")
    walks = {
        kind: np.array([result["away"] for case, result in results if case["kind"] == kind])
        for kind in ("limit", "usual")
    }
    until, curves = found["conditioning"], []
    for name, values in {"spines": found["spines"], **found["rules"]}.items():
        middle, low, high = zip(*(mean(one) for one in np.array(values)[:, :until].T), strict=True)
        # The rules see one order of trials on the day of conditioning: no interval.
        band = (low, high) if name == "spines" else ()
        curves.append(curve(name, range(1, until + 1), middle, *band))
    away = [
        curve(f"{kind} numbers" if kind == "usual" else "in the limit", range(1, values.shape[1] + 1),
              np.maximum(values.max(0), 1e-12))
        for kind, values in walks.items()
    ]  # fmt: skip
    late = {"spines": found["spines"], **found["rules"]}
    middle, low, high = zip(*(mean(_late(found, values)) for values in late.values()), strict=True)
    panels = [
        Panel("A day of conditioning", "trial", "prediction (rewards)", pd.concat(curves)),
        Panel("Spines against TD(0) on the same walk", "step", "largest difference (rewards)", pd.concat(away),
              log_y=True),
        Panel("CS- after five days of discrimination", "rule", "prediction (rewards)",
              curve("", late, middle, low, high), "points"),
    ]  # fmt: skip
    return Finding(panels, _claims(found, walks))


STUDY = Study(
    name="curves",
    title="Spines beside Rescorla-Wagner and temporal differences",
    question="In what limit do D1 and D2 spines learn as TD(0) does, and how do their usual numbers depart from it?",
    model=(
        "Walks between five states with overlapping inputs, in the limit (no fluctuation, small changes about the "
        "size at which enlargement does not depend on size, both kernels at their peak, dips seen in proportion to "
        "their length) and with the usual numbers. Then the experiment of discrimination beside three textbook "
        "rules on the same trials; each has one learning rate, fitted to the day of conditioning."
    ),
    sources=("rescorla1972", "sutton1988"),
    cases=cases,
    run=run,
    conclude=conclude,
    rows=(
        RowText("46c-network", "striatum, walks", "spines against TD(0) in the limit", "0", "1e-6", "analytic",
                "sutton1988"),
    ),
)  # fmt: skip
