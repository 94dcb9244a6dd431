"""Rows 16 to 18 (two time scales), 19 to 21 (Kesten) and 30 (a static population)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from spinula.engines.population import Layout, Population
from spinula.law import Dynamics, KestenMap
from spinula.measures.sizes import fit_two_lognormals
from spinula.presets import load_preset
from spinula.studies.validation.row import Outcome, Row, within

_LAYOUT = Layout(dendrites=100, spines_per_dendrite=1000)


def _auditory(seed: int, layout: Layout = _LAYOUT) -> Population:
    return Population(load_preset("auditory_cortex").dynamics, seed=seed, layout=layout, dt=0.25)


def _large_changes(seed: int) -> Outcome:
    first, last = _auditory(seed).run(days=20, every=20)
    changed = float((np.abs(np.log(last.size / first.size)) > np.log(1.5)).mean())
    return Outcome(f"{100 * changed:.1f} %", changed > 0.70, "change by a factor above 1.5 either way")


def _msd(seed: int) -> Outcome:
    population = _auditory(seed)
    law = population.dynamics.law
    snapshots = {snapshot.day: np.log(snapshot.size) for snapshot in population.run(days=60, every=2)}
    start = snapshots[0.0]
    errors = {
        lag: float(((snapshots[lag] - start) ** 2).mean() / law.mean_squared_change(lag) - 1)
        for lag in (2.0, 10.0, 60.0)
    }
    sample = np.exp(snapshots[60.0])[:20_000]
    p = float(stats.kstest(sample, law.stationary().cdf).pvalue)
    passed = max(map(abs, errors.values())) < 0.03 and p > 0.01
    return Outcome(
        ", ".join(f"{100 * error:+.1f} % at {lag:g} d" for lag, error in errors.items()) + f"; KS p = {p:.2f}", passed
    )


def _proportional(seed: int) -> Outcome:
    first, last = _auditory(seed).run(days=1, every=1)
    # Size is the mean of the two sessions: against the first alone, the return to the mean flattens the slope.
    middle, change = 0.5 * (first.size + last.size), last.size - first.size
    bins = np.array_split(np.argsort(middle), 10)
    size = np.array([np.median(middle[index]) for index in bins])
    sd = np.array([(change[index] / middle[index]).std() * np.median(middle[index]) for index in bins])
    slope = float(np.polyfit(np.log(size), np.log(sd), 1)[0])
    return Outcome(f"{slope:.2f}", within(slope, 1.0, 0.1))


_KESTEN = KestenMap(interval=1.0, kept_mean=0.9, kept_sd=0.15, added_mean=0.01, added_sd=0.005)


def _kesten_moments(seed: int) -> Outcome:
    population = Population(Dynamics(law=_KESTEN), seed=seed, layout=Layout(dendrites=1000, spines_per_dendrite=1000),
                            dt=1.0, dtype="float64", initial=1e-12)  # fmt: skip
    growth = []
    for snapshot in population.run(days=20, every=5):
        if snapshot.day:
            growth.append(abs(snapshot.size.mean() / _KESTEN.mean_after(snapshot.day) - 1))
    population.advance(100)
    size = population.snapshot().size
    mean, variance = size.mean() / _KESTEN.mean - 1, size.var() / _KESTEN.variance - 1
    passed = abs(mean) < 0.03 and abs(variance) < 0.03 and max(growth) < 0.03
    shown = f"mean {100 * mean:+.2f} %, variance {100 * variance:+.2f} %, growth within {100 * max(growth):.2f} %"
    return Outcome(shown, bool(passed))


def _tail(seed: int) -> Outcome:
    law = KestenMap(interval=1.0, kept_mean=0.94, kept_sd=0.25, added_mean=0.005, added_sd=0.002)
    population = Population(Dynamics(law=law), seed=seed, layout=Layout(dendrites=1000, spines_per_dendrite=1000),
                            dt=1.0, dtype="float64", initial=law.mean)  # fmt: skip
    population.advance(300)
    size = np.sort(population.snapshot().size)[::-1]
    top = len(size) // 100
    hill = float(1 / np.log(size[:top] / size[top]).mean())
    return Outcome(f"{hill:.2f} against {law.tail_exponent:.2f}", within(hill / law.tail_exponent, 1, 0.15))


def _conditional_mean(seed: int) -> Outcome:
    population = Population(Dynamics(law=_KESTEN), seed=seed, layout=Layout(dendrites=200, spines_per_dendrite=1000),
                            dt=1.0, dtype="float64", initial=_KESTEN.mean)  # fmt: skip
    population.advance(100)
    first, last = population.run(days=1, every=1)
    slope = float(np.polyfit(first.size, last.size - first.size, 1)[0])
    wanted = -(1 - _KESTEN.kept_mean)
    return Outcome(f"{slope:.4f}", within(slope / wanted, 1, 0.05) and slope < 0)


def _electron_microscopy(seed: int) -> Outcome:
    """Draw as many spines as were measured from the published mixture, and recover it."""
    rng, count = np.random.default_rng(seed), 1960
    small = rng.random(count) < 0.77
    log_size = np.where(small, rng.normal(-1.42, 0.24, count), rng.normal(-0.77, 0.22, count))
    found = fit_two_lognormals(10**log_size)
    passed = (
        all(within(*pair, 0.05) for pair in zip(found.means, (-1.42, -0.77), strict=True))
        and all(within(*pair, 0.03) for pair in zip(found.sds, (0.24, 0.22), strict=True))
        and within(found.weights[0], 0.77, 0.05)
    )
    means, sds, weights = (
        " / ".join(f"{value:.2f}" for value in pair) for pair in (found.means, found.sds, found.weights)
    )
    return Outcome(f"means {means}, SDs {sds}, weights {weights}", passed, "recovered from 1,960 simulated spines")


ROWS = [
    Row(16, "auditory_cortex", "spines that change by > 50 % in 20 days", "> 70 %", "-", "published", "loewenstein2011",
        _large_changes),
    Row(17, "auditory_cortex", "mean squared change of log-size; log-normal", "formula", "3 %", "analytic", "", _msd),
    Row(18, "auditory_cortex", "slope of log SD of change on log size", "1.0", "0.1", "qualitative", "loewenstein2011",
        _proportional),
    Row(19, "Kesten map", "mean, variance, growth", "formulas", "3 %", "analytic", "statman2014", _kesten_moments),
    Row(20, "Kesten map", "tail exponent, Hill estimator on the top 1 %", "E(kept^q) = 1", "15 %", "analytic",
        "kesten1973", _tail),
    Row(21, "Kesten map", "slope of the mean change on size", "-0.1", "5 %", "analytic", "statman2014",
        _conditional_mean),
    Row(30, "two log-normals", "log10 means, SDs, weights of V1 spines", "-1.42 / -0.77, 0.24 / 0.22, 0.77 / 0.23",
        "0.05, 0.03, 0.05", "published", "dorkenwald2022", _electron_microscopy),
]  # fmt: skip
