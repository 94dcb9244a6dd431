"""Does the fitted law reproduce what it was not fitted to: the SD of change against size?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spinula.core.errors import TableError
from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.fit.likelihood import LogOUFit
from spinula.fit.moments import Pairs, consecutive_pairs, quantile_edges
from spinula.law import LogOULaw
from spinula.law.logsize import log_step_factors, log_transition


@dataclass(frozen=True)
class PredictiveCheck:
    """Observed and predicted SD of change, bin by bin.

    Attributes
    ----------
    bins : DataFrame, one row per bin of the size before the change
        size_from, size_to, size (mean), pairs, observed, low, median, high (all in size_unit), inside.
    chance : float
        Share of replicates whose worst bin lies at least as far out as the observed worst bin: one number for all
        bins. (With 95 % bands, six bins of a true law are all inside in about three of four tables.)
    """

    bins: pd.DataFrame
    chance: float
    level: float
    replicates: int
    seed: int
    size_unit: str

    @property
    def inside(self) -> int:
        """How many bins lie inside their band."""
        return int(self.bins["inside"].sum())

    @property
    def verdict(self) -> str:
        """One line for a report."""
        count = len(self.bins)
        where = f"{self.inside} of {count} bins inside the {self.level:.0%} band, chance {self.chance:.3g}"
        return ("reproduced: " if self.inside == count else "not reproduced: ") + where


def simulate_log_sizes(day: np.ndarray, law: LogOULaw, log_noise: float, generator: np.random.Generator) -> np.ndarray:
    """Draw what a microscope would report of spines that obey the law, as log-sizes.

    Each spine starts from the stationary law; the transition is exact for any gap.

    Parameters
    ----------
    day : Array, shape (spines, sessions), day; NaN where nothing is measured

    Returns
    -------
    Array, shape (spines, sessions), NaN where day is NaN

    Source
    ------
    [gillespie1996].
    """
    out = np.full(day.shape, np.nan)
    deviation = law.log_sd * generator.standard_normal(len(day))
    last = np.full(len(day), np.nan)
    for session in range(day.shape[1]):
        now = day[:, session]
        moving = np.isfinite(now) & np.isfinite(last)
        gaps, which = np.unique(now[moving] - last[moving], return_inverse=True)
        factors = np.array([log_step_factors(law.log_sd, law.recovery_rate, gap) for gap in gaps]).reshape(-1, 2)
        kept, scatter = factors[which].T
        draws = generator.standard_normal(int(moving.sum()))
        deviation[moving] = log_transition(deviation[moving], kept, scatter, draws)
        last = np.where(np.isfinite(now), now, last)
        error = log_noise * generator.standard_normal(len(day))
        out[:, session] = np.where(np.isfinite(now), law.log_mean + deviation + error, np.nan)
    return out


def predict_change(
    table: SpineTable, fit: LogOUFit, *, seed: int, bins: int = 6, replicates: int = 500, level: float = 0.95
) -> PredictiveCheck:
    """Compare the SD of change against size with replicates of the table, drawn from the fitted law.

    A replicate has the table's spines, days and gaps, the fitted noise, and parameters drawn from their joint
    uncertainty. Change is between consecutive sessions, in units of size; bins hold equal numbers of observed pairs,
    by the size before the change, and replicates use the same edges. Which spine is missing when is copied from the
    table: that small spines are lost is not part of the prediction.

    Raises
    ------
    TableError
        If there are fewer than ten pairs per bin.

    Source
    ------
    [gelman1996], with the normal approximation of the posterior.
    """
    panel = table.panel()
    pairs = consecutive_pairs(panel)
    if len(pairs.before) < 10 * bins:
        raise TableError(
            f"{len(pairs.before)} pairs of sizes for {bins} bins", file=table.file, column="size",
            cure="Ask for fewer bins.",
        )  # fmt: skip
    edges = quantile_edges(pairs.before, bins)
    observed, mean, count = _sd_of_change(pairs, edges)
    measured = np.where(panel.size > 0, panel.day, np.nan)
    generator = Streams(seed).generator("predictive")
    drawn = np.empty((replicates, bins))
    for replicate in range(replicates):
        law, noise = _draw(fit, generator)
        size = np.exp(simulate_log_sizes(measured, law, noise, generator))
        drawn[replicate] = _sd_of_change(_replaced(pairs, size, panel.size), edges)[0]
    tail = 100 * (1 - level) / 2
    low, median, high = np.nanpercentile(drawn, [tail, 50, 100 - tail], axis=0)
    frame = pd.DataFrame(
        {
            "size_from": np.append(0.0, edges), "size_to": np.append(edges, np.inf), "size": mean, "pairs": count,
            "observed": observed, "low": low, "median": median, "high": high,
            "inside": (observed >= low) & (observed <= high),
        }
    )  # fmt: skip
    return PredictiveCheck(frame, _chance(observed, drawn), level, replicates, seed, table.size_unit)


def _sd_of_change(pairs: Pairs, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return SD of change, mean size before it and number of pairs, for each bin."""
    which = np.searchsorted(edges, pairs.before, side="right")
    bins = len(edges) + 1
    count = np.bincount(which, minlength=bins)
    change = pairs.after - pairs.before
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(which, change, bins) / count
        variance = np.bincount(which, (change - mean[which]) ** 2, bins) / count
        return np.sqrt(np.where(count > 1, variance, np.nan)), np.bincount(which, pairs.before, bins) / count, count


def _replaced(pairs: Pairs, size: np.ndarray, measured: np.ndarray) -> Pairs:
    """Return the pairs of a replicate, which has sizes exactly where the table has."""
    both = (measured[:, :-1] > 0) & (measured[:, 1:] > 0)
    return Pairs(size[:, :-1][both], size[:, 1:][both], pairs.earlier, pairs.gap, pairs.spine)


def _draw(fit: LogOUFit, generator: np.random.Generator) -> tuple[LogOULaw, float]:
    """Return a law and a noise, drawn from the fit's joint uncertainty."""
    estimates = fit.estimates
    positive = np.array([estimates[name].value for name in ("recovery_rate", "log_sd", "log_noise")])
    step = generator.multivariate_normal(np.zeros(4), np.array(fit.covariance), method="svd")
    # A rate that the table hardly knows has draws far outside what a law can be.
    rate, sd, noise = np.clip(positive * np.exp(np.clip(step[:3], -30, 30)), (1e-12, 1e-6, 0), (50, 5, 5))
    return LogOULaw(log_mean=estimates["log_mean"].value + step[3], log_sd=sd, recovery_rate=rate), float(noise)


def _chance(observed: np.ndarray, drawn: np.ndarray) -> float:
    """Return the share of replicates whose largest deviation, in SDs of its bin, is at least the observed one."""
    center, sd = np.nanmean(np.log(drawn), axis=0), np.nanstd(np.log(drawn), axis=0)
    worst = np.nanmax(np.abs(np.log(drawn) - center) / sd, axis=1)
    own = float(np.max(np.abs(np.log(observed) - center) / sd))
    # The table counts as one of the replicates, so that a chance is never 0.
    return math.nan if math.isnan(own) else float((np.sum(worst >= own) + 1) / (len(worst) + 1))
