"""Spines that come and go, against dropout, DropConnect, pruning and regrowth."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from spinula.engines.continual.gates import GatedPerceptron, Masks
from spinula.engines.continual.spines import ContinualPerceptron
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import Rule, rule
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Found, Keeper, Options, Panel, curve
from spinula.studies.parallels.contest import above, below, leader, shown, tuned
from spinula.studies.parallels.parallel import Benefit, Judged, Limit, Parallel, judged
from spinula.studies.training.data import Data, load_data

WIDTHS, DENSITY, BATCH = (64, 128, 64, 10), 0.1, 32
_SPINES, _FIXED, _BLIND, _REGROWN = "spines", "fixed sites", "blind removal", "prune and regrow"
_RATES, _LOW = (0.3, 0.6), (0.1, 0.3)
_SHRINKAGE, _DECAY = (1e-4, 4e-4, 1.6e-3), (3e-4, 1e-3, 3e-3)
# What each method may have set: two learning rates by three values of one number of its own.
_OWN: dict[str, tuple[str, tuple[float, ...]]] = {
    "spines": ("shrinkage", _SHRINKAGE),
    "spines, blind formation": ("shrinkage", _SHRINKAGE),
    "spines, fluctuating": ("noise_slope", (0.01, 0.03, 0.1)),
    "DEEP R": ("shrinkage", _SHRINKAGE),
    "prune and regrow": ("drop", (0.1, 0.3, 0.5)),
    "blind removal": ("drop", (0.1, 0.3, 0.5)),
    "gradual pruning": ("decay", _DECAY),
    "fixed sites": ("decay", _DECAY),
    "dense, L2": ("decay", _DECAY),
    "dense, dropout": ("silent", (0.05, 0.1, 0.3)),
    "DropConnect": ("absent", (0.1, 0.3, 0.6)),
}
_RULES = {
    "spines": "spine", "spines, blind formation": "spine", "spines, fluctuating": "spine", "DEEP R": "deep_r",
    "prune and regrow": "sparse_evolutionary", "blind removal": "sparse_evolutionary",
    "gradual pruning": "magnitude_pruning", "fixed sites": "static",
}  # fmt: skip
Points = dict[str, np.ndarray]
_POINTS = 24  # at which exploration is written down
_UNIFORM = ("DEEP R", "prune and regrow", "blind removal")  # form at vacant sites, all with the same chance
_EVERY = 20  # steps between two rewirings by magnitude


def narrow() -> list[int]:
    """Return the widths of a dense network with as many weights as the sparse one, or a few more."""
    budget = round(DENSITY * sum(a * b for a, b in pairwise(WIDTHS)))
    for hidden in range(1, WIDTHS[1]):
        made = [WIDTHS[0], 2 * hidden, hidden, WIDTHS[-1]]
        if sum(a * b for a, b in pairwise(made)) >= budget:
            return made
    raise AssertionError("no width reaches the budget")


def _rule(method: str, rate: float, own: float) -> Rule:
    """Return a method's rule; all without momentum, so that nothing differs but the connections."""
    name, _ = _OWN[method]
    changes: dict[str, Any] = {"rate": rate, "momentum": 0.0, "decay": 3e-4, "every": _EVERY, name: own}
    if method == "spines, blind formation":
        changes["candidates"] = 1
    if method == "spines, fluctuating":
        changes |= {"noise_floor": 0.03 * own, "shrinkage": 3e-4}
    if method == "blind removal":
        changes["blind"] = True
    chosen = rule(_RULES[method], DENSITY)
    return chosen.changed(changes if chosen.every else {key: v for key, v in changes.items() if key != "every"})


