"""A network in training read as a cortex: the same measures of connections and of spines, side by side.

Nothing is fitted to make them alike. Sessions are counted alike (epochs of a network, imaging sessions of a cortex);
sizes are compared without their unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError, TableError
from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.engines.observation import Microscope
from spinula.engines.population import Layout
from spinula.measures import (
    age_hazard,
    change_by_size,
    kesten_regression,
    size_age_correlation,
    size_moments,
    survival,
    survival_by_size,
    turnover,
)
from spinula.measures.intervals import clusters, interval, resample, sums
from spinula.presets import load_preset
from spinula.studies.recording import Plan, simulate

Row = tuple[float, float, float]  # value, low, high
_NOTHING: Row = (np.nan, np.nan, np.nan)


def last_sessions(table: SpineTable, count: int) -> SpineTable:
    """Return the last sessions of a table, where a connection that comes back after a gap is a new spine.

    A network names a connection by its site, a microscope by its life.

    Raises
    ------
    InvalidInputError
        If there are fewer sessions, or fewer than three are wanted.
    """
    frame = table.frame[table.frame["present"]]
    sessions = np.unique(frame["session"])
    if not 3 <= count <= len(sessions):
        raise InvalidInputError(
            f"{count} sessions were wanted; wanted at least 3 and at most the {len(sessions)} there."
        )
    frame = frame[frame["session"] >= sessions[-count]].sort_values(["dendrite", "spine_id", "session"])
    same = (frame["spine_id"] == frame["spine_id"].shift()) & (frame["dendrite"] == frame["dendrite"].shift())
    lives = (~same | (frame["session"].diff() != 1)).cumsum()
    frame = frame.assign(spine_id=lives.astype(int), session=frame["session"] - sessions[-count])
    return SpineTable(frame.assign(day=frame["day"] - frame["day"].min()), table.size_unit, table.about)


def simulated_cortex(
    name: str = "neocortex_adult", *, sessions: int = 8, every: float = 4.0, spines: int = 2000, seed: int = 0
) -> SpineTable:
    """Return a simulated and imaged population of a preset; ``every`` in days."""
    preset = load_preset(name)
    microscope = Microscope(**{"size_floor": 0.02, "log_noise": 0.15, **preset.microscope})
    layout = Layout.for_spines(spines, spine_density=preset.spine_density or 0.5, per_dendrite=max(1, spines // 40))
    seed = Streams(seed).child(name).seed
    return simulate(Plan(preset.dynamics, microscope, layout, seed, (sessions - 1) * every, every, condition=name))


def stable_fraction(table: SpineTable, *, replicates: int = 400, seed: int = 0) -> dict[str, Row]:
    """Fit survival = stable + (1 - stable)*exp(-session/lifetime) to the first session's spines.

    Returns
    -------
    dict: stable (share that is never lost), lifetime (of the others, in sessions): value, low, high (clustered)

    Source
    ------
    Least squares on the survival curve; the interval resamples clusters (:mod:`spinula.measures.intervals`). A stable
    share is a description of a curve that flattens, not proof of a second kind of spine.
    """
    panel = table.panel()
    cohort = panel.present[:, 0]
    observed = panel.observed[cohort]
    counts = np.stack([panel.present[cohort] & observed, observed], axis=-1).astype(float)
    totals = sums(clusters(panel.spines[cohort])[0], counts)

    def fit(total: np.ndarray) -> np.ndarray:
        return np.stack(
            [_flattening(each[:, 0] / each[:, 1]) for each in np.atleast_3d(total).reshape(-1, *totals.shape[1:])]
        )

    value = fit(totals.sum(axis=0)[None])[0]
    low, high = interval(resample(totals, fit, replicates=replicates, seed=seed), value, len(totals))
    return {name: (float(value[k]), float(low[k]), float(high[k])) for k, name in enumerate(("stable", "lifetime"))}


def _flattening(alive: np.ndarray) -> np.ndarray:
    """Return (stable, lifetime) by least squares: for each lifetime on a grid, the stable share has a closed form."""
    session = np.arange(len(alive))
    use = np.isfinite(alive)
    lifetimes = np.geomspace(0.1, 10.0 * len(alive), 300)
    decay = np.exp(-session[use] / lifetimes[:, None])
    slope, away = 1.0 - decay, alive[use] - decay
    stable = np.clip((slope * away).sum(axis=1) / np.maximum((slope**2).sum(axis=1), 1e-12), 0.0, 1.0)
    best = ((away - stable[:, None] * slope) ** 2).sum(axis=1).argmin()
    return np.array([stable[best], lifetimes[best]])


def _moments(table: SpineTable) -> dict[str, Row]:
    found = size_moments(table, session=0)
    return {name: tuple(found.loc[name, ["value", "low", "high"]]) for name in ("skewness", "log_skewness", "log_sd")}


def _turnover(table: SpineTable) -> dict[str, Row]:
    found = turnover(table)[["turnover_ratio", "low", "high"]].mean()
    return {"turnover_ratio": tuple(found)}


def _survival(table: SpineTable) -> dict[str, Row]:
    last = survival(table).iloc[-1]
    return {"survival": (last["survival"], last["low"], last["high"]), **stable_fraction(table)}


def _survival_by_size(table: SpineTable) -> dict[str, Row]:
    found = survival_by_size(table, until=int(table.frame["session"].max()))
    small, large = found.iloc[0], found.iloc[-1]
    difference = large["survival"] - small["survival"]
    # The intervals of two bins, taken for independent.
    reach = np.hypot(large["high"] - large["low"], small["high"] - small["low"]) / 2
    return {"survival_large_minus_small": (difference, difference - reach, difference + reach)}


def _fluctuation(table: SpineTable) -> dict[str, Row]:
    """Fit SD of change = slope*size + floor to bins of size, weighted by their intervals; sizes over their mean."""
    from scipy.special import stdtrit

    found = change_by_size(table)
    mean, weight = np.average(found["size"], weights=found["n"]), found["n"] / (found["high"] - found["low"]) ** 2
    weight = np.where(np.isfinite(weight), weight, 0.0)
    design = np.stack([found["size"] / mean, np.ones(len(found))], axis=1)
    inverse = np.linalg.inv(design.T @ (weight[:, None] * design))
    slope, floor = inverse @ design.T @ (weight * found["sd"] / mean)
    away = found["sd"] / mean - design @ [slope, floor]
    free = len(found) - 2
    reach = float(stdtrit(free, 0.975)) * np.sqrt(np.diag(inverse) * (weight * away**2).sum() / free)
    kept = kesten_regression(table).slope
    return {
        "spread_slope": (slope, slope - reach[0], slope + reach[0]),
        "spread_floor": (floor, floor - reach[1], floor + reach[1]),
        "kept": (kept.value, kept.low, kept.high),
    }


def _age(table: SpineTable) -> dict[str, Row]:
    hazard = age_hazard(table, bins=3)
    young, old = hazard.iloc[0], hazard.iloc[-1]
    found = size_age_correlation(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.array([[row["hazard"], row["low"], row["high"]] for row in (young, old)], float))
    value = logs[1, 0] - logs[0, 0]
    reach = np.hypot(*(logs[:, 2] - logs[:, 1])) / 2
    return {
        "log_hazard_old_over_young": (value, value - reach, value + reach),
        "size_age_correlation": (found.value, found.low, found.high),
    }


# What is measured, together; and the value that means "no such thing", against which a measure has a direction. None:
# a level, of which only the intervals can be compared.
_PARTS: tuple[Callable[[SpineTable], dict[str, Row]], ...] = (
    _moments, _turnover, _survival, _survival_by_size, _fluctuation, _age,
)  # fmt: skip
MEASURES: Mapping[str, tuple[float | None, str]] = {
    "skewness": (0.0, "skewness of size: above 0, few large among many small"),
    "log_skewness": (0.0, "skewness of log-size: 0 for log-normal sizes"),
    "log_sd": (None, "SD of log-size"),
    "turnover_ratio": (None, "turnover ratio between sessions"),
    "survival": (None, "survival from first to last session"),
    "stable": (0.0, "share that the survival curve flattens at"),
    "lifetime": (None, "lifetime of the others [sessions]"),
    "survival_large_minus_small": (0.0, "survival of the largest quarter minus that of the smallest"),
    "spread_slope": (0.0, "growth of the SD of change with size, per session"),
    "spread_floor": (None, "SD of change at size 0, over the mean size"),
    "kept": (1.0, "share of a size that is kept to the next session (below 1: back to the mean)"),
    "log_hazard_old_over_young": (0.0, "log of the hazard of old over that of young spines"),
    "size_age_correlation": (0.0, "correlation of size and age of spines formed meanwhile"),
}


def read(table: SpineTable) -> pd.DataFrame:
    """Return all measures of one table; NaN where it has too few spines of a kind.

    Returns
    -------
    DataFrame, one row per measure: measure, value, low, high (95 %), meaning
    """
    found: dict[str, Row] = {}
    for part in _PARTS:
        try:
            found.update(part(table))
        except TableError:
            continue  # too few spines were formed, or sizes measured: the row says so by NaN
    rows = [(name, *found.get(name, _NOTHING), meaning) for name, (_, meaning) in MEASURES.items()]
    return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "meaning"])


def compare(network: SpineTable, cortices: Mapping[str, SpineTable], *, sessions: int | None = None) -> pd.DataFrame:
    """Return the measures of a network beside those of each cortex, and whether they point the same way.

    Parameters
    ----------
    network : SpineTable, of :func:`spinula.studies.training.train` with ``record``
    sessions : int
        Epochs of the network to read, from the end; as many as the first cortex has sessions if not given.

    Returns
    -------
    DataFrame, one row per measure and cortex
        measure, cortex, network, network_low, network_high, value, low, high, same_direction, overlaps, meaning.
        same_direction: whether both intervals lie on the same side of "no such thing" (:data:`MEASURES`); False if they
        lie on opposite sides or only one leaves it; None for a level, and where one was not measured or neither leaves.
        overlaps: whether the intervals overlap; None where one was not measured.

    Raises
    ------
    InvalidInputError
        If there is no cortex, or the network has too few sessions.
    """
    if not cortices:
        raise InvalidInputError("there is no cortex to compare with.")
    first = next(iter(cortices.values()))
    mine = read(last_sessions(network, sessions or int(first.frame["session"].nunique()))).set_index("measure")
    rows = []
    for name, table in cortices.items():
        theirs = read(table).set_index("measure")
        for measure, (nothing, meaning) in MEASURES.items():
            a, b = (tuple(each.loc[measure, ["value", "low", "high"]]) for each in (mine, theirs))
            rows.append((measure, name, *a, *b, _same_direction(a, b, nothing), _overlaps(a, b), meaning))
    columns = ["measure", "cortex", "network", "network_low", "network_high", "value", "low", "high"]
    found = pd.DataFrame(rows, columns=[*columns, "same_direction", "overlaps", "meaning"])
    # Three answers: yes, no and not to be said.
    return found.astype({"same_direction": object, "overlaps": object})


def _known(row: Row) -> bool:
    return bool(np.isfinite(row).all())


def _same_direction(mine: Row, theirs: Row, nothing: float | None) -> bool | None:
    if nothing is None or not _known(mine) or not _known(theirs):
        return None
    sides = [1 if row[1] > nothing else -1 if row[2] < nothing else 0 for row in (mine, theirs)]
    return None if sides == [0, 0] else sides[0] == sides[1]


def _overlaps(mine: Row, theirs: Row) -> bool | None:
    if not _known(mine) or not _known(theirs):
        return None
    return bool(mine[1] <= theirs[2] and theirs[1] <= mine[2])
