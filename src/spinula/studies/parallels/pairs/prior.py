"""The stationary law of sizes as a prior over weights, against L1, L2, log-sum and log-normal penalties."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import product

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from spinula.core.streams import Streams
from spinula.law.intrinsic import LinearLaw
from spinula.measures.intervals import mean_interval
from spinula.presets import load_preset
from spinula.studies.memory.study import Case, Claim, Found, Keeper, Options, Panel, curve
from spinula.studies.parallels.parallel import Benefit, Judged, Limit, Parallel, above, below, judged, shown
from spinula.studies.parallels.sides.penalties import Penalty, fixed_point, l1, l2, log_normal, log_sum, regress, spines

_WEIGHTS, _SAMPLES, _CORRELATED = 40, 60, 0.5
TRUTHS = ("sparse", "long-tailed", "dense")
_SCALES = (0.01, 0.03, 0.1, 0.3, 1.0)
_STRENGTHS = tuple(np.geomspace(0.1, 10.0, 5) / _SAMPLES)  # 1/samples is that of Bayes at noise of variance 1
_SPINES = "spines at rest", "spines that shrink"
_OTHERS = "L1", "L2", "log-sum", "log-normal"
_DRAWN = "L2", "L1", "log-normal", *_SPINES


@cache
def _neocortex() -> LinearLaw:
    return load_preset("neocortex_adult").dynamics.law


def spine_law(scale: float, rest: float) -> LinearLaw:
    """Return the law of the adult neocortex in other units: floor over slope is ``scale``, the rest ``rest``."""
    law = _neocortex()
    return LinearLaw(recovery_rate=law.recovery_rate, noise_slope=law.noise_slope, noise_floor=law.noise_slope * scale,
                     size_rest=rest)  # fmt: skip


def penalty_of(name: str, scale: float) -> Penalty:
    """Return a penalty by name; spines at rest keep the preset's ratio of rest to floor."""
    found: dict[str, Penalty] = {
        "L1": l1, "L2": l2, "log-sum": partial(log_sum, scale=scale),
        "log-normal": partial(log_normal, scale=scale, width=0.8),
        _SPINES[0]: partial(spines, law=spine_law(scale / 4.5, scale)),
        _SPINES[1]: partial(spines, law=spine_law(scale, 1e-9)),
    }  # fmt: skip
    return found[name]


def settings(name: str) -> list[tuple[float, float]]:
    """Return scales and strengths that are tried: 25 of each penalty."""
    if name in ("L1", "L2"):
        return [(1.0, float(strength)) for strength in np.geomspace(1e-3, 10.0, 25)]
    return list(product(_SCALES, map(float, _STRENGTHS)))


def _problem(truth: str, seed: int) -> tuple[np.ndarray, ...]:
    """Return weights, the covariance of inputs, and inputs and outputs to fit and to choose by."""
    generator = Streams(seed).generator(f"prior {truth}")
    sign = generator.choice([-1.0, 1.0], _WEIGHTS)
    weight = {
        "sparse": lambda: 1.5 * sign * (generator.permutation(_WEIGHTS) < 5),
        "long-tailed": lambda: sign * 0.15 * np.exp(1.2 * generator.standard_normal(_WEIGHTS)),
        "dense": lambda: 0.4 * generator.standard_normal(_WEIGHTS),
    }[truth]()
    place = np.arange(_WEIGHTS)
    covariance = _CORRELATED ** np.abs(place[:, None] - place)
    inputs = generator.standard_normal((2 * _SAMPLES, _WEIGHTS)) @ np.linalg.cholesky(covariance).T
    outputs = inputs @ weight + generator.standard_normal(2 * _SAMPLES)
    # Standardised by the samples to fit: the weights are those of standardised inputs.
    size = np.sqrt((inputs[:_SAMPLES] ** 2).mean(axis=0))
    inputs, weight, covariance = inputs / size, weight * size, covariance / np.outer(size, size)
    return weight, covariance, inputs[:_SAMPLES], outputs[:_SAMPLES], inputs[_SAMPLES:], outputs[_SAMPLES:]


