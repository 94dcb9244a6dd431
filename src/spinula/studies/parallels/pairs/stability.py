"""Size-dependent stability against elastic weight consolidation, synaptic intelligence and chains of variables."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.law.circuits.storage.cascade import Cascade
from spinula.measures.intervals import mean_interval
from spinula.presets import load_preset
from spinula.studies.memory.study import Case, Claim, Found, Keeper, Options, Panel, curve
from spinula.studies.parallels.parallel import (
    SEEDS,
    Benefit,
    Judged,
    Limit,
    Parallel,
    above,
    below,
    chosen_by_others,
    judged,
    shown,
)
from spinula.studies.parallels.sides.synapses import Storing, Synapse, best_binary, binary, lifetime
from spinula.studies.training.continual import Split, average, run_split
from spinula.studies.training.continual_methods import SPLIT
from spinula.studies.training.data import load_data

_COUNTS = 10.0 ** np.arange(3, 10)  # synapses
_AGES = np.arange(601)
_SEEN = np.arange(40)  # ages that are compared with the simulation
# Changes by memories: small where spines are large, or in proportion to size; with or without intrinsic noise.
_SPINES: dict[str, dict[str, Any]] = {
    "spines": {},
    "spines, all sizes alike": {"size_scale": np.inf},
    "spines without fluctuation": {"fluctuating": False},
}  # fmt: skip
_CHANCE = 0.1  # of the binary synapse whose chance does not depend on how many there are
_METHODS = {
    "dense": "no protection", "ewc": "elastic weight consolidation", "si": "synaptic intelligence",
    "replay": "replay of stored samples", "spine_plain": "spines, no stability by size",
    "spine": "spines, stability by size",
}  # fmt: skip


def _cases(options: Options) -> list[Case]:
    spines = 20_000 if options.trial else 60_000
    stored = [
        {"name": f"{kind} {seed}", "kind": kind, "seed": seed, "spines": spines}
        for kind in ("binary", *_SPINES)
        for seed in options.series(SEEDS, trial=SEEDS)
    ]
    tasks = [
        {"name": f"tasks {method} {seed}", "kind": "tasks", "method": method, "seed": seed,
         "epochs": 2 if options.trial else 5}
        for method in _METHODS
        for seed in options.series(SEEDS, trial=SEEDS)
    ]  # fmt: skip
    return [*stored, *tasks]


def _run(case: Case, keeper: Keeper) -> Found:
    if case["kind"] != "tasks":
        return {"overlap": _store(case).tolist()}
    course = Split(known=False, epochs=case["epochs"], batch=16, hidden=(64,))
    data = load_data("digits")

    def scores(*, final: bool) -> list[float]:
        made = (
            run_split(case["method"], setting, data, course, seed=case["seed"], final=final)
            for setting in SPLIT[case["method"]]
        )
        return [average(one["matrix"]) for one in made]

    # Settings are chosen by the held-out samples of other seeds; the test set only scores the one that was chosen.
    return {"validation": scores(final=False), "test": scores(final=True)}


def storing(kind: str) -> Storing:
    """Return the spines of a kind, by the law of the adult neocortex."""
    dynamics = load_preset("neocortex_adult").dynamics
    return Storing(dynamics.law, dynamics.boundary, **_SPINES[kind])


@cache
def chain_of(kind: str) -> Synapse:
    """Return a kind of synapse as a Markov chain."""
    return binary(_CHANCE) if kind == "binary" else storing(kind).synapse()


def _store(case: Case) -> np.ndarray:
    """Store memories in synapses, one by one, and return the overlap of the last weights with each, by age."""
    generator, exact = Streams(case["seed"]).generator(case["kind"]), chain_of(case["kind"])
    start = np.maximum(exact.stationary, 0.0)
    weight = generator.choice(exact.weight, case["spines"], p=start / start.sum())
    spines = None if case["kind"] == "binary" else storing(case["kind"])
    memories = []
    # Between the levels of the chain the start is not stationary; that is forgotten in the first hundred memories.
    for step in range(100 + len(_SEEN)):
        memory = generator.choice([-1.0, 1.0], case["spines"])
        if spines is None:
            weight = np.where(generator.random(case["spines"]) < _CHANCE, memory, weight)
        else:
            weight = spines.step(weight, memory, generator.standard_normal(case["spines"]))
        if step >= 100:
            memories.append(memory)
    away = weight - weight.mean()
    return np.array([np.mean(memories[-1 - age] * away) for age in _SEEN])


def _ratios() -> dict[str, np.ndarray]:
    """Return signal to noise of one synapse, by age."""
    found = {kind: chain_of(kind).signal(_AGES) / chain_of(kind).noise for kind in _SPINES}
    return {"binary": _CHANCE * (1 - _CHANCE) ** _AGES.astype(float), **found}


def lives() -> dict[str, np.ndarray]:
    """Return the lifetime, in memories, of each kind of synapse for each number of synapses."""
    ratios = _ratios()
    found = {name: np.array([lifetime(_AGES, ratio, n) for n in _COUNTS]) for name, ratio in ratios.items()}
    found["binary, chance chosen for N"] = np.array([best_binary(n)[1] for n in _COUNTS])
    found["chain of variables (Benna-Fusi)"] = np.array(
        [max(Cascade(m).lifetime(n) for m in range(1, 18)) for n in _COUNTS]
    )
    return found


def exponent(life: np.ndarray, first: int = 3) -> float:
    """Return the log-log slope of lifetime against number of synapses, from 10^6 synapses on."""
    return float(np.polyfit(np.log(_COUNTS[first:]), np.log(life[first:]), 1)[0])


def _closed() -> float:
    """Return how far the signal of a binary synapse is from chance*(1 - chance)^age, relative to it."""
    worst = 0.0
    for chance in (0.02, 0.1, 0.5):
        exact = chance * (1 - chance) ** np.arange(30.0)
        worst = max(worst, float(np.abs(binary(chance).signal(np.arange(30)) / exact - 1).max()))
    return worst


def _limits(overlaps: dict[str, np.ndarray]) -> list[Limit]:
    exact = {kind: chain_of(kind).signal(_SEEN) for kind in overlaps}
    away = max(abs(float(seen.mean() / exact[kind].mean()) - 1) for kind, seen in overlaps.items())
    return [
        Limit("The signal of simple bounded synapses is chance*(1 - chance)^age: the Markov chain gives the closed "
              "form.", _closed(), 1e-12),
        Limit("Simulated synapses of all kinds, spines among them, forget as their Markov chains do (mean over 40 ages "
              "and all seeds, relative; the standard error is near 0.01).", away, 0.04),
    ]  # fmt: skip


def _growth(life: dict[str, np.ndarray]) -> list[Claim]:
    grown = {name: exponent(values) for name, values in life.items()}
    spines = life["spines"]
    per_decade = np.diff(spines)[3:]
    longer = per_decade[-1] / np.diff(life["spines, all sizes alike"])[-1]
    noisy = spines / life["spines without fluctuation"]
    return [
        Claim("Lifetime grows as the logarithm of the number of synapses for bounded synapses of one chance, as its "
              "root where the chance is chosen for the number, and nearly in proportion for chains of variables.",
              ", ".join(f"{name}: exponent {grown[name]:.2f}" for name in
                        ("binary", "binary, chance chosen for N", "chain of variables (Benna-Fusi)")),
              grown["binary"] < 0.15 and abs(grown["binary, chance chosen for N"] - 0.5) < 0.03
              and 0.85 < grown["chain of variables (Benna-Fusi)"] < 1.0),
        Claim("Stability by size does not change the growth: lifetimes of spines, too, grow by the same number of "
              "memories per decade of synapses.",
              f"exponent {grown['spines']:.2f}; {per_decade.min():.1f} to {per_decade.max():.1f} memories per decade "
              "from 10^6 to 10^9",
              grown["spines"] < 0.25 and per_decade.max() < 1.05 * per_decade.min()),
        Claim("Switched off (all sizes change by the same factor), each decade brings fewer memories: stability by "
              "size slows forgetting by a constant factor.",
              f"{longer:.2f} times as many with it", longer > 1.2, control=True),
        Claim("Without fluctuation the first signal is larger and small numbers of synapses remember longer; "
              "fluctuation costs them most.",
              f"lifetime with over without: {noisy[0]:.2f} at 10^3 synapses, {noisy[3]:.2f} at 10^6", noisy[0] < 0.8,
              control=True),
    ]  # fmt: skip


def _tasks(scores: dict[str, np.ndarray]) -> tuple[list[Claim], Benefit]:
    best = max(("ewc", "si", "replay"), key=lambda name: scores[name].mean())
    gain = scores["spine"] - scores["spine_plain"]
    claims = [
        Claim("On classes that come two by two, EWC keeps more than no protection, and replay more than EWC.",
              "; ".join(f"{_METHODS[name]} {shown(100 * scores[name], ' %', 1)}" for name in ("dense", "ewc", "si",
                                                                                              "replay")),
              above(scores["ewc"] - scores["dense"]) and above(scores["replay"] - scores["ewc"])),
        Claim("Stability by size keeps less than EWC.",
              f"{shown(100 * scores['spine'], ' %', 1)}; less EWC "
              f"{shown(100 * (scores['spine'] - scores['ewc']), ' points', 1)}",
              below(scores["spine"] - scores["ewc"])),
        Claim("Switched off, spines keep as much or more: what is large is not what the old task needs.",
              f"with less without {shown(100 * gain, ' points', 1)}", not above(gain), control=True),
    ]  # fmt: skip
    differences = 100 * (scores["spine"] - scores[best])
    return claims, Benefit.of(differences, "accuracy over all classes after the last task, at the same bytes",
                              against=_METHODS[best], unit="points", margin=0.5)  # fmt: skip


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    kinds = ("binary", *_SPINES)
    overlaps = {kind: np.array([f["overlap"] for c, f in results if c["kind"] == kind]) for kind in kinds}
    scores = {
        name: chosen_by_others(*(np.array([f[part] for c, f in results if c.get("method") == name])
                                 for part in ("validation", "test")))
        for name in _METHODS
    }  # fmt: skip
    life = lives()
    claims, benefit = _tasks(scores)
    return judged(
        _panels(overlaps, life, scores), [*_growth(life), *claims], limits=_limits(overlaps),
        benefits=[benefit],
    )  # fmt: skip


def _panels(overlaps: dict[str, np.ndarray], life: dict[str, np.ndarray], scores: dict[str, np.ndarray]) -> list[Panel]:
    ratios, synapses = _ratios(), 1e6
    forgetting = []
    for kind, ratio in ratios.items():
        height = ratio * np.sqrt(synapses)
        forgetting.append(curve(f"{kind}, closed form", _AGES[height > 1], height[height > 1]))
        if kind in ("binary", "spines"):
            heights = overlaps[kind] / chain_of(kind).noise
            seen = np.array([mean_interval(column) for column in heights.T]).T * np.sqrt(synapses)
            forgetting.append(curve(f"{kind}, simulated", _SEEN[:25], *seen[:, :25]))
    grown = [curve(f"{name}: power {exponent(values):.2f}", _COUNTS, np.where(values > 0, values, np.nan))
             for name, values in life.items()]  # fmt: skip
    kept = [
        curve("", [_METHODS[name]], *[[value] for value in mean_interval(100 * values)])
        for name, values in scores.items()
    ]
    return [
        Panel("Forgetting in 10^6 synapses, one memory a day", "age [memories]", "signal / noise",
              pd.concat(forgetting), log_y=True),
        Panel("Lifetime against number of synapses", "synapses", "lifetime [memories]", pd.concat(grown), log_x=True,
              log_y=True),
        Panel("Ten digits, two new ones at a time, same bytes", "", "accuracy over all classes at the end [%]",
              pd.concat(kept), kind="points"),
    ]  # fmt: skip


PARALLEL = Parallel(
    name="stability",
    title="Stability of large spines, and consolidation",
    question="Do large, stable spines make memories last as consolidation does in machine learning, and as chains of "
    "hidden variables would?",
    model="Spines store one random memory a day: potentiated ones grow by 0.3*V*exp(-V/0.12 um3), depressed ones "
    "shrink by as much, so that large spines change little; in between they fluctuate by the law of the preset "
    "neocortex_adult, and those below the smallest size are replaced. An ideal observer reads all sizes. Lifetimes "
    "come from Markov chains of 160 sizes, which simulations of continuous sizes (10 seeds) check; those of chains of "
    "variables from their closed form, with as many variables as serve best.\n\n"
    "Networks of one hidden layer (64 units) learn the ten classes of small images of digits two by two, and are "
    "tested on all of them; nothing tells them the task. All methods have the same bytes for weights, importances and "
    "samples.",
    sources=("fusi2007", "benna2016", "kirkpatrick2017", "zenke2017", "kasai2021", "yasumatsu2008"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology="Small spines change, large ones are hardly touched by plasticity, and last for months.",
    learning="EWC and synaptic intelligence hold weights that old tasks need; chains of variables (Benna and Fusi) "
    "move memories into slower and slower ones.",
    link="All of them slow the change of some weights. A step that is divided by a stiffness is a gradient step under "
    "another metric; the stiffness is the Fisher information for EWC, and a function of size alone for spines.",
    formula="EWC:    loss + strength/2 * sum F_i (w_i - w_i*)^2\nspines: change of V = gain * V * exp(-V/size_scale) * "
    "memory\nsignal of a bounded synapse: q (1 - q)^age;  lifetime = log(q sqrt(N)) / -log(1 - q)",
    exact="bounded synapses of any kind are Markov chains; two levels have the closed form q (1 - q)^age",
    breaks="size is a record of what was strengthened, not of what a loss needs; a bounded synapse of any size rule "
    "has one slowest time, and its lifetime grows as log N",
    cost="nothing to store or to compute; EWC keeps two more vectors, replay the samples",
    budgets=(
        ("spines", "6 settings (2 rates x 3 sizes of half stability), each seed at what is best for the others; the "
                   "bytes of the others"),
        ("EWC, SI, replay, no protection", "6 settings each (2 rates x 3 strengths, or 6 rates), chosen in the same "
                                           "way; as many epochs and bytes"),
    ),
)  # fmt: skip
