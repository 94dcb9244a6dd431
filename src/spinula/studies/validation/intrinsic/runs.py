"""Simulations that several validation rows share."""

from __future__ import annotations

import numpy as np

from spinula.engines.observation import Microscope
from spinula.engines.population import Layout, Population, Snapshot
from spinula.law import Boundary, Dynamics, LinearLaw
from spinula.measures.turnover import turnover
from spinula.presets import load_preset

# The parameters on which the derived targets of rows 1 to 5 were computed.
SLICE_LAW = LinearLaw(recovery_rate=0.05, size_rest=0.07, noise_slope=0.2, noise_floor=0.01)
SLICE = Dynamics(law=SLICE_LAW, boundary=Boundary(size_min=0.02, size_new=0.025))


def settled(dynamics: Dynamics, *, seed: int, spines: int, dt: float, scheme: str = "additive") -> Population:
    """Return a population that starts from its stationary law."""
    layout = Layout.for_spines(spines, per_dendrite=max(1, spines // 40))
    return Population(dynamics, seed=seed, layout=layout, dt=dt, scheme=scheme)


def event_rate(population: Population, *, days: float) -> float:
    """Return the eliminations per spine and day over some days."""
    population.snapshot()
    population.advance(round(days / population.dt))
    after = population.snapshot()
    return after.eliminated / len(after) / days


def keys(snapshot: Snapshot) -> np.ndarray:
    """Return one number per spine that is unique over the population and over time."""
    return snapshot.dendrite.astype(np.int64) << 32 | snapshot.spine_id


def imaged_turnover(name: str, *, interval: float, seed: int, spines: int = 40_000, dt: float = 0.02) -> float:
    """Return the turnover ratio between two imaging sessions of a preset, through a microscope without error."""
    population = settled(load_preset(name).dynamics, seed=seed, spines=spines, dt=dt)
    table = Microscope().image(population.run(days=interval, every=interval), seed=seed)
    return float(turnover(table, replicates=0).turnover_ratio.iloc[0])


def survival_after(name: str, *, days: float, seed: int, spines: int, dt: float) -> float:
    """Return the fraction of a preset's spines that are still there after some days."""
    population = settled(load_preset(name).dynamics, seed=seed, spines=spines, dt=dt)
    first, last = population.run(days=days, every=days)
    return float(np.isin(keys(first), keys(last)).mean())