def _cases(options: Options) -> list[Case]:
    seeds = options.series(40, trial=20)
    return [{"name": f"{truth} {seed}", "truth": truth, "seed": seed, "first": seed == seeds[0]}
            for truth in TRUTHS for seed in seeds]  # fmt: skip


def _run(case: Case, keeper: Keeper) -> Found:
    weight, covariance, inputs, outputs, held, truth = _problem(case["truth"], case["seed"])

    def risk(found: np.ndarray) -> float:
        return float((found - weight) @ covariance @ (found - weight))

    nothing = np.linalg.lstsq(inputs, outputs, rcond=None)[0]
    risks, zeros = {"no penalty": risk(nothing)}, {}
    for name in (*_OTHERS, *_SPINES):
        fits = [regress(inputs, outputs, penalty_of(name, scale), strength) for scale, strength in settings(name)]
        best = int(np.argmin([np.mean((truth - held @ fit) ** 2) for fit in fits]))
        risks[name], zeros[name] = risk(fits[best]), float(np.mean(fits[best] == 0.0))
    paths = _paths(inputs, outputs) if case["first"] and case["truth"] == "sparse" else {}
    return {"risk": risks, "zero": zeros, "paths": paths, "weight": weight.tolist()}


def _paths(inputs: np.ndarray, outputs: np.ndarray) -> dict[str, dict[str, list]]:
    """Return the weights from weak to strong penalties, each from where the one before left them."""
    found = {}
    for name in _DRAWN:
        strengths = np.geomspace(1e-3, 2.0, 40) if name in ("L1", "L2") else np.geomspace(1e-4, 1.0, 40)
        start, rows = None, []
        for strength in strengths:
            start = regress(inputs, outputs, penalty_of(name, 0.1), float(strength), start)
            rows.append(start.tolist())
        found[name] = {"strength": strengths.tolist(), "weights": rows}
    return found


def mode_errors(seed: int = 1, problems: int = 200) -> dict[float, float]:
    """Return how far zeros of the drift are from modes, by share of the noise's own drift, largest over problems.

    Problems are laws and quadratic losses drawn at random; the mode is where the slope of log law + (1 - share) *
    log spread^2 - loss vanishes, by central differences of the law's own density.
    """
    generator, worst = Streams(seed).generator("modes"), {0.0: 0.0, 0.5: 0.0, 1.0: 0.0}
    for _ in range(problems):
        slope, rate = generator.uniform(0.1, 0.4), generator.uniform(0.02, 0.1)
        law = LinearLaw(recovery_rate=rate, size_rest=generator.uniform(0.5, 1.5), noise_slope=slope,
                        noise_floor=slope * generator.uniform(0.1, 0.5))  # fmt: skip
        stiff, target = generator.uniform(0.5, 5.0), generator.uniform(0.6, 2.0)
        for share in worst:
            worst[share] = max(worst[share], _mode_error(law, stiff, target, share))
    return worst


def _mode_error(law: LinearLaw, stiff: float, target: float, share: float) -> float:
    density = law.stationary()
    zero = fixed_point(law, lambda size: stiff * (size - target), share, 1e-3, 20.0)

    def height(size: float) -> float:
        spread = float(law.spread(size))
        return float(density.logpdf(size)) + (2 - 2 * share) * np.log(spread) - 0.5 * stiff * (size - target) ** 2

    mode = brentq(lambda size: height(size + 1e-4) - height(size - 1e-4), zero - 0.05, zero + 0.05, xtol=1e-13)
    return abs(zero - float(mode))


def confusion() -> float:
    """Return how far the zero of Ito's drift is from the mode of the posterior, for the law of the neocortex, in rest
    sizes, without a loss."""
    law = _neocortex()
    flat: Callable[[float], float] = lambda size: 0.0  # noqa: E731
    ito, isothermal = (fixed_point(law, flat, share, 1e-4, 1.0) for share in (0.0, 1.0))
    return (ito - isothermal) / law.size_rest


