"""The density of spine sizes without Monte Carlo: the Fokker-Planck equation by finite volumes.

In the law's additive coordinate y (law/additive.py) every family is a Brownian motion with a drift b(y),

    dP/dt = -d(b P)/dy + 1/2 d2P/dy2 - killing*P + source,

absorbed at size_min and re-formed at size_new. Cells are fine near the threshold and widen into the tail. The flux
between two cells is exponentially fitted (Scharfetter-Gummel) with the exact potential difference between their
centres, so that the scheme conserves mass, stays positive at any step and has the exact zero-flux solution. With
absorption alone it is a symmetric problem: one eigendecomposition gives survival at all sizes and times.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy.linalg import eigh_tridiagonal, solve_banded
from scipy.sparse import csc_matrix, diags, identity
from scipy.sparse.linalg import splu

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.coordinate import Coordinate
from spinula.law import Dynamics, FormationRate

_DEPTH = 40.0  # the grid ends where the stationary density has fallen by exp(-40)
_CORE = 4.0  # and is finest where it has not yet fallen by exp(-4)


class Density:
    """The Fokker-Planck equation of an intrinsic law with elimination and formation.

    Parameters
    ----------
    dynamics : Dynamics
        Any law of one variable; with a boundary, spines are absorbed at size_min and formed at size_new.
    cells : int
        The error falls as 1/cells^2.
    killing : function of size (um3) to 1/day, optional
        Elimination that is not by the threshold.

    Raises
    ------
    InvalidInputError
        For a law whose size alone is not a diffusion (two time scales, the Kesten map).

    Source
    ------
    [scharfetter1969] for the flux; [yasumatsu2008] for the equation of spine volumes.

    Examples
    --------
    >>> from spinula.law import Boundary, LinearLaw
    >>> law = LinearLaw(recovery_rate=0.05, size_rest=0.07, noise_slope=0.2, noise_floor=0.01)
    >>> density = Density(Dynamics(law=law, boundary=Boundary(size_min=0.02, size_new=0.025)))
    >>> round(density.turnover_rate(), 3)
    0.29
    """

    def __init__(
        self, dynamics: Dynamics, *, cells: int = 800, killing: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        if cells < 20:
            raise OutOfRangeError("cells", cells, "wanted at least 20")
        self.dynamics = dynamics
        self._coordinate = Coordinate(dynamics.law, dynamics.boundary.size_min if dynamics.boundary else None)
        self._edges = self._grid(cells)
        self._centres = 0.5 * (self._edges[1:] + self._edges[:-1])
        self._widths = np.diff(self._edges)
        self.edges = self._coordinate.size(self._edges)
        self.sizes = self._coordinate.size(self._centres)
        self._up, self._down, self._absorbed = self._rates()
        self._killed = np.zeros(cells) if killing is None else np.asarray(killing(self.sizes), float)
        if (self._killed < 0).any():
            raise OutOfRangeError("killing", float(self._killed.min()), "a rate cannot be negative")

    # ---------------------------------------------------------------- answers at rest

    def stationary(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the edges of the cells (um3) and the share of spines in each, at rest."""
        mass = self._resting_mass()
        return self.edges, mass / mass.sum()

    def spine_density(self) -> float:
        """Return the spine density at rest, 1/um: formation rate times mean lifetime.

        Raises
        ------
        InvalidInputError
            If formation is not at a rate.
        """
        formation = self.dynamics.formation
        if not isinstance(formation, FormationRate) or self.dynamics.boundary is None:
            raise InvalidInputError("a spine density follows from formation at a rate; this model has a fixed count.")
        return formation.rate * float(self._newborn() @ self._lifetimes())

    def turnover_rate(self) -> float:
        """Return the eliminations per spine and day at rest: the inverse mean lifetime of a new spine."""
        return float(1.0 / (self._newborn() @ self._lifetimes()))

    def turnover_ratio(self, interval: float, *, size_floor: float = 0.0) -> float:
        """Return what two imaging sessions would report at rest: (lost + gained)/(n1 + n2).

        Spines formed and eliminated between the sessions are not seen; with ``size_floor`` (um3), nor are spines below.
        """
        _, mass = self.stationary()
        seen = np.asarray(self.sizes >= size_floor, float)
        kept = float((mass * seen) @ self._propagate(seen, np.array([interval]))[:, 0])
        return 1.0 - kept / float(mass @ seen)

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw sizes at rest, um3."""
        _, mass = self.stationary()
        cumulative = np.concatenate([[0.0], np.cumsum(mass)])
        return self._coordinate.size(np.interp(generator.random(count) * cumulative[-1], cumulative, self._edges))

    # ---------------------------------------------------------------- answers in time

    def survival(self, size: float | np.ndarray, days: float | np.ndarray) -> np.ndarray:
        """Return the chance that a spine of a size (um3) is still there after some days, shape (sizes, days)."""
        alive = self._propagate(np.ones(len(self.sizes)), np.atleast_1d(np.asarray(days, float)))
        return self._at(alive, size)

    def first_passage(self, size: float | np.ndarray, days: float | np.ndarray) -> np.ndarray:
        """Return the density (1/day) of the time of elimination of a spine of a size, shape (sizes, days)."""
        rate = self._propagate(self._absorbed + self._killed, np.atleast_1d(np.asarray(days, float)))
        return self._at(rate, size)

    def mean_lifetime(self, size: float | np.ndarray) -> np.ndarray:
        """Return the mean time to elimination of a spine of a size, day."""
        return self._at(self._lifetimes()[:, None], size)[:, 0]

    def relax(self, initial: np.ndarray, days: float, *, steps: int = 2000) -> np.ndarray:
        """Return the share of spines per cell after some days, with eliminated spines re-formed (fixed count).

        Implicit Euler: positive and conservative for any number of steps; the error falls as 1/steps.

        Parameters
        ----------
        initial : Array, shape (cells,)
            Share per cell at the start; see ``sizes`` and :meth:`point_mass`.
        """
        generator = self._matrix() + csc_matrix(np.outer(self._newborn(), self._absorbed + self._killed))
        solve = splu((identity(len(self.sizes), format="csc") - days / steps * generator).tocsc()).solve
        mass = np.asarray(initial, float)
        for _ in range(steps):
            mass = solve(mass)
        return mass

    def point_mass(self, size: float) -> np.ndarray:
        """Return all spines at one size, split between the two nearest cells so that the mean is kept."""
        at = float(self._coordinate.additive(np.array([size]))[0])
        right = int(np.clip(np.searchsorted(self._centres, at), 1, len(self._centres) - 1))
        share = (at - self._centres[right - 1]) / (self._centres[right] - self._centres[right - 1])
        mass = np.zeros(len(self._centres))
        mass[right - 1 : right + 1] = 1 - np.clip(share, 0, 1), np.clip(share, 0, 1)
        return mass

    # ---------------------------------------------------------------- the scheme

    def _grid(self, cells: int) -> np.ndarray:
        """Return the edges in the additive coordinate."""
        low, high = self._coordinate.reach(_DEPTH)
        if self.dynamics.boundary is None:
            # Even where nearly all spines are, stretched into the tails.
            near = self._coordinate.reach(_CORE)
            middle, width = 0.5 * (near[0] + near[1]), 0.5 * (near[1] - near[0])
            ends = np.arcsinh((low - middle) / width), np.arcsinh((high - middle) / width)
            return middle + width * np.sinh(np.linspace(*ends, cells + 1))
        # Even near the threshold, where new spines begin and end; stretched beyond.
        new = float(self._coordinate.additive(np.array([self.dynamics.boundary.size_new]))[0])
        stretch = np.arcsinh(max(high / (4 * new), 1.0))
        return high * np.sinh(stretch * np.linspace(0, 1, cells + 1)) / np.sinh(stretch)

    def _rates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rates (1/day) from each cell to the next, back from it, and out through the threshold."""
        rise = self._coordinate.potential_steps(self._centres)
        gap = np.diff(self._centres)
        up = 0.5 / gap * _bernoulli(-rise) / self._widths[:-1]
        down = 0.5 / gap * _bernoulli(rise) / self._widths[1:]
        absorbed = np.zeros(len(self._centres))
        if self.dynamics.boundary is not None:
            reach = self._centres[0] - self._edges[0]
            first = self._coordinate.potential_steps(np.array([self._edges[0], self._centres[0]]))[0]
            absorbed[0] = 0.5 / reach * _bernoulli(first) / self._widths[0]
        return up, down, absorbed

    @property
    def _leaving(self) -> np.ndarray:
        """The total rate out of each cell, 1/day."""
        leaving = self._absorbed + self._killed
        leaving[:-1] += self._up
        leaving[1:] += self._down
        return leaving

    def _matrix(self) -> csc_matrix:
        """The generator: d(mass)/dt = matrix @ mass, without formation."""
        return diags([self._up, -self._leaving, self._down], [-1, 0, 1], format="csc")

    def _newborn(self) -> np.ndarray:
        if self.dynamics.boundary is None:
            raise InvalidInputError("this model has no boundary: nothing is eliminated or formed.")
        return self.point_mass(self.dynamics.boundary.size_new)

    def _solve(self, lower: np.ndarray, upper: np.ndarray, right: np.ndarray) -> np.ndarray:
        banded = np.zeros((3, len(right)))
        banded[0, 1:], banded[1], banded[2, :-1] = -upper, self._leaving, -lower
        return solve_banded((1, 1), banded, right)

    def _resting_mass(self) -> np.ndarray:
        if self.dynamics.boundary is None:
            log_mass = np.concatenate([[0.0], np.cumsum(self._coordinate.potential_steps(self._centres))])
            return np.exp(log_mass - log_mass.max()) * self._widths
        return self._solve(self._up, self._down, self._newborn())

    def _lifetimes(self) -> np.ndarray:
        """Mean time to elimination from each cell (the backward equation), day."""
        if self.dynamics.boundary is None and not self._killed.any():
            raise InvalidInputError("this model has no boundary: spines live for ever.")
        return self._solve(self._down, self._up, np.ones(len(self.sizes)))

    @cached_property
    def _modes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Eigenvalues, eigenvectors and the scale of the symmetrised generator."""
        half = 0.5 * np.concatenate([[0.0], np.cumsum(np.log(self._up / self._down))])
        values, vectors = eigh_tridiagonal(-self._leaving, np.sqrt(self._up * self._down))
        return np.minimum(values, 0.0), vectors, np.exp(half - half.max())

    def _propagate(self, reward: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return E[reward(cell at time t), alive | start cell], shape (cells, days)."""
        if (days < 0).any():
            raise OutOfRangeError("days", float(days.min()), "wanted a time from 0 on")
        values, vectors, scale = self._modes
        weights = vectors.T @ (scale * reward)
        decayed = weights[:, None] * np.exp(values[:, None] * days[None, :])
        return np.clip((vectors @ decayed) / np.maximum(scale, 1e-12)[:, None], 0.0, None)

    def _at(self, by_cell: np.ndarray, size: float | np.ndarray) -> np.ndarray:
        """Interpolate from cells to sizes; 0 at the threshold."""
        at = self._coordinate.additive(np.atleast_1d(np.asarray(size, float)))
        points, values = self._centres, by_cell
        if self.dynamics.boundary is not None:
            points = np.concatenate([[self._edges[0]], points])
            values = np.vstack([np.zeros(values.shape[1]), values])
        return np.stack([np.interp(at, points, column) for column in values.T], axis=1)


def _bernoulli(x: np.ndarray) -> np.ndarray:
    """Return x/(exp(x) - 1), 1 at 0."""
    small = np.abs(x) < 1e-8
    safe = np.where(small, 1.0, x)
    return np.where(small, 1.0 - 0.5 * x, safe / np.expm1(safe))