class _Explored:
    """Which sites a network ever had a connection at, and what blind formation foretells of it."""

    def __init__(self, shapes: list[tuple[int, int]]) -> None:
        self.ever = [np.zeros(shape, bool) for shape in shapes]
        self.unused = np.zeros(len(shapes))
        self.formed = np.zeros(len(shapes), np.int64)
        self.course: list[float] = []
        self.foretold: list[float] = []

    def look(self, net: Perceptron) -> None:
        """Look at a sparse network after it may have been rewired."""
        for layer, ever in enumerate(self.ever):
            rows, cols, _ = net.connections(layer)
            if not self.course:
                self.unused[layer] = ever.size - len(rows)
            elif formed := int(net.work.counts[layer] - self.formed[layer]):
                self.unused[layer] *= 1.0 - formed / (ever.size - len(rows) + formed)
            self.formed[layer] = net.work.counts[layer]
            ever[rows, cols] = True
        self.foretold.append(1.0 - float(self.unused.sum()) / self.sites)
        self._note()

    def see(self, net: GatedPerceptron) -> None:
        """Look at a dense network after a step: a weight that was absent was not used."""
        for ever, part in zip(self.ever, net.parts(net.theta if net.present is None else net.present)[0], strict=True):
            ever |= part.T != 0
        self._note()

    def _note(self) -> None:
        self.course.append(sum(int(ever.sum()) for ever in self.ever) / self.sites)

    @property
    def sites(self) -> int:
        return sum(ever.size for ever in self.ever)


def _shapes(widths: tuple[int, ...] | list[int]) -> list[tuple[int, int]]:
    return list(zip(widths[1:], widths[:-1], strict=True))


def _data(data: Data, final: bool) -> tuple[np.ndarray, ...]:
    held = (data.test_images, data.test_labels) if final else (data.validation_images, data.validation_labels)
    return (*(data.whole() if final else (data.images, data.labels)), *held)


def train(method: str, rate: float, own: float, data: Data, *, epochs: int, seed: int, final: bool) -> dict[str, Any]:
    """Train one network; return accuracies, explored sites over time, and how often a connection was replaced.

    ``final``: learn all training data and score on the test set, else hold out the validation set and score on it.
    """
    images, labels, held, truth = _data(data, final)
    if method in _RULES:
        net = Perceptron(list(WIDTHS), DENSITY, _rule(method, rate, own), seed=seed, batch=BATCH)
        explored = _Explored(_shapes(WIDTHS))
        explored.look(net)
        lost = sum(epoch.eliminated for epoch in net.fit(images, labels, epochs=epochs, look=explored.look))
        stored = sum(int(store.row_count.sum()) for store in net.stores)
        scores: Callable[[np.ndarray], np.ndarray] = net.scores
    else:
        dense, explored = _dense(method, rate, own, (images, labels), epochs=epochs, seed=seed)
        lost, stored, scores = 0, explored.sites, dense.scores
    right = [float((scores(x).argmax(axis=1) == y).mean()) for x, y in ((images, labels), (held, truth))]
    places = np.linspace(0, len(explored.course) - 1, _POINTS).round().astype(int)
    return {
        "train": right[0], "test": right[1], "replaced": lost / stored, "weights": stored,
        "explored": [explored.course[place] for place in places],
        "foretold": [explored.foretold[place] for place in places] if explored.foretold else [],
    }  # fmt: skip


def _dense(
    method: str, rate: float, own: float, samples: tuple[np.ndarray, np.ndarray], *, epochs: int, seed: int
) -> tuple[GatedPerceptron, _Explored]:
    """Train a dense network by the same steps: batches of the same size, the same cosine of the learning rate."""
    images, labels = samples
    widths = list(WIDTHS) if method == "DropConnect" else narrow()
    name, _ = _OWN[method]
    masks = Masks(**{name: own}) if name in ("silent", "absent") else Masks()
    decay = own if name == "decay" else 3e-4
    net = GatedPerceptron(widths, seed=seed, batch=BATCH, rate=rate, decay=decay, masks=masks)
    explored, order = _Explored(_shapes(widths)), net.streams.generator("order")
    steps, shuffled = len(labels) // BATCH, np.arange(len(labels))
    for step in range(steps * epochs):
        if step % steps == 0:
            shuffled = order.permutation(len(labels))
        net.rate = rate * 0.5 * (1 + np.cos(np.pi * step / (steps * epochs)))
        chosen = shuffled[step % steps * BATCH : (step % steps + 1) * BATCH]
        with np.errstate(over="ignore", invalid="ignore"):
            net.step(images[chosen], labels[chosen])
        explored.see(net)
    return net, explored


