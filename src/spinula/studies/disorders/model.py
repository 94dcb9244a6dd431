"""From a composition to populations at rest: parts of one dendrite that differ in law or in elimination.

New spines are formed at a rate per length, so that density is an outcome: the base is formed at the rate that keeps it
at its own spine density. Spines do not interact here, so that populations of parts add up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.density import Density
from spinula.law import Boundary, Dynamics, FormationRate
from spinula.presets.compose import Composition, compose

DENSITY = 0.5  # 1/um, where a base states none: assumed
_MINIMUM = 0.02  # um3; the smallest spine that is counted (assumed, as in the presets)


@dataclass(frozen=True)
class Part:
    """A share of a dendrite with one law and one elimination.

    Attributes
    ----------
    share : float, of the base's formation that falls here
    formed : float, 1/(um day), formation per length of the whole dendrite
    killing : float, 1/day, elimination that is not by the threshold
    edited : bool, whether the condition acts here
    """

    share: float
    dynamics: Dynamics
    formed: float
    killing: float
    edited: bool

    @cached_property
    def density(self) -> Density:
        """The Fokker-Planck equation of this part, killing included."""
        return Density(self.dynamics, killing=_constant(self.killing))

    @cached_property
    def mass(self) -> np.ndarray:
        """How many spines there are per um and cell of size, at rest."""
        _, shares = self.density.stationary()
        return shares * self.formed / self.density.turnover_rate()


@dataclass(frozen=True)
class Resting:
    """A condition at rest: its parts, and the composition it came from."""

    composition: Composition
    parts: tuple[Part, ...]

    @property
    def spine_density(self) -> float:
        """Spines per um of dendrite."""
        return float(sum(part.mass.sum() for part in self.parts))

    def count(self, low: float, high: float = np.inf) -> float:
        """Return the spines per um of sizes from ``low`` to ``high``, um3; cells are split where a limit cuts them."""
        total = 0.0
        for part in self.parts:
            edges = part.density.edges
            inside = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
            total += float((part.mass * np.clip(inside / np.diff(edges), 0.0, 1.0)).sum())
        return total

    def moments(self) -> dict[str, float]:
        """Return mean and median of size, and SD of log-size."""
        sizes = np.concatenate([part.density.sizes for part in self.parts])
        mass = np.concatenate([part.mass for part in self.parts])
        order = np.argsort(sizes)
        sizes, mass = sizes[order], mass[order] / mass.sum()
        middle = float(np.interp(0.5, np.cumsum(mass) - 0.5 * mass, sizes))
        mean_log = float((mass * np.log(sizes)).sum())
        spread = float(np.sqrt((mass * (np.log(sizes) - mean_log) ** 2).sum()))
        return {"mean_size": float((mass * sizes).sum()), "median_size": middle, "size_spread": spread}

    def average(self, of: Callable[[Part], float]) -> float:
        """Return the mean of something over parts, weighted by their spines."""
        weights = np.array([part.mass.sum() for part in self.parts])
        return float(np.average([of(part) for part in self.parts], weights=weights))


def _constant(rate: float) -> Callable[[np.ndarray], np.ndarray] | None:
    return (lambda sizes: np.full(len(sizes), rate)) if rate > 0 else None


@cache
def base_formation(base: str) -> float:
    """Return the formation rate, 1/(um day), that keeps a base at its spine density: density times turnover."""
    composed = compose(base)
    density = composed.preset.spine_density or DENSITY
    return density * Density(_with_boundary(composed.dynamics)).turnover_rate()


def _with_boundary(dynamics: Dynamics) -> Dynamics:
    if dynamics.boundary is not None:
        return dynamics
    return dynamics.model_copy(update={"boundary": Boundary(size_min=_MINIMUM, size_new=1.5 * _MINIMUM)})


def rated(dynamics: Dynamics, rate: float) -> Dynamics:
    """Return dynamics with formation at a rate, 1/(um day)."""
    return _with_boundary(dynamics).model_copy(update={"formation": FormationRate(rate=rate)})


def resting(composition: Composition) -> Resting:
    """Return a composition at rest.

    Raises
    ------
    InvalidInputError
        If the base's law has no density (two time scales without a boundary).
    """
    law = composition.dynamics.law.family
    if law in ("two_time_log_ou", "kesten_map"):
        raise InvalidInputError(
            f"{composition.preset.name!r} has the law {law!r}, which has no density of sizes alone.\n"
            "  Name a base with a law of one variable, such as neocortex_adult."
        )
    levers, base = composition.levers, compose(composition.preset.name)
    rate = base_formation(composition.preset.name)
    killed, hit = levers.elimination.rate, levers.elimination.branches if levers.elimination.rate > 0 else 1.0
    parts = []
    for edited, share in ((True, levers.inputs.affected), (False, 1.0 - levers.inputs.affected)):
        dynamics = composition.dynamics if edited else base.dynamics
        factor = levers.formation.factor if edited else 1.0
        for killing, branches in ((killed, hit), (0.0, 1.0 - hit)):
            size = share * branches
            if size > 0:
                formed = rate * factor * size
                parts.append(Part(size, rated(dynamics, formed), formed, killing if edited else 0.0, edited))
    return Resting(composition, tuple(parts))