def _limits() -> list[Limit]:
    errors = mode_errors()
    return [
        Limit("The noise-free drift of a spine under a loss vanishes at the maximum of stationary law times exp(-loss) "
              "if it is read in the isothermal (anti-Ito) sense (200 laws and losses; central differences).",
              errors[1.0], 1e-6, "weights"),
        Limit("Read in Stratonovich's sense it vanishes at the maximum for the additive coordinate, in Ito's at that "
              "of law*spread^2.", max(errors[0.5], errors[0.0]), 1e-6, "weights"),
    ]  # fmt: skip


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    risks = {
        truth: {
            name: np.array([found["risk"][name] for case, found in results if case["truth"] == truth])
            for name in ("no penalty", *_OTHERS, *_SPINES)
        }
        for truth in TRUTHS
    }
    zeros = {name: np.array([found["zero"][name] for case, found in results if case["truth"] == "sparse"])
             for name in (*_OTHERS, *_SPINES)}  # fmt: skip
    benefits = []
    for truth in TRUTHS:
        best = min(_OTHERS, key=lambda name: risks[truth][name].mean())
        base, spine = (
            risks[truth][best],
            min((risks[truth][name] for name in _SPINES), key=lambda values: values.mean()),
        )
        benefits.append(
            Benefit.of(100 * np.log(base / spine), f"log ratio of errors, {truth} truth, at 25 settings each",
                       against=best, unit="%", margin=5.0)
        )  # fmt: skip
    return judged(_panels(results, risks), _claims(risks, zeros), limits=_limits(), benefits=benefits)


def _ratio(risks: dict[str, np.ndarray], name: str, other: str) -> np.ndarray:
    """Return the logarithm of one error over another, by seed, in per cent."""
    return 100 * np.log(risks[name] / risks[other])


def _claims(risks: dict[str, dict[str, np.ndarray]], zeros: dict[str, np.ndarray]) -> list[Claim]:
    sparse, dense = risks["sparse"], risks["dense"]
    rest, shrink = _SPINES
    log_sums = {truth: _ratio(found, shrink, "log-sum") for truth, found in risks.items()}
    return [
        Claim("Where few weights count, spines that shrink to nothing are a better prior than L1 and L2.",
              f"error {shown(sparse[shrink])}, L1 {shown(sparse['L1'])}, L2 {shown(sparse['L2'])}",
              below(_ratio(sparse, shrink, "L1")) and below(_ratio(sparse, shrink, "L2"))),
        Claim("They do what the log-sum penalty does, which reweighted L1 has had since 2008: on no truth is the error "
              "more than a fifth away.",
              "; ".join(f"{truth}: {shown(values, ' %', 0)}" for truth, values in log_sums.items()),
              all(above(values, -20.0) and below(values, 20.0) for values in log_sums.values())),
        Claim("Where all weights count a little, L2 is better than spines of either kind.",
              f"log ratio of errors: {shown(_ratio(dense, 'L2', shrink), ' %', 0)} and "
              f"{shown(_ratio(dense, 'L2', rest), ' %', 0)}",
              below(_ratio(dense, "L2", shrink)) and below(_ratio(dense, "L2", rest))),
        Claim("With a resting size, as measured in the brain, the law of spines leaves no weight at 0.",
              f"weights of 0 on the sparse truth: {shown(100 * zeros[rest], ' %', 0)}, L1 "
              f"{shown(100 * zeros['L1'], ' %', 0)}",
              below(zeros[rest] - zeros["L1"]) and float(zeros[rest].max()) < 0.05),
        Claim("Without the resting size most weights are at 0.", shown(100 * zeros[shrink], " %", 0),
              above(zeros[shrink], 0.5), control=True),
        Claim("Without any penalty all truths are learnt worse than with spines.",
              "; ".join(f"{truth}: {shown(_ratio(found, 'no penalty', shrink), ' %', 0)}"
                        for truth, found in risks.items()),
              all(above(_ratio(found, "no penalty", shrink)) for found in risks.values()), control=True),
        Claim("Mode and zero of the drift must not be confused: for the neocortex the zero of Ito's drift lies above "
              "the mode by more than a third of the resting size.", f"{confusion():.2f} of it", confusion() > 1 / 3,
              control=True),
    ]  # fmt: skip


