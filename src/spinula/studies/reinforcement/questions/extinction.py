"""What becomes of a cue's response when its reward stops coming, or comes less often?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.studies.memory.study import Case, Claim, Finding, Found, Options, Panel, Study, curve
from spinula.studies.reinforcement.cases import above, below, run, seen, sessions, shown, variant
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.running import mean

_WITHOUT = ("D2 spines clamped", "no dips")
_KEPT = "no dips, no loss without reward"
_NO_LOSS = Condition(name="dips alone", since="extinction", set={"unreinforced.rate": 0.0})


def cases(options: Options) -> list[Case]:
    """Return the cases: extinction with and without dips, D2 spines and loss; devaluation with and without dips."""
    return [
        *(variant(options, "extinction", name) for name in ("control", *_WITHOUT, _KEPT, _NO_LOSS)),
        *(variant(options, "devaluation", name) for name in ("control", "no dips")),
    ]


def _share(results: list[tuple[Case, Found]], label: str) -> np.ndarray:
    """Return licks to CS+ over the days of extinction as a share of those before, shape (days, animals)."""
    found = seen(results, "extinction", label)
    return sessions(found, "licks", "extinction")[..., 0] / sessions(found, "licks", "conditioning")[-1, :, 0]


def _extinction(results: list[tuple[Case, Found]]) -> list[Claim]:
    last = {label: _share(results, label)[-1] for label in ("control", *_WITHOUT, _KEPT, _NO_LOSS.name)}
    d2 = sessions(seen(results, "extinction"), "d2", "extinction")[0, :, 0]
    both = ", ".join(f"{name}: {shown(last[name])}" for name in _WITHOUT)
    return [
        Claim(
            "Extinction needs neither dips nor D2 spines: without them CS+ is answered at less than 0.1 of before "
            "after three days.",
            f"{both}; with all {shown(last['control'])}", all(below(last[name], 0.1) for name in _WITHOUT),
            row="46-network",
        ),
        Claim(
            "Without dips and without the loss of D1 spines that are not rewarded, the response stays (0.9 or more).",
            shown(last[_KEPT]), above(last[_KEPT], 0.9), row="46-network", control=True,
        ),
        Claim(
            "In this model dips would extinguish the response too, where they are seen; the paper found no part for "
            "them.",
            f"dips alone {shown(last[_NO_LOSS.name])}; D2 drive after a day {shown(d2)} of naive",
            below(last[_NO_LOSS.name], 0.5) and above(d2, 1.1),
        ),
    ]  # fmt: skip


def _devaluation(results: list[tuple[Case, Found]]) -> list[Claim]:
    found, still = seen(results, "devaluation"), seen(results, "devaluation", "no dips")
    full, half, quarter = (sessions(found, "licks", name)[-1, :, 0] for name in ("conditioning", "half", "quarter"))
    kept = sessions(still, "licks", "half")[-1, :, 0] - sessions(still, "licks", "conditioning")[-1, :, 0]
    return [
        Claim(
            "The less often the reward comes, the less the cue is answered.",
            f"always {shown(full)}, half {shown(half)}, a quarter {shown(quarter)} licks/s",
            below(half - full, 0.0) and below(quarter - half, 0.0),
        ),
        Claim(
            "Without dips a reward in half of the trials is answered as one in all.",
            f"change {shown(kept, ' licks/s')}", above(kept, -0.3), control=True,
        ),
    ]  # fmt: skip


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw licks over days, and judge extinction in row 46 and devaluation."""
    courses, devalued = [], []
    for name in ("control", *_WITHOUT, _KEPT, _NO_LOSS.name):
        share = _share(results, name)
        every = np.concatenate([np.ones((1, share.shape[1])), share])
        middle, low, high = zip(*(mean(one) for one in every), strict=True)
        courses.append(curve("all as usual" if name == "control" else name, np.arange(len(every)), middle, low, high))
    for name in ("control", "no dips"):
        licks = np.array(seen(results, "devaluation", name)["licks"])[..., 0]
        middle, low, high = zip(*(mean(one) for one in licks), strict=True)
        devalued.append(curve("all as usual" if name == "control" else name, np.arange(len(licks)), middle, low, high))
    panels = [
        Panel("Extinction", "day without reward", "licks to CS+, of before", pd.concat(courses)),
        Panel("Reward always (days 0, 1), in half (2-4), in a quarter (5-7)", "day", "licks to CS+ (1/s)",
              pd.concat(devalued)),
    ]  # fmt: skip
    return Finding(panels, [*_extinction(results), *_devaluation(results)])


STUDY = Study(
    name="extinction",
    title="Extinction without D2 spines, and devaluation by omission",
    question="Does a cue lose its response without dips and D2 spines when its reward stops coming?",
    model=(
        "Twenty animals, two days of CS+ with reward (40 trials a day), then three without any. D1 spines that are "
        "paired while rewards have stopped coming shrink: this rule is assumed, the paper says only what extinction "
        "does not need. Devaluation: three days with the reward in half, three in a quarter of the trials."
    ),
    sources=("iino2020",),
    cases=cases,
    run=run,
    conclude=conclude,
)
