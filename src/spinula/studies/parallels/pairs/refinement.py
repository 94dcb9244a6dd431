"""D1 spines generalise and D2 spines discriminate, against a network of candidates and one that rejects."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.engines.striatum import Session, Striatum, StriatumModel, Trial
from spinula.engines.striatum import run as run_sessions
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Found, Keeper, Options, Panel, curve
from spinula.studies.parallels.contest import above, below, leader, shown, tuned
from spinula.studies.parallels.parallel import Benefit, Judged, Limit, Parallel, judged
from spinula.studies.reinforcement.mapping import limit
from spinula.studies.reinforcement.numbers import model_with

CUES, REWARDED = 12, (1, 4, 7, 10)
PLUS = np.isin(np.arange(CUES), REWARDED)
FIRST, DAYS, EACH = 20, 5, 8  # trials of each rewarded cue at first; then days, and trials of every cue in each
ANSWER = 0.4  # predicted reward at which half of the fastest licking is reached: an answer
_CIRCUIT = {"circuit.active": 40}  # each of twelve cues shares three quarters of its inputs with the next one
_BLOCKS = 40  # points of a course
STRIATA = {"striatum": ({}, ()), "no dips": ({"dopamine.dip": 0.0}, ()), "D2 clamped": ({}, ("d2",)),
           "D1 clamped": ({}, ("d1",))}  # fmt: skip
NETWORKS = ("candidates, then mined rejects", "candidates, then rejects", "one network, mined", "one network")
_RATES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)


def _striatum(condition: str, seeds: range) -> Found:
    """Return what cues predict before and during refinement: (seeds, points, cues)."""
    changes, clamped = STRIATA[condition]
    model = model_with({**_CIRCUIT, **changes}, clamped=clamped)
    animals = Striatum(model, seeds=seeds, cues=CUES)
    first = Session("rewarded cues only", tuple(Trial(cue, 1.0, count=FIRST) for cue in REWARDED))
    later = Session("all cues", tuple(Trial(cue, float(PLUS[cue]), count=EACH) for cue in range(CUES)))
    records = list(run_sessions(animals, [first, *[later] * DAYS]))
    course = np.concatenate([record.value for record in records[1:]])
    return _seen(course[0], course[np.linspace(0, len(course) - 1, _BLOCKS).round().astype(int)])


def _seen(before: np.ndarray, course: np.ndarray) -> Found:
    return {"before": before.tolist(), "course": np.moveaxis(course, 0, 1).tolist()}


def features() -> np.ndarray:
    """Return the inputs of each cue, the same as the striatum's, of length 1."""
    model = model_with(_CIRCUIT)
    stride = model.circuit.active - round(model.circuit.overlap * model.circuit.active)
    made = np.zeros((CUES, model.circuit.inputs))
    for cue in range(CUES):
        made[cue, cue * stride : cue * stride + model.circuit.active] = 1.0
    return made / np.sqrt(model.circuit.active)


def network(kind: str, rate: float, seed: int) -> np.ndarray:
    """Return what cues predict before and after each refining trial, shape (trials + 1, cues).

    Candidates grow by errors above zero, rejects by errors below; both are linear, and prediction is their difference.
    One network has both kinds of errors in one vector of weights, and meets all cues from the start. Mined: an
    unrewarded trial shows the unrewarded cue that is answered most.
    """
    x, generator = features(), Streams(seed).generator("trials")
    candidates, rejects = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    staged, mined = kind.startswith("candidates"), kind.endswith(("mined", "mined rejects"))
    every = np.repeat(np.arange(CUES), DAYS * EACH)
    early = np.repeat(REWARDED, FIRST) if staged else generator.choice(every, FIRST * len(REWARDED))
    order = [*generator.permutation(early), *generator.permutation(every)]
    seen = []
    for trial, drawn in enumerate(order):
        values = x @ (candidates - rejects)
        if trial >= len(early):
            seen.append(values)
        cue = int(np.flatnonzero(~PLUS)[values[~PLUS].argmax()]) if mined and not PLUS[drawn] else int(drawn)
        # As in the striatum: what predicts less than nothing makes its omission no gift.
        error = float(PLUS[cue]) - max(values[cue], 0.0)
        candidates += rate * max(error, 0.0) * x[cue]
        rejects += rate * max(-error, 0.0) * x[cue]
    return np.array([*seen, x @ (candidates - rejects)])


def balanced(values: np.ndarray) -> np.ndarray:
    """Return (share of rewarded cues answered + share of others not answered)/2; last axis: cues.

    Examples
    --------
    >>> float(balanced(np.where(PLUS, 1.0, 0.0))), float(balanced(np.ones(CUES)))
    (1.0, 0.5)
    """
    answered = values > ANSWER
    return 0.5 * answered[..., PLUS].mean(-1) + 0.5 * (~answered[..., ~PLUS]).mean(-1)