def _panels(results: list[tuple[Case, Found]], risks: dict[str, dict[str, np.ndarray]]) -> list[Panel]:
    found = next(found for _, found in results if found["paths"])
    panels = []
    for name, path in found["paths"].items():
        rows = np.array(path["weights"])
        curves = [curve(f"{'counts' if true else 'is 0'} {number}", path["strength"], rows[:, number])
                  for number, true in enumerate(np.array(found["weight"]) != 0)]  # fmt: skip
        panels.append(Panel(name, "strength of the penalty", "weight", pd.concat(curves), log_x=True))
    size = np.linspace(1e-3, 2.0, 300)
    shapes = []
    for name in _DRAWN:
        cost = penalty_of(name, 0.1)(size)
        shapes.append(curve(name, size, (cost - cost.min()) / np.ptp(cost)))
    panels.append(Panel("Penalty by weight (range scaled to 1)", "|weight|", "penalty", pd.concat(shapes)))
    points = [
        curve(truth, [name], *[[value] for value in mean_interval(values)])
        for truth, byname in risks.items()
        for name, values in byname.items()
    ]
    panels.append(Panel("Error of the weights, 25 settings each", "", "expected squared error of prediction",
                        pd.concat(points), kind="points", log_y=True))  # fmt: skip
    return panels


PARALLEL = Parallel(
    name="prior",
    title="The law of spine sizes as a prior over weights",
    question="Fluctuating spines settle into a long-tailed law of sizes. Which regulariser is that, and is it better "
    "than those in use?",
    model="Regression with 40 correlated inputs, 60 samples to fit, 60 to choose settings by, noise of variance 1. "
    "True weights: 5 of 1.5 and 35 of 0 (sparse), log-normal sizes of either sign (long-tailed), or normal (dense). "
    "Weights minimise squared error plus penalty, coordinate by coordinate, from the ridge solution.\n\n"
    "Spines: minus the logarithm of the stationary law of the preset neocortex_adult, in units of the weights, with "
    "its resting size or with none (unused connections shrink). Errors are exact expectations over inputs.",
    sources=("yasumatsu2008", "tibshirani1996", "candes2008", "kesten1973"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology="Drift, spread and elimination set a stationary law of sizes, which needs no activity.",
    learning="A regulariser is minus the logarithm of a prior: L2 of a normal one, L1 of a Laplacian one.",
    link="If the loss drives spines in proportion to the square of their spread, sizes are drawn from stationary law "
    "times exp(-loss). For affine spread and linear recovery that law is an inverse gamma, so the penalty is a "
    "logarithm plus a reciprocal: concave, as in log-sum penalties.",
    formula="law(w) ~ u^-(a+1) exp(-b/u),  u = |w| + floor/slope,  a = 1 + 2 recovery/slope^2\n"
    "penalty = (a + 1) log u + b/u\nmode: drift - spread*spread' - spread^2/2 * dloss/dw = 0",
    exact="the noise-free drift, read in the isothermal sense, vanishes at the mode of law times exp(-loss)",
    breaks="read in Ito's sense the zero is another point; a loss that drives all sizes alike is not weighed against "
    "the law in this way; a resting size above 0 forbids zeros",
    cost="none: the drift does it; one more number to tune (the floor), as for log-sum",
    budgets=(
        ("spines, each kind", "25 settings (5 scales x 5 strengths), chosen on 60 held-out samples; 60 samples to fit"),
        ("L1, L2, log-sum, log-normal", "25 settings each (25 strengths, or 5 scales x 5 strengths), chosen on the "
                                        "same samples; the same samples to fit"),
    ),
)  # fmt: skip
