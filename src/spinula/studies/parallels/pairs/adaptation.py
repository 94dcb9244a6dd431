"""After a change of task: recovery with and without intrinsic dynamics, in a network, a circuit and an agent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.engines.continual.dense import DensePerceptron
from spinula.engines.continual.spines import ContinualPerceptron
from spinula.engines.sparse.rules import Rule, rule
from spinula.engines.striatum import Striatum, Trial
from spinula.engines.striatum.trials import hold
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.storage import sampling
from spinula.studies.memory.study import Case, Claim, Found, Keeper, Options, Panel, curve
from spinula.studies.parallels.contest import above, below, leader, shown, tuned
from spinula.studies.parallels.pairs.rewiring import DENSITY, WIDTHS, narrow
from spinula.studies.parallels.parallel import Benefit, Judged, Limit, Parallel, judged
from spinula.studies.reinforcement.numbers import model_with
from spinula.studies.training.data import Data, load_data

BATCH = 32
NETWORKS = ("spines", "spines, T = 0", "fixed sites", "fixed sites, T = 0", "dense, L2")
_RATES, _OWN = (0.1, 0.3), {"shrinkage": (1e-4, 4e-4, 1.6e-3), "decay": (3e-4, 1e-3, 3e-3)}
_WARM = {"noise_slope": 0.02, "noise_floor": 6e-4}
ARMS, GOOD, BAD = 8, 0.9, 0.2
_CLOCKS, _CHANCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3), (0.01, 0.03, 0.06, 0.1, 0.2, 0.3)
AGENTS = {"intrinsic": [(clock, 0.0) for clock in _CLOCKS], "T = 0": [(0.0, 0.0)],
          "T = 0, epsilon-greedy": [(0.0, chance) for chance in _CHANCES]}  # fmt: skip
_TUNING = 10  # animals that an agent's setting is tried on
_PIECE = 10  # trials of an agent that are one point of a course
CHANGED = ("changed", "changed, T = 0 since the change", "changed, T = 0 since learned")


def _rule(method: str, rate: float, own: float) -> Rule:
    warm = {} if method.endswith("T = 0") else _WARM
    if method.startswith("fixed"):
        return rule("static").changed({"rate": rate, "momentum": 0.0, "decay": own, **warm})
    return rule("spine").changed({"rate": rate, "momentum": 0.0, "size_new": 5e-3, "decay": 3e-4, "shrinkage": own,
                                  **warm})  # fmt: skip


def settings(method: str) -> list[tuple[float, float]]:
    """Return the six settings of a network: two learning rates by three values of shrinkage, or of weight decay."""
    own = _OWN["shrinkage" if method.startswith("spines") else "decay"]
    return [(rate, value) for rate in _RATES for value in own]


def relearn(
    method: str, setting: tuple[float, float], data: Data, *, changes: int, epochs: int, seed: int, final: bool
) -> list[list[float]]:
    """Learn digits whose pixels are permuted anew at each change; return accuracies, (changes + 1, epochs)."""
    images, labels = data.whole() if final else (data.images, data.labels)
    held, truth = (data.test_images, data.test_labels) if final else (data.validation_images, data.validation_labels)
    if method.startswith("dense"):
        net: Any = DensePerceptron(narrow(), seed=seed, batch=BATCH, rate=setting[0], decay=setting[1])
    else:
        net = ContinualPerceptron(list(WIDTHS), DENSITY, _rule(method, *setting), seed=seed, batch=BATCH)
    generator, course = Streams(seed).generator("changes"), []
    for _ in range(changes + 1):
        order, scores = generator.permutation(images.shape[1]), []
        for _ in range(epochs):
            mine = generator.permutation(len(labels))
            net.learn(np.ascontiguousarray(images[np.ix_(mine, order)]), labels[mine])
            right = net.scores(np.ascontiguousarray(held[:, order])).argmax(axis=1) == truth
            scores.append(float(right.mean()))
        course.append(scores)
    return course


def gradient_gap(seed: int, data: Data, *, decay: float = 1e-3, rate: float = 0.1) -> float:
    """Return how far spines at temperature zero are from gradient descent with weight decay after an epoch, in weight.

    All sites filled, no shrinkage, no boundary: size <- size - rate*(gradient + decay*size) for each, in single
    precision.
    """
    widths = [data.images.shape[1], 32, data.classes]
    chosen = rule("static").changed({"rate": rate, "momentum": 0.0, "decay": decay})
    spines = ContinualPerceptron(widths, 1.0, chosen, seed=seed, batch=BATCH)
    dense = DensePerceptron(widths, seed=seed, batch=BATCH)
    for layer, weight in enumerate(dense.weights):
        rows, cols, values = spines.connections(layer)
        weight[cols, rows] = values
    spines.learn(data.images, data.labels)
    for first in range(0, len(data.labels) - BATCH + 1, BATCH):
        part = slice(first, first + BATCH)
        gradient, _ = dense.gradient(data.images[part], data.labels[part])
        for weight, slope in zip(dense.weights, dense.parts(gradient)[0], strict=True):
            weight -= np.float32(rate) * (slope + np.float32(decay) * weight)
        for bias, slope in zip(dense.biases, dense.parts(gradient)[1], strict=True):
            bias -= np.float32(rate) * slope
    worst = 0.0
    for layer, weight in enumerate(dense.weights):
        rows, cols, values = spines.connections(layer)
        worst = max(worst, float(np.abs(weight[cols, rows] - values).max()))
    return worst


def gamble(setting: tuple[float, float], *, intrinsic: bool, seeds: range, trials: int) -> np.ndarray:
    """Let striata choose between eight arms, of which another is the best from half of the trials on.

    The arm that predicts most is taken, or any with a chance. Between trials spines live by their intrinsic law for as
    many days as the clock says.

    Parameters
    ----------
    setting : (clock in days per trial, chance of any arm)

    Returns
    -------
    Array, shape (animals, 2*trials): the chance of reward of the arm that was taken
    """
    clock, chance = setting
    model = model_with({"circuit.active": 20, "circuit.overlap": 0.0}).model_copy(update={"intrinsic": intrinsic})
    animals, here = Striatum(model, seeds=seeds, cues=ARMS), np.arange(len(seeds))
    kinds = tuple(Trial(arm, 1.0, chance_) for arm in range(ARMS) for chance_ in (BAD, GOOD))
    draws = [Streams(seed).generator("gamble") for seed in seeds]
    first = np.array([int(draw.integers(ARMS)) for draw in draws])
    second = (first + 1 + np.array([int(draw.integers(ARMS - 1)) for draw in draws])) % ARMS
    seen = np.zeros((len(seeds), 2 * trials))
    for trial in range(2 * trials):
        luck = np.stack([draw.random(ARMS + 3) for draw in draws])
        # What is equal is chosen from at random: a millionth of a reward decides nothing else.
        arm = (animals.values()[:, :-1] + 1e-6 * luck[:, :ARMS]).argmax(axis=1)
        arm = np.where(luck[:, -3] < chance, (luck[:, -2] * ARMS).astype(int), arm)
        best = arm == (first if trial < trials else second)
        hold(animals, kinds, 2 * arm + best, luck[:, -1])
        seen[here, trial] = np.where(best, GOOD, BAD)
        animals.live(clock)
    return seen


def _cases(options: Options) -> list[Case]:
    seeds = options.seeds or (10 if options.trial else 20)
    changes, epochs, trials, animals = (3, 4, 100, 50) if options.trial else (6, 6, 200, 100)
    share = 0.4 if options.trial else 1.0
    phases = {"learning": round(30_000 * share), "staying": round(40_000 * share), "changed": round(30_000 * share)}
    shared = {"seed": options.seed, "seeds": seeds}
    made: list[Case] = [
        {"name": f"network_{name.replace(', ', '_').replace(' ', '_')}", "side": "network", "kind": name,
         "changes": changes, "epochs": epochs, **shared} for name in NETWORKS
    ]  # fmt: skip
    made += [{"name": f"agent_{name.replace(', ', '_').replace(' ', '_')}", "side": "agent", "kind": name,
              "trials": trials, "seed": options.seed, "seeds": animals} for name in AGENTS]  # fmt: skip
    made += [{"name": f"circuit_{seed}", "side": "circuit", "kind": "network", "seed": seed, **phases}
             for seed in range(options.seed, options.seed + min(seeds, 10))]  # fmt: skip
    return [*made, {"name": "limit", "side": "limit", "kind": "", **shared}]


def _run(case: Case, keeper: Keeper) -> Found:
    seeds, kind = range(case["seed"], case["seed"] + case.get("seeds", 1)), case["kind"]
    if case["side"] == "limit":
        return {"gap": max(gradient_gap(seed, load_data("digits")) for seed in seeds[:3])}
    if case["side"] == "circuit":
        found = sampling.STUDY.run(case, keeper)
        return {name: {part: found[name][part] for part in ("right", "present")} for name in found}
    if case["side"] == "agent":
        intrinsic, trials = kind == "intrinsic", case["trials"]

        def reward(setting: tuple[float, float], seed: int) -> float:
            tried = range(seed, seed + _TUNING)
            return float(gamble(setting, intrinsic=intrinsic, seeds=tried, trials=trials).mean())

        chosen, _ = tuned(AGENTS[kind], reward, seeds=[1001])
        course = gamble(chosen, intrinsic=intrinsic, seeds=seeds, trials=trials)
        pieces = course.reshape(len(course), -1, _PIECE).mean(axis=2)
        return {"setting": list(chosen), "course": pieces.tolist()}
    data, size = load_data("digits"), {"changes": case["changes"], "epochs": case["epochs"]}

    def score(setting: tuple[float, float], seed: int) -> float:
        return float(np.mean(relearn(kind, setting, data, **size, seed=seed, final=False)))

    setting, _ = tuned(settings(kind), score)
    runs = [relearn(kind, setting, data, **size, seed=seed, final=True) for seed in seeds]
    return {"setting": list(setting), "course": runs}


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    gap = next(found["gap"] for case, found in results if case["side"] == "limit")
    network = {case["kind"]: 100 * np.array(found["course"]) for case, found in results if case["side"] == "network"}
    agent = {case["kind"]: np.array(found["course"]) for case, found in results if case["side"] == "agent"}
    circuit = [found for case, found in results if case["side"] == "circuit"]
    after = {kind: course[:, 1:].mean(axis=(1, 2)) for kind, course in network.items()}
    reward = {kind: course[:, course.shape[1] // 2 :].mean(axis=1) for kind, course in agent.items()}
    late = {phase: _late(circuit, phase) for phase in CHANGED}
    scores = {kind: list(values) for kind, values in after.items()}
    rival = leader(scores, NETWORKS[2:])
    other = leader({kind: list(values) for kind, values in reward.items()}, list(AGENTS)[1:])
    return judged(
        _panels(network, agent, circuit),
        _claims(after, reward, late),
        limits=[
            Limit("At temperature zero, with all sites filled and no boundary, spines learn by gradient descent with "
                  "weight decay (single precision, an epoch).", gap, 1e-4, "in weight"),
        ],
        benefits=[
            Benefit.of(after["spines, T = 0"] - after[rival], "network: accuracy in the epochs after changes, same "
                       "weights and tuning, coming and going", against=f"{rival}, the best whose sites stay",
                       unit="points"),
            Benefit.of(100 * (late[CHANGED[0]] - late[CHANGED[1]]), "circuit: right at the end after the change",
                       against="a circuit whose temperature is zero since the change only", unit="points",
                       decides=False),
            Benefit.of(reward["intrinsic"] - reward[other], "agent: chance of reward after the change, same tuning",
                       against=other),
            Benefit.of(after["spines"] - after["spines, T = 0"], "network: the same, what fluctuation adds to it",
                       against="spines at T = 0", unit="points", decides=False),
        ],
    )  # fmt: skip


def _late(circuit: list[Found], phase: str) -> np.ndarray:
    """Return the share of right presentations in the last quarter of a phase, one per network."""
    return np.array([np.mean(found[phase]["right"][-len(found[phase]["right"]) // 4 :]) for found in circuit])


def _claims(after: dict[str, np.ndarray], reward: dict[str, np.ndarray], late: dict[str, np.ndarray]) -> list[Claim]:
    warm, since, cold = (100 * late[phase] for phase in CHANGED)
    greedy, epsilon, alive = reward["T = 0"], reward["T = 0, epsilon-greedy"], reward["intrinsic"]
    noise, moving = (after[a] - after[b] for a, b in (("spines", "spines, T = 0"),
                                                      ("spines, T = 0", "fixed sites, T = 0")))  # fmt: skip
    return [
        Claim("With its temperature the circuit recovers after the change.", shown(warm, " % right"), above(warm, 95)),
        Claim(
            "A circuit at temperature zero since it learned does not recover: its spare synapses are gone.",
            shown(cold, " % right"), below(cold, 75.0), control=True,
        ),
        Claim(
            "If the temperature falls to zero only at the change, the circuit recovers as well: spare synapses are "
            "what "
            "it needs.", shown(since, " % right"), above(since, 95.0),
        ),
        Claim(
            "In the network fluctuation helps recovery by less than half a point.",
            f"{shown(noise, ' points', 2)}: {shown(after['spines'], ' %')} and {shown(after['spines, T = 0'], ' %')}",
            below(noise, 0.5),
        ),
        Claim(
            "Coming and going helps: more than connections at fixed sites, at temperature zero too.",
            f"{shown(moving, ' points', 2)} ({shown(after['fixed sites, T = 0'], ' %')} at fixed sites); dense with L2 "
            f"{shown(after['dense, L2'], ' %')}",
            above(moving),
        ),
        Claim(
            "Intrinsic dynamics do not harm the agent after the change: it is not below one at temperature zero, "
            "greedy or with random choices, by 0.05 of reward.",
            f"chance of reward: intrinsic {shown(alive, '', 2)}, zero {shown(greedy, '', 2)} (difference "
            f"{shown(alive - greedy, '', 2)}), zero with random choices {shown(epsilon, '', 2)} (difference "
            f"{shown(alive - epsilon, '', 2)}); any arm {(GOOD + (ARMS - 1) * BAD) / ARMS:.2f}",
            above(alive - greedy, -0.05) and above(alive - epsilon, -0.05),
        ),
    ]  # fmt: skip


def _courses(values: dict[str, np.ndarray], x: np.ndarray) -> pd.DataFrame:
    return pd.concat(
        [curve(kind, x, *np.array([mean_interval(column) for column in one.T]).T) for kind, one in values.items()]
    )


def _panels(network: dict[str, np.ndarray], agent: dict[str, np.ndarray], circuit: list[Found]) -> list[Panel]:
    epochs = np.arange(network["spines"].shape[2]) + 1
    mean = {kind: course[:, 1:].mean(axis=1) for kind, course in network.items()}
    right = {
        name.replace("changed", "T = 0.1") if name == "changed" else name.replace("changed, ", ""):
        100 * np.array([found[name]["right"] for found in circuit]) for name in CHANGED
    }  # fmt: skip
    points = right["T = 0.1"].shape[1]
    trials = (np.arange(agent["T = 0"].shape[1]) + 0.5) * _PIECE
    return [
        Panel("Network: mean over changes of the task", "epochs after the change", "test accuracy [%]",
              _courses(mean, epochs)),
        Panel("Circuit: after the task is swapped", "phase done [%]", "right presentations [%]",
              _courses(right, (np.arange(points) + 0.5) * 100 / points)),
        Panel(f"Agent: another arm is best after trial {round(trials[-1] + _PIECE / 2) // 2}", "trial",
              "chance of reward of what is chosen", _courses(agent, trials)),
    ]  # fmt: skip


PARALLEL = Parallel(
    name="adaptation",
    title="Intrinsic dynamics and recovery after a change",
    question="Does fluctuation help a network, a circuit or an agent to recover when the task changes?",
    model=(
        "Network: 64-128-64-10, 10 % of the connections, digits whose pixels are permuted anew at each change, "
        "constant "
        "rate. Circuit: 30 inputs, 8 stochastic neurons, synaptic sampling as in the study `sampling`, reward for the "
        "opposite response after the change (the fast size is 0.4 times as long). Agent: a striatum that takes the arm "
        "that predicts most, eight arms, reward with chance 0.9 for the best and 0.2 for others. How many days of a "
        "spine a trial lasts is a choice, and is tuned."
    ),
    sources=("kasai2021", "kappel2015", "kappel2018", "yasumatsu2008", "iino2020", "dohare2024"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology=(
        "Spines fluctuate, vanish and form without learning. That keeps small spines in supply, and lets behaviour "
        "vary: "
        "when what was learned no longer serves, something else is there already."
    ),
    learning=(
        "Noise at a temperature lets a learner leave what it has (Langevin dynamics, synaptic sampling); agents "
        "explore by "
        "random actions; networks stay plastic by weight decay or by renewing units."
    ),
    link=(
        "Temperature is the square of the spread. At zero the law is gradient descent with weight decay; above it, "
        "weights "
        "are sampled, and what the task does not need stays near the prior instead of at zero."
    ),
    formula=(
        "size <- size - rate*(gradient + decay*size) + spread*sqrt(rate)*noise\n"
        "temperature 0: gradient descent with weight decay"
    ),
    exact="temperature zero, no boundary, all sites filled: gradient descent with weight decay",
    breaks=(
        "A network that is trained by gradients has its spare connections anyway, and noise adds nothing; agents have "
        "cheaper ways to explore than to forget. It matters where unused synapses are lost for good."
    ),
    cost="A normal number per spine and step, and what fluctuation erodes of what was learned.",
    budgets=(
        ("networks", "6 settings (2 rates x 3 shrinkages or decays), 2 tuning seeds on the validation set; 1,703 or "
                     "1,760 "
         "weights; 3 changes, 4 epochs and 10 seeds in the fast size, 6, 6 and 20 in the full one"),
        ("circuit", "nothing tuned; 10 seeds"),
        ("agents", "6 clocks, or 6 chances of a random choice, on 10 tuning animals; greedy at zero has nothing to "
                   "tune; "
         "2 x 100 trials and 50 animals, or 2 x 200 and 100"),
    ),
)  # fmt: skip
