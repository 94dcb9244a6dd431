"""What keeps an assembly: Hebb's rule alone, intrinsic dynamics alone, and both."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from spinula.core.streams import Streams
from spinula.engines.network.rates.plastic import Plastic, Wiring, live, recalled, set_cue, wiring
from spinula.presets import load_preset
from spinula.studies.memory.study import Case, Claim, Finding, Found, Keeper, Options, Panel, RowText, Study, curve

NEURONS, ASSEMBLIES, MEMBERS, CONNECTED = 200, 4, 40, 0.7
STRONG, WEAK = 3.0, 1.3  # how much larger than others spines within assemblies are at first, above the smallest size
STEP, BLOCK = 0.1, 10  # day
NOISES = (1.0, 1.25, 1.5, 2.0)
_TESTS = 5  # cues per assembly and block
_HEBB = {"hebb": 0.02, "threshold": 0.5, "gain": 12.0, "offset": 2.0, "cued": 0.4, "dt": STEP}


def cases(options: Options) -> list[Case]:
    """Return the cases: Hebb alone from strong and from weak assemblies, intrinsic alone, both with four noises."""
    days = 30 if options.trial else 200
    kinds = [
        ("hebb_strong", True, 0.0, STRONG),
        ("hebb_weak", True, 0.0, WEAK),
        ("intrinsic", False, 1.0, STRONG),
        *((f"both_{noise:g}", True, noise, STRONG) for noise in NOISES),
    ]
    return [
        {"name": f"{kind}_{seed}", "seed": seed, "kind": kind, "hebb": hebb, "noise": noise, "first": first}
        | {"days": days}
        for kind, hebb, noise, first in kinds
        for seed in options.series(4, trial=1)
    ]


def numbers_of(case: Case) -> Plastic:
    """Return the numbers of a case; without noise there is no intrinsic dynamics at all, and sizes end at zero."""
    dynamics = load_preset("neocortex_adult").dynamics
    law, boundary = dynamics.law, dynamics.boundary
    on = case["noise"] > 0
    return Plastic(
        recovery_rate=law.recovery_rate if on else 0.0,
        size_rest=law.size_rest,
        noise_slope=case["noise"] * law.noise_slope,
        noise_floor=case["noise"] * law.noise_floor,
        size_min=boundary.size_min if on else 0.0,
        size_new=boundary.size_new if on else 0.0,
        **_HEBB | {"hebb": _HEBB["hebb"] if case["hebb"] else 0.0},
    )


def recall_of(wires: Wiring, numbers: Plastic, size: np.ndarray, key: np.uint64, block: int) -> float:
    """Return how much more active the members that were not cued are than neurons of no part of the assembly."""
    rate, cue, found = np.zeros(NEURONS), np.zeros(NEURONS), []
    for assembly in range(ASSEMBLIES):
        for test in range(_TESTS):
            set_cue(wires, key, block * _TESTS + test, assembly, numbers.cued, cue)
            recalled(wires, numbers, size, cue, rate)
            member = wires.assembly == assembly
            found.append(rate[member & (cue == 0)].mean() - rate[~member].mean())
    return float(np.mean(found))


def begin(streams: Streams, first: float) -> tuple[Wiring, np.ndarray, np.ndarray, np.ndarray]:
    """Return wires, sizes, which spines are within an assembly, and which are between neurons of different groups.

    ``first``: how much larger than others spines within assemblies are, above the smallest size.
    """
    wires = wiring(NEURONS, ASSEMBLIES, MEMBERS, CONNECTED, streams.generator("wiring"))
    pre = wires.assembly[np.repeat(np.arange(NEURONS), np.diff(wires.begins))]
    post = wires.assembly[wires.post]
    within = (pre == post) & (pre >= 0)
    size = 0.02 + 0.035 * streams.generator("sizes").gamma(2.0, size=len(post))
    size[within] = 0.02 + (size[within] - 0.02) * first
    return wires, size, within, pre != post


def run(case: Case, keeper: Keeper) -> Found:
    """Run one network and write down, every ten days, mean sizes within and between assemblies, and recall."""
    streams, numbers = Streams(case["seed"]), numbers_of(case)
    wires, size, within, between = begin(streams, case["first"])
    keys = [np.uint64(streams.key(name)) for name in ("life", "tests")]
    steps = round(BLOCK / STEP)
    table: dict[str, list[float]] = {"within": [], "between": [], "recall": [], "turnover": []}
    for block in range(case["days"] // BLOCK):
        replaced = live(wires, numbers, size, keys[0], block * steps, steps)
        table["within"].append(float(size[within].mean()))
        table["between"].append(float(size[between].mean()))
        table["recall"].append(recall_of(wires, numbers, size, keys[1], block))
        table["turnover"].append(replaced / len(size) / BLOCK)
        keeper.tell((block + 1) * BLOCK / case["days"])
    top = float(np.quantile(size, 0.99))
    heights, edges = np.histogram(size, 40, (0.0, top))
    shape = {"skewness": float(stats.skew(size[size <= top])), "peaks": peaks(size[size <= top])}
    return {**table, **shape, "heights": (heights / len(size)).tolist(), "edges": edges.tolist()}


def peaks(size: np.ndarray) -> int:
    """Return how many peaks a distribution of log-sizes has, smoothed by a Gaussian kernel (Silverman's width).

    A peak counts if it rises above the valley beside it by a twentieth of the highest.
    """
    logs = np.log(np.maximum(size, 1e-4))
    grid = np.linspace(logs.min() - 0.5, logs.max() + 0.5, 200)
    height = stats.gaussian_kde(logs, "silverman")(grid)
    from scipy.signal import find_peaks

    return len(find_peaks(height, prominence=0.05 * height.max())[0])


def _late(found: Found, name: str) -> float:
    """Return the mean over the last third of a run."""
    values = found[name]
    return float(np.mean(values[-max(1, len(values) // 3) :]))


def _contrast(found: Found) -> np.ndarray:
    return np.array(found["within"]) / np.array(found["between"])


def _late_contrast(found: Found) -> float:
    contrast = _contrast(found)
    return float(contrast[-max(1, len(contrast) // 3) :].mean())


def _interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % t interval of a mean."""
    if len(values) < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)