def mask_gap(seed: int, *, inputs: int = 9, keep: float = 0.3) -> float:
    """Return by how much the mean loss over all masks differs from weight decay by the inputs' second moments.

    Mean over masks of (y - x.(m w)/keep)^2 = (y - x.w)^2 + (1 - keep)/keep * sum_i x_i^2 w_i^2; all 2^inputs masks of
    independent weights are added up, each with its probability.

    Source
    ------
    [srivastava2014] section 9.1 for dropout of inputs, which for one unit is DropConnect.
    """
    generator = np.random.default_rng(seed)
    x, weight = generator.standard_normal((20, inputs)), generator.standard_normal(inputs)
    y = generator.standard_normal(20)
    masks = (np.arange(2**inputs)[:, None] >> np.arange(inputs)) & 1
    chance = np.prod(np.where(masks == 1, keep, 1 - keep), axis=1)
    masked = float(chance @ ((y - (masks * weight / keep) @ x.T) ** 2).sum(axis=1))
    decayed = ((y - x @ weight) ** 2).sum() + (1 - keep) / keep * ((x**2).sum(axis=0) @ weight**2)
    return abs(masked / float(decayed) - 1.0)


def occupancy(drop: float, *, seed: int, steps: int, lags: tuple[int, ...] = (1, 2, 4)) -> tuple[float, float]:
    """Return how far the autocorrelation of occupied sites is from its closed form at most, and that form at lag 1.

    Of n connections on N sites a share ``drop`` is eliminated at random, and as many are formed at vacant sites, at
    each step: a site is a chain of two states, whose correlation over k steps is ((1 - drop)*(1 - formed))^k with
    formed = drop*n/(N - n + drop*n). With drop = 1 nothing is left of the step before: masks drawn anew, DropConnect.
    """
    images = np.random.default_rng(seed).standard_normal((BATCH, 64)).astype(np.float32)
    chosen = rule("sparse_evolutionary").changed({"rate": 0.0, "momentum": 0.0, "decay": 0.0, "every": 1, "drop": drop,
                                                  "blind": True})  # fmt: skip
    net = ContinualPerceptron([64, 128, 10], 0.2, chosen, seed=seed, batch=BATCH)
    seen = np.zeros((steps, 128, 64), np.float32)
    for step in range(steps):
        net.learn(images, np.zeros(BATCH, np.int64))
        rows, cols, _ = net.connections(0)
        seen[step, rows, cols] = 1.0
    n, sites = float(seen[0].sum()), float(seen[0].size)
    gone = int(drop * n)
    closed = (1.0 - gone / n) * (1.0 - gone / (sites - n + gone))
    share, worst = n / sites, 0.0
    for lag in lags:
        both = float((seen[lag:] * seen[:-lag]).mean())
        worst = max(worst, abs((both - share**2) / (share - share**2) - closed**lag))
    return worst, closed


def _cases(options: Options) -> list[Case]:
    epochs, seeds = (8, 10) if options.trial else (40, 20)
    shared = {"seed": options.seed, "seeds": options.seeds or seeds, "epochs": epochs}
    made: list[Case] = [{"name": method.replace(", ", "_").replace(" ", "_"), "method": method, **shared}
                        for method in _OWN]  # fmt: skip
    return [*made, {"name": "limits", "method": None, "seed": options.seed, "steps": 60 if options.trial else 300}]


def _run(case: Case, keeper: Keeper) -> Found:
    if case["method"] is None:
        seed = case["seed"]
        return {"mask": max(mask_gap(seed + k) for k in range(10)),
                "chain": [occupancy(drop, seed=seed, steps=case["steps"]) for drop in (0.1, 0.5, 1.0)]}  # fmt: skip
    method, data, epochs = case["method"], load_data("digits"), case["epochs"]
    rates = _LOW if method == "DropConnect" else _RATES
    settings = [(rate, own) for rate in rates for own in _OWN[method][1]]

    def score(setting: tuple[float, float], seed: int) -> float:
        return train(method, *setting, data, epochs=epochs, seed=seed, final=False)["test"]

    (rate, own), validation = tuned(settings, score)
    keeper.tell(0.5)
    runs = [train(method, rate, own, data, epochs=epochs, seed=case["seed"] + k, final=True)
            for k in range(case["seeds"])]  # fmt: skip
    keeper.tell(1.0)
    gathered = {name: [run[name] for run in runs] for name in runs[0]}
    return {"setting": {"rate": rate, _OWN[method][0]: own}, "validation": validation, **gathered}


