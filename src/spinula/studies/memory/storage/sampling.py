"""Does a network whose synapses fluctuate keep what it does, and does fluctuation help when the task changes?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from spinula.core.streams import Streams
from spinula.engines.network.storage.sampling import HIGHEST, OFFSET, Learner, State, Task, learn, prior_only
from spinula.law.circuits.storage import sampling
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Finding, Found, Keeper, Options, Panel, RowText, Study, curve

_TEMPERATURE = 0.1
_PRIOR = (0.5, 2.0)  # of the study of the prior: not 0, so that the share of retracted synapses says something
_EVERY = 50  # presentations between two looks at the weights
_POINTS = 20  # of each phase in the figures
# Presentations of each phase; a presentation is 0.3 s, and theta relaxes to the prior in 4,400 of them.
_LEARNING, _STAYING, _CHANGED = 30_000, 50_000, 30_000
_COMPRESSED = 60
_CONTROL = 1.2  # a temperature that the test of the prior must tell from the true one


def _cases(options: Options) -> list[Case]:
    share = 20 if options.trial else 1
    phases = {"learning": _LEARNING // share, "staying": _STAYING // share, "changed": _CHANGED // share}
    synapses = 500 if options.trial else 4000
    cases: list[Case] = []
    for seed in options.series(6):
        cases.append({"name": f"prior_{seed}", "kind": "prior", "seed": seed, "synapses": synapses})
        cases.append({"name": f"network_{seed}", "kind": "network", "seed": seed, **phases})
    return cases


def _run(case: Case, keeper: Keeper) -> Found:
    streams = Streams(case["seed"]).child(case["kind"])
    if case["kind"] == "prior":
        return {"theta": _sample_prior(case["synapses"], streams.generator("noise")).tolist()}
    return _run_network(case, streams, keeper)


def _sample_prior(synapses: int, rng: np.random.Generator) -> np.ndarray:
    """Let strong synapses (weight 1) fluctuate under the prior for eight of its relaxation times."""
    step = 0.01
    theta = np.full(synapses, OFFSET)
    numbers = sampling.parameter_numbers(step * _PRIOR[1] ** 2, _TEMPERATURE, _PRIOR, 0.0)
    prior_only(theta, numbers, round(8 / step), rng)
    return theta


def _run_network(case: Case, streams: Streams, keeper: Keeper) -> Found:
    """Learn at a temperature, then stay and meet the change with it, without it from then on, or without it at once."""
    learner, start = Learner(), streams.generator("start")
    order = start.permutation(learner.inputs)
    first, swapped = learner.task(order, False), learner.task(order, True)
    found: Found = {}

    def phase(name: str, state: State, task: Task, temperature: float, length: str, rewarded: bool = True) -> State:
        state = State(*(array.copy() for array in state))
        plan = learner.plan(temperature, case[length], _EVERY, rewarded)
        _, right, seen = learn(state, task, plan, streams.generator(name))
        found[name] = _seen(right, seen, task, learner)
        found[name]["present"] = float((state.theta > 0).mean())
        keeper.tell(len(found) / 7)
        return state

    learned = phase("learning", learner.begin(_TEMPERATURE, start), first, _TEMPERATURE, "learning")
    warm = phase("staying", learned, first, _TEMPERATURE, "staying")
    phase("changed", warm, swapped, _TEMPERATURE, "changed")
    phase("changed, T = 0 since the change", warm, swapped, 0.0, "changed")
    cold = phase("staying, T = 0", learned, first, 0.0, "staying")
    phase("changed, T = 0 since learned", cold, swapped, 0.0, "changed")
    phase("no reward", learner.begin(_TEMPERATURE, start), first, _TEMPERATURE, "staying", False)
    return found


def _seen(right: np.ndarray, weights: np.ndarray, task: Task, learner: Learner) -> dict[str, Any]:
    """Return the share of right presentations in time, and how much and in which directions the weights drifted.

    ``ratio`` is the variance along the four directions that the task reads (the input of each pool under each
    pattern), over that along the same directions with random signs, which is what independent synapses would have.
    """
    away = weights - weights.mean(axis=0)
    variance, relevant, irrelevant = (away**2).mean(axis=0), 0.0, 0.0
    for pool in (slice(None, learner.pool), slice(learner.pool, None)):
        for direction in task.spikes:
            relevant += float(((away[:, pool] @ direction).sum(axis=1) ** 2).mean())
            irrelevant += float((variance[pool] @ direction**2).sum())
    strongest = np.argsort(weights.mean(axis=0).ravel())[::-1][:8]
    steps = np.linspace(0, len(weights) - 1, 60).astype(int)
    return {
        "right": [float(part.mean()) for part in np.array_split(right, _POINTS)],
        "ratio": relevant / irrelevant if irrelevant > 0 else float("nan"),
        "alike": float(np.corrcoef(weights[0].ravel(), weights[-1].ravel())[0, 1]) if weights[-1].any() else 0.0,
        "strongest": weights.reshape(len(weights), -1)[np.ix_(steps, strongest[[0, 2, 4, 6]])].T.tolist(),
    }


def _conclude(results: list[tuple[Case, Found]]) -> Finding:
    theta = np.concatenate([found["theta"] for case, found in results if case["kind"] == "prior"])
    networks = [found for case, found in results if case["kind"] == "network"]
    return Finding(_panels(theta, networks), [*_prior_claims(theta), *_network_claims(networks)])


def _prior_claims(theta: np.ndarray) -> list[Claim]:
    law = stats.norm(_PRIOR[0], _PRIOR[1] * _TEMPERATURE**0.5)
    hot = stats.norm(_PRIOR[0], _PRIOR[1] * (_CONTROL * _TEMPERATURE) ** 0.5)
    weights = np.array([sampling.weight(value, OFFSET, np.exp) for value in theta])
    present, retracted = weights[weights > 0], float(law.cdf(0.0))
    p, p_hot = (float(stats.kstest(theta, one.cdf).pvalue) for one in (law, hot))
    p_weights = float(
        stats.kstest(present, lambda w: (law.cdf(np.log(w) + OFFSET) - retracted) / (1 - retracted)).pvalue
    )
    gone = int((weights == 0).sum())
    p_gone = float(stats.binomtest(gone, len(theta), retracted).pvalue)
    return [
        Claim(
            "With the prior alone the parameters are normal with variance T*sigma^2 (Kolmogorov-Smirnov p > 0.01).",
            f"{len(theta):,} synapses: p = {p:.2f}; SD {theta.std():.3f}, expected {law.std():.3f}", p > 0.01, row=50,
        ),
        Claim(
            "Weights are exp(theta - 3), and what lies below theta = 0 is retracted (p > 0.01 for both).",
            f"weights p = {p_weights:.2f}; retracted {100 * gone / len(theta):.1f} %, expected {100 * retracted:.1f} % "
            f"(p = {p_gone:.2f})", min(p_weights, p_gone) > 0.01, row=50,
        ),
        Claim(
            f"The test tells a temperature {100 * (_CONTROL - 1):.0f} % higher (p < 0.001).", f"p = {p_hot:.1e}",
            p_hot < 1e-3, row=50, control=True,
        ),
    ]  # fmt: skip


def _late(networks: list[Found], phase: str) -> np.ndarray:
    """Return the share of right presentations in the last quarter of a phase, one per network."""
    return np.array([np.mean(found[phase]["right"][-_POINTS // 4 :]) for found in networks])


def _show(values: np.ndarray) -> str:
    mean, low, high = mean_interval(values)
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def _network_claims(networks: list[Found]) -> list[Claim]:
    late = {phase: _late(networks, phase) for phase in networks[0]}
    early = np.array([np.mean(found["staying"]["right"][: _POINTS // 4]) for found in networks])
    ratio, free, alike = (
        np.array([found[phase][what] for found in networks])
        for phase, what in (("staying", "ratio"), ("no reward", "ratio"), ("staying", "alike"))
    )
    present = {phase: np.mean([found[phase]["present"] for found in networks]) for phase in networks[0]}
    cold, since = late["changed, T = 0 since learned"], late["changed, T = 0 since the change"]
    back = int((since > 0.9).sum())
    return [
        Claim(
            "Performance is stable (above 0.95, and not falling by 0.02) while the weights become others (correlation "
            "below 0.5).",
            f"right {_show(early)} at first, {_show(late['staying'])} at last; correlation {_show(alike)}",
            mean_interval(late["staying"])[1] > 0.95 and mean_interval(late["staying"] - early)[1] > -0.02
            and mean_interval(alike)[2] < 0.5, row=51,
        ),
        Claim(
            "The drift goes into directions that the task does not read: variance ratio below 0.2.",
            f"relevant over irrelevant {_show(ratio)}", mean_interval(ratio)[2] < 0.2, row=51,
        ),
        Claim(
            "After the task is changed the network recovers (above 0.95).",
            f"right {_show(late['changed'])}; {100 * present['staying']:.0f} % of the synapses present before",
            mean_interval(late["changed"])[1] > 0.95, row=51,
        ),
        Claim(
            "A network that has worked at T = 0 since it learned performs as well (above 0.95) but does not recover "
            "(below 0.75): its unused synapses are retracted for good.",
            f"right {_show(late['staying, T = 0'])} before the change, {_show(cold)} after; "
            f"{100 * present['staying, T = 0']:.0f} % present before; if T is 0 only since the change, "
            f"{back} of {len(since)} recover (right {_show(since)}), for their synapses are still there",
            mean_interval(late["staying, T = 0"])[1] > 0.95 and mean_interval(cold)[2] < 0.75, row=51, control=True,
        ),
        Claim(
            "Without reward the drift knows no such direction (ratio 0.7 to 1.4) and nothing is learned (below 0.65).",
            f"ratio {_show(free)}, right {_show(late['no reward'])}",
            mean_interval(free)[1] > 0.7 and mean_interval(free)[2] < 1.4
            and mean_interval(late["no reward"])[2] < 0.65,
            row=51, control=True,
        ),
    ]  # fmt: skip


def _panels(theta: np.ndarray, networks: list[Found]) -> list[Panel]:
    edges = np.linspace(-2, 3, 51)
    law = stats.norm(_PRIOR[0], _PRIOR[1] * _TEMPERATURE**0.5)
    counted = np.histogram(theta, edges, density=True)[0]
    sizes = pd.concat(
        [curve("simulated", edges[:-1], counted), curve("N(mu, T sigma^2)", edges[:-1], law.pdf(edges[:-1] + 0.05))]
    )
    courses = []
    for label, names in (
        ("T = 0.1", ("learning", "staying", "changed")),
        ("T = 0 since learned", ("staying, T = 0", "changed, T = 0 since learned")),
        ("T = 0 since the change", ("changed, T = 0 since the change",)),
    ):
        each = np.array([np.concatenate([found[name]["right"] for name in names]) for found in networks])
        band = np.array([mean_interval(column) for column in each.T]).T
        courses.append(curve(label, _hours()[-each.shape[1] :], *band))
    drift = networks[0]["staying"]["strongest"]
    hours = np.linspace(0, _STAYING * 0.3 / 3600, len(drift[0]))
    single = [curve(f"synapse {k + 1}", hours, course) for k, course in enumerate(drift)]
    return [
        Panel("Parameters under the prior alone", "theta", "density", sizes, kind="histogram"),
        Panel("The task changes after 6.7 h", "compressed time [h]", "share of right presentations",
              pd.concat(courses)),
        Panel("Weights while performance is stable, T = 0.1", "compressed time [h]", "weight", pd.concat(single)),
    ]  # fmt: skip


def _hours() -> np.ndarray:
    """Return the middle of each point of the three phases in hours of compressed time."""
    shares = (np.arange(_POINTS) + 0.5) / _POINTS
    starts = np.cumsum([0, _LEARNING, _STAYING])
    phases = zip(starts, (_LEARNING, _STAYING, _CHANGED), strict=True)
    return np.concatenate([start + shares * length for start, length in phases]) * 0.3 / 3600


STUDY = Study(
    name="sampling",
    title="Function from synapses that sample",
    question="Does a network whose synapses fluctuate keep what it does, and does fluctuation help when the task "
    "changes?",
    model="30 inputs, two pools of 4 stochastic neurons in bins of 20 ms, 240 synapses with eligibility traces; two "
    "patterns of 0.3 s; reward for the pools' wanted activity, then for the opposite. T = 0.1, prior N(0, 2^2 T), "
    f"theta clipped to -2 to {HIGHEST:g}. Sampling runs {_COMPRESSED} times and the trace of the gradient 10 times "
    "faster than the defaults of the published program (its rate taken per ms); the gain of the reward, 20 per pulse "
    "of dopamine, is assumed. At T = 0 the errors of the estimated gradient remain.",
    sources=("kappel2015", "kappel2018"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    rows=(
        RowText(50, "synaptic sampling, prior alone", "law of theta; weight exp(theta - 3)", "N(mu, T sigma^2)",
                "KS p > 0.01", "analytic", "kappel2018"),
        RowText(51, "synaptic sampling", "performance under drift, after a change, at T = 0",
                "stable; recovers; does not", "signs", "qualitative", "kappel2018"),
    ),
)  # fmt: skip
