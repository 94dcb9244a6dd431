"""How much plasticity keeps the error of a task lowest while its synapses fluctuate?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from spinula.core.streams import Streams
from spinula.engines.network.storage.compensation import Plan, steady
from spinula.law.circuits.storage.compensation import best_compensation
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Finding, Found, Keeper, Options, Panel, RowText, Study, curve

_DIRECTIONS = 50
_RATIOS = np.geomspace(0.2, 2.0, 14)
_FLUCTUATION = 0.01
# Curvature of the loss (eigenvalues of its Hessian) and cosine of plasticity with the gradient.
_KINDS = {
    "alike": ("alike", 1.0),
    "redundant": ("redundant", 1.0),
    "redundant, cosine 0.5": ("redundant", 0.5),
    "redundant, cosine 0.25": ("redundant", 0.25),
    "broad": ("broad", 1.0),
    "blind": ("alike", 0.0),
}


def _curvature(name: str) -> np.ndarray:
    """Return eigenvalues: all alike; a fifth of the directions matters, the rest is free; or 1 to 100 evenly in log."""
    if name == "alike":
        return np.ones(_DIRECTIONS)
    if name == "broad":
        return np.geomspace(1.0, 100.0, _DIRECTIONS)
    return (np.arange(_DIRECTIONS) < _DIRECTIONS // 5).astype(float)


def _cases(options: Options) -> list[Case]:
    steps = 6000 if options.trial else 40_000
    return [
        {"name": f"{kind.replace(', ', '_').replace(' ', '_')}_{seed}", "kind": kind, "seed": seed, "steps": steps // 2}
        for kind in _KINDS
        for seed in options.series(6)
    ]


def _run(case: Case, keeper: Keeper) -> Found:
    name, accuracy = _KINDS[case["kind"]]
    rng = Streams(case["seed"]).child(case["kind"]).generator("steps")
    found = []
    for done, ratio in enumerate(_RATIOS):
        plan = Plan(ratio * _FLUCTUATION, _FLUCTUATION, accuracy, case["steps"], case["steps"] // 10)
        found.append(steady(_curvature(name), plan, rng))
        keeper.tell((done + 1) / len(_RATIOS))
    error, gradient, along = np.array(found).T
    return {"error": error.tolist(), "gradient": gradient.tolist(), "along": along.tolist()}


def _lowest(height: list[float]) -> float:
    """Return the ratio at which a curve is lowest, from a parabola through the logarithms around its lowest point."""
    values = np.log(height)
    middle = int(np.argmin(values))
    near = slice(max(middle - 4, 0), middle + 5)
    a, b, _ = np.polyfit(np.log(_RATIOS[near]), values[near], 2)
    return float(np.exp(-b / (2 * a)))


def _ratios(case: Case, found: Found) -> dict[str, float]:
    """Return where error and gradient are lowest, and both divided by the formula with the curvature found there."""
    mean = float(_curvature(_KINDS[case["kind"]][0]).mean())
    shown = {}
    for what in ("error", "gradient"):
        best = _lowest(found[what])
        along = float(np.interp(np.log(best), np.log(_RATIOS), found["along"]))
        shown[what], shown[f"{what} over formula"] = best, best / float(best_compensation(1.0, along, mean))
    return shown


def _conclude(results: list[tuple[Case, Found]]) -> Finding:
    each = pd.DataFrame([{"kind": case["kind"], **_ratios(case, found)} for case, found in results])
    seen: dict[Any, Any] = {
        (kind, what): mean_interval(each.loc[each["kind"] == kind, what])
        for kind in _KINDS
        if kind != "blind"
        for what in ("error", "error over formula", "gradient over formula")
    }
    blind = [found for case, found in results if case["kind"] == "blind"]
    seen["blind"] = mean_interval(np.array([stats.spearmanr(_RATIOS, found["error"]).statistic for found in blind]))
    return Finding(_panels(results), _claims(seen))


def _claims(seen: dict) -> list[Claim]:
    def show(kind: str, what: str) -> str:
        mean, low, high = seen[kind, what]
        return f"{mean:.3f} ({low:.3f} to {high:.3f})"

    def within(kind: str, what: str) -> bool:
        return bool(seen[kind, what][1] > 0.9 and seen[kind, what][2] < 1.1)

    formula = "error over formula"
    redundant = [kind for kind in _KINDS if kind.startswith("redundant")]
    best = [seen[kind, "error"] for kind in redundant]
    return [
        Claim(
            "Where all directions curve alike, error is lowest with as much plasticity as fluctuation (within 10 %).",
            f"ratio {show('alike', 'error')}", within("alike", "error"), row=57,
        ),
        Claim(
            "Where a fifth of the directions matters, error is lowest at sqrt(mean/along) (within 10 %), below 1.",
            "; ".join(f"{kind}: ratio {show(kind, 'error')}, over the formula {show(kind, formula)}"
                      for kind in redundant),
            all(within(kind, formula) and seen[kind, "error"][2] < 1 for kind in redundant), row=57,
        ),
        Claim(
            "The better plasticity knows the gradient, the less of it is best.",
            "; ".join(f"{kind}: {show(kind, 'error')}" for kind in redundant),
            all(first[2] < second[1] for first, second in pairwise(best)),
        ),
        Claim(
            "Where curvature is broad (1 to 100), the best plasticity is below the fluctuation all the same.",
            f"ratio {show('broad', 'error')}", seen["broad", "error"][2] < 1, row=57,
        ),
        Claim(
            "The closed form is not for a broad curvature: error, which weighs flat directions more than the gradient "
            "does, is lowest at more plasticity than it says.",
            f"error over the formula {show('broad', formula)}, gradient {show('broad', 'gradient over formula')}",
            seen["broad", formula][1] > 1.0,
        ),
        Claim(
            "Plasticity that knows nothing of the gradient has no best amount: error rises with it (rank correlation).",
            f"{seen['blind'][0]:.2f} ({seen['blind'][1]:.2f} to {seen['blind'][2]:.2f})", seen["blind"][1] > 0.5,
            row=57, control=True,
        ),
    ]  # fmt: skip


def _panels(results: list[tuple[Case, Found]]) -> list[Panel]:
    errors, best = [], []
    for kind in _KINDS:
        pairs = [pair for pair in results if pair[0]["kind"] == kind]
        heights = np.array([np.array(found["error"]) / min(found["error"]) for _, found in pairs])
        errors.append(curve(kind, _RATIOS, heights.mean(axis=0)))
        if kind == "blind":
            continue
        shown = [_ratios(*pair) for pair in pairs]
        mean, low, high = mean_interval(np.array([one["error"] for one in shown]))
        best.append(curve("simulated", [kind], [mean], [low], [high]))
        formula = np.mean([one["error"] / one["error over formula"] for one in shown])
        best.append(curve("closed form", [kind], [formula]))
    return [
        Panel("Error against plasticity", "plasticity / fluctuation", "error / lowest error", pd.concat(errors),
              log_x=True, log_y=True),
        Panel("Where error is lowest", "curvature of the loss", "plasticity / fluctuation", pd.concat(best),
              kind="points"),
    ]  # fmt: skip


STUDY = Study(
    name="optimal_plasticity",
    title="The best amount of plasticity against fluctuation",
    question="How much plasticity keeps the error of a task lowest while its synapses fluctuate?",
    model=f"{_DIRECTIONS} directions of a quadratic loss; each step plasticity of a fixed length along its estimate of "
    f"the gradient, and fluctuation of length {_FLUCTUATION} in a random direction; 14 ratios of the two, 18,000 steps "
    "of the steady state.",
    sources=("raman2021",),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    rows=(
        RowText(57, "plasticity against fluctuation", "ratio at which error is lowest", "sqrt(ke/kc) <= 1", "10 %",
                "analytic", "raman2021"),
    ),
)  # fmt: skip