def _limits(exact: Found, found: dict[str, Found]) -> list[Limit]:
    away = max(
        float(np.abs(np.mean(found[name]["explored"], axis=0) - np.mean(found[name]["foretold"], axis=0)).max())
        for name in _UNIFORM
    )
    return [
        Limit("For a linear unit DropConnect is, on average over its masks, weight decay by the inputs' squares.",
              exact["mask"], 1e-12),
        Limit("Sites emptied at random and filled at random are masks whose correlation over k steps is "
              "((1 - drop)(1 - formed))^k (sampled; drop 0.1, 0.5 and 1, where nothing is left: fresh masks).",
              max(error for error, _ in exact["chain"]), 0.02),
        Limit("With blind formation the share of sites ever used is 1 - (1 - density)*product of (1 - formed/vacant), "
              "whatever is removed (sampled).", away, 0.01),
    ]  # fmt: skip


def _claims(test: Points, gap: Points, ever: Points) -> list[Claim]:
    chosen, density = test[_REGROWN] - test[_BLIND], 100 * DENSITY
    moving = [name for name in _RULES if name not in (_FIXED, "gradual pruning")]
    least = min(moving, key=lambda name: float(ever[name][:, -1].mean()))
    still = np.abs(ever[_FIXED] - density).max()
    return [
        Claim(
            "What is removed matters: dropping the smallest beats dropping as many at random.",
            f"{shown(chosen, ' points')}: {shown(test[_REGROWN], ' %')} against {shown(test[_BLIND], ' %')}",
            above(chosen),
        ),
        Claim(
            "All rules of coming and going use more sites than their connections can fill at a time.",
            f"least: {least}, {shown(ever[least][:, -1], ' %')} of the sites; DEEP R "
            f"{shown(ever['DEEP R'][:, -1], ' %')}",
            all(above(ever[name][:, -1], density + 0.5) for name in moving),
        ),
        Claim("Connections at fixed sites explore nothing.", f"{shown(ever[_FIXED][:, -1], ' %')} of the sites, "
              f"{density:g} % filled", bool(still < 0.1), control=True),
        Claim(
            "DropConnect has used every site before a tenth of the training, and stores ten times the weights for it.",
            f"{shown(ever['DropConnect'][:, 2], ' %')} after a twelfth",
            above(ever["DropConnect"][:, 2] + 1e-9, 99.0),
        ),
        Claim(
            "Masks that come back narrow the gap between training and test more than moving does: DropConnect's is "
            "narrower than that of pruning and regrowth.",
            f"DropConnect {shown(gap['DropConnect'], '', 2)}, dropout {shown(gap['dense, dropout'], '', 2)}; pruning "
            f"and regrowth {shown(gap[_REGROWN], '', 2)}, spines {shown(gap[_SPINES], ' points', 2)}",
            below(gap["DropConnect"] - gap[_REGROWN]),
        ),
    ]  # fmt: skip


