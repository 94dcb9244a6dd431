"""Two losses, two memories: what is left of new-memory capacity and of remote memory when small or large spines go.

New memory: writable sites are the spines that one training, V <- V + gain*V*exp(-V/size_scale), enlarges by at least
one and a half of their volume (those that are small), and those that are formed within a week; a stated share of either
responds. Remote memory: a trace that was written long ago sits in large spines; what is left of its summed size
after two months of intrinsic dynamics is its strength. Both in populations of spines, several networks each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.engines.population import Layout, Population, draw_stationary
from spinula.law import Boundary
from spinula.measures.intervals import mean_interval
from spinula.presets.compose import Composition, compose
from spinula.studies.disorders.model import resting

BASE, SMALL_LOSS, LARGE_LOSS, EVEN_LOSS = "wild_type", "small_spine_loss", "large_spine_loss", "low_spine_density"
AGAIN = "wild_type again"  # the base with other seeds: the control that must show no difference
CONDITIONS = (BASE, SMALL_LOSS, LARGE_LOSS, EVEN_LOSS, AGAIN)
LENGTH_UM, TRACE_UM3, REMOTE_DAYS = 8000.0, 0.25, 60.0
GAIN, SIZE_SCALE, RESPONDERS = 2.4, 0.12, 0.22  # as potentiation of the adult neocortex
WRITTEN, WEEK = 1.5, 7.0  # growth that counts, in volumes; days in which a new spine may serve. Choices.
_TRACE, _DT = 2000, 0.05


@dataclass(frozen=True)
class Contrast:
    """A condition against the base, network by network with the same seed.

    Attributes
    ----------
    ratio, low, high : geometric mean of the ratio to the base and its 95 % t interval over seeds
    """

    condition: str
    measure: str
    ratio: float
    low: float
    high: float
    seeds: int

    @property
    def falls(self) -> bool:
        """Whether the whole interval lies below 1."""
        return self.high < 1.0


def capacity(composition: Composition, streams: Streams, *, written: float = WRITTEN, days: float = WEEK) -> float:
    """Return the writable sites per um.

    Parameters
    ----------
    written : float
        Least growth that counts, in volumes of the spine; with less, larger spines are writable too.
    days : float, day
        How long formation is waited for.
    """
    generator, count = streams.generator("writable"), 0
    for part in resting(composition).parts:
        here = generator.poisson(part.mass.sum() * LENGTH_UM)
        sizes = draw_stationary(part.dynamics, generator, int(here))
        answers = generator.random(len(sizes)) < RESPONDERS
        count += int((answers & (GAIN * np.exp(-sizes / SIZE_SCALE) >= written)).sum())
        count += int(generator.poisson(part.formed * days * LENGTH_UM * RESPONDERS))
    return count / LENGTH_UM


def remote(composition: Composition, streams: Streams) -> float:
    """Return what is left of a trace's summed size after two months: large spines under the condition's own law."""
    part = resting(composition).parts[0]
    dynamics = part.dynamics
    assert isinstance(dynamics.boundary, Boundary)
    layout = Layout(dendrites=_TRACE // 50, spines_per_dendrite=50)
    population = Population(dynamics, seed=streams.seed, layout=layout, dt=_DT, initial=TRACE_UM3)
    population.advance(round(REMOTE_DAYS / _DT))
    now = population.snapshot()
    there = now.spine_id < 50  # what is formed later knows nothing of the trace
    return float(now.size[there].sum() / (_TRACE * TRACE_UM3))


MEASURES = {"new_memory": capacity, "remote_memory": remote}


def phenotypes(*, seed: int = 1, seeds: int = 8, conditions: tuple[str, ...] = CONDITIONS) -> pd.DataFrame:
    """Return both measures of every condition and network.

    Returns
    -------
    DataFrame, one row per condition and seed: condition, seed, new_memory (sites per um), remote_memory (share)

    Raises
    ------
    UnknownNameError
        If there is no such condition.
    """
    rows = []
    for name in conditions:
        composition = compose(BASE if name == AGAIN else name)
        for number in range(seed, seed + seeds):
            streams = Streams(number).child("again" if name == AGAIN else "phenotype")
            found = {measure: ask(composition, streams.child(measure)) for measure, ask in MEASURES.items()}
            rows.append({"condition": name, "seed": number, **found})
    return pd.DataFrame(rows)


def contrasts(rows: pd.DataFrame) -> list[Contrast]:
    """Return each condition against the base, paired by seed."""
    base, found = rows[rows["condition"] == BASE].set_index("seed"), []
    for name in rows["condition"].unique():
        here = rows[rows["condition"] == name].set_index("seed")
        for measure in MEASURES:
            if name != BASE:
                mean, low, high = mean_interval(np.log(here[measure] / base[measure]))
                found.append(Contrast(name, measure, *(float(np.exp(x)) for x in (mean, low, high)), len(here)))
    return found
