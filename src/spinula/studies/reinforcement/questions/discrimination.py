"""First both cues are answered, then one: what does it, and what does it need?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.studies.memory.study import Case, Claim, Finding, Found, Options, Panel, RowText, Study, curve
from spinula.studies.reinforcement.cases import above, below, index, run, seen, sessions, shown, variant
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.running import mean

_SINCE = "discrimination"
_WITHOUT = ("no dips", "D2 spines clamped", "A2A antagonist")
_CLAMPED = Condition(name="D1 spines clamped", clamped=["d1"])


def cases(options: Options) -> list[Case]:
    """Return the cases: discrimination with and without dips and D2 spines; D1 clamped; cues that share no inputs."""
    return [
        variant(options, "discrimination"),
        *(variant(options, "discrimination", name) for name in _WITHOUT),
        variant(options, "discrimination", _CLAMPED),
        variant(options, "generalisation", "separate inputs"),
    ]


def _licks(results: list[tuple[Case, Found]], label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return licks on the day of conditioning (animals, cues) and on the days after (days, animals, cues)."""
    found = seen(results, "discrimination", label)
    return sessions(found, "licks", "conditioning")[-1], sessions(found, "licks", _SINCE)


def _claims(results: list[tuple[Case, Found]]) -> list[Claim]:
    first, later = _licks(results, "control")
    general, fell, stayed = first[:, 1] / first[:, 0], later[-1, :, 1] / first[:, 1], later[-1, :, 0] / first[:, 0]
    found = seen(results, "discrimination")
    d1, d2 = (sessions(found, kind, _SINCE)[-1].mean(1) for kind in ("d1", "d2"))
    early_d2 = sessions(found, "d2", "conditioning")[-1].mean(1)
    return [
        Claim(
            "After a day of conditioning to CS+ alone, CS- is answered at 0.8 or more of CS+.",
            f"{shown(general)}", above(general, 0.8) and below(general, 1.1), row="46-network",
        ),
        Claim(
            "After five days with CS- unrewarded, CS- is answered at less than 0.4 of before, CS+ at more than 0.9.",
            f"CS- {shown(fell)} of before, CS+ {shown(stayed)}", below(fell, 0.4) and above(stayed, 0.9),
            row="46-network",
        ),
        Claim(
            "Conditioning enlarges D1 spines only; discrimination adds D2 spines.",
            f"D2 drive {shown(early_d2, digits=3)} of naive after conditioning; after discrimination D1 "
            f"{shown(d1)}, D2 "
            f"{shown(d2)}", below(np.abs(early_d2 - 1), 0.02) and above(d2, 1.1) and above(d1, 1.1), row="46-network",
        ),
    ]  # fmt: skip


def _controls(results: list[tuple[Case, Found]]) -> list[Claim]:
    made = []
    for name in _WITHOUT:
        first, later = _licks(results, name)
        fell = later[-1, :, 1] / first[:, 1]
        made.append(
            Claim(
                f"{name[0].upper()}{name[1:]}: CS- is answered as before (0.9 or more of it).",
                shown(fell), above(fell, 0.9), row="46-network", control=True,
            )
        )  # fmt: skip
    first, later = _licks(results, _CLAMPED.name)
    most = np.maximum(first, later.max(0)).max(1)
    apart = sessions(seen(results, "generalisation", "separate inputs"), "licks", "conditioning")[-1]
    general = apart[:, 1] / apart[:, 0]
    return [
        *made,
        Claim(
            "D1 spines clamped: neither cue is answered with a twentieth of the usual 6 licks/s on any day.",
            f"at most {shown(most, ' licks/s')}", below(most, 0.3),
            row="46-network", control=True,
        ),
        Claim(
            "Cues that share no inputs do not generalise.", shown(general, digits=3), below(np.abs(general), 0.05),
            row="46-network", control=True,
        ),
    ]  # fmt: skip


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw licks and the index over days, and judge row 46 but for extinction."""
    licks, indices = [], []
    for name in ("control", *_WITHOUT):
        first, later = _licks(results, name)
        every = np.concatenate([first[None], later])
        days = np.arange(len(every))
        middle, low, high = zip(*(mean(one) for one in index(every)), strict=True)
        indices.append(curve(name, days, middle, low, high))
        if name in ("control", "no dips"):
            for cue, label in enumerate(("CS+", "CS-")):
                middle, low, high = zip(*(mean(one) for one in every[:, :, cue]), strict=True)
                licks.append(curve(f"{label}, {name}", days, middle, low, high))
    panels = [
        Panel("Licking in anticipation", "day", "licks (1/s)", pd.concat(licks)),
        Panel("Discrimination", "day", "(CS+ - CS-)/(CS+ + CS-), licks", pd.concat(indices)),
    ]
    return Finding(panels, [*_claims(results), *_controls(results)])


STUDY = Study(
    name="discrimination",
    title="Learning generalises by D1 spines and is refined by dips on D2 spines",
    question="Why are both cues answered at first, and what teaches to answer one of them only?",
    model=(
        "Twenty animals, one day of CS+ with reward (40 trials), five days of CS+ with reward and CS- without (30 "
        "each). The cues share three quarters of their inputs. Omission of the reward that CS- predicts calls up a "
        "dip, which enlarges the D2 spines of CS-; CS+ then predicts too little, and bursts restore it by its own "
        "inputs."
    ),
    sources=("iino2020",),
    cases=cases,
    run=run,
    conclude=conclude,
    rows=(
        RowText("46-network", "striatum, discrimination and extinction",
                "generalise, then discriminate by dips on D2 spines; extinction without them", "signs", "95 %",
                "qualitative", "iino2020"),
    ),
)  # fmt: skip
