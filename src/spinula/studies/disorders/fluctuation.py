"""Too much fluctuation impairs learning: a pattern that spines learn, at several amplitudes.

A dendrite learns one pattern: once a day for ten days the spines that are active in it are potentiated,
V <- V + rate*V*exp(-V/size_scale), while all fluctuate by the intrinsic law with its whole spread (slope and floor)
multiplied by a factor; what is eliminated is formed anew elsewhere and has learned nothing. Learning is read as the
chance that a spine of the pattern is larger than one outside it (area under the curve; 0.5: nothing learned).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, rankdata

from spinula.core.streams import Streams
from spinula.engines.population import Layout, Population
from spinula.law import Dynamics
from spinula.presets import load_preset

FACTORS = (0.5, 1.0, 1.25, 1.5, 2.0, 3.0)
DAYS, RATE, SIZE_SCALE = 10, 0.15, 0.12  # trainings, a day apart; enlargement by one. Choices.
RETENTION_DAYS = 20.0
_DENDRITES, _SPINES, _DT = 40, 50, 0.05


def _spread(dynamics: Dynamics, factor: float) -> Dynamics:
    law = dynamics.law
    more = {name: factor * getattr(law, name) for name in ("noise_slope", "noise_floor")}
    return dynamics.model_copy(update={"law": law.model_copy(update=more)})


def discrimination(inside: np.ndarray, outside: np.ndarray) -> float:
    """Return the chance that a size inside the pattern exceeds one outside; ties count half.

    Examples
    --------
    >>> discrimination(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    ranks = rankdata(np.concatenate([inside, outside]))
    count = len(inside)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(outside)))


def learn(dynamics: Dynamics, seed: int, *, rate: float = RATE) -> dict[str, float]:
    """Train a population on one pattern and return what it knows at the end and three weeks later.

    Sizes at the start are those of the base at rest, so that factors differ in fluctuation only.

    Parameters
    ----------
    rate : float
        Enlargement by one training; 0 is the control without learning.
    """
    base, streams = load_preset("neocortex_adult").dynamics, Streams(seed).child("fluctuation")
    layout = Layout(dendrites=_DENDRITES, spines_per_dendrite=_SPINES)
    count = _DENDRITES * _SPINES
    start = Population(base, seed=streams.seed, layout=layout, dt=_DT).snapshot().size.astype(float)
    sites, alive = start.copy(), np.ones(count, bool)
    chosen = np.arange(count) < count // 2
    chosen = streams.generator("pattern").permutation(chosen)
    for day in range(DAYS):
        grown = chosen & alive
        sites[grown] += rate * sites[grown] * np.exp(-sites[grown] / SIZE_SCALE)
        sites, alive = _day(dynamics, sites, alive, streams.child(f"day {day}").seed, 1.0)
    learned = discrimination(_read(sites, alive & chosen, chosen), _read(sites, alive & ~chosen, ~chosen))
    sites, alive = _day(dynamics, sites, alive, streams.child("rest").seed, RETENTION_DAYS)
    kept = discrimination(_read(sites, alive & chosen, chosen), _read(sites, alive & ~chosen, ~chosen))
    return {"learned": learned, "kept": kept}


def _read(sites: np.ndarray, there: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return the sizes of a group, 0 for what was lost."""
    return np.where(there, sites, 0.0)[group]


def _day(
    dynamics: Dynamics, sites: np.ndarray, alive: np.ndarray, seed: int, days: float
) -> tuple[np.ndarray, np.ndarray]:
    """Move all living spines by some days; return sizes and who is still there."""
    assert dynamics.boundary is not None
    layout = Layout(dendrites=_DENDRITES, spines_per_dendrite=_SPINES)
    begin = np.where(alive, np.maximum(sites, 1.001 * dynamics.boundary.size_min), dynamics.boundary.size_new)
    population = Population(dynamics, seed=seed, layout=layout, dt=_DT, initial=begin)
    population.advance(round(days / _DT))
    now = population.snapshot()
    first = now.spine_id < _SPINES
    where = now.dendrite[first] * _SPINES + now.spine_id[first]
    moved, left = np.zeros_like(sites), np.zeros_like(alive)
    moved[where], left[where] = now.size[first], True
    return moved, left & alive


def dose_response(*, seed: int = 1, seeds: int = 6, factors: tuple[float, ...] = FACTORS) -> pd.DataFrame:
    """Return what is learned and kept at every factor and seed, and the control that is never trained.

    Returns
    -------
    DataFrame: factor, seed, trained (bool), learned, kept (areas under the curve)
    """
    base, rows = load_preset("neocortex_adult").dynamics, []
    for number in range(seed, seed + seeds):
        for factor in factors:
            found = learn(_spread(base, factor), number)
            rows.append({"factor": factor, "seed": number, "trained": True, **found})
        untrained = learn(base, number, rate=0.0)
        rows.append({"factor": 1.0, "seed": number, "trained": False, **untrained})
    return pd.DataFrame(rows)


def trend(rows: pd.DataFrame, measure: str = "kept") -> dict[str, float]:
    """Return Kendall's tau of a measure against the factor (-1: always falls), mean and extremes over seeds.

    Source
    ------
    Kendall's tau-b within each seed, whose factors share their beginning.
    """
    trained = rows[rows["trained"]]
    taus = [float(kendalltau(part["factor"], part[measure]).statistic) for _, part in trained.groupby("seed")]
    return {"tau": float(np.mean(taus)), "low": min(taus), "high": max(taus)}
