"""The imaging level: what a laboratory would see of a condition through its microscope, and of how many animals.

Animals differ: each has its own slope of fluctuation and its own formation rate, and is imaged on a few dendrites in a
few sessions through a microscope with error and a size floor. The animal is the unit of every comparison.

Elimination that is not by the threshold is added by thinning: since spines are formed at a rate and do not interact,
removing each after an exponential time is exactly a population with that elimination.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from spinula.core.errors import OutOfRangeError
from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.engines.observation import Microscope
from spinula.engines.population import Layout, Population, Snapshot
from spinula.law import FormationRate
from spinula.measures import size_moments, spine_density, survival, turnover
from spinula.presets.compose import Composition
from spinula.studies.disorders.model import Part, resting

SEEN = {
    "spine_density": "spines per um",
    "turnover_ratio": "turnover ratio over 4 days",
    "survival": "survival over 20 days",
    "mean_size": "mean size",
    "size_spread": "SD of log-size",
}


_SAME = 0.03  # as levels.SAME


@dataclass(frozen=True)
class Laboratory:
    """How a laboratory images.

    Attributes
    ----------
    animals : int, per group
    dendrites : int, per animal
    length_um : float, of each dendrite
    sessions : int, and ``every`` days between them
    slope_cv, formation_cv : float, SD of the animals' slope and formation rate, as a share (assumed)
    dt : float, day
    """

    animals: int = 8
    dendrites: int = 8
    length_um: float = 50.0
    sessions: int = 6
    every: float = 4.0
    slope_cv: float = 0.06
    formation_cv: float = 0.10
    dt: float = 0.1


def animals(composition: Composition, laboratory: Laboratory, *, seed: int) -> pd.DataFrame:
    """Image the animals of a group and return what was measured in each.

    Returns
    -------
    DataFrame, one row per animal: animal, and the columns of ``SEEN``

    Raises
    ------
    OutOfRangeError
        With fewer than two animals or two sessions.
    """
    for name, least in (("animals", 2), ("sessions", 2), ("dendrites", 1)):
        if getattr(laboratory, name) < least:
            raise OutOfRangeError(name, getattr(laboratory, name), f"wanted at least {least}")
    parts, rows = resting(composition).parts, []
    for number in range(laboratory.animals):
        streams = Streams(seed).child(f"animal {number}")
        table = image(parts, composition, laboratory, streams)
        moments = size_moments(table, session=0, replicates=0)["value"]
        rows.append(
            {
                "animal": number, "spine_density": spine_density(table).value,
                "turnover_ratio": float(turnover(table, replicates=0)["turnover_ratio"].mean()),
                "survival": float(survival(table, replicates=0)["survival"].iloc[-1]),
                "mean_size": float(moments["mean"]), "size_spread": float(moments["log_sd"]),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def image(parts: tuple[Part, ...], composition: Composition, laboratory: Laboratory, streams: Streams) -> SpineTable:
    """Return the table of one animal: its dendrites, all sessions, through the microscope of the base."""
    generator = streams.generator("animal")
    slope = max(1.0 + laboratory.slope_cv * generator.standard_normal(), 0.3)
    formation = max(1.0 + laboratory.formation_cv * generator.standard_normal(), 0.2)
    seen = composition.preset.microscope
    microscope = Microscope(size_floor=seen.get("size_floor", 0.02), log_noise=seen.get("log_noise", 0.15))
    runs = [_run(part, laboratory, streams.child(f"part {n}"), slope, formation) for n, part in enumerate(parts)]
    together = [joined(frames) for frames in zip(*runs, strict=True)]
    return microscope.image(together, seed=streams.seed)


def _run(part: Part, laboratory: Laboratory, streams: Streams, slope: float, formation: float) -> list[Snapshot]:
    """Return the snapshots of one part in one animal, from the part's own rest on."""
    law = part.dynamics.law
    if hasattr(law, "noise_slope"):
        law = law.model_copy(update={"noise_slope": slope * law.noise_slope})
    rate = part.formed * formation
    dynamics = part.dynamics.model_copy(update={"law": law, "formation": FormationRate(rate=rate)})
    there = replace(part, dynamics=dynamics, formed=rate)
    count = max(1, round(there.mass.sum() * laboratory.length_um))
    layout = Layout(dendrites=laboratory.dendrites, spines_per_dendrite=count, length_um=laboratory.length_um)

    def start(generator: np.random.Generator, many: int) -> np.ndarray:
        return there.density.draw(generator, many)

    population = Population(dynamics, seed=streams.seed, layout=layout, dt=laboratory.dt, initial=start)
    days = (laboratory.sessions - 1) * laboratory.every
    frames = list(population.run(days=days, every=laboratory.every))
    return [thinned(frame, part.killing, streams) for frame in frames] if part.killing > 0 else frames


def thinned(frame: Snapshot, rate: float, streams: Streams) -> Snapshot:
    """Return a snapshot without the spines whose own exponential time has passed since they came, or the start."""
    lives = _lives(frame.dendrite, frame.spine_id, streams) / rate
    age = frame.day - np.nan_to_num(frame.born_day, nan=0.0)
    kept = age < lives
    arrays = {name: getattr(frame, name)[kept] for name in ("dendrite", "spine_id", "size", "born_day", "position_um")}
    return replace(frame, **arrays)


