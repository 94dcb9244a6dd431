"""Intrinsic dynamics of two conditions: simulate the truth, image it, fit the images, compare all three."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.engines.density import Density
from spinula.engines.observation import Microscope
from spinula.engines.population import Layout
from spinula.law import LogOULaw
from spinula.presets import load_preset
from spinula.studies.longitudinal import Analysis, analyse
from spinula.studies.recording import Plan, simulate


@dataclass(frozen=True)
class Condition:
    """One condition: its preset, what the microscope saw, and what the truth is, without Monte Carlo."""

    name: str
    title: str
    plan: Plan
    analysis: Analysis
    truth: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """Truth, fit and condition side by side.

    Attributes
    ----------
    rows : DataFrame: quantity, condition, truth, found, low, high, meaning
    conditions : list of Condition
    """

    conditions: list[Condition]
    rows: pd.DataFrame

    def contrast(self) -> pd.DataFrame:
        """Return each quantity of the second condition over that of the first: in truth, and as found."""
        first, second = (
            self.rows[self.rows["condition"] == condition.name].set_index("quantity")
            for condition in self.conditions[:2]
        )
        both = first.index.intersection(second.index)
        ratios = {name: (second[name] / first[name]).reindex(both) for name in ("truth", "found")}
        return pd.DataFrame(ratios).reset_index(names="quantity")


def compare(
    names: tuple[str, ...] = ("neocortex_adult", "fragile_x"), *, seed: int, days: float = 60.0, every: float = 4.0,
    spines: int = 2000, replicates: int = 1000,
) -> Iterator[tuple[str, Comparison | None]]:  # fmt: skip
    """Simulate, image and analyse each preset; yield what is being done, and the comparison at the end.

    Parameters
    ----------
    days, every : float, day
    spines : int, per condition, on 40 dendrites of eight animals
    """
    conditions = []
    for name in names:
        preset = load_preset(name)
        microscope = Microscope(**{"size_floor": 0.02, "log_noise": 0.15, **preset.microscope})
        layout = Layout.for_spines(spines, spine_density=preset.spine_density or 0.5, per_dendrite=max(1, spines // 40))
        plan = Plan(
            preset.dynamics, microscope, layout, Streams(seed).child(name).seed, days, every, animals=8, condition=name
        )
        yield f"{name}: simulate and image", None
        table = simulate(plan)
        analysis = None
        # The error of the microscope is known, as a laboratory knows it from imaging the same spines twice.
        known = microscope.log_noise
        for step, latest in analyse(table, label=name, seed=seed, replicates=replicates, noise=known):
            analysis = latest
            yield f"{name}: {step}", None
        assert analysis is not None  # a table has at least one step
        conditions.append(Condition(name, preset.about.title, plan, analysis, _truth(plan)))
    yield "compare", Comparison(conditions, _rows(conditions))


def _truth(plan: Plan) -> dict[str, float]:
    """Return what the fits should find, from the density engine and the law itself.

    The fitted family is log-OU and the simulated one is not: its log-spread at the median size, and the SD of log-size
    at rest, are what the two have in common.
    """
    density = Density(plan.dynamics)
    edges, mass = density.stationary()
    x = np.log(density.sizes)
    mean = float((mass * x).sum())
    median = float(np.interp(0.5, np.cumsum(mass), edges[1:]))
    law = plan.dynamics.law
    spread = law.log_spread if isinstance(law, LogOULaw) else float(law.spread(median)) / median
    return {
        "turnover_ratio": density.turnover_ratio(plan.every, size_floor=plan.microscope.size_floor),
        "survival": _kept(density, plan),
        "median": median,
        "log_sd": float(np.sqrt((mass * (x - mean) ** 2).sum())),
        "log_spread": spread,
        "slope": float(getattr(law, "noise_slope", spread)),
    }


def _kept(density: Density, plan: Plan) -> float:
    """Return the share of the spines seen at first that are still there, and still seen, in the last session."""
    return 1.0 - density.turnover_ratio(plan.every * (plan.sessions - 1), size_floor=plan.microscope.size_floor)


def _rows(conditions: list[Condition]) -> pd.DataFrame:
    found = []
    for condition in conditions:
        rows: list[tuple] = []
        analysis, truth = condition.analysis, condition.truth
        turnover, survival = analysis.tables["turnover"], analysis.tables["survival"].iloc[-1]
        rows.append(
            ("turnover ratio", truth["turnover_ratio"], turnover["turnover_ratio"].mean(), turnover["low"].mean(),
             turnover["high"].mean(), f"between sessions {condition.plan.every:g} days apart, mean over intervals")
        )  # fmt: skip
        rows.append(
            ("survival", truth["survival"], survival["survival"], survival["low"], survival["high"],
             f"of the first session's spines after {survival['day']:g} days")
        )  # fmt: skip
        median = float(np.median(analysis.sizes))
        rows.append(("median size (um3)", truth["median"], median, np.nan, np.nan, "of all images"))
        if analysis.fit is not None:
            for key, name, text in (
                ("log_sd", "SD of log-size", "at rest, by the fitted law"),
                ("log_spread", "log-spread (1/sqrt(day))", "fitted; the truth is that of a spine of median size"),
            ):
                estimate = analysis.fit[key]
                rows.append((name, truth[key], estimate.value, estimate.low, estimate.high, text))
        if analysis.line:
            reach = 1.96 * analysis.line["slope_error"]
            slope = analysis.line["slope"]
            rows.append(
                ("noise slope (1/sqrt(day))", truth["slope"], slope, slope - reach, slope + reach,
                 "growth of the spread with size, as seen over one interval")
            )  # fmt: skip
        found.extend((*row, condition.name) for row in rows)
    return pd.DataFrame(found, columns=["quantity", "truth", "found", "low", "high", "meaning", "condition"])
