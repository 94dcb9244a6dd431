"""Rows 1 to 6, 10 and 29: the linear law, its boundary, and what follows from them."""

from __future__ import annotations

import numpy as np
from scipy import stats

from spinula.engines.density import Density
from spinula.engines.population import Layout, Population
from spinula.law import Dynamics, LinearLaw
from spinula.presets import load_preset
from spinula.studies.validation.intrinsic.runs import SLICE, event_rate, imaged_turnover, keys, settled
from spinula.studies.validation.row import Outcome, Row, within

_FREE = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.002)


def _inverse_gamma(seed: int) -> Outcome:
    target = _FREE.stationary()
    population = Population(Dynamics(law=_FREE), seed=seed, layout=Layout(dendrites=20, spines_per_dendrite=1000),
                            dt=0.05, dtype="float64", initial=0.09)  # fmt: skip
    population.advance(round(200 / 0.05))
    p = float(stats.kstest(population.snapshot().size, target.cdf).pvalue)
    grid, density = Density(Dynamics(law=_FREE)).stationary()
    error = _cdf_error(grid, density, target)
    return Outcome(f"KS p = {p:.2f}; density engine's CDF error {error:.1e}", p > 0.01 and error < 1e-4)


def _cdf_error(edges: np.ndarray, mass: np.ndarray, target: object) -> float:
    cumulative = np.concatenate([[0.0], np.cumsum(mass)])
    return float(np.abs(cumulative - target.cdf(edges)).max())  # type: ignore[attr-defined]


def _one_day_spread(seed: int) -> Outcome:
    population = Population(Dynamics(law=_FREE), seed=seed, layout=Layout(dendrites=40, spines_per_dendrite=1000),
                            dt=0.01, initial=20.0)  # fmt: skip
    population.advance(100)
    ratio = float(population.snapshot().size.std() / 20.0)
    return Outcome(f"{ratio:.4f}", within(ratio, 0.202, 0.01))


def _relaxation(seed: int) -> Outcome:
    population = Population(Dynamics(law=_FREE), seed=seed, layout=Layout(dendrites=400, spines_per_dendrite=1000),
                            dt=0.05, initial=0.4)  # fmt: skip
    mean = [(snapshot.day, snapshot.size.mean()) for snapshot in population.run(days=20, every=2)]
    day, size = np.array(mean).T
    slope = float(-np.polyfit(day, np.log(size - _FREE.size_rest), 1)[0])
    return Outcome(f"{slope:.4f} /day", within(slope, 0.05, 0.001))


def _euler(seed: int, dt: float) -> float:
    return event_rate(settled(SLICE, seed=seed, spines=40_000, dt=dt, scheme="euler"), days=40)


def _euler_turnover(seed: int) -> Outcome:
    rate = _euler(seed, 0.02)
    return Outcome(f"{rate:.3f} /day", within(rate, 0.23, 0.03))


def _step_bias(seed: int) -> Outcome:
    coarse, fine = _euler(seed, 1.0), _euler(seed, 0.005)
    steps = (1.0, 0.1, 0.02, 0.005)
    bridged = [event_rate(settled(SLICE, seed=seed, spines=40_000, dt=dt), days=40) for dt in steps]
    exact = Density(SLICE).turnover_rate()
    unbiased = max(bridged) / min(bridged) < 1.05
    agrees = all(abs(rate / exact - 1) < 0.02 for rate in bridged)
    passed = within(coarse / 0.087, 1, 0.15) and within(fine / 0.254, 1, 0.15) and unbiased and agrees
    shown = ", ".join(f"{rate:.3f}" for rate in bridged)
    return Outcome(
        f"Euler {coarse:.3f} : {fine:.3f}; bridged {shown}", passed,
        f"bridged at dt = 1, 0.1, 0.02, 0.005 day agree within {100 * (max(bridged) / min(bridged) - 1):.1f} %; "
        f"the density engine gives {exact:.4f} /day.",
    )  # fmt: skip


def _blocked_turnover(seed: int) -> Outcome:
    ratio = imaged_turnover("ca1_slice", interval=1, seed=seed)
    return Outcome(f"{ratio:.3f} per day", within(ratio, 0.22, 0.036), "as daily imaging reports it")