def _lives(dendrite: np.ndarray, spine_id: np.ndarray, streams: Streams) -> np.ndarray:
    """Return one exponential draw per spine, the same in every session."""
    wide = int(spine_id.max()) + 1 if len(spine_id) else 1
    drawn = [streams.generator(f"lives {number}") for number in range(int(dendrite.max()) + 1 if len(dendrite) else 0)]
    table = np.array([one.exponential(1.0, wide) for one in drawn])
    return table[dendrite, spine_id] if len(spine_id) else np.empty(0)


def joined(frames: tuple[Snapshot, ...]) -> Snapshot:
    """Return the snapshots of all parts of the same dendrites as one; numbers stay apart."""
    if len(frames) == 1:
        return frames[0]
    first = frames[0]
    ids = [frame.spine_id * len(frames) + number for number, frame in enumerate(frames)]
    arrays = {
        name: np.concatenate([getattr(frame, name) for frame in frames])
        for name in ("dendrite", "size", "born_day", "position_um")
    }
    order = np.argsort(arrays["dendrite"], kind="stable")
    return replace(
        first, spine_id=np.concatenate(ids)[order], formed=sum(frame.formed for frame in frames),
        eliminated=sum(frame.eliminated for frame in frames),
        **{name: array[order] for name, array in arrays.items()},
    )  # fmt: skip


def expected(composition: Composition, laboratory: Laboratory) -> dict[str, float]:
    """Return what a laboratory sees on average: exact but for the floor, and with the microscope's error of size."""
    now, days = resting(composition), (laboratory.sessions - 1) * laboratory.every
    noise = composition.preset.microscope.get("log_noise", 0.15)
    moments = now.moments()
    return {
        "spine_density": now.spine_density,
        "turnover_ratio": now.average(lambda part: part.density.turnover_ratio(laboratory.every)),
        "survival": 1.0 - now.average(lambda part: part.density.turnover_ratio(days)),
        "mean_size": moments["mean_size"],
        "size_spread": float(np.hypot(moments["size_spread"], noise)),
    }


def contrast(
    base: pd.DataFrame, group: pd.DataFrame, truth: tuple[dict[str, float], dict[str, float]] | None = None
) -> pd.DataFrame:
    """Compare two groups, animal by animal.

    Parameters
    ----------
    truth : (of the base, of the group), as :func:`expected`
        With it ``needed`` is for the expected effect and the animals' spread; the difference between a few animals is a
        poor guide to it. An effect below 3 % is nothing to be seen, and needs NaN.

    Returns
    -------
    DataFrame, one row per measure
        measure, base, value (means), change (value/base - 1), low, high (95 % of the change, Welch), effect (Hedges'
        g), p (Welch), needed (animals per group to see it in 80 of 100 experiments at p < 0.05; NaN: over 10,000)

    Source
    ------
    Welch's test on animals; Hedges' correction; sample size by the noncentral t distribution.
    """
    rows = []
    for measure in SEEN:
        a, b = base[measure].to_numpy(), group[measure].to_numpy()
        test = stats.ttest_ind(b, a, equal_var=False)
        low, high = test.confidence_interval()
        pooled = np.sqrt(0.5 * (a.var(ddof=1) + b.var(ddof=1)))
        free = len(a) + len(b) - 2
        g = (b.mean() - a.mean()) / pooled * (1.0 - 3.0 / (4.0 * free - 1.0))
        wanted = g
        if truth is not None:
            change = truth[1][measure] / truth[0][measure] - 1.0
            wanted = change * a.mean() / pooled if abs(change) >= _SAME else 0.0
        rows.append(
            (measure, a.mean(), b.mean(), b.mean() / a.mean() - 1.0, low / a.mean(), high / a.mean(), g,
             float(test.pvalue), needed(wanted))
        )  # fmt: skip
    columns = ["measure", "base", "value", "change", "low", "high", "effect", "p", "needed"]
    return pd.DataFrame(rows, columns=columns)


def power(effect: float, count: int, *, level: float = 0.05) -> float:
    """Return the chance that a two-sided t test of ``count`` animals per group sees an effect (in SDs).

    Examples
    --------
    >>> round(power(1.0, 17), 2)
    0.81
    """
    free, shift = 2 * count - 2, abs(effect) * float(np.sqrt(count / 2))
    limit = float(stats.t.ppf(1 - level / 2, free))
    # Far out the noncentral t loses its digits, and is as good as normal.
    if free > 200 or shift > 30:
        return float(stats.norm.sf(limit - shift) + stats.norm.cdf(-limit - shift))
    return float(stats.nct.sf(limit, free, shift) + np.nan_to_num(stats.nct.cdf(-limit, free, shift)))


def needed(effect: float, *, wanted: float = 0.8, most: int = 10_000) -> float:
    """Return how many animals per group see an effect (in SDs) with a chance of ``wanted``; NaN beyond ``most``.

    Examples
    --------
    >>> needed(1.0), needed(2.0)
    (17.0, 6.0)
    """
    if not np.isfinite(effect) or power(effect, most) < wanted:
        return float("nan")
    low, high = 2, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle) >= wanted else (middle + 1, high)
    return float(low)
