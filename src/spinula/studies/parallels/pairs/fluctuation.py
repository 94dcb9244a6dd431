"""Intrinsic fluctuation against the noise of SGD, Langevin dynamics and simulated annealing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.law.intrinsic import LinearLaw
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
from spinula.studies.parallels.sides.langevin import WAYS, Posterior, Rugged, descend, distance, sample

_DT, _TIME = 0.004, 6.0
_NOISES = {**{way: (way, 0, 1.0) for way in WAYS}, "SGLD, batches of 4": ("constant", 4, 1.0),
           "SGD, batches of 4": ("constant", 4, 0.0)}  # fmt: skip
_STRENGTHS = {
    "none": np.zeros(6), "fixed": np.geomspace(0.3, 6.0, 6), "annealed": np.geomspace(0.6, 12.0, 6),
    "by size": np.geomspace(0.3, 6.0, 6),
}  # fmt: skip


def _cases(options: Options) -> list[Case]:
    seeds = options.series(20, trial=SEEDS)
    steps, chains = (1500, 400) if options.trial else (6000, 1000)
    return [
        *({"name": f"{model} {seed}", "kind": model, "seed": seed, "chains": chains}
          for model in ("linear", "logistic") for seed in seeds),
        *({"name": f"rugged {seed}", "kind": "rugged", "seed": seed, "steps": steps} for seed in seeds),
    ]  # fmt: skip


def posterior_of(model: str, seed: int) -> Posterior:
    """Return the posterior of a regression with two weights, drawn by its seed."""
    generator = Streams(seed).generator(f"posterior {model}")
    inputs = generator.standard_normal((12, 2))
    drive = inputs @ (generator.choice([-1.0, 1.0], 2) * np.array([1.0, 0.3]))
    if model == "linear":
        return Posterior(inputs, drive + generator.standard_normal(12), False)
    return Posterior(inputs, (generator.random(12) < 1 / (1 + np.exp(-drive))).astype(float), True)


def _run(case: Case, keeper: Keeper) -> Found:
    if case["kind"] == "rugged":
        return _anneal(case)
    posterior, found = posterior_of(case["kind"], case["seed"]), {}
    exact, by_spread = posterior.marginal(), posterior.marginal(by_spread=True)
    for name, (way, batch, injected) in _NOISES.items():
        generator = Streams(case["seed"]).generator(f"chains {name}")
        drawn = sample(posterior, way, generator, chains=case["chains"], steps=round(_TIME / _DT), dt=_DT, batch=batch,
                       injected=injected)  # fmt: skip
        found[name] = {"away": distance(drawn[:, 0], *exact), "sd": float(drawn[:, 0].std()),
                       "mean size": float(np.abs(drawn).mean())}  # fmt: skip
        if way == "uncorrected":
            found[name]["away from law by spread"] = distance(drawn[:, 0], *by_spread)
    return {"noises": found}


def _anneal(case: Case) -> Found:
    streams, found = Streams(case["seed"]), {}
    rugged = Rugged.drawn(streams.generator("rugged"))
    start = np.tile(3.0 * streams.generator("start").standard_normal((1, 40, 4)), (6, 1, 1))
    for name, strength in _STRENGTHS.items():
        decline = (lambda share: 0.01**share) if name == "annealed" else (lambda share: 1.0)
        losses = descend(rugged, start, strength, decline, streams.generator(name), steps=case["steps"],
                         by_size=name == "by size")  # fmt: skip
        found[name] = losses.mean(axis=1).tolist()
    return {"losses": found}


def flux_error(law: LinearLaw) -> float:
    """Return the largest probability flux of the inverse gamma law under affine spread, relative to its drift's part.

    flux = drift*p - (spread^2 p)'/2, by central differences of the logarithm.
    """
    size = np.geomspace(1e-3, 2.0, 200)
    density, step = law.stationary(), 1e-6

    def height(at: np.ndarray) -> np.ndarray:
        return density.logpdf(at) + 2 * np.log(law.spread(at))

    slope = (height(size + step) - height(size - step)) / (2 * step)
    flux = law.drift(size) - 0.5 * law.spread(size) ** 2 * slope
    return float(np.abs(flux).max() / np.abs(law.drift(size)).max())


def variance_error(seed: int = 1) -> float:
    """Return how far sampled variances of a linear posterior are from those of discrete steps, relative.

    With constant spread a step of dt has the stationary precision A (1 - dt A/4): the only error of Langevin dynamics.
    """
    posterior = posterior_of("linear", seed)
    precision = posterior.inputs.T @ posterior.inputs + np.eye(2)
    dt, generator = 0.02, Streams(seed).generator("variance")
    drawn = sample(posterior, "constant", generator, chains=40_000, steps=300, dt=dt)
    exact = np.linalg.inv(precision @ (np.eye(2) - dt * precision / 4))
    return float(np.abs(np.diag(np.cov(drawn.T)) / np.diag(exact) - 1).max())


def _of(results: list[tuple[Case, Found]], model: str, name: str, key: str) -> np.ndarray:
    return np.array([found["noises"][name][key] for case, found in results if case["kind"] == model])


def _limits(results: list[tuple[Case, Found]]) -> list[Limit]:
    def mean(name: str, key: str = "away") -> float:
        return max(float(_of(results, model, name, key).mean()) for model in ("linear", "logistic"))

    text = "mean Kolmogorov-Smirnov distance times the root of the number of chains, 0.87 for exact draws"
    return [
        Limit("With affine spread and linear recovery the inverse gamma law carries no probability flux: it is "
              "stationary.", flux_error(load_preset("neocortex_adult").dynamics.law), 1e-6),
        Limit("With constant spread, discrete steps have the variance of the posterior over 1 - dt*A/4 (standard error "
              "0.007).", variance_error(), 0.03),
        Limit(f"With constant spread the chains draw from the posterior of linear and of logistic regression ({text}).",
              mean("constant"), 1.15),
        Limit("With spread by size and the drift that it needs they draw from the same posteriors.", mean("corrected"),
              1.15),
        Limit("Without that drift they draw from posterior over spread^2.",
              mean("uncorrected", "away from law by spread"), 1.15),
    ]  # fmt: skip


def _claims(results: list[tuple[Case, Found]], losses: dict[str, np.ndarray]) -> list[Claim]:
    away = {name: _of(results, "logistic", name, "away") for name in _NOISES}
    small = _of(results, "logistic", "uncorrected", "mean size") - _of(results, "logistic", "constant", "mean size")
    narrow = _of(results, "linear", "SGD, batches of 4", "sd") / _of(results, "linear", "constant", "sd")
    return [
        Claim("Spread by size without its drift is biased: chains are far from the posterior, and towards small "
              "weights, as under a sparse prior.",
              f"distance {shown(away['uncorrected'])}; mean size {shown(small, '', 3)} of weights",
              above(away["uncorrected"], 1.5) and below(small)),
        Claim("A loss that drives small and large spines alike is not the remedy: those chains are biased too.",
              shown(away["driven alike"]), above(away["driven alike"], 1.5)),
        Claim("The noise of batches alone, at this small step, is no sampler: SGD is narrower than the posterior by "
              "more than half.", f"SD over that of the posterior {shown(narrow)}", below(narrow, 0.5)),
        Claim("With the drift's correction the bias is gone.",
              f"distance {shown(away['corrected'])}, {shown(away['uncorrected'] - away['corrected'])} less",
              above(away["uncorrected"] - away["corrected"]), control=True),
        Claim("On a rugged loss any noise, tuned, ends lower than none.",
              ", ".join(f"{name} {shown(values)}" for name, values in losses.items()),
              all(below(losses[name] - losses["none"]) for name in ("fixed", "annealed", "by size")), control=True),
    ]  # fmt: skip


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    rough = [found["losses"] for case, found in results if case["kind"] == "rugged"]
    losses = {name: -chosen_by_others(-np.array([one[name] for one in rough])) for name in _STRENGTHS}
    best = min(("none", "fixed", "annealed"), key=lambda name: losses[name].mean())
    benefit = Benefit.of(losses[best] - losses["by size"], "loss left on a rugged loss, less that of noise by size",
                         against=f"noise: {best}", margin=0.0)  # fmt: skip
    return judged(_panels(results, losses, rough), _claims(results, losses), limits=_limits(results),
                  benefits=[benefit])  # fmt: skip


def _panels(results: list[tuple[Case, Found]], losses: dict[str, np.ndarray], rough: list[Found]) -> list[Panel]:
    posterior = posterior_of("logistic", results[0][0]["seed"])
    shapes = []
    for label, by_spread in (("posterior", False), ("posterior / spread^2", True)):
        axis, function = posterior.marginal(by_spread=by_spread)
        keep = (function > 1e-4) & (function < 1 - 1e-4)
        shapes.append(curve(f"{label}, quadrature", axis[keep], np.gradient(function, axis)[keep]))
    for way in ("constant", "corrected", "uncorrected"):
        generator = Streams(results[0][0]["seed"]).generator(f"chains {way}")
        drawn = sample(posterior, way, generator, chains=3000, steps=round(_TIME / _DT), dt=_DT)[:, 0]
        edges = np.linspace(drawn.min(), drawn.max(), 28)
        height, _ = np.histogram(drawn, edges, density=True)
        shapes.append(curve(f"{way}, sampled", 0.5 * (edges[1:] + edges[:-1]), height))
    away = [
        curve(f"{model} regression", [name], *[[value] for value in mean_interval(_of(results, model, name, "away"))])
        for model in ("linear", "logistic")
        for name in _NOISES
    ]
    left = [curve("", [name], *[[value] for value in mean_interval(values)]) for name, values in losses.items()]
    tuned = []
    for name in ("fixed", "annealed", "by size"):
        tried = np.log10([one[name] for one in rough])
        band = 10 ** np.array([mean_interval(column) for column in tried.T]).T
        tuned.append(curve(name, _STRENGTHS[name], *band))
    return [
        Panel("A weight of logistic regression", "weight", "density", pd.concat(shapes)),
        Panel("Distance from the posterior", "", "Kolmogorov-Smirnov distance x root of chains (0.87: none)",
              pd.concat(away), kind="points", log_y=True),
        Panel("Rugged loss: all strengths that were tried", "spread at the start, or per size",
              "mean loss at the end", pd.concat(tuned), log_x=True, log_y=True),
        Panel("Rugged loss: each at its best of six strengths", "", "mean loss at the end", pd.concat(left),
              kind="points"),
    ]  # fmt: skip


PARALLEL = Parallel(
    name="fluctuation",
    title="Intrinsic fluctuation, and noise in learning",
    question="Spines fluctuate in proportion to their size. Is that Langevin sampling, the noise of SGD, or annealing?",
    model="Regression with two weights, 12 samples and a normal prior: 1,000 independent chains (fast: 400) run for 6 "
    "units of time in steps of 0.004, and their last weights are compared with the posterior by quadrature on "
    "400 x 400 weights. Spread by size is |w| + 0.3.\n\n"
    "Rugged loss: a bowl with ripples in four rotated dimensions, 40 descents from far away, 6,000 steps (fast: "
    "1,500), the last tenth of them without noise for all. Annealing lets the spread fall to a hundredth.",
    sources=("yasumatsu2008", "welling2011", "mandt2017", "kirkpatrick1983", "kasai2021"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology="Sizes fluctuate without activity, by about a fifth a day: the spread grows with size.",
    learning="SGLD adds noise to sample a posterior; batches make SGD noisy; annealing lets noise fall with time.",
    link="All are diffusions. Which law they settle in depends on drift and spread together: a spread that depends on "
    "the weight needs a drift of its own, spread times its slope, or it acts as a prior 1/spread^2.",
    formula="dw = (-s^2 U'/2 + s s') dt + s dW  ->  exp(-U)\ndw = -s^2 U'/2 dt + s dW  ->  exp(-U)/s^2\n"
    "dV = k (rest - V) dt + (slope V + floor) dW  ->  inverse gamma",
    exact="small steps; spread constant, or by size with its drift; affine spread with linear recovery: inverse gamma",
    breaks="spines are not known to have the correcting drift; without it small weights are favoured; batch noise is "
    "neither isotropic nor of the right size",
    cost="one normal number per weight and step; nothing else",
    budgets=(
        ("noise by size", "6 strengths, each seed at what is best for the others; as many steps and descents"),
        ("none, fixed, annealed", "6 strengths each (none: one), chosen in the same way; as many steps and descents"),
    ),
)  # fmt: skip