def _age_and_size(seed: int) -> Outcome:
    """Correlate size with age at one moment, and size with the life that is left, dendrite by dendrite."""
    population = settled(load_preset("ca1_slice").dynamics, seed=seed, spines=20_000, dt=0.05)
    population.advance(round(60 / 0.05))
    start = population.snapshot()
    known = ~np.isnan(start.born_day)
    left = np.full(len(start), 40.0)
    mine = keys(start)
    alive = np.ones(len(start), bool)
    for snapshot in population.run(days=40, every=1):
        here = np.isin(mine, keys(snapshot))
        left[alive & ~here] = snapshot.day - start.day
        alive &= here
    age = start.day - start.born_day
    rng = np.random.default_rng(seed)
    tests = {}
    for name, other, use in (("age", age, known), ("life left", left, np.ones(len(start), bool))):
        for control in (False, True):
            size = rng.permutation(start.size) if control else start.size
            each = [
                stats.spearmanr(size[rows], other[rows]).statistic
                for dendrite in np.unique(start.dendrite)
                if (rows := use & (start.dendrite == dendrite)).sum() > 20
            ]
            tests[name, control] = (np.mean(each), stats.ttest_1samp(each, 0, alternative="greater").pvalue)
    passed = all(tests[name, False][1] < 1e-3 and tests[name, True][1] > 1e-3 for name in ("age", "life left"))
    return Outcome(
        f"rho(size, age) = {tests['age', False][0]:.2f}, rho(size, life left) = {tests['life left', False][0]:.2f}",
        passed,
        f"by dendrite, both p < 0.001; control with shuffled sizes {tests['age', True][0]:.3f}, "
        f"{tests['life left', True][0]:.3f}.",
    )  # fmt: skip


def _skew(seed: int) -> Outcome:
    def narrow(generator: np.random.Generator, count: int) -> np.ndarray:
        return np.clip(generator.normal(0.08, 0.008, count), 0.04, 0.12)

    dynamics = load_preset("neocortex_adult").dynamics
    population = Population(dynamics, seed=seed, layout=Layout(dendrites=40, spines_per_dendrite=250), initial=narrow)
    skew = {snapshot.day: float(stats.skew(snapshot.size)) for snapshot in population.run(days=10, every=5)}
    still = dynamics.law.model_copy(update={"noise_slope": 1e-3, "noise_floor": 0.0})
    control = Population(dynamics.model_copy(update={"law": still}), seed=seed, initial=narrow,
                         layout=Layout(dendrites=40, spines_per_dendrite=250))  # fmt: skip
    control.advance(round(10 / control.dt))
    without = float(stats.skew(control.snapshot().size))
    passed = skew[5.0] > 0.3 and skew[10.0] > skew[5.0] and abs(without) < 0.1
    shown = ", ".join(f"{value:.2f} at {day:g} d" for day, value in skew.items())
    return Outcome(f"skewness {shown}", passed, f"control without fluctuation: {without:.2f} at 10 d")


ROWS = [
    Row(1, "linear, no boundary", "stationary law is inverse gamma", "KS p > 0.01; CDF error < 1e-4", "n = 20,000",
        "analytic", "", _inverse_gamma),
    Row(2, "linear", "SD of 1-day change / size, large spines", "0.202", "0.01", "analytic", "", _one_day_spread),
    Row(3, "linear", "rate of return of the mean", "0.05 /day", "2 %", "analytic", "", _relaxation),
    Row(4, "linear, Euler dt = 0.02", "eliminations per spine", "0.23 /day", "0.03", "computed", "", _euler_turnover),
    Row(5, "linear", "bias of the time step", "Euler 0.087 : 0.254; bridged equal", "15 %; 5 %", "computed", "",
        _step_bias),
    Row(6, "ca1_slice, activity blocked", "turnover ratio over 1 day", "0.220", "0.036", "published", "yasumatsu2008",
        _blocked_turnover),
    Row(10, "ca1_slice, activity blocked", "size with age, size with life left", "> 0", "significant", "qualitative",
        "yasumatsu2008", _age_and_size),
    Row(29, "neocortex_adult", "skew from a narrow normal start", "> 0", "sign", "qualitative", "hazan2020", _skew),
]  # fmt: skip
