"""Reactivation at rest, against experience replay and generative replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.engines.continual.dense import DensePerceptron
from spinula.engines.continual.replay import Dreams, Memory, Reservoir, Scrambled
from spinula.engines.continual.spines import ContinualPerceptron
from spinula.engines.network.rates.plastic import live
from spinula.engines.sparse.rules import rule
from spinula.measures.intervals import mean_interval
from spinula.presets import load_preset
from spinula.studies.memory.assemblies.hebbian import STEP, STRONG, begin, numbers_of, recall_of
from spinula.studies.memory.study import Case, Claim, Found, Keeper, Options, Panel, curve
from spinula.studies.parallels.contest import above, below, leader, shown, tuned
from spinula.studies.parallels.parallel import Benefit, Judged, Limit, Parallel, judged
from spinula.studies.training.data import Data, load_data

_EVERY = 50  # events between two looks: five days
CIRCUITS = ("no replay", "stored patterns", "own reactivation", "shuffled patterns")
_RATES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_SPINE_SETTINGS = ((0.1, 1e-4), (0.1, 4e-4), (0.2, 1e-4), (0.2, 4e-4), (0.4, 1e-4), (0.4, 4e-4))
NETWORKS = ("none", "experience replay", "generative replay", "scrambled replay", "spines, none",
            "spines, experience replay", "spines, generative replay")  # fmt: skip
TASKS, BATCH, HIDDEN, DENSITY = 5, 16, 100, 0.3


def forget(condition: str, seed: int, days: int) -> Found:
    """Let a network with strong assemblies live, one replay every 0.1 day; return contrast and recall every five days.

    The same network, fluctuation and number of replays in all conditions: an assembly of which 40 % of the members are
    cued (a pattern that was stored elsewhere); as many neurons at random, from which the network itself goes to what
    it knows; an imposed pattern of as many neurons as an assembly, at random (the network completes nothing).
    """
    streams = Streams(seed)
    wires, size, within, between = begin(streams, STRONG)
    numbers = numbers_of({"hebb": condition != "no replay", "noise": 1.0})
    silent = numbers._replace(gain=0.0, cued=1.0)
    shuffle, keys = streams.generator("shuffle"), [np.uint64(streams.key(name)) for name in ("life", "tests")]
    found: Found = {"contrast": [], "recall": []}
    for event in range(round(days / STEP) + 1):
        if event % _EVERY == 0:
            found["contrast"].append(float(size[within].mean() / size[between].mean()))
            found["recall"].append(recall_of(wires, numbers, size, keys[1], event // _EVERY))
        here = wires
        if condition in ("own reactivation", "shuffled patterns"):
            here = wires._replace(assembly=shuffle.permutation(wires.assembly))
        live(here, silent if condition == "shuffled patterns" else numbers, size, keys[0], event, 1)
    return found


def decay_gap(seed: int, *, events: int = 400) -> float:
    """Return how far mean sizes under Hebb's replays are from gradient steps with weight decay towards rest, relative.

    Without fluctuation and with whole assemblies active, each replay is one step of size <- size - dt*[gradient of
    -Hebb*(1 - threshold)*size + recovery_rate*(size - rest)^2/2] for the spines within the replayed assembly.
    """
    streams = Streams(seed)
    wires, size, within, _ = begin(streams, STRONG)
    numbers = numbers_of({"hebb": True, "noise": 0.0})
    law = load_preset("neocortex_adult").dynamics.law
    numbers = numbers._replace(recovery_rate=law.recovery_rate, size_rest=law.size_rest, gain=0.0, cued=1.0)
    assemblies = int(wires.assembly.max()) + 1
    pre = np.repeat(wires.assembly, np.diff(wires.begins))
    expected = size.copy()
    for event in range(events):
        replayed = within & (pre == event % assemblies)
        slope = law.recovery_rate * (expected - law.size_rest) - replayed * numbers.hebb * (1.0 - numbers.threshold)
        expected -= numbers.dt * slope
        live(wires, numbers, size, np.uint64(seed), event, 1)
    return float(np.abs(size[within] / expected[within] - 1.0).max())


def joint_gap(seed: int, data: Data) -> float:
    """Return how far the gradient of new samples and of all old ones, replayed in proportion, is from joint training's.

    Relative to the largest slope; a control is in the tests: leaving half of the old ones out is seen.
    """
    net = DensePerceptron([data.images.shape[1], HIDDEN, data.classes], seed=seed)
    generator = Streams(seed).generator("parts")
    cut = int(generator.integers(200, len(data.labels) - 200))
    parts = (slice(None, cut), slice(cut, None))
    summed = sum(
        len(data.labels[part]) / len(data.labels) * net.gradient(data.images[part], data.labels[part])[0].astype(float)
        for part in parts
    )
    joint = net.gradient(data.images, data.labels)[0]
    return float(np.abs(summed - joint).max() / np.abs(joint).max())


def _memory(method: str, data: Data, room: int, seed: int) -> Memory | None:
    features, bounds = data.images.shape[1], (float(data.images.min()), float(data.images.max()))
    if method.endswith("generative replay"):
        return Dreams(features, data.classes, seed=seed)
    if method.endswith("none"):
        return None
    return (Scrambled if method == "scrambled replay" else Reservoir)(room, features, bounds, seed=seed)


def learn(method: str, setting: Any, data: Data, *, epochs: int, seed: int, final: bool) -> dict[str, Any]:
    """Learn five tasks of two digits each, all ten competing; return accuracies after each task, and bytes.

    Kept samples take the bytes of the generator's moments; ``matrix`` is (after task, of task).
    """
    images, labels = data.whole() if final else (data.images, data.labels)
    held, truth = (data.test_images, data.test_labels) if final else (data.validation_images, data.validation_labels)
    widths, room = [images.shape[1], HIDDEN, data.classes], Dreams(images.shape[1], data.classes, seed=0).bytes
    memory = _memory(method, data, room, seed)
    if method.startswith("spines"):
        chosen = rule("spine").changed({"rate": setting[0], "shrinkage": setting[1], "momentum": 0.0, "size_new": 5e-3})
        net: Any = ContinualPerceptron(widths, DENSITY, chosen, seed=seed, batch=BATCH, memory=memory)
    else:
        net = DensePerceptron(widths, seed=seed, batch=BATCH, rate=setting, memory=memory)
    generator, matrix = Streams(seed).generator("tasks"), []
    for task in range(TASKS):
        mine = generator.permutation(np.flatnonzero(labels // 2 == task))
        net.learn(images[mine], labels[mine], epochs=epochs)
        right = net.scores(held).argmax(axis=1) == truth
        matrix.append([float(right[truth // 2 == other].mean()) for other in range(TASKS)])
    return {"matrix": matrix, "bytes": 0 if memory is None else memory.bytes}


def _cases(options: Options) -> list[Case]:
    seeds, epochs, days = (10, 5, 40) if options.trial else (20, 10, 100)
    seeds = options.seeds or seeds
    shared = {"seed": options.seed, "seeds": seeds}
    made: list[Case] = [{"name": f"circuit_{name.replace(' ', '_')}", "side": "circuit", "kind": name, "days": days,
                         **shared} for name in CIRCUITS]  # fmt: skip
    made += [{"name": f"network_{name.replace(', ', '_').replace(' ', '_')}", "side": "network", "kind": name,
              "epochs": epochs, **shared} for name in NETWORKS]  # fmt: skip
    return [*made, {"name": "limits", "side": "limits", "kind": "", **shared}]


def _run(case: Case, keeper: Keeper) -> Found:
    seeds, data = range(case["seed"], case["seed"] + case["seeds"]), load_data("digits")
    if case["side"] == "limits":
        return {"decay": max(decay_gap(seed) for seed in seeds[:3]),
                "joint": max(joint_gap(seed, data) for seed in seeds[:3])}  # fmt: skip
    if case["side"] == "circuit":
        runs = [forget(case["kind"], seed, case["days"]) for seed in seeds]
        return {name: [run[name] for run in runs] for name in runs[0]}
    method, epochs = case["kind"], case["epochs"]

    def score(setting: Any, seed: int) -> float:
        return float(np.mean(learn(method, setting, data, epochs=epochs, seed=seed, final=False)["matrix"][-1]))

    setting, _ = tuned(_SPINE_SETTINGS if method.startswith("spines") else _RATES, score)
    keeper.tell(0.5)
    runs = [learn(method, setting, data, epochs=epochs, seed=seed, final=True) for seed in seeds]
    return {"setting": setting, **{name: [run[name] for run in runs] for name in runs[0]}}


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    limits = next(found for case, found in results if case["side"] == "limits")
    circuit = {case["kind"]: found for case, found in results if case["side"] == "circuit"}
    network = {case["kind"]: found for case, found in results if case["side"] == "network"}
    end = {kind: 100 * np.array(found["matrix"])[:, -1].mean(axis=1) for kind, found in network.items()}
    scores = {kind: list(values) for kind, values in end.items()}
    best, spines = leader(scores, NETWORKS[:4]), leader(scores, NETWORKS[4:])
    recall = {kind: np.array(found["recall"])[:, -2:].mean(axis=1) for kind, found in circuit.items()}
    return judged(
        _panels(circuit, network, end),
        _claims(circuit, end, network),
        limits=[
            Limit("Replays of whole assemblies, without fluctuation, are gradient steps for the patterns' "
                  "correlation with "
                  "weight decay towards the resting size, spine by spine.", limits["decay"], 1e-9),
            Limit("Replay of all past samples in proportion has the gradient of joint training (single precision).",
                  limits["joint"], 1e-5),
        ],
        benefits=[
            Benefit.of(recall[CIRCUITS[2]] - recall[CIRCUITS[1]], "recall that a circuit's own reactivation keeps, "
                                                                  "same "
                       "number of replays", against="replay of stored patterns"),
            Benefit.of(end[spines] - end[best], f"accuracy on all digits after five tasks of spines ({spines[8:]}), "
                                                f"same "
                       "replays and bytes of memory", against=f"a dense network with {best}", unit="points"),
        ],
    )  # fmt: skip


def _claims(circuit: dict[str, Found], end: dict[str, np.ndarray], network: dict[str, Found]) -> list[Claim]:
    contrast = {kind: np.array(found["contrast"])[:, -1] for kind, found in circuit.items()}
    recall = {kind: np.array(found["recall"])[:, -2:].mean(axis=1) for kind, found in circuit.items()}
    none, stored, own, shuffled = CIRCUITS
    kept = recall[own] - recall[none]
    return [
        Claim(
            "Stored assemblies fade without replay and are kept by replays of stored patterns.",
            f"recall {shown(recall[none], '', 2)} without, {shown(recall[stored], '', 2)} with; contrast "
            f"{shown(contrast[none], '', 2)} and {shown(contrast[stored], '', 2)}",
            above(recall[stored] - recall[none]) and above(contrast[stored] - contrast[none]),
        ),
        Claim(
            "The network's own reactivation from random activity keeps contrast too, but less than stored patterns do.",
            f"contrast {shown(contrast[own], '', 2)}, recall {shown(recall[own], '', 2)} (over no replay by "
            f"{shown(kept, '', 2)})",
            above(contrast[own] - contrast[none]) and below(contrast[own] - contrast[stored]),
        ),
        Claim(
            "As many replays of shuffled patterns keep no assembly: recall is no higher than without replay.",
            f"contrast {shown(contrast[shuffled], '', 2)}, recall {shown(recall[shuffled], '', 2)}",
            below(recall[shuffled] - recall[none], 0.05), control=True,
        ),
        Claim(
            "A network that learns two digits after the other forgets the first without replay; with it, it keeps "
            "them.",
            f"after five tasks {shown(end['none'], ' %')} without, {shown(end['experience replay'], ' %')} with "
            f"{network['experience replay']['bytes'][0]:,} bytes of samples, "
            f"{shown(end['generative replay'], ' %')} with "
            "as many of moments",
            above(end["experience replay"] - end["none"], 20.0) and above(end["generative replay"] - end["none"], 20.0),
        ),
        Claim(
            "In as many bytes a generator of moments serves better than samples: what is replayed need not be stored.",
            f"{shown(end['generative replay'] - end['experience replay'], ' points')}",
            above(end["generative replay"] - end["experience replay"]),
        ),
        Claim(
            "Replay of scrambled images does not replace it: at least ten points are missing.",
            shown(end["scrambled replay"], " %"), below(end["scrambled replay"] - end["experience replay"], -10.0),
            control=True,
        ),
        Claim(
            "Spines alone, without replay, forget as a dense network does (within five points).",
            shown(end["spines, none"], " %"), below(np.abs(end["spines, none"] - end["none"]), 5.0), control=True,
        ),
    ]  # fmt: skip


def _panels(circuit: dict[str, Found], network: dict[str, Found], end: dict[str, np.ndarray]) -> list[Panel]:
    def courses(values: dict[str, np.ndarray], x: np.ndarray) -> pd.DataFrame:
        return pd.concat(
            [curve(kind, x, *np.array([mean_interval(column) for column in one.T]).T) for kind, one in values.items()]
        )

    contrast = {kind: np.array(found["contrast"]) for kind, found in circuit.items()}
    recall = {kind: np.array(found["recall"]) for kind, found in circuit.items()}
    first = {kind: 100 * np.array(found["matrix"])[:, :, 0] for kind, found in network.items()}
    days = np.arange(contrast[CIRCUITS[0]].shape[1]) * _EVERY * STEP
    return [
        Panel("Contrast of stored assemblies", "time [day], ten replays a day", "size within / between",
              courses(contrast, days)),
        Panel("Their recall", "time [day], ten replays a day", "members over others", courses(recall, days)),
        Panel("The first two digits, task after task", "tasks learnt", "accuracy on them [%]",
              courses(first, np.arange(1, TASKS + 1))),
        Panel("All digits after five tasks", "", "test accuracy [%]",
              curve("", end, *zip(*[mean_interval(values) for values in end.values()], strict=True)), "points"),
    ]  # fmt: skip


PARALLEL = Parallel(
    name="replay",
    title="Reactivation at rest, and replay of samples",
    question="Does reactivation do for stored assemblies what experience replay and generative replay do for a "
             "network?",
    model=(
        "Circuit: 200 rate neurons, four assemblies of 40 whose spines are three times larger than others at first; "
        "spines fluctuate and return to rest as in the adult neocortex; one event of Hebb's rule every 0.1 day. Form "
        "and rate of Hebb's rule are assumed. Network: 64-100-10 on the digits of scikit-learn, five tasks of two "
        "digits each, all ten competing; each step takes 16 new samples and as many replayed ones. The generator draws "
        "features independently, by each class's means and variances; samples are kept in as many bytes."
    ),
    sources=("humble2019", "fauth2019", "yasumatsu2008", "kasai2021", "shin2017"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology=(
        "In rest and sleep assemblies become active by themselves, and Hebb's rule enlarges again what fluctuation and "
        "return to rest have taken. What was replayed is kept, what was not fades."
    ),
    learning=(
        "Experience replay mixes kept samples of the past into every step; generative replay draws them from a "
        "model of "
        "the past. Both keep the gradient near that of joint training."
    ),
    link=(
        "A replay is a gradient step on a pattern, and return to rest is weight decay. With all of the past "
        "replayed in "
        "proportion the mean step is that of joint training. Spontaneous reactivation samples from what the network "
        "itself has become, as a generator that is trained by its own output."
    ),
    formula=(
        "size <- size - dt*d/dsize[recovery_rate*(size - rest)^2/2 - hebb*(1 - threshold)*size]  (within, replayed)\n"
        "gradient of joint loss = n_new/n*gradient(new) + n_old/n*gradient(replayed old)"
    ),
    exact="whole patterns, no fluctuation: SGD with weight decay to rest; whole past in proportion: joint training",
    breaks=(
        "Own reactivation favours what is strong already and joins assemblies that are active together; spines "
        "fluctuate "
        "between replays; a generator of independent features knows no shapes."
    ),
    cost="Each replay costs a step; samples cost 65 bytes each, moments 512 bytes a class; reactivation needs no "
         "store.",
    budgets=(
        ("circuit", "ten replays a day in all conditions but none; nothing tuned; 40 days and 10 seeds in the fast "
                    "size, "
         "100 and 20 in the full one"),
        ("networks", "6 settings (learning rates; spines: 3 rates x 2 shrinkages), 2 tuning seeds on the validation "
                     "set; "
         "as many replayed as new samples; 5,200 bytes of memory; 5 epochs and 10 seeds, or 10 and 20"),
    ),
)  # fmt: skip
