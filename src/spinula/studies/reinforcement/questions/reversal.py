"""Do fluctuating spines help when the cues change places?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.studies.memory.study import Case, Claim, Finding, Found, Options, Panel, RowText, Study, curve
from spinula.studies.reinforcement.cases import above, below, index, inside, run, seen, sessions, shown, variant
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.running import mean

_PHASES = ("discrimination", "reversal 1", "reversal 2", "reversal 3", "reversal 4")
_KINDS = ("control", "no intrinsic dynamics")
_RECOVERY = Condition(
    name="recovery without fluctuation",
    set={f"{law}.law.{key}": value for law in ("dynamics", "dynamics_d2") for key, value in
         (("noise_slope", 0.01), ("noise_floor", 0.0002))},
)  # fmt: skip
_LABEL = {
    "control": "with intrinsic dynamics",
    "no intrinsic dynamics": "without",
    _RECOVERY.name: "return to rest without fluctuation",
}


def cases(options: Options) -> list[Case]:
    """Return the cases: four reversals with and without intrinsic dynamics, and one with D2 spines clamped."""
    return [
        *(variant(options, "serial_reversal", name) for name in _KINDS),
        variant(options, "serial_reversal", _RECOVERY),
        variant(options, "reversal", "D2 spines clamped"),
    ]


def _index(results: list[tuple[Case, Found]], label: str, number: int) -> np.ndarray:
    """Return the index of the cue now rewarded over days of a phase, shape (days, animals)."""
    licks = sessions(seen(results, "serial_reversal", label), "licks", _PHASES[number])
    return index(licks, plus=number % 2, minus=1 - number % 2)


def _difference(results: list[tuple[Case, Found]], number: int, kind: str = "control") -> np.ndarray:
    """Return the index, mean over a phase's days, of a kind of animals less that without intrinsic dynamics."""
    return _index(results, kind, number).mean(0) - _index(results, _KINDS[1], number).mean(0)


def _claims(results: list[tuple[Case, Found]]) -> list[Claim]:
    first, last = _difference(results, 1), _difference(results, 4)
    recovery = _difference(results, 4, _RECOVERY.name)
    d1 = {name: sessions(seen(results, "serial_reversal", name), "d1", _PHASES[-1])[-1].mean(1) for name in _KINDS}
    usual = [_index(results, _KINDS[0], number)[-1] for number in (1, 4)]
    clamped = sessions(seen(results, "reversal", "D2 spines clamped"), "licks", "reversal")
    stuck = index(clamped[-1], plus=1, minus=0)
    return [
        Claim(
            "With D1 and D2 spines learning, animals follow the reversals: on the sixth day the newly rewarded cue "
            "leads.",
            f"index {shown(usual[0])} after the first, {shown(usual[1])} after the fourth",
            all(above(one, 0.4) for one in usual), row="46b-network",
        ),
        Claim(
            "Intrinsic dynamics gain nothing in a first reversal (mean index over six days within 0.05 of that "
            "without).",
            f"with less without, within animals: {shown(first, digits=3)}", inside(first, 0.0, 0.05),
            row="46b-network",
        ),
        Claim(
            "By the fourth reversal animals with intrinsic dynamics recover better than those without.",
            f"with less without, within animals: {shown(last, digits=3)}", above(last, 0.05), row="46b-network",
        ),
        Claim(
            "Bursts and dips only enlarge: what nothing takes back grows on, to where a spine hardly grows.",
            f"D1 drive after four reversals {shown(d1[_KINDS[0]])} with, {shown(d1[_KINDS[1]])} without, of naive",
            above(d1[_KINDS[1]] - d1[_KINDS[0]], 0.3),
        ),
        Claim(
            "It is the return to the resting size that helps: without fluctuation more than half of the gain remains.",
            f"return alone less without: {shown(recovery, digits=3)}", above(recovery - 0.5 * last.mean(), 0.0),
            row="46b-network",
        ),
        Claim(
            "With D2 spines clamped the first reversal fails: ten days later the new cue does not lead by 0.1.",
            f"index {shown(stuck)}", below(stuck, 0.1), control=True, row="46b-network",
        ),
    ]  # fmt: skip


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw the index over days and the gain by reversal, and judge whether intrinsic dynamics help."""
    courses = []
    for name in (*_KINDS, _RECOVERY.name):
        every = np.concatenate([_index(results, name, number) for number in range(len(_PHASES))])
        middle, low, high = zip(*(mean(one) for one in every), strict=True)
        courses.append(curve(_LABEL[name], np.arange(1, len(every) + 1), middle, low, high))
    gains = [mean(_difference(results, number)) for number in range(1, len(_PHASES))]
    middle, low, high = zip(*gains, strict=True)
    panels = [
        Panel("Index of the cue now rewarded; reversals after days 6, 12, 18 and 24", "day", "index of licks",
              pd.concat(courses)),
        Panel("What intrinsic dynamics gain", "reversal", "index, with less without",
              curve("", range(1, 5), middle, low, high), "points"),
    ]  # fmt: skip
    return Finding(panels, _claims(results))


STUDY = Study(
    name="reversal",
    title="Return to rest helps with reversal after reversal, not with the first",
    question="Do animals whose spines fluctuate recover faster when the rewarded and the unrewarded cue change places?",
    model=(
        "Twenty animals, the same with and without intrinsic dynamics; a day of conditioning, six of "
        "discrimination, then four reversals of six days. The index is (rewarded - other)/(rewarded + other) of "
        "licks late in each session. Without fluctuation all spines begin near the resting size."
    ),
    sources=("iino2020", "yasumatsu2008"),
    cases=cases,
    run=run,
    conclude=conclude,
    rows=(
        RowText("46b-network", "striatum, serial_reversal",
                "first reversal: intrinsic dynamics gain nothing; fourth: they gain, by the return to rest", "signs",
                "95 %", "qualitative", "kasai2021"),
    ),
)  # fmt: skip
