"""Silenced synapses on the lattice of molecules: larger, more broadly spread, of one scaled shape, and steadier."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from spinula.engines.lattice import run as run_lattice
from spinula.law.lattice import LatticeLaw
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import (
    Case,
    Claim,
    Finding,
    Found,
    Keeper,
    Options,
    Panel,
    RowText,
    Study,
    curve,
)

# What silencing does to the molecules and to the number of synapses (assumed): the paper lowers the unbinding constant
# by an amount that was not read, and gives fewer synapses as its consequence.
_SLOWER, _FEWER = 0.8, 0.75
# Steps: to settle, and then observed; the lag of a change is the authors' 24 steps, the window of a synapse's own
# fluctuation their 72.
_SETTLE, _OBSERVED, _LAG, _WINDOW = 400, 240, 24, 72
# Scaled by their means, two distributions are of one shape if their distance (Kolmogorov-Smirnov) is at most this share
# of what it is unscaled, and their CVs differ by at most a tenth, as must what is called the same.
_SAME_SHAPE, _SAME = 0.25, 0.1
CONDITIONS = ("active", "silenced", "slower molecules only", "fewer synapses only", "fewer of both")


def law_of(condition: str, synapses: int) -> LatticeLaw:
    """Return the lattice of a condition, for so many synapses in the active network.

    ``fewer of both`` has fewer synapses and as many fewer molecules: what silencing would be if lost synapses took
    their molecules with them.
    """
    active = LatticeLaw().scaled(LatticeLaw().synapses / synapses)
    slower = {"unbind": _SLOWER * active.unbind} if condition in ("silenced", "slower molecules only") else {}
    fewer = {"synapses": round(_FEWER * synapses)} if condition in ("silenced", "fewer synapses only") else {}
    law = active.model_copy(update={**slower, **fewer})
    return law.scaled(1 / _FEWER) if condition == "fewer of both" else law


def _cases(options: Options) -> list[Case]:
    small = options.trial
    return [
        {"name": f"{condition} {seed}", "condition": condition, "seed": seed, "synapses": 28 if small else 88}
        for condition in CONDITIONS
        for seed in options.series(5, trial=2)
    ]


def _run(case: Case, keeper: Keeper) -> Found:
    law = law_of(case["condition"], case["synapses"])
    sizes = np.array(
        [s.size for s in run_lattice(law, seed=case["seed"], steps=_SETTLE + _OBSERVED) if s.step > _SETTLE], float
    )
    # Every synapse's fluctuation within windows: shape (windows, steps, synapses).
    windows = sizes[: _OBSERVED // _WINDOW * _WINDOW].reshape(-1, _WINDOW, law.synapses)
    mean, own_sd = np.maximum(windows.mean(axis=1), 1.0), windows.std(axis=1)
    before, change = sizes[:-_LAG].ravel(), (sizes[_LAG:] - sizes[:-_LAG]).ravel()
    spread = np.polyfit(before, np.abs(change - np.polyval(np.polyfit(before, change, 1), before)), 1)
    return {
        "mean": float(sizes.mean()), "sd": float(sizes.std()), "cv": float(sizes.std() / sizes.mean()),
        "skewness": float(stats.skew(sizes.ravel())),
        "own_cv": float((own_sd / mean).mean()), "own_range": float((np.ptp(windows, axis=1) / mean).mean()),
        "own_sd": float(own_sd.mean()),
        # Mean absolute change, over the line of mean reversion, of a synapse of 64 molecules, the active mean.
        "at_64": float(np.polyval(spread, 64.0)),
        "persistence": float(np.polyfit(before, sizes[_LAG:].ravel(), 1)[0]),
        "sizes": sizes[:: _OBSERVED // 3].ravel().astype(int).tolist(),
    }  # fmt: skip


def _gains(runs: dict[str, list[Found]], condition: str, key: str) -> np.ndarray:
    """Return the log of a measure over that of the active network, seed by seed."""
    return np.array([np.log(a[key] / b[key]) for a, b in zip(runs[condition], runs["active"], strict=True)])


def _ratio(values: np.ndarray) -> str:
    mean, low, high = np.exp(mean_interval(values))
    return f"x {mean:.2f} [{low:.2f}, {high:.2f}]"


def _pool(runs: list[Found]) -> np.ndarray:
    return np.concatenate([found["sizes"] for found in runs]).astype(float)


def _distance(runs: dict[str, list[Found]], *, scaled: bool) -> float:
    one, two = _pool(runs["silenced"]), _pool(runs["active"])
    if scaled:
        one, two = one / one.mean(), two / two.mean()
    return float(stats.ks_2samp(one, two).statistic)


def _claims(runs: dict[str, list[Found]]) -> list[Claim]:
    gain = {key: _gains(runs, "silenced", key) for key in runs["active"][0] if key != "sizes"}
    low = {key: mean_interval(values)[1] for key, values in gain.items()}
    high = {key: mean_interval(values)[2] for key, values in gain.items()}
    scaled, plain = _distance(runs, scaled=True), _distance(runs, scaled=False)
    cv = [np.mean([found["cv"] for found in runs[name]]) for name in ("active", "silenced")]
    same = _gains(runs, "fewer of both", "mean")
    steady = _gains(runs, "fewer of both", "own_cv")
    return [
        Claim("Silenced synapses are larger.", _ratio(gain["mean"]), bool(low["mean"] > 0), row=28),
        Claim("Their sizes are spread more broadly.",
              f"SD {_ratio(gain['sd'])}. " + ("The CV rises" if low["cv"] > 0 else
              "OPEN DISCREPANCY: the CV, said to rise, does not") + f": {cv[0]:.3f} -> {cv[1]:.3f}",
              bool(low["sd"] > 0), row=28),
        Claim("Scaled by their means, the distributions have one shape.",
              f"KS distance {scaled:.3f}, unscaled {plain:.3f}; CV {_ratio(gain['cv'])}; skewness "
              f"{np.mean([f['skewness'] for f in runs['active']]):.2f} -> "
              f"{np.mean([f['skewness'] for f in runs['silenced']]):.2f}",
              bool(scaled < _SAME_SHAPE * plain and abs(gain["cv"].mean()) < _SAME), row=28),
        Claim("A silenced synapse fluctuates less, relative to its size: its own CV and range over mean fall.",
              f"CV {_ratio(gain['own_cv'])}, range/mean {_ratio(gain['own_range'])}; in molecules its SD "
              f"{_ratio(gain['own_sd'])}",
              bool(high["own_cv"] < 0 and high["own_range"] < 0), row=28),
        Claim("It does so because it is larger: at one size, in molecules, it changes as much as an active one.",
              f"mean change of 64 molecules {_ratio(gain['at_64'])}", bool(max(-low["at_64"], high["at_64"]) < _SAME)),
        Claim("Slower molecules alone make synapses larger and steadier; so do fewer synapses that share the pool.",
              "; ".join(f"{name}: mean {_ratio(_gains(runs, name, 'mean'))}, CV of a synapse "
                        f"{_ratio(_gains(runs, name, 'own_cv'))}" for name in CONDITIONS[2:4]),
              all(bool(mean_interval(_gains(runs, name, "mean"))[1] > 0)
                  and bool(mean_interval(_gains(runs, name, "own_cv"))[2] < 0) for name in CONDITIONS[2:4])),
        Claim("Fewer synapses with as many fewer molecules change nothing: it is the molecules set free that enlarge.",
              f"mean {_ratio(same)}, CV of a synapse {_ratio(steady)}",
              bool(abs(same.mean()) < 0.1 * gain["mean"].mean() and abs(steady.mean()) < 0.25 * -gain["own_cv"].mean()),
              row=28, control=True),
    ]  # fmt: skip


def _histogram(runs: dict[str, list[Found]], *, scaled: bool) -> pd.DataFrame:
    edges = np.arange(0, 4.01, 0.2) if scaled else np.arange(0, 401, 16)
    frames = []
    for condition in ("active", "silenced"):
        per_seed = []
        for found in runs[condition]:
            sizes = np.array(found["sizes"], float)
            counts, _ = np.histogram(sizes / sizes.mean() if scaled else sizes, edges)
            per_seed.append(counts / len(sizes))
        mean, low, high = np.array([mean_interval(column) for column in np.array(per_seed).T]).T
        frames.append(curve(condition, edges[:-1], mean, low, high))
    return pd.concat(frames)


def _conclude(pairs: list[tuple[Case, Found]]) -> Finding:
    runs: dict[str, list[Found]] = {condition: [] for condition in CONDITIONS}
    for case, found in pairs:
        runs[case["condition"]].append(found)
    shown = {"mean": "mean size", "sd": "SD of sizes", "cv": "CV of sizes", "own_cv": "a synapse's own CV",
             "at_64": "change at 64 molecules", "persistence": "persistence over 24 steps"}  # fmt: skip
    ratios = []
    for condition in CONDITIONS[1:]:
        values = np.array([np.exp(mean_interval(_gains(runs, condition, key))) for key in shown])
        ratios.append(curve(condition, shown.values(), *values.T))
    return Finding(
        [
            Panel("Sizes", "bound molecules", "share of synapses", _histogram(runs, scaled=False), kind="histogram"),
            Panel("Sizes over their mean", "size / mean size", "share of synapses", _histogram(runs, scaled=True),
                  kind="histogram"),
            Panel("Against the active network", "", "ratio to active", pd.concat(ratios), kind="points"),
        ],
        _claims(runs),
    )  # fmt: skip


STUDY = Study(
    name="silencing",
    title="Silenced synapses: larger, and steadier",
    question="Can molecules that bind together, without any activity, explain why silenced synapses are larger, more "
    "broadly spread, of one scaled shape, and fluctuate less?",
    model="Each synapse is a lattice of 50 x 50 sites that bind molecules cooperatively out of one shared pool, with "
    "the authors' constants, scaled to 88 synapses. Silencing (assumed) lowers the unbinding constant by 20 % and "
    "leaves 25 % fewer synapses to share the same pool: the paper compares two unbinding constants and concludes that "
    "fewer synapses leave more molecules for each; the amounts were not read.\n\n"
    "400 steps to settle, 240 observed; change is over 24 steps, a synapse's own fluctuation over 72. Bars and bands "
    "are 95 % (Student's t) over 5 seeds. The control loses synapses together with their molecules.",
    sources=("hazan2020",),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    rows=(
        RowText(
            28, "lattice, silenced", "mean up, broader, scaled shape the same, fluctuation down", "signs",
            "95 % over seeds", "qualitative", "hazan2020",
        ),
    ),
)  # fmt: skip