def _panels(test: Points, gap: Points, ever: Points) -> list[Panel]:
    done = np.linspace(0.0, 100.0, _POINTS)
    # Blind removal moves as many connections as pruning and regrowth: their curves are one.
    drawn = [_SPINES, "spines, blind formation", "DEEP R", _REGROWN, _FIXED, "gradual pruning", "DropConnect"]
    courses = [curve(name, done, *np.array([mean_interval(column) for column in ever[name].T]).T) for name in drawn]
    points = {"accuracy": test, "gap": gap}
    means = {what: [mean_interval(values[name]) for name in _OWN] for what, values in points.items()}
    return [
        Panel("Sites that ever had a connection", "training done [%]", "share of all sites [%]", pd.concat(courses)),
        Panel("Accuracy on digits", "", "test accuracy [%]",
              curve("", _OWN, *zip(*means["accuracy"], strict=True)), "points"),
        Panel("Generalisation gap", "", "training less test accuracy [points]",
              curve("", _OWN, *zip(*means["gap"], strict=True)), "points"),
    ]  # fmt: skip


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    found = {case["method"]: one for case, one in results if case["method"] is not None}
    exact = next(one for case, one in results if case["method"] is None)
    test = {name: 100 * np.array(one["test"]) for name, one in found.items()}
    gap = {name: 100 * np.array(one["train"]) - test[name] for name, one in found.items()}
    ever = {name: 100 * np.array(one["explored"]) for name, one in found.items()}
    rivals = [name for name in _OWN if not name.startswith("spines") and name not in ("DropConnect", "gradual pruning")]
    best = leader({name: list(values) for name, values in test.items()}, rivals)
    return judged(
        _panels(test, gap, ever),
        _claims(test, gap, ever),
        limits=_limits(exact, found),
        benefits=[
            Benefit.of(
                test[_SPINES] - test[best], "test accuracy on digits, with as many weights, the same steps and tuning",
                against=f"{best}, the best with as many weights", unit="points",
            ),
            Benefit.of(
                test[_SPINES] - test[_FIXED], "test accuracy that coming and going adds",
                against="connections at fixed sites", unit="points", decides=False,
            ),
            Benefit.of(
                test["spines, fluctuating"] - test[_SPINES], "test accuracy that fluctuation adds to rewiring",
                against="the same rule without fluctuation", unit="points", decides=False,
            ),
        ],
    )  # fmt: skip


PARALLEL = Parallel(
    name="rewiring",
    title="Spines that come and go, and networks that drop and regrow",
    question="Do elimination and formation do what dropout, DropConnect, pruning and regrowth do, and do they do it "
    "better?",
    model=(
        "Perceptrons 64-128-64-10 on the digits of scikit-learn, 10 % of the connections (1,703), no momentum, batches "
        "of 32, a cosine of the learning rate. Spines are eliminated at the threshold at every step; pruning and "
        "regrowth drop the smallest every 20 steps. A dense network of as many weights has hidden layers of 22 and 11. "
        "Blind removal drops as many connections as pruning, but any: elimination that does not know size."
    ),
    sources=("kasai2021", "yasumatsu2008", "bellec2018", "mocanu2018", "srivastava2014", "wan2013"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology=(
        "Spines shrink and vanish where nothing supports them, the small ones first, and new ones form elsewhere on "
        "the dendrite: some per cent of the sites change every day, and in weeks a dendrite has tried many partners."
    ),
    learning=(
        "Dropout and DropConnect silence units or weights at random at each step and bring them back; pruning with "
        "regrowth (SET) and DEEP R move a fixed number of connections to other places while they learn."
    ),
    link=(
        "Which sites hold a connection is a mask that changes. Where elimination does not ask for size and formation "
        "is blind, each site is a chain of two states, and its mask a Bernoulli mask with memory. Without memory it is "
        "DropConnect, which for a linear unit is weight decay. What spines add is that size decides who stays."
    ),
    formula=(
        "correlation of a site's mask over k steps = ((1 - drop)*(1 - formed))^k\n"
        "ever used = 1 - (1 - density)*prod_t(1 - formed_t/vacant_t)\n"
        "mean over masks of (y - x.(m w)/p)^2 = (y - x.w)^2 + (1 - p)/p*sum_i x_i^2 w_i^2"
    ),
    exact="elimination blind to size, formation blind, all replaced at each step: masks drawn anew (DropConnect)",
    breaks=(
        "Real elimination is by size, so that masks remember what was useful; an eliminated weight is lost, where "
        "dropout brings it back as it was; and formation in the spine rule is guided by the gradient."
    ),
    cost=(
        "A connection costs 22 bytes instead of 4, because its place is stored; a dense network with as many weights "
        "needs no places. Dropout and DropConnect keep all weights."
    ),
    budgets=(
        ("all methods", "6 settings (2 learning rates x 3 values of one number), 2 tuning seeds on the validation set; "
         "the same samples, epochs and batches; 8 epochs and 10 seeds in the fast size, 40 and 20 in the full one"),
        ("spines and peers", "1,703 connections of 17,024 sites; gradual pruning begins with half of the sites"),
        ("dense networks", "1,760 weights; DropConnect 17,024 weights"),
    ),
)  # fmt: skip