def limit_gap(seed: int, *, trials: int = 400, model: StriatumModel | None = None) -> float:
    """Return the largest difference between D1 and D2 cells and the candidates and rejects of two linear networks.

    Trials are of random cues; what is compared after each one are the parts of all predictions that D1 and D2 cells
    give, and what both networks give, in rewards. ``model``: another striatum than the one in the limit.
    """
    rate, generator, x = 0.1, Streams(seed).generator("limit"), features()
    chosen = model or limit(model_with(_CIRCUIT), rate=rate)
    law = chosen.reinforcement
    animals = Striatum(chosen, seeds=[seed], cues=CUES, size=law.size_scale)
    delay, gain = law.kernel_onset + law.kernel_scale, chosen.readout.value_gain
    weights, worst = np.zeros((2, x.shape[1])), 0.0
    for _ in range(trials):
        cue = int(generator.integers(CUES))
        error = float(PLUS[cue]) - animals.values()[0, cue]
        animals.reinforce(
            animals.pattern[cue : cue + 1],
            bursts=animals.detector.burst_strength(float(chosen.dopamine.bursts(error)), delay),
            dips=animals.detector.dip_strength(float(chosen.dopamine.pauses(error)), delay),
        )
        error = float(PLUS[cue]) - float(x[cue] @ (weights[0] - weights[1]))
        weights += rate * np.maximum([error, -error], 0.0)[:, None] * x[cue]
        worst = max(worst, float(np.abs(gain * (animals.drives()[0] - 1.0) - weights @ x.T).max()))
    return worst


def _cases(options: Options) -> list[Case]:
    seeds = len(options.series(40, trial=10))
    made: list[Case] = [{"name": name.replace(", ", "_").replace(" ", "_"), "kind": name, "seed": options.seed,
                         "seeds": seeds} for name in (*STRIATA, *NETWORKS)]  # fmt: skip
    return [*made, {"name": "limit", "kind": "limit", "seed": options.seed, "seeds": 3}]


def _run(case: Case, keeper: Keeper) -> Found:
    kind, seeds = case["kind"], range(case["seed"], case["seed"] + case["seeds"])
    if kind == "limit":
        return {"gap": [limit_gap(seed) for seed in seeds]}
    if kind in STRIATA:
        return _striatum(kind, seeds)

    def score(rate: float, seed: int) -> float:
        return float(balanced(network(kind, rate, seed)).mean())

    rate, _ = tuned(_RATES, score)
    courses = np.array([network(kind, rate, seed) for seed in seeds])
    keeper.tell(1.0)
    points = np.linspace(0, courses.shape[1] - 1, _BLOCKS).round().astype(int)
    return _seen(courses[:, 0], np.moveaxis(courses[:, points], 1, 0)) | {"rate": rate}


def _conclude(results: list[tuple[Case, Found]]) -> Judged:
    gap = max(next(found["gap"] for case, found in results if case["kind"] == "limit"))
    before = {case["kind"]: np.array(found["before"]) for case, found in results if case["kind"] != "limit"}
    course = {case["kind"]: np.array(found["course"]) for case, found in results if case["kind"] != "limit"}
    score = {kind: 100 * balanced(values).mean(1) for kind, values in course.items()}
    best = leader({kind: list(values) for kind, values in score.items()}, NETWORKS)
    single = leader({kind: list(values) for kind, values in score.items()}, NETWORKS[2:])
    return judged(
        _panels(before, course),
        _claims(before, course),
        limits=[
            Limit("In the limit of TD(0), D1 cells are the candidates and D2 cells the rejects of two linear networks "
                  "that are trained one by errors above zero, the other by those below.", gap, 1e-4, "rewards"),
        ],
        benefits=[
            Benefit.of(score["striatum"] - score[best], "balanced accuracy over the refinement, same trials",
                       against=best, unit="points"),
            Benefit.of(
                score[NETWORKS[0]] - score[single], "balanced accuracy of two stages over the refinement, same trials",
                against=f"{single}, which meets all cues from the start", unit="points", decides=False,
            ),
        ],
    )  # fmt: skip


