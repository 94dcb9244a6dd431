"""Does a chain of variables behind each weight make memories last, and may those variables be noisy?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from spinula.core.streams import Streams
from spinula.engines.network.storage.cascade import BLOCK, Plan, store
from spinula.law.circuits.storage.cascade import Cascade, rates, slow_lifetime
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Finding, Found, Keeper, Options, Panel, RowText, Study, curve

# Chain, and spread of intrinsic noise on the weight alone and on every variable; a memory's own step is 1.
_KINDS = {
    "chain": (10, 0.0, 0.0),
    "one variable": (1, 0.0, 0.0),
    "noise on the weight": (10, 1.0, 0.0),
    "noise on all": (10, 0.0, 0.1),
}
_SHOWN = 1e6  # synapses
_ALIVE = (1e3, 1e4, 1e5)  # synapses for which the lifetime is read off the simulation
_GROWTH = 10.0 ** np.arange(3, 9)  # synapses for the closed form
_LONGEST = 18  # variables


def _cases(options: Options) -> list[Case]:
    steps, blocks = (4000, 8) if options.trial else (20_000, 64)
    return [
        {"name": f"{kind.replace(' ', '_')}_{seed}", "kind": kind, "seed": seed, "steps": steps,
         "blocks": blocks // 4 if kind == "noise on all" else blocks}
        for kind in _KINDS
        for seed in options.series(6)
    ]  # fmt: skip


def _edges(steps: int) -> np.ndarray:
    """Return the borders of bins of ages, even in the logarithm, from 10 to at most three decades above it."""
    return np.unique(np.round(np.geomspace(10, min(10_000, steps // 2), 19)).astype(int))


def _run(case: Case, keeper: Keeper) -> Found:
    variables, first, everywhere = _KINDS[case["kind"]]
    streams, exact = Streams(case["seed"]).child(case["kind"]), Cascade(*_KINDS[case["kind"]])
    normal = streams.generator("start").standard_normal((case["blocks"], variables, BLOCK))
    # From the stationary law, so that a memory meets the noise of all that came before.
    state = np.einsum("kj,bjs->bks", np.linalg.cholesky(exact.covariance()), normal).astype(np.float32)
    into, out = (rate.astype(np.float32) for rate in rates(variables))
    noise = np.full(variables, everywhere, np.float32)
    noise[0] = np.hypot(first, everywhere)
    keys = np.uint64(streams.key("memories")), np.uint64(streams.key("noise"))
    overlap = store(state, Plan(into, out, noise, case["steps"], *keys))
    edges = _edges(case["steps"])
    means = [float(overlap[a:b].mean()) for a, b in pairwise(edges)]
    spread = float(state[:, 0].std())
    return {"young": overlap[:11].tolist(), "overlap": means, "spread": spread}


def _ages(case: Case) -> np.ndarray:
    edges = _edges(case["steps"])
    return np.sqrt(edges[:-1] * edges[1:].astype(float))


def _exact(case: Case) -> np.ndarray:
    chain, edges = Cascade(*_KINDS[case["kind"]]), _edges(case["steps"])
    return np.array([chain.left(np.arange(a, b)).mean() for a, b in pairwise(edges)])


def _slope(case: Case, found: Found) -> float:
    """Return the log-log slope of the overlap; the few bins that noise made negative weigh as their small height."""
    height = np.maximum(found["overlap"], 1e-4 * found["overlap"][0])
    return float(np.polyfit(np.log(_ages(case)), np.log(height), 1)[0])


def _lifetime(case: Case, found: Found, synapses: float) -> float:
    """Return the age at which the simulated signal first falls to the noise of so many synapses."""
    age = np.concatenate([np.arange(1, 11), _ages(case)])
    height = np.concatenate([found["young"][1:], found["overlap"]]) * synapses**0.5 / found["spread"]
    below = np.flatnonzero(height < 1.0)
    if len(below) == 0 or below[0] == 0:
        return float(age[-1] if len(below) == 0 else 1.0)
    a, b = np.log(np.maximum(height[below[0] - 1 : below[0] + 1], 1e-3))
    return float(np.exp(np.interp(0.0, [b, a], np.log(age[below[0] - 1 : below[0] + 1])[::-1])))


def _misfit(results: list[tuple[Case, Found]]) -> float:
    """Return the chance of as much deviation of the simulation from the closed form."""
    total, count = 0.0, 0
    for case, found in results:
        error = found["spread"] / np.sqrt(case["blocks"] * BLOCK * np.diff(_edges(case["steps"])))
        total += float((((np.array(found["overlap"]) - _exact(case)) / error) ** 2).sum())
        count += len(error)
    return float(stats.chi2.sf(total, count))


def _best(synapses: float, first: float = 0.0, everywhere: float = 0.0) -> float:
    """Return the lifetime with as many variables as make it longest."""
    return max(Cascade(m, first, everywhere).lifetime(synapses) for m in range(1, _LONGEST))


def _growth(lifetimes: list[float], synapses: np.ndarray = _GROWTH) -> float:
    return float(np.polyfit(np.log(synapses), np.log(lifetimes), 1)[0])


def _slowed(lifetime: float, synapses: float) -> float:
    """Return the first signal to noise of one leaky variable, slowed until it lives as long as ``lifetime``."""
    times = np.geomspace(1.0, synapses, 4000)
    time = times[np.argmax(slow_lifetime(times, synapses) >= lifetime)]
    return float((2 * synapses / time) ** 0.5)


def _kept(case: Case, found: Found) -> float:
    """Return the overlap with memories of 100 to 1,000 steps as a share of that with memories of 10."""
    old = (_ages(case) >= 100) & (_ages(case) <= 1000)
    return float(np.mean(np.array(found["overlap"])[old]) / found["overlap"][0])


def _conclude(results: list[tuple[Case, Found]]) -> Finding:
    by = {kind: [(case, found) for case, found in results if case["kind"] == kind] for kind in _KINDS}
    slope = mean_interval(np.array([_slope(*pair) for pair in by["chain"]]))
    kept = {kind: mean_interval(np.array([_kept(*pair) for pair in by[kind]])) for kind in ("chain", "one variable")}
    growth = {
        kind: mean_interval(
            np.array([_growth([_lifetime(*pair, n) for n in _ALIVE], np.array(_ALIVE)) for pair in by[kind]])
        )
        for kind in ("chain", "one variable")
    }
    lives = {
        "chain": [_best(n) for n in _GROWTH],
        "one variable": [Cascade(1).lifetime(n) for n in _GROWTH],
        "noise on the weight": [_best(n, 1.0) for n in _GROWTH],
        "noise on all": [_best(n, 0.0, 0.1) for n in _GROWTH],
    }
    return Finding(_panels(by, lives), [*_scaling(by, (slope, kept, growth), lives), *_bridge(by, lives)])


def _scaling(by: dict, seen: tuple, lives: dict) -> list[Claim]:
    slope, kept, growth = seen
    fits = {kind: _misfit(pairs) for kind, pairs in by.items()}
    exact = _growth(lives["chain"])
    early = float(Cascade(10).signal_to_noise(np.array([1.0]), _SHOWN)[0])
    slowed = _slowed(Cascade(10).lifetime(_SHOWN), _SHOWN)
    return [
        Claim(
            "Over three decades of age, signal to noise falls as a power of -0.5 (interval within 0.05 of it).",
            f"m = 10: {slope[0]:.3f} ({slope[1]:.3f} to {slope[2]:.3f})",
            slope[1] >= -0.55 and slope[2] <= -0.45, row=56,
        ),
        Claim(
            "With as many variables as serve best, the lifetime grows as a power 0.9 to 1 of the number of synapses.",
            f"closed form, 10^3 to 10^8 synapses: {exact:.3f}; simulated with m = 10, 10^3 to 10^5: "
            f"{growth['chain'][0]:.3f} ({growth['chain'][1]:.3f} to {growth['chain'][2]:.3f})",
            0.9 <= exact <= 1.0 and growth["chain"][2] >= 0.9 and growth["chain"][1] <= 1.0, row=56,
        ),
        Claim(
            "Simulated overlaps are those of the closed form (chi-squared p > 0.001 under each condition).",
            ", ".join(f"{kind}: p = {p:.2f}" for kind, p in fits.items()), min(fits.values()) > 0.001, row=56,
        ),
        Claim(
            "One leaky variable (m = 1) has neither: of its signal at age 10 less than a twentieth is left from 100 to "
            "1,000, and its lifetime grows below power 0.3.",
            f"left: {kept['one variable'][0]:.3f} ({kept['one variable'][1]:.3f} to {kept['one variable'][2]:.3f}), "
            f"chain {kept['chain'][0]:.2f}; lifetime {growth['one variable'][0]:.2f} "
            f"(to {growth['one variable'][2]:.2f})",
            kept["one variable"][2] < 0.05 < kept["chain"][1] and growth["one variable"][2] < 0.3, row=56, control=True,
        ),
        Claim(
            "One variable slowed until it lives as long as the chain pays with its first signal: less than a third.",
            f"10^6 synapses: {slowed:.0f} against {early:.0f}", slowed < early / 3, row=56, control=True,
        ),
    ]  # fmt: skip


def _bridge(by: dict, lives: dict) -> list[Claim]:
    shorter = np.array(lives["noise on the weight"]) / lives["chain"]
    growth = {kind: _growth(lives[kind][3:], _GROWTH[3:]) for kind in ("chain", "noise on all")}
    local = float(np.log(lives["noise on all"][-1] / lives["noise on all"][-2]) / np.log(10))
    ten = {kind: Cascade(*_KINDS[kind]).lifetime(_SHOWN) for kind in ("chain", "noise on the weight", "noise on all")}
    return [
        Claim(
            "Intrinsic noise of the weight alone, as large as the memories, costs a constant share of the lifetime.",
            f"0.4 to 0.8 of it is left wherever 10^3 to 10^8 synapses are: {shorter.min():.2f} to {shorter.max():.2f}",
            shorter.min() > 0.4 and shorter.max() < 0.8,
        ),
        Claim(
            "A tenth of that noise on every variable costs the growth itself: its exponent falls below 0.75.",
            f"10^6 to 10^8 synapses, best chain of up to {_LONGEST - 1}: {growth['noise on all']:.2f} "
            f"(last decade {local:.2f}) against {growth['chain']:.2f}; with m = 10 and 10^6 synapses the lifetime is "
            f"{ten['chain']:.0f}, {ten['noise on the weight']:.0f} with noise on the weight, {ten['noise on all']:.0f} "
            "with a tenth on all",
            growth["noise on all"] < 0.75 < growth["chain"],
        ),
    ]  # fmt: skip


def _panels(by: dict, lives: dict) -> list[Panel]:
    curves, fine = [], np.geomspace(1, 1e5, 60)
    for kind, pairs in by.items():
        exact = Cascade(*_KINDS[kind]).signal_to_noise(fine, _SHOWN)
        curves.append(curve(f"{kind}, closed form", fine[exact > 0.5], exact[exact > 0.5]))
        heights = np.array([np.array(found["overlap"]) * _SHOWN**0.5 / found["spread"] for _, found in pairs])
        band = np.array([mean_interval(column) for column in heights.T]).T
        seen = ~(band[1] < 0.5)  # what is too close to noise has no place on a logarithmic axis
        if kind in ("chain", "noise on the weight"):
            curves.append(curve(f"{kind}, simulated", _ages(pairs[0][0])[seen], *band[:, seen]))
    grown = [curve(kind, _GROWTH, values) for kind, values in lives.items()]
    grown.append(curve("square root", _GROWTH, lives["noise on all"][0] * (_GROWTH / _GROWTH[0]) ** 0.5))
    return [
        Panel("A memory's signal in 10^6 synapses", "age [memories]", "signal / noise", pd.concat(curves),
              log_x=True, log_y=True),
        Panel("Lifetime, with as many variables as are best", "synapses", "lifetime [memories]", pd.concat(grown),
              log_x=True, log_y=True),
    ]  # fmt: skip


STUDY = Study(
    name="cascade",
    title="Memories in chains of variables",
    question="Does a chain of ever slower variables behind each weight make memories last, and may they be noisy?",
    model="8,192 synapses (2,048 with noise on all) of 1 or 10 linear variables (unbounded, not discretised), from "
    "the stationary state; 20,000 random memories, one per step; the overlap of the final weights with each. Other "
    "numbers of synapses follow by the square root, since synapses are independent. Intrinsic noise: a memory's step "
    "on the weight, or a tenth of it on every variable.",
    sources=("benna2016",),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    rows=(
        RowText(56, "chain of variables", "slope of log SNR; growth of the lifetime with synapses", "-0.5; 0.9 to 1",
                "0.05; -", "published", "benna2016"),
    ),
)  # fmt: skip
