"""When must a reward follow its cue for the cue to be learned?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.law.modulation.reinforcement import PKA_KERNEL, burst_kernel
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
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.numbers import striatum
from spinula.studies.reinforcement.running import mean

_PKA = Condition(
    name="PKA kernel",
    set={
        "reinforcement.kernel_scale": PKA_KERNEL[0],
        "reinforcement.kernel_power": PKA_KERNEL[1],
        "reinforcement.kernel_onset": PKA_KERNEL[2],
    },
)


def cases(options: Options) -> list[Case]:
    """Return the cases: every delay with both kernels, D1 spines clamped, and cues and rewards apart."""
    return [
        *sweep(options, "conditioning"),
        *sweep(options, "conditioning", _PKA),
        variant(options, "conditioning", "D1 spines clamped", 0.7),
        variant(options, "unpaired"),
    ]


def _windows(delays: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return peak, opening and closing of every animal's curve, shape (animals, 3)."""
    return np.array([peak_and_half(delays, one) for one in values.T])


def _window_claims(delays: np.ndarray, values: np.ndarray, licks: np.ndarray) -> list[Claim]:
    found, best = _windows(delays, values), values.mean(1).max()
    outside = np.concatenate([values[delays <= 0], values[delays >= 2]]) / best
    worst = max(outside, key=lambda one: abs(one.mean()))
    kernel = np.array([striatum()[0].reinforcement.kernel(delay) for delay in delays])
    likeness = float(np.corrcoef(values.mean(1), kernel)[0, 1])
    closes = _windows(delays, licks)[:, 2]
    signs = {delay: values[delays == delay][0] - values[delays == -1][0] for delay in (0.3, 0.6, 1.0, 5.0)}
    text = "; ".join(f"{delay:g} s {shown(one)}" for delay, one in signs.items())
    return [
        Claim(
            "What ten trials teach peaks at a delay of 0.7 s, is above half of its best from 0.31 to 1.09 s (each "
            "within 0.1 s), and is below a tenth of it at 0 s and before and at 2 s and after.",
            f"peak {shown(found[:, 0], ' s')}, opens {shown(found[:, 1], ' s')}, closes {shown(found[:, 2], ' s')}; "
            f"outside at most {shown(worst)} of the best; correlation with the spine's kernel {likeness:.4f}",
            inside(found[:, 0], 0.7, 0.1) and inside(found[:, 1], 0.31, 0.1) and inside(found[:, 2], 1.09, 0.1)
            and all(below(np.abs(one), 0.1) for one in outside) and likeness > 0.99,
            row="39-network",
        ),
        Claim(
            "A reward teaches 0.3, 0.6 and 1 s after the cue, and not 1 s before it or 5 s after.",
            f"prediction above that of -1 s: {text}",
            all(above(signs[delay], 0.1) for delay in (0.3, 0.6, 1.0)) and below(np.abs(signs[5.0]), 0.02)
            and below(np.abs(values[delays == -1][0]), 0.02),
            row="40-network",
        ),
        Claim(
            "Licking in anticipation falls to half of its best at a delay of 1 s, within 0.3 s.",
            f"closes {shown(closes, ' s')}",
            inside(closes, 1.0, 0.3),
            row="45-network",
        ),
    ]  # fmt: skip


def _pka(delays: np.ndarray, values: np.ndarray) -> Claim:
    found = _windows(delays, values)
    fine = np.linspace(-1, 4, 2001)
    peak, opens, closes = peak_and_half(fine, np.array([burst_kernel(delay, *PKA_KERNEL) for delay in fine]))
    return Claim(
        "With the kernel of free PKA in place of active CaMKII the network's window is that kernel's: peak at "
        f"{peak:.2f} s, "
        f"above half from {opens:.2f} to {closes:.2f} s (each within 0.15 s).",
        f"peak {shown(found[:, 0], ' s')}, opens {shown(found[:, 1], ' s')}, closes {shown(found[:, 2], ' s')}",
        all(inside(found[:, n], target, 0.15) for n, target in enumerate((peak, opens, closes))),
        row="41-network",
    )


def _controls(results: list[tuple[Case, Found]]) -> list[Claim]:
    clamped = np.array(seen(results, "conditioning", "D1 spines clamped", 0.7)["value"])[-1, :, 0]
    unpaired = np.array(seen(results, "unpaired")["value"])[-1, :, 0]
    return [
        Claim(
            "With D1 spines clamped nothing is learned at the best delay.",
            f"prediction {shown(clamped, digits=3)}",
            below(np.abs(clamped), 0.02), row="39-network", control=True,
        ),
        Claim(
            "Eighty rewards without cue and eighty cues without reward teach nothing.",
            f"prediction {shown(unpaired, digits=3)}",
            below(np.abs(unpaired), 0.05), row="40-network", control=True,
        ),
    ]  # fmt: skip


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw what is learned against the delay, and judge rows 39, 40, 41 and 45."""
    delays, values = swept(results, "conditioning", "control", "value", cue=0)
    _, licks = swept(results, "conditioning", "control", "licks", cue=0)
    _, wide = swept(results, "conditioning", "PKA kernel", "value", cue=0)
    curves = []
    for label, values_ in (("network", values), ("network, PKA kernel", wide)):
        scaled = values_ / values_.mean(1).max()
        middle, low, high = zip(*(mean(one) for one in scaled), strict=True)
        curves.append(curve(label, delays, middle, low, high))
    fine = np.linspace(-1, 5, 601)
    law = striatum()[0].reinforcement
    curves.append(curve("kernel of the spine", fine, [law.kernel(delay) for delay in fine]))
    middle, low, high = zip(*(mean(one) for one in licks), strict=True)
    panels = [
        Panel("Learning against delay", "from the cue to the reward (s)", "prediction, of the best", pd.concat(curves)),
        Panel("Licking against delay", "from the cue to the reward (s)", "licks in anticipation (1/s)",
              curve("", delays, middle, low, high)),
    ]  # fmt: skip
    return Finding(panels, [*_window_claims(delays, values, licks), _pka(delays, wide), *_controls(results)])


STUDY = Study(
    name="acquisition",
    title="A cue is learned if its reward comes within about a second",
    question="When must a reward follow its cue for the cue to be learned, and is that the window of the spines?",
    model=(
        "Twenty animals, ten trials of one cue and one reward at a delay that differs between groups. Twelve D1 and "
        "twelve D2 cells with a spine from half of 200 inputs; a cue activates 80. The burst that the error of "
        "prediction calls up enlarges the D1 spines that the cue paired."
    ),
    sources=("yagishita2014", "urakubo2020", "yamaguchi2022"),
    cases=cases,
    run=run,
    conclude=conclude,
    rows=(
        RowText("39-network", "striatum, conditioning", "learning against delay: peak; half maximum; outside",
                "0.7 s; 0.31-1.09 s; 0", "0.1 s", "computed", "urakubo2020"),
        RowText("40-network", "striatum, conditioning", "rewards teach at .3, .6 and 1 s, not at -1 and 5 s", "signs",
                "95 %", "published", "yagishita2014"),
        RowText("41-network", "striatum, conditioning", "learning against delay with the kernel of PKA",
                "the kernel's", "0.15 s", "computed", "urakubo2020"),
        RowText("45-network", "striatum, conditioning", "end of the reward-sensitive period in licking",
                "<= 1 s", "0.3 s", "published", "yamaguchi2022"),
    ),
)  # fmt: skip
