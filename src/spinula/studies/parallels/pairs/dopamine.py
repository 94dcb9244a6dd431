"""Dopamine traces against TD(0), TD(lambda) and actor-critic."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.measures.intervals import mean_interval
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
from spinula.studies.parallels.sides.walk import (
    actor_gap,
    by_duration,
    exact_heard,
    expectile_of_two,
    exponential,
    settled,
    td_lambda_errors,
    walk_errors,
    window,
)
from spinula.studies.reinforcement.mapping import departures, limit
from spinula.studies.reinforcement.numbers import model_with

_RATES = np.geomspace(0.02, 1.0, 8)
_DECAYS = (0.0, 0.15, 0.3, 0.6, 0.8, 0.9)  # TD(lambda)
_SPACINGS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # s between steps
_USUAL, _EARLY = 0.8, 0.3  # s: the spacing of the comparison, and dopamine that comes early in the window
_EPISODES = 20
_MATTERS = 0.005  # rewards: 2 % of the error at the start


def _cases(options: Options) -> list[Case]:
    walks = 4 if options.trial else 30
    return [{"name": f"walk {seed}", "seed": seed, "walks": walks} for seed in options.series(20, trial=SEEDS)]


def _run(case: Case, keeper: Keeper) -> Found:
    streams = Streams(case["seed"])

    def mean(make) -> np.ndarray:
        """Return errors by episode and rate, mean over walks; all learners take the same walks."""
        return np.mean([make(streams.child(str(number)).generator("walk")) for number in range(case["walks"])], axis=0)

    found = {}
    for decay in _DECAYS:
        made = mean(lambda g, decay=decay: walk_errors(g, _RATES, exponential(decay), episodes=_EPISODES))
        found[f"TD({decay})"] = made
    for spacing in _SPACINGS:
        weights = window(spacing)
        found[f"window {spacing}"] = mean(
            lambda g, weights=weights: walk_errors(g, _RATES, weights, episodes=_EPISODES)
        )
    for name, heard in (("dips by duration", by_duration), ("no dips", _bursts_only)):
        weights = window(_USUAL)
        found[name] = mean(
            lambda g, weights=weights, heard=heard: walk_errors(g, _RATES, weights, episodes=_EPISODES, heard=heard)
        )
    found["early"] = mean(lambda g: walk_errors(g, _RATES, window(_USUAL, _EARLY), episodes=_EPISODES))
    generators = [Streams(case["seed"]).generator("same") for _ in range(2)]
    one = walk_errors(generators[0], _RATES, exponential(0.8), episodes=5)
    other = td_lambda_errors(generators[1], _RATES, 0.8, episodes=5)
    return {
        "errors": {name: values.tolist() for name, values in found.items()},
        "same": float(np.abs(one - other).max()),
        "limit": float(departures(limit(model_with()), seed=case["seed"], steps=200).max()),
        "usual": float(departures(model_with(), seed=case["seed"], steps=200).max()),
    }


def _bursts_only(error: np.ndarray) -> np.ndarray:
    """Return errors of which those below 0 are not heard."""
    return np.maximum(error, 0.0)


def expectile_error() -> float:
    """Return how far settled values are from expectiles in closed form, largest over rewards and rates."""
    worst = 0.0
    for chance in (0.2, 0.5, 0.8):
        for up, down in ((0.3, 0.1), (0.1, 0.3), (0.2, 0.2)):
            outcomes = np.repeat([0.0, 1.0], [round(10 * (1 - chance)), round(10 * chance)])
            exact = expectile_of_two(0.0, 1.0, chance, up / (up + down))
            worst = max(worst, abs(settled(outcomes, up, down) - exact))
    return worst


def _limits(results: list[tuple[Case, Found]]) -> list[Limit]:
    def largest(name: str) -> float:
        return max(found[name] for _, found in results)

    return [
        Limit("In the limit of studies/reinforcement/mapping (no fluctuation, small changes, best delay, dips in "
              "proportion) D1 and D2 spines learn as TD(0).", largest("limit"), 1e-6, "rewards"),
        Limit("With an exponential window spines are TD(lambda) with replacing traces.", largest("same"), 1e-12,
              "rewards"),
        Limit("Where bursts and dips have different gains, values settle at expectiles of the reward.",
              expectile_error(), 1e-9, "rewards"),
        Limit("Between two actions of equal chance, D1 and D2 spines of the chosen one change the preference as policy "
              "gradient does.", abs(actor_gap(0.5)), 1e-12),
    ]  # fmt: skip


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    errors = {name: np.array([found["errors"][name] for _, found in results]) for name in results[0][1]["errors"]}
    # Mean error over all episodes, each seed at the rate that is best for the others; lambda, too, is tuned.
    scores = {name: -chosen_by_others(-values.mean(axis=1)) for name, values in errors.items()}
    lambdas = [errors[f"TD({decay})"].mean(axis=1) for decay in _DECAYS]
    scores["TD(lambda)"] = -chosen_by_others(-np.concatenate(lambdas, axis=1))
    usual = f"window {_USUAL}"
    benefits = [
        Benefit.of(scores["TD(lambda)"] - scores[usual], "error of values over 20 walks, steps of 0.8 s, less that of "
                   "spines with their window", against="TD(lambda)", unit="rewards", margin=_MATTERS),
        Benefit.of(scores["TD(lambda)"] - scores["dips by duration"], "the same with dips by duration",
                   against="TD(lambda)", unit="rewards", margin=_MATTERS),
    ]  # fmt: skip
    return judged(_panels(errors, scores), _claims(results, scores), limits=_limits(results), benefits=benefits)


def _claims(results: list[tuple[Case, Found]], scores: dict[str, np.ndarray]) -> list[Claim]:
    usual, quick = scores[f"window {_USUAL}"], scores[f"window {_SPACINGS[0]}"]
    apart = np.array([found["usual"] for _, found in results])
    return [
        Claim("With dopamine at its best delay and steps of 0.8 s the window is a short trace: values are learnt as "
              "well as by TD(0), within 0.02 rewards.",
              f"{shown(usual, '', 3)}, TD(0) {shown(scores['TD(0.0)'], '', 3)}, TD(lambda) tuned "
              f"{shown(scores['TD(lambda)'], '', 3)}", below(np.abs(usual - scores["TD(0.0)"]), 0.02)),
        Claim("Steps of 0.05 s are too many for the window: credit goes to a dozen states alike, and values are "
              "learnt worse.", f"{shown(quick, '', 3)} against {shown(usual, '', 3)}", above(quick - usual)),
        Claim("Dopamine that comes 0.3 s after a step credits the step before more than the last, and values are "
              "learnt worse.", f"{shown(scores['early'], '', 3)}", above(scores["early"] - usual)),
        Claim("Dips by duration, which hardly hear small errors below 0, leave values worse than linear dips.",
              f"{shown(scores['dips by duration'], '', 3)} against {shown(usual, '', 3)}",
              above(scores["dips by duration"] - usual)),
        Claim("Without dips values are worse still.", shown(scores["no dips"], "", 3),
              above(scores["no dips"] - scores["dips by duration"]), control=True),
        Claim("With their usual numbers, out of the limit, D1 and D2 spines are not TD(0).",
              f"largest difference {shown(apart)} rewards", above(apart, 0.01), control=True),
    ]  # fmt: skip


def _panels(errors: dict[str, np.ndarray], scores: dict[str, np.ndarray]) -> list[Panel]:
    rated = []
    for label, name in (("TD(0)", "TD(0.0)"), ("TD(0.8)", "TD(0.8)"), ("spines, steps of 0.8 s", f"window {_USUAL}"),
                        ("spines, dips by duration", "dips by duration")):  # fmt: skip
        rated.append(curve(label, _RATES, *_band(errors[name].mean(axis=1))))
    spaced = [curve("spines", _SPACINGS, *_band(np.array([scores[f"window {one}"] for one in _SPACINGS]).T))]
    for label in ("TD(0.0)", "TD(lambda)"):
        value = mean_interval(scores[label])[0]
        spaced.append(curve(label.replace("0.0", "0"), _SPACINGS, [value] * len(_SPACINGS)))
    delay = np.arange(6)
    traces = [curve(f"spines, steps of {one} s", delay, window(one)[:6]) for one in (0.1, 0.4, 0.8)]
    traces.append(curve("spines, 0.8 s, dopamine after 0.3 s", delay, window(_USUAL, _EARLY)[:6]))
    traces.append(curve("TD(0.8), scaled", delay, 0.2 * exponential(0.8)[:6]))
    heard = np.linspace(-1.0, 1.0, 81)
    signal = [curve("TD", heard, exact_heard(heard)), curve("spines", heard, by_duration(heard))]
    return [
        Panel("What an error is heard as", "error of prediction [rewards]", "change, as a share of a full one",
              pd.concat(signal)),
        Panel("Eligibility of states left before", "steps ago", "share of the eligibility", pd.concat(traces)),
        Panel("Random walk: all rates that were tried", "learning rate", "error of values [rewards]", pd.concat(rated),
              log_x=True),
        Panel("Random walk: each at its best rate", "time between steps [s]", "error of values [rewards]",
              pd.concat(spaced), log_x=True),
    ]  # fmt: skip


def _band(values: np.ndarray) -> np.ndarray:
    return np.array([mean_interval(column) for column in values.T]).T


PARALLEL = Parallel(
    name="dopamine",
    title="Dopamine's window and dips, and temporal differences",
    question="Dopamine works 0.3 to 2 s after a spine was paired, and dips tell by their duration. How near is that to "
    "temporal differences?",
    model="Random walk over seven states from the middle, reward 1 on leaving to the right; errors of all values, mean "
    "over the first 20 walks, over 30 repetitions per seed (fast: 4). Dopamine follows each step by 0.66 s, its best "
    "delay; a state that was left earlier is eligible by the measured window, scaled to a sum of 1. Dips: silence of "
    "0.8 s per error of -1, heard by the published curve of response to duration, scaled so that -1 is heard as -1.",
    sources=("yagishita2014", "iino2020", "urakubo2020", "sutton1988", "barto1983", "dabney2020"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology="Bursts enlarge D1 spines paired 0.3 to 2 s before, in proportion to their amplitude; dips enlarge D2 "
    "spines if they last.",
    learning="TD(0) and TD(lambda): error times a trace that decays; actor-critic: the same error moves preferences.",
    link="The error of prediction is dopamine, the trace is the spine's window, D1 less D2 is the value or the "
    "preference. Unequal gains of bursts and dips are rates of distributional learning.",
    formula="value <- value + rate * error * e,   e = lambda^steps  or  K(delay + spacing*steps)\n"
    "gains up, down for errors above and below 0  ->  expectile at up/(up + down)",
    exact="no fluctuation, small changes, best delay, dips in proportion: TD(0); exponential window: TD(lambda); two "
    "actions of equal chance: actor-critic",
    breaks="the window has a delay and an end, so steps must be near its width; dips by duration hardly hear small "
    "errors; the preference changes by the error, policy gradient's by 2 (1 - p) of it",
    cost="two synapses per weight; no trace of its own to store, but a time scale that cannot be chosen",
    budgets=(
        ("spines", "8 rates, each seed at the rate that is best for the others; the same walks"),
        ("TD(0), TD(lambda)", "8 rates; TD(lambda) 8 rates x 6 lambdas, chosen in the same way; the same walks"),
    ),
)  # fmt: skip
