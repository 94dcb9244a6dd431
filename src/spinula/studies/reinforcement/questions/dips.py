"""When must dopamine pause after a cue, for how long, and with which receptors, for the cue to lose its response?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.law.modulation.detection import DipDetection
from spinula.studies.memory.study import Case, Claim, Finding, Found, Options, Panel, RowText, Study, curve
from spinula.studies.reinforcement.cases import (
    above,
    below,
    inside,
    peak_and_half,
    run,
    seen,
    shown,
    sweep,
    swept,
    variant,
)
from spinula.studies.reinforcement.running import mean

_RECEPTORS = ("RGS halved", "D2 receptors doubled", "D2 receptors halved", "RGS doubled")


def cases(options: Options) -> list[Case]:
    """Return the cases: dips at every time, of every length, with other receptors, and with D2 spines clamped."""
    return [
        *sweep(options, "dips"),
        variant(options, "dips", "D2 spines clamped", 0.8),
        *sweep(options, "dip_duration"),
        *(case for name in _RECEPTORS for case in sweep(options, "dip_duration", name)),
    ]


def _lost(results: list[tuple[Case, Found]], experiment: str, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much dips lowered the prediction of CS- an hour later, within animals: (values, animals).

    The animals of the first value (a dip 2 s before the cue, or none) are the ones compared with.
    """
    x, values = swept(results, experiment, label, "value", cue=1)
    return x, values[0] - values


def _timing(results: list[tuple[Case, Found]]) -> list[Claim]:
    x, lost = _lost(results, "dips", "control")
    found = np.array([peak_and_half(x, one) for one in lost.T])
    late = lost[x == 5.0][0] / lost.mean(1).max()
    clamped = np.array(seen(results, "dips", "D2 spines clamped", 0.8)["d2"])[-1, :, 1]
    before = np.array(seen(results, "dips", "control", -2.0)["d2"])[-1, :, 1]
    alone = np.array(seen(results, "dip_duration", "control", 0.0)["d2"])[-1, :, 1]
    return [
        Claim(
            "A dip of 0.4 s lowers the response most 0.8 s after the cue, above half from 0.35 to 1.24 s, each "
            "within 0.1 s.",
            f"peak {shown(found[:, 0], ' s')}, opens {shown(found[:, 1], ' s')}, closes {shown(found[:, 2], ' s')}",
            inside(found[:, 0], 0.8, 0.1) and inside(found[:, 1], 0.35, 0.1) and inside(found[:, 2], 1.24, 0.1),
            row="42-network",
        ),
        Claim(
            "A dip without pairing (5 s after the cue) lowers the response by less than a twentieth of that.",
            f"{shown(late, digits=3)} of the best; D2 drive with a dip 2 s before the cue {shown(before, digits=3)}",
            below(np.abs(late), 0.05) and inside(before, 1.0, 0.02), row="42-network", control=True,
        ),
        Claim(
            "Pairing without a dip, and dips on clamped D2 spines, leave the D2 drive as it was.",
            f"D2 drive {shown(alone, digits=3)} and {shown(clamped, digits=3)} of naive",
            inside(alone, 1.0, 0.02) and inside(clamped, 1.0, 0.02), row="42-network", control=True,
        ),
    ]  # fmt: skip


