"""Rows 24 to 27: the cooperative lattice, against a re-implementation of the authors' program."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import stats

from spinula.engines.lattice import run
from spinula.law.lattice import LatticeLaw
from spinula.studies.validation.row import Outcome, Row, within

_LAW = LatticeLaw().scaled(10)


@lru_cache(maxsize=2)
def _settled(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sizes (steps, synapses) and free molecules per step, after the lattice has settled."""
    snapshots = [(snapshot.size, snapshot.free) for snapshot in run(_LAW, seed=seed, steps=800)]
    sizes, free = zip(*snapshots[300:], strict=True)
    return np.array(sizes, float), np.array(free)


def _free_molecules(seed: int) -> Outcome:
    value = float(_settled(seed)[1].mean() * _LAW.bind)
    return Outcome(f"{value:.4f}", within(value, 0.484, 0.003))


def _sizes(seed: int) -> Outcome:
    sizes = _settled(seed)[0].ravel()
    mean, median, sd, skew = sizes.mean(), np.median(sizes), sizes.std(), stats.skew(sizes)
    passed = (
        within(mean / 63.6, 1, 0.04)
        and within(median / 57, 1, 0.04)
        and within(sd / 36, 1, 0.06)
        and within(skew, 1.1, 0.25)
    )
    return Outcome(f"{mean:.1f}, {median:.0f}, {sd:.1f}, {skew:.2f}", bool(passed))


def _regression(seed: int) -> Outcome:
    sizes = _settled(seed)[0]
    slopes = [float(np.polyfit(sizes[:-lag].ravel(), sizes[lag:].ravel(), 1)[0]) for lag in (20, 50, 100)]
    passed = all(within(slope, target, 0.04) for slope, target in zip(slopes, (0.78, 0.54, 0.29), strict=True))
    return Outcome(" / ".join(f"{slope:.2f}" for slope in slopes), passed)


def _spread(seed: int) -> Outcome:
    sizes = _settled(seed)[0]
    before, change = sizes[:-20].ravel(), (sizes[20:] - sizes[:-20]).ravel()
    index = np.searchsorted(np.quantile(before, np.linspace(0, 1, 7)[1:-1]), before, side="right")
    mean = [before[index == k].mean() for k in range(6)]
    sd = [change[index == k].std() for k in range(6)]
    slope, floor = np.polyfit(mean, sd, 1)
    passed = within(floor / 13.5, 1, 0.15) and within(slope / 0.141, 1, 0.15)
    return Outcome(f"{floor:.1f} + {slope:.3f} S", bool(passed))


ROWS = [
    Row(24, "lattice", "binding rate at rest, P_ON * free", "0.484", "0.003", "computed", "hazan2020", _free_molecules),
    Row(25, "lattice", "mean, median, SD, skewness of size", "63.6, 57, 36, 1.1", "4 %, 4 %, 6 %, 0.25", "computed",
        "hazan2020", _sizes),
    Row(26, "lattice", "regression on size 20 / 50 / 100 steps before", "0.78 / 0.54 / 0.29", "0.04", "computed",
        "hazan2020", _regression),
    Row(27, "lattice", "SD of 20-step change against size", "13.5 + 0.141 S", "15 %", "computed", "hazan2020", _spread),
]  # fmt: skip
