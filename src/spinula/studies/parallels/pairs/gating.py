"""Inhibition and neuromodulation that gate plasticity, against gates by context in a network of many tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.engines.continual.gates import GatedPerceptron, Masks, contexts
from spinula.engines.continual.guards import ElasticConsolidation
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Found, Keeper, Options, Panel, curve
from spinula.studies.parallels.contest import above, below, leader, shown, tuned
from spinula.studies.parallels.parallel import Benefit, Judged, Limit, Parallel, judged
from spinula.studies.training.data import Data, load_data

HIDDEN, BATCH = (128, 64), 16
_FAST, _SLOW, _SHARES = (0.05, 0.1, 0.2), (0.02, 0.05), (0.1, 0.2, 0.4)


@dataclass(frozen=True)
class Gate:
    """One method and what it may be tuned by.

    Attributes
    ----------
    rates, values : learning rates, and values of its own number: six pairs
    own : name of that number: decay (weight decay), strength (of EWC), share (of units open), surprised (1: the step
        follows the error), or nothing
    silence, veto : bool, whether units out of context are silent, and whether their weights keep as they are
    told : bool, whether the context is told to the network as inputs, one per task
    strength : float, of EWC beside gates; 0: none
    lost : bool, whether the gates ignore the context: drawn anew for every batch, and again when asked
    """

    rates: tuple[float, ...]
    values: tuple[float, ...]
    own: str = ""
    silence: bool = False
    veto: bool = False
    told: bool = False
    lost: bool = False
    strength: float = 0.0


_GATED = {"rates": _FAST[1:], "values": _SHARES, "own": "share"}
METHODS: dict[str, Gate] = {
    "dense": Gate((0.01, 0.02, 0.05, 0.1, 0.2, 0.4), (0.0,)),
    "dense, L2": Gate(_SLOW, (1e-3, 3e-3, 1e-2), "decay"),
    "dense, EWC": Gate(_SLOW, (1.0, 10.0, 100.0), "strength"),
    "dense, context told": Gate((0.01, 0.02, 0.05, 0.1, 0.2, 0.4), (0.0,), told=True),
    "EWC, context told": Gate(_SLOW, (1.0, 10.0, 100.0), "strength", told=True),
    "context gates": Gate(**_GATED, silence=True, veto=True),
    "plasticity gates": Gate(**_GATED, veto=True),
    "surprise": Gate((0.05, 0.1, 0.2, 0.4, 0.8, 1.6), (1.0,), "surprised"),
    "gates and surprise": Gate((0.4, 0.8), _SHARES, "share", silence=True, veto=True),
    "context gates, EWC": Gate(_SLOW, _SHARES, "share", silence=True, veto=True, strength=300.0),
    "gates without context": Gate(**_GATED, silence=True, veto=True, lost=True),
}
SHOWN = ("dense", "dense, L2", "dense, EWC", "EWC, context told", "context gates", "context gates, EWC",
         "plasticity gates", "gates without context")  # fmt: skip


def run_tasks(
    method: str, setting: tuple[float, float], data: Data, *, tasks: int, epochs: int, seed: int, final: bool
) -> list[list[float]]:
    """Learn digits under one permutation of their pixels after the other; return accuracies (after task, of task).

    The permutations and the order of samples are the same for all methods. ``final``: learn all training data and
    score on the test set, else hold out the validation set and score on it.
    """
    gate, (rate, own) = METHODS[method], setting
    images, labels = data.whole() if final else (data.images, data.labels)
    held, truth = (data.test_images, data.test_labels) if final else (data.validation_images, data.validation_labels)
    pixels = images.shape[1]
    strength = own if gate.own == "strength" else gate.strength
    widths = [pixels + tasks * gate.told, *HIDDEN, data.classes]
    net = GatedPerceptron(
        widths, seed=seed, batch=BATCH, rate=rate, decay=own if gate.own == "decay" else 0.0,
        guard=ElasticConsolidation(strength) if strength else None,
        masks=Masks(surprised=gate.own == "surprised" or method == "gates and surprise"),
    )  # fmt: skip
    generator, drawn = Streams(seed).generator("tasks"), Streams(seed).generator("contexts")
    orders = [generator.permutation(pixels) for _ in range(tasks)]
    gates = contexts(widths, tasks, own, drawn) if gate.own == "share" else [None] * tasks

    def view(part: np.ndarray, task: int) -> np.ndarray:
        told = np.zeros((len(part), tasks * gate.told), np.float32)
        if gate.told:
            told[:, task] = 1.0
        return np.concatenate([part[:, orders[task]], told], axis=1)

    matrix = []
    for task in range(tasks):
        mine = generator.permutation(len(labels))
        _learn(net, (view(images[mine], task), labels[mine]), gates[task], gate, epochs, (drawn, own))
        scores = []
        for other in range(tasks):
            _enter(net, gates[other], gate, (drawn, own))
            with np.errstate(over="ignore", invalid="ignore"):
                scores.append(float((net.scores(view(held, other)).argmax(axis=1) == truth).mean()))
        matrix.append(scores)
    return matrix


def _enter(net: GatedPerceptron, units: Any, gate: Gate, draw: tuple[np.random.Generator, float]) -> None:
    """Enter a context, or any other where the gates ignore it."""
    if gate.lost:
        units = contexts(net.widths, 1, draw[1], draw[0])[0]
    net.enter(units, silence=gate.silence, veto=gate.veto)


def _learn(
    net: GatedPerceptron, samples: tuple[np.ndarray, np.ndarray], units: Any, gate: Gate, epochs: int,
    draw: tuple[np.random.Generator, float],
) -> None:  # fmt: skip
    images, labels = samples
    if not gate.lost:
        _enter(net, units, gate, draw)
        net.learn(images, labels, epochs=epochs)
        return
    for _ in range(epochs):
        for first in range(0, len(labels) - BATCH + 1, BATCH):
            _enter(net, units, gate, draw)
            net.step(images[first : first + BATCH], labels[first : first + BATCH])


def disjoint_gap(seed: int, data: Data) -> float:
    """Return how much the scores of the first task change while others are learnt behind gates that share no unit."""
    net = GatedPerceptron([data.images.shape[1], *HIDDEN, data.classes], seed=seed, batch=BATCH)
    generator, quarters = Streams(seed).generator("tasks"), []
    for part in range(4):
        quarters.append([np.arange(width) % 4 == part for width in HIDDEN])
    before = np.zeros(0)
    for units in quarters:
        net.enter(units)
        net.learn(data.images[:, generator.permutation(data.images.shape[1])], data.labels)
        net.enter(quarters[0])
        before = net.scores(data.images) if not len(before) else before
    return float(np.abs(net.scores(data.images) - before).max())


def overlap_gap(seed: int, *, pairs: int = 4000) -> float:
    """Return how far the mean share of units that two contexts have in common is from share^2, over three shares."""
    worst = 0.0
    for share in _SHARES:
        made = contexts([1, 100, 1], 2 * pairs, share, Streams(seed).generator(f"overlap {share}"))
        units = np.array([one[0] for one in made])
        worst = max(worst, abs(float((units[::2] & units[1::2]).mean()) - share**2))
    return worst


def _cases(options: Options) -> list[Case]:
    seeds, tasks, epochs = (10, 5, 2) if options.trial else (20, 10, 3)
    shared = {"seed": options.seed, "seeds": options.seeds or seeds, "tasks": tasks, "epochs": epochs}
    made: list[Case] = [{"name": method.replace(", ", "_").replace(" ", "_"), "method": method, **shared}
                        for method in METHODS]  # fmt: skip
    return [*made, {"name": "limits", "method": None, "seed": options.seed}]


def _run(case: Case, keeper: Keeper) -> Found:
    data, method = load_data("digits"), case["method"]
    if method is None:
        seeds = range(case["seed"], case["seed"] + 3)
        return {"disjoint": max(disjoint_gap(seed, data) for seed in seeds), "overlap": overlap_gap(case["seed"])}
    gate, size = METHODS[method], {"tasks": case["tasks"], "epochs": case["epochs"]}

    def score(setting: tuple[float, float], seed: int) -> float:
        return float(np.mean(run_tasks(method, setting, data, **size, seed=seed, final=False)[-1]))

    setting, _ = tuned([(rate, value) for rate in gate.rates for value in gate.values], score)
    keeper.tell(0.4)
    runs = [run_tasks(method, setting, data, **size, seed=case["seed"] + k, final=True) for k in range(case["seeds"])]
    return {"setting": list(setting), "matrix": runs}


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    exact = next(found for case, found in results if case["method"] is None)
    matrix = {case["method"]: 100 * np.array(found["matrix"]) for case, found in results if case["method"] is not None}
    end = {method: values[:, -1].mean(axis=1) for method, values in matrix.items()}
    scores = {method: list(values) for method, values in end.items()}
    # Gates by context are XdG, the other side's: what is particular to spines is the veto and the rate.
    rival = leader(scores, [method for method in METHODS if method.startswith(("dense", "EWC"))])
    plain = leader(scores, ["context gates", "context gates, EWC"])
    known = leader(scores, [rival, plain])
    blind = leader(scores, ["dense", "dense, L2", "dense, EWC"])
    what = "accuracy on all permutations after the last, same weights and tuning"
    return judged(
        _panels(matrix, end),
        _claims(matrix, end),
        limits=[
            Limit("Behind gates that share no unit, what later contexts learn leaves the first one's scores as they "
                  "were.",
                  exact["disjoint"], 0.0),
            Limit("Two random contexts with a share s of the units open have s^2 of them in common (sampled).",
                  exact["overlap"], 0.002),
        ],
        benefits=[
            Benefit.of(end["plasticity gates"] - end[known], f"{what}: a veto on plasticity alone",
                       against=f"{known}, the best that may know the context", unit="points"),
            Benefit.of(end["gates and surprise"] - end[plain], f"{what}: a rate that follows the error, behind gates",
                       against=f"{plain} with a constant rate", unit="points"),
            Benefit.of(end["surprise"] - end[blind], f"{what}: a rate that follows the error, alone",
                       against=f"{blind}, the best that is not told the context", unit="points"),
            Benefit.of(end["context gates"] - end[rival], f"{what}: context gates, which machine learning has (XdG)",
                       against=f"{rival}, the best without gates", unit="points", decides=False),
        ],
    )  # fmt: skip


def forgotten(matrix: np.ndarray) -> np.ndarray:
    """Return how much of each task was lost from when it was learnt to the end, mean over all but the last, by seed."""
    learnt = np.diagonal(matrix, axis1=1, axis2=2)[:, :-1]
    return (learnt - matrix[:, -1, :-1]).mean(axis=1)


def _claims(matrix: dict[str, np.ndarray], end: dict[str, np.ndarray]) -> list[Claim]:
    lost = {method: forgotten(values) for method, values in matrix.items()}
    learnt = {method: np.diagonal(values, axis1=1, axis2=2)[:, -1] for method, values in matrix.items()}
    gates, blind, veto = "context gates", "gates without context", "plasticity gates"
    return [
        Claim(
            "Gates by context keep more of all tasks than the same network without gates.",
            f"{shown(end[gates], ' %')} against {shown(end['dense'], ' %')}; forgotten {shown(lost[gates], '')} and "
            f"{shown(lost['dense'], ' points')}", above(end[gates] - end["dense"]),
        ),
        Claim(
            "Gates that ignore the context keep no more than no gates.", f"{shown(end[blind], ' %')}",
            below(end[blind] - end["dense"], 1.0), control=True,
        ),
        Claim(
            "A veto on plasticity alone, without silence, keeps less than gates that silence as well.",
            f"{shown(end[veto], ' %')}, forgotten {shown(lost[veto], ' points')}", below(end[veto] - end[gates]),
        ),
        Claim(
            "Gates cost the task at hand little: the last one is learnt within five points of a network without gates.",
            f"{shown(learnt[gates], ' %')} against {shown(learnt['dense'], ' %')}",
            above(learnt[gates] - learnt["dense"], -5.0),
        ),
    ]  # fmt: skip


def _panels(matrix: dict[str, np.ndarray], end: dict[str, np.ndarray]) -> list[Panel]:
    courses = []
    for method in SHOWN:
        values = matrix[method]
        seen = np.stack([values[:, task, : task + 1].mean(axis=1) for task in range(values.shape[1])], axis=1)
        courses.append(curve(method, np.arange(seen.shape[1]) + 1, *np.array([mean_interval(x) for x in seen.T]).T))
    lost = [mean_interval(forgotten(matrix[method])) for method in METHODS]
    final = [mean_interval(end[method]) for method in METHODS]
    return [
        Panel("Accuracy on all permutations so far", "tasks learnt", "test accuracy [%]", pd.concat(courses)),
        Panel("All permutations, after the last", "", "test accuracy [%]",
              curve("", METHODS, *zip(*final, strict=True)), "points"),
        Panel("Forgotten since it was learnt", "", "accuracy lost [points]",
              curve("", METHODS, *zip(*lost, strict=True)), "points"),
    ]  # fmt: skip


PARALLEL = Parallel(
    name="gating",
    title="Gates of plasticity by inhibition, and gates by context",
    question="Do gates by inhibition and neuromodulation protect old tasks as context gating and consolidation do?",
    model=(
        "Perceptrons 64-128-64-10 on the digits of scikit-learn, under one permutation of the pixels after the "
        "other, one "
        "output for all. Gates: a random share of the units of each layer is open in a context. Context gates silence "
        "the others (inhibition of cells) and veto their plasticity; plasticity gates veto only (inhibition of "
        "dendrites). Surprise (a neuromodulator) scales each step by the mean chance given to wrong answers."
    ),
    sources=("masse2018", "kirkpatrick2017", "hayama2013", "kasai2021", "dohare2024"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology=(
        "Inhibition chooses which dendrites may change, and GABA before spikes turns enlargement into shrinkage; "
        "neuromodulators decide when. Other spines are left alone, so that what they hold is safe."
    ),
    learning=(
        "Context-dependent gating multiplies the output of all but a random few units by zero, other units in each "
        "task; "
        "attention-like masks choose what takes part. Consolidation (EWC) or weight decay protect without a context."
    ),
    link=(
        "A silent unit has no gradient, into it or out of it: a gate on activity is a gate on plasticity. Contexts "
        "with a "
        "share s of the units open have s^2 of them in common, and only there can one undo the other."
    ),
    formula=(
        "y = gate(context)*max(0, W x + b);  dW = -rate*veto(context)*gradient\n"
        "units in common = share^2;  disjoint gates: nothing is forgotten"
    ),
    exact="gates that share no unit, output biases fixed: no interference at all",
    breaks=(
        "The context must be known, in training and when asked, and a veto alone does not stop units that still speak "
        "from changing what others hear. With many contexts gates overlap, or few units are left for each."
    ),
    cost="One bit per unit and context; the share of open units is a trade of room for safety.",
    budgets=(
        ("all methods", "6 settings, 2 tuning seeds on the validation set; the same samples, tasks and steps; 5 "
                        "tasks, 2 "
         "epochs and 10 seeds in the fast size, 10, 3 and 20 in the full one"),
        ("weights", "17,024 and 202 biases in all; with the context told 128 more for each task; EWC keeps two more "
                    "vectors"),
    ),
)  # fmt: skip