def _half(x: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Return the duration that does half of what the longest does, of every animal."""
    return np.array([np.interp(0.5 * one[-1], np.maximum.accumulate(one), x) for one in lost.T])


def _duration(results: list[tuple[Case, Found]]) -> list[Claim]:
    x, lost = _lost(results, "dip_duration", "control")
    half, share = _half(x, lost), lost[x == 0.4][0] / lost[-1]
    return [
        Claim(
            "The response falls by half of what a 2-s dip does with one of 0.53 s, and by 29 % of it with 0.4 s, "
            "within 15 %.",
            f"half at {shown(half, ' s')}; 0.4 s does {shown(100 * share, ' %', 0)} of 2 s",
            inside(half, 0.53, 0.08) and inside(share, 0.29, 0.15 * 0.29 + 0.01),
            row="43-network",
        )
    ]


def _balance(results: list[tuple[Case, Found]]) -> list[Claim]:
    x, usual = _lost(results, "dip_duration", "control")
    lost = {name: _lost(results, "dip_duration", name)[1] for name in _RECEPTORS}
    short, long = x == 0.4, x == 2.0
    slow = lost["RGS halved"]
    missed, kept = slow[short][0] / usual[short][0].mean(), slow[long][0] / usual[long][0].mean()
    times = DipDetection(d2_receptor=0.36).half_time() / DipDetection().half_time()
    ratio = _half(x, lost["D2 receptors doubled"]) / _half(x, usual)
    weak = {name: lost[name][long][0] / usual[long][0].mean() for name in ("D2 receptors halved", "RGS doubled")}
    return [
        Claim(
            "With half of the RGS dips of 0.4 s do less than a fifth of the usual, and dips of 2 s more than half.",
            f"0.4 s: {shown(missed)} of the usual; 2 s: {shown(kept)}",
            below(missed, 0.2) and above(kept, 0.5), row="43b-network",
        ),
        Claim(
            "Twice the D2 receptors stretch the half-effective dip as the theory stretches detection, x "
            f"{times:.2f} (10 %).",
            f"x {shown(ratio)}",
            inside(ratio, times, 0.1 * times), row="43b-network",
        ),
        Claim(
            "Too little D2 receptor or too much RGS takes away contrast: long dips do less than 0.7 of the usual.",
            "; ".join(f"{name}: {shown(values)}" for name, values in weak.items()),
            all(below(values, 0.7) for values in weak.values()), row="43b-network",
        ),
    ]  # fmt: skip


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw what dips do against their time, length and the receptors, and judge rows 42, 43 and 43b."""
    curves = []
    x, lost = _lost(results, "dips", "control")
    middle, low, high = zip(*(mean(one) for one in lost), strict=True)
    panels = [Panel("Imposed dips of 0.4 s", "from the cue to the dip (s)", "loss of prediction",
                    curve("", x, middle, low, high))]  # fmt: skip
    for name in ("control", *_RECEPTORS):
        x, lost = _lost(results, "dip_duration", name)
        middle, low, high = zip(*(mean(one) for one in lost), strict=True)
        curves.append(curve("usual" if name == "control" else name, x, middle, low, high))
    panels.append(Panel("Dips of different lengths, receptors in and out of balance", "pause of dopamine neurons (s)",
                        "loss of prediction", pd.concat(curves)))  # fmt: skip
    return Finding(panels, [*_timing(results), *_duration(results), *_balance(results)])


STUDY = Study(
    name="dips",
    title="What a dip must be for a cue to lose its response",
    question="When must dopamine pause after a cue, for how long, and with which balance of D2 receptors and RGS?",
    model=(
        "Twenty animals learn CS+ for a day. Then CS- is shown three times with an imposed pause of dopamine "
        "neurons, at different times, of different lengths and with other receptors; its prediction is probed an "
        "hour later and compared within animals with that after no dip."
    ),
    sources=("iino2020", "urakubo2020", "urakubo2022"),
    cases=cases,
    run=run,
    conclude=conclude,
    rows=(
        RowText("42-network", "striatum, dips", "loss of response against time: peak; half maximum; each alone",
                "0.8 s; 0.35-1.24 s; 0", "0.1 s", "computed", "urakubo2020"),
        RowText("43-network", "striatum, dip_duration", "half maximum; loss by 0.4 s", "0.53 s; 29 % of 2 s", "15 %",
                "computed", "urakubo2020"),
        RowText("43b-network", "striatum, dip_duration", "RGS/2 misses short dips; D2R x2 slows; low contrast weakens",
                "signs; t_half x 1.3", "10 %", "analytic", "urakubo2022"),
    ),
)  # fmt: skip