def _shares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of rewarded and of other cues that are answered [%], by seed."""
    answered = 100.0 * (values > ANSWER)
    return answered[:, PLUS].mean(1), answered[:, ~PLUS].mean(1)


def _claims(before: dict[str, np.ndarray], course: dict[str, np.ndarray]) -> list[Claim]:
    hits, false = _shares(before["striatum"])
    kept, left = _shares(course["striatum"][:, -1])
    made = [
        Claim(
            "Trained on rewarded cues alone the striatum answers eight in ten of the others too.",
            f"{shown(false, ' %')} of the unrewarded, {shown(hits, ' %')} of the rewarded", above(false, 80.0),
        ),
        Claim(
            "Dips on D2 spines repair it: below one in ten of the unrewarded cues is answered, and of the rewarded "
            "more than seven.",
            f"{shown(left, ' %')} of the unrewarded, {shown(kept, ' %')} of the rewarded",
            below(left, 10.0) and above(kept, 70.0),
        ),
    ]  # fmt: skip
    for name in ("no dips", "D2 clamped"):
        _, still = _shares(course[name][:, -1])
        made.append(
            Claim(f"{name[0].upper()}{name[1:]}: three in four of the unrewarded cues or more are still answered.",
                  shown(still, " %"), above(still, 75.0), control=True)
        )  # fmt: skip
    none, _ = _shares(course["D1 clamped"][:, -1])
    made.append(Claim("D1 clamped: no cue is ever proposed.", shown(none, " % of the rewarded answered"),
                      bool(none.max() == 0), control=True))  # fmt: skip
    hits, false = _shares(before[NETWORKS[0]])
    kept, left = _shares(course[NETWORKS[0]][:, -1])
    made.append(
        Claim(
            "The two networks go the same way: over-generalisation by the candidates, repaired by the rejects.",
            f"unrewarded answered {shown(false, ' %')}, then {shown(left, ' %')}; rewarded {shown(hits, ' %')}, then "
            f"{shown(kept, ' %')}", above(false + 1e-9, 90.0 - 1e-6) and below(left, 10.0) and above(kept, 80.0),
        )
    )  # fmt: skip
    return made


CONFUSION = ("striatum", "no dips", "D2 clamped", NETWORKS[0])  # whose confusion is shown


def _panels(before: dict[str, np.ndarray], course: dict[str, np.ndarray]) -> list[Panel]:
    profiles, courses, tables = [], [], []
    cue = np.arange(CUES) + 1
    drawn = {
        "striatum, before": before["striatum"], "striatum, after": course["striatum"][:, -1],
        "no dips, after": course["no dips"][:, -1], "two networks, after": course[NETWORKS[0]][:, -1],
    }  # fmt: skip
    for label, values in drawn.items():
        profiles.append(curve(label, cue, *np.array([mean_interval(column) for column in values.T]).T))
    trials = np.linspace(0, DAYS * EACH * CUES, _BLOCKS)
    for kind in ("striatum", "no dips", *NETWORKS):
        scores = 100 * balanced(course[kind])
        courses.append(curve(kind, trials, *np.array([mean_interval(column) for column in scores.T]).T))
    for kind in CONFUSION:
        for when, values in (("before", before[kind]), ("after", course[kind][:, -1])):
            tables.append(curve(f"{kind}, {when}", ("rewarded", "unrewarded"), [s.mean() for s in _shares(values)]))
    return [
        Panel("What cues predict (rewarded: 2, 5, 8, 11)", "cue", "predicted reward", pd.concat(profiles)),
        Panel("Refinement", "refining trial", "balanced accuracy [%]", pd.concat(courses)),
        Panel("Share of cues that are answered", "cues", "answered [%]", pd.concat(tables), "points"),
    ]


PARALLEL = Parallel(
    name="refinement",
    title="D1 spines propose and D2 spines reject, as two networks do",
    question="Is learning that first generalises and then discriminates a refinement by two networks, and is it a good "
    "one?",
    model=(
        "A striatum of 12 D1 and 12 D2 cells with 200 inputs; twelve cues in a chain, each sharing three quarters of "
        "its 40 inputs with the next; four are rewarded. First 80 trials of the rewarded cues alone, then five days of "
        "96 trials of all cues. Omitted reward calls up dips, which enlarge D2 spines; spines fluctuate between days. "
        "A cue is answered if it predicts 0.4 rewards, where licking is half of the fastest. The circuit's numbers are "
        "assumed, and so is the set of cues."
    ),
    sources=("iino2020", "yagishita2014", "kasai2021", "rescorla1972"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    biology=(
        "Dopamine bursts enlarge D1 spines of whatever was active before a reward, so that similar cues are answered "
        "as well. When a cue that is answered brings nothing, dopamine dips, and D2 spines of that cue grow: a veto."
    ),
    learning=(
        "One network proposes candidates from positive examples alone; a second one is trained on the first one's "
        "false positives (hard negatives) and rejects them. In adversarial networks the first learns from it too."
    ),
    link=(
        "Prediction is what D1 cells propose less what D2 cells reject. Both only ever grow: D1 by errors above zero, "
        "D2 by errors below. Together they are the two signs of the delta rule in two populations."
    ),
    formula=(
        "V = w1.x - w2.x;  error = reward - V\nw1 <- w1 + rate*[error]+ x;  w2 <- w2 + rate*[-error]+ x\n"
        "w = w1 - w2:  w <- w + rate*error*x"
    ),
    exact="small changes, linear response to dips, no fluctuation, every cell on every input: two linear networks",
    breaks=(
        "D1 does not learn from D2's verdict as a generator does: it only sees the smaller prediction. Enlargement "
        "saturates with size, dips count by duration with a threshold, and fluctuation erodes both between days."
    ),
    cost="Two weights for each input in place of one; trials of rewarded cues alone teach nothing about the others.",
    budgets=(
        ("striatum", "its published or assumed numbers, nothing tuned; 80 + 480 trials; 10 seeds in the fast size, 40 "
         "in the full one"),
        ("networks", "learning rate, 6 values on 2 tuning seeds by the same measure; 80 + 480 trials, the same seeds"),
    ),
)  # fmt: skip