def _falls(name: str, by_noise: list[np.ndarray]) -> Claim:
    """Judge whether something falls with the fluctuation: means in order, and first minus last above zero."""
    means = [float(values.mean()) for values in by_noise]
    low, high = _interval(by_noise[0] - by_noise[-1])
    shown = ", ".join(f"{mean:.2f}" for mean in means)
    return Claim(
        f"The stronger the fluctuation (x 1, 1.25, 1.5, 2), the lower the {name}.",
        f"{shown}; first minus last, within networks, 95 %: {low:.2f} to {high:.2f}",
        all(a > b for a, b in pairwise(means)) and low > 0,
        row=58,
    )


def _alone(kinds: dict[str, list[Found]]) -> list[Claim]:
    within = np.array([found["within"] for found in kinds["hebb_strong"]])
    growth = within[:, -1] / within[:, within.shape[1] // 2]
    many = min(found["peaks"] for found in kinds["hebb_strong"])
    faded = np.array([_late(found, "recall") for found in kinds["hebb_weak"]])
    strong = np.array([_late(found, "recall") for found in kinds["hebb_strong"]])
    intrinsic = np.array([_late_contrast(found) for found in kinds["intrinsic"]])
    return [
        Claim(
            "Under Hebb's rule alone strong assemblies grow without end, in the second half by a quarter or more, and "
            "sizes fall into separate peaks.",
            f"x {growth.min():.2f} to {growth.max():.2f}, to {within[:, -1].mean():.2f} um3; at least {many} peaks",
            bool(growth.min() >= 1.25 and many > 1),
            row=58,
            control=True,
        ),
        Claim(
            "Under Hebb's rule alone weak assemblies are not recalled: a third or less of what strong ones reach.",
            f"recall {faded.mean():.2f} from weak, {strong.mean():.2f} from strong",
            bool(faded.max() <= strong.min() / 3),
            row=58,
            control=True,
        ),
        Claim(
            "Under intrinsic dynamics alone the contrast of assemblies goes to 1, within 0.1.",
            f"{intrinsic.min():.2f} to {intrinsic.max():.2f}",
            bool(np.abs(intrinsic - 1).max() <= 0.1),
            row=58,
            control=True,
        ),
    ]


def _together(kinds: dict[str, list[Found]]) -> list[Claim]:
    both = kinds["both_1"]
    late = np.array([_late_contrast(found) for found in both])
    drift = np.array([_contrast(found)[-1] / _contrast(found)[2 * len(found["within"]) // 3] - 1 for found in both])
    skewness = np.array([found["skewness"] for found in both])
    low, high = _interval(late)
    peaked = max(found["peaks"] for found in both)
    return [
        Claim(
            "With both, contrast settles above 1: its interval over networks is above 1.2, and it moves by less than "
            "10 % in the last third.",
            f"{late.mean():.2f}, 95 %: {low:.2f} to {high:.2f}; moves by {100 * np.abs(drift).max():.0f} % at most",
            bool(low > 1.2 and np.abs(drift).max() < 0.1),
            row=58,
        ),
        Claim(
            "With both, the distribution of sizes has one peak and leans to the right.",
            f"up to {peaked} peak; skewness {skewness.min():.2f} to {skewness.max():.2f}",
            bool(peaked == 1 and skewness.min() > 0.5),
            row=58,
        ),
        *(
            _falls(name, [np.array([measure(found) for found in kinds[f"both_{noise:g}"]]) for noise in NOISES])
            for name, measure in (("contrast", _late_contrast), ("recall", lambda found: _late(found, "recall")))
        ),
    ]


_LABELS = {"hebb_strong": "Hebb only", "intrinsic": "intrinsic only", "both_1": "both", "both_2": "both, noise x 2"}


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw contrast, recall and sizes, and judge row 58."""
    kinds: dict[str, list[Found]] = {}
    for case, found in results:
        kinds.setdefault(case["kind"], []).append(found)
    courses, recalls, sizes = [], [], []
    for kind, label in _LABELS.items():
        days = BLOCK * np.arange(1, len(kinds[kind][0]["within"]) + 1)
        contrast = np.array([_contrast(found) for found in kinds[kind]])
        courses.append(curve(label, days, contrast.mean(0), contrast.min(0), contrast.max(0)))
    measures = {"recall": lambda found: _late(found, "recall"), "contrast - 1": lambda found: _late_contrast(found) - 1}
    for name, measure in measures.items():
        values = [np.array([measure(found) for found in kinds[f"both_{noise:g}"]]) for noise in NOISES]
        low, high = zip(*(_interval(one) for one in values), strict=True)
        recalls.append(curve(name, NOISES, [one.mean() for one in values], low, high))
    for kind in ("both_1", "intrinsic"):
        found = kinds[kind][0]
        sizes.append(curve(_LABELS[kind], found["edges"][:-1], found["heights"]))
    panels = [
        Panel("Contrast of assemblies", "time [day]", "size within / between (bands: range)", pd.concat(courses)),
        Panel("What noise does", "fluctuation, times usual", "recall; contrast - 1", pd.concat(recalls), "points"),
        Panel("Sizes at the end", "size (um3)", "share of spines", pd.concat(sizes), "histogram"),
    ]
    return Finding(panels, [*_alone(kinds), *_together(kinds)])


STUDY = Study(
    name="humble",
    title="Intrinsic dynamics keep assemblies from diverging",
    question="Does Hebb's rule alone keep an assembly, and what do intrinsic dynamics add?",
    model=(
        "200 rate neurons, 70 % of pairs connected by one spine, four assemblies of 40 that are cued in turn (40 % of "
        "members) every 0.1 day for 200 days. Hebb's rule with depression drives sizes; intrinsic dynamics, "
        "elimination and formation as in the adult neocortex. Inhibition balances what the average pair passes on. The "
        "form of Hebb's rule, its rate and the neurons' gain are assumed: the paper gives the claim, not these numbers."
    ),
    sources=("humble2019", "yasumatsu2008"),
    cases=cases,
    run=run,
    conclude=conclude,
    rows=(
        RowText(
            58,
            "humble2019",
            "Hebb alone diverges or fades; with intrinsic dynamics contrast settles, sizes unimodal and skewed; "
            "stronger fluctuation lowers contrast and recall",
            "as described",
            "signs",
            "qualitative",
            "humble2019",
        ),
    ),
)
