"""The population level: sizes, turnover, survival and formation of a condition at rest, without Monte Carlo.

Every number is a solution of the Fokker-Planck equation of the condition's law, so that differences from the base are
exact for the model; what is uncertain is the edit itself, and its range gives the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from spinula.engines.density import Density
from spinula.presets import load_preset
from spinula.presets.compose import Composition, compose
from spinula.studies.disorders.model import Part, Resting, rated, resting

# Classes of size, um3: a choice; the papers' classes are of fluorescence and have no volumes.
SMALL, LARGE, EXTRA_LARGE = 0.05, 0.1, 0.3
TURNOVER_DAYS, SURVIVAL_DAYS, NEW_DAYS, MEMORY_DAYS = 2.0, 30.0, 7.0, 14.0
_GAIN = (2.4, 0.12)  # potentiation of the adult neocortex: consolidated_gain, size_scale (assumed there)

MEASURES = {
    "spine_density": "spines per um",
    "formation_rate": "new spines per um and day",
    "elimination": "share eliminated per day",
    "turnover_ratio": "turnover ratio over 2 days",
    "mean_size": "mean size",
    "median_size": "median size",
    "size_spread": "SD of log-size",
    "small_density": "small spines per um (< 0.05 um3)",
    "medium_density": "medium spines per um (0.05 to 0.1)",
    "large_density": "large spines per um (> 0.1)",
    "extra_large_share": "share above 0.3 um3",
    "survival": "survival over 30 days",
    "new_survival": "survival of new spines, 7 days",
    "large_survival": "survival of 0.2-um3 spines, 30 days",
    "size_stability": "larger spines live longer (1: yes)",
    "memory_signal": "signal of a memory after 14 days (d')",
    "spared_turnover": "turnover ratio of spared inputs",
    "branch_difference": "density lost on hit against spared branches",
    "experience_turnover": "turnover that experience adds",
    "dendrite_length": "length of dendrites",
}


def measured(composition: Composition, wanted: Collection[str] | None = None) -> dict[str, float]:
    """Return measures of a composition at rest: those that are wanted, or all.

    A law with activity has no density of its own; there is nothing here for it (see ``dendrite.with_activity``).
    """
    if composition.mechanisms.activity is not None:
        return {}
    now = resting(composition)
    asked = [name for name in MEASURES if wanted is None or name in wanted]
    return {name: _ASK[name](now) for name in asked}


def _turnover(part: Part, days: float = TURNOVER_DAYS) -> float:
    return part.density.turnover_ratio(days)


def _survival(part: Part) -> float:
    return 1.0 - part.density.turnover_ratio(SURVIVAL_DAYS)


def _new_survival(now: Resting) -> float:
    """Return the survival of new spines, of the part that the condition acts on."""
    part = now.parts[0]
    assert part.dynamics.boundary is not None
    return float(part.density.survival(part.dynamics.boundary.size_new, NEW_DAYS)[0, 0])


def _by_size(now: Resting, sizes: list[float]) -> np.ndarray:
    return now.parts[0].density.survival(np.array(sizes), SURVIVAL_DAYS)[:, 0]


def memory_signal(part: Part, days: float = MEMORY_DAYS) -> float:
    """Return how well potentiated spines can be told from others after some days: d' of size, lost spines at 0.

    Spines at rest are potentiated once, V <- V + gain*V*exp(-V/size_scale), and then follow the intrinsic law; so do
    their controls. Nothing is formed: a new spine knows nothing of the memory.

    Source
    ------
    Discriminability of two classes; that fluctuation limits it is the claim of [humble2019].
    """
    closed = Density(rated(part.dynamics, 0.0), killing=lambda sizes: np.full(len(sizes), part.killing))
    gain, scale = _GAIN
    rest = part.mass / part.mass.sum()
    raised = closed.sizes + gain * closed.sizes * np.exp(-closed.sizes / scale)
    moved = np.zeros_like(rest)
    where = np.clip(np.searchsorted(closed.edges, raised) - 1, 0, len(rest) - 1)
    np.add.at(moved, where, rest)
    found = []
    for start in (rest, moved):
        left = closed.relax(start, days, steps=100)
        mean = float((left * closed.sizes).sum())
        found.append((mean, float((left * closed.sizes**2).sum()) - mean**2))
    (plain, first), (signal, second) = found
    return (signal - plain) / float(np.sqrt(0.5 * (first + second)))


def _spared(now: Resting) -> float:
    spared = [part for part in now.parts if not part.edited]
    # Where nothing is spared, the spared input is that of the base.
    return _turnover(spared[0] if spared else resting(compose(now.composition.preset.name)).parts[0])


def _branches(now: Resting) -> float:
    """Return how much denser spared branches are than hit ones, per length of each; 0 where all are alike."""
    mine = [part for part in now.parts if part.edited]
    if len(mine) < 2:
        return 0.0
    hit, spared = (part.mass.sum() / part.share for part in mine[:2])
    return float(1.0 - hit / spared)


def _experience(now: Resting) -> float:
    """Return the turnover over two days that an enriched environment adds to one without activity.

    noise_floor^2 = own^2 + gain*(enriched^2 - blocked^2), from the presets of the neocortex.
    """
    composition = now.composition
    law = composition.dynamics.law
    own = getattr(law, "noise_floor", None)
    if own is None:
        return float("nan")
    floors = [
        load_preset(name).quantities["law.noise_floor"].value for name in ("neocortex_enriched", "neocortex_blocked")
    ]
    added = composition.levers.experience.gain * (floors[0] ** 2 - floors[1] ** 2)
    rich = law.model_copy(update={"noise_floor": float(np.sqrt(own**2 + added))})
    here = [rated(composition.dynamics.model_copy(update={"law": one}), 1.0) for one in (law, rich)]
    plain, more = (Density(one).turnover_ratio(TURNOVER_DAYS) for one in here)
    return more - plain


_ASK: dict[str, Callable[[Resting], float]] = {
    "spine_density": lambda now: now.spine_density,
    "formation_rate": lambda now: sum(part.formed for part in now.parts),
    "elimination": lambda now: sum(part.formed for part in now.parts) / now.spine_density,
    "turnover_ratio": lambda now: now.average(_turnover),
    "mean_size": lambda now: now.moments()["mean_size"],
    "median_size": lambda now: now.moments()["median_size"],
    "size_spread": lambda now: now.moments()["size_spread"],
    "small_density": lambda now: now.count(0.0, SMALL),
    "medium_density": lambda now: now.count(SMALL, LARGE),
    "large_density": lambda now: now.count(LARGE),
    "extra_large_share": lambda now: now.count(EXTRA_LARGE) / now.spine_density,
    "survival": lambda now: now.average(_survival),
    "new_survival": _new_survival,
    "large_survival": lambda now: float(_by_size(now, [0.2])[0]),
    "size_stability": lambda now: float((np.diff(_by_size(now, [0.03, 0.05, 0.1, 0.2])) > 0).all()),
    "memory_signal": lambda now: memory_signal(now.parts[0]),
    "spared_turnover": _spared,
    "branch_difference": _branches,
    "experience_turnover": _experience,
    "dendrite_length": lambda now: now.composition.levers.dendrite.length,
}
