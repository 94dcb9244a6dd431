"""The density of spine sizes without Monte Carlo: the Fokker-Planck equation by finite volumes.

In the law's additive coordinate y (law/additive.py) every family is a Brownian motion with a drift b(y),

    dP/dt = -d(b P)/dy + 1/2 d2P/dy2 - killing*P + source,

absorbed at size_min and re-formed at size_new. Cells are fine near the threshold and widen into the tail; the chain of
cells (finite_volume.py) conserves mass and stays positive. With absorption alone it is a symmetric problem: one
eigendecomposition gives survival at all sizes and times.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.engines.coordinate import Coordinate
from spinula.engines.finite_volume import Chain
from spinula.law import Dynamics, FormationRate

_DEPTH = 40.0  # the grid ends where the stationary density has fallen by exp(-40)
_CORE = 4.0  # and is finest where it has not yet fallen by exp(-4)


class Density:
    """The Fokker-Planck equation of an intrinsic law with elimination and formation.

    Parameters
    ----------
    dynamics : Dynamics
        Any law of one variable; with a boundary, spines are absorbed at size_min and formed at size_new; without one,
        nothing is eliminated or formed.
    cells : int
        The error falls as 1/cells^2.
    drive : float, um3/day
        What is added to the law's drift.
    killing : function of size (um3) to 1/day, optional
        Elimination that is not by the threshold.

    Raises
    ------
    InvalidInputError
        For a law whose size alone is not a diffusion (two time scales, the Kesten map), or that never comes to rest.

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
        self,
        dynamics: Dynamics,
        *,
        cells: int = 800,
        drive: float = 0.0,
        killing: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        if cells < 20:
            raise OutOfRangeError("cells", cells, "wanted at least 20")
        self.dynamics = dynamics
        size_min = dynamics.boundary.size_min if dynamics.boundary else None
        self._coordinate = Coordinate(dynamics.law, size_min, drive=drive)
        self._killing = killing
        self._chain = self._build(self._grid(cells))
        # Chains with an edge on a floor, by floor: each holds its eigendecomposition, the dear part.
        self._edged: dict[float, Chain] = {}
        self.edges = self._coordinate.size(self._chain.edges)
        self.sizes = self._chain.sizes

    # ---------------------------------------------------------------- answers at rest

    def stationary(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the edges of the cells (um3) and the share of spines in each, at rest."""
        return self.edges, self._at_rest(self._chain)

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
        return formation.rate / self.turnover_rate()

    def turnover_rate(self) -> float:
        """Return the eliminations per spine and day at rest: the inverse mean lifetime of a new spine."""
        return float(1.0 / (self._newborn(self._chain) @ self._lifetimes()))

    def turnover_ratio(self, interval: float, *, size_floor: float = 0.0) -> float:
        """Return what two imaging sessions would report at rest: (lost + gained)/(n1 + n2).

        Spines formed and eliminated between the sessions are not seen; with ``size_floor`` (um3), nor are spines below.

        Parameters
        ----------
        interval : float, day
            From one session to the next.
        """
        chain = self._with_edge(size_floor)
        seen = np.where(chain.sizes >= size_floor, self._at_rest(chain), 0.0)
        reward = np.asarray(chain.sizes >= size_floor, float)
        kept = self._expect(chain, seen[None, :], reward, interval)[0, 0]
        return float(np.clip(1.0 - kept / seen.sum(), 0.0, 1.0))

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw sizes at rest, um3."""
        cumulative = np.concatenate([[0.0], np.cumsum(self._at_rest(self._chain))])
        drawn = np.interp(generator.random(count) * cumulative[-1], cumulative, self._chain.edges)
        return self._coordinate.size(drawn)

    # ---------------------------------------------------------------- answers in time

    def survival(self, size: float | np.ndarray, days: float | np.ndarray) -> np.ndarray:
        """Return the chance that a spine of a size (um3) is still there after some days, shape (sizes, days)."""
        return np.minimum(self._expect(self._chain, self._points(size), np.ones(len(self.sizes)), days), 1.0)

    def first_passage(self, size: float | np.ndarray, days: float | np.ndarray) -> np.ndarray:
        """Return the density (1/day) of the time of elimination of a spine of a size, shape (sizes, days)."""
        return self._expect(self._chain, self._points(size), self._chain.lost, days)

    def mean_after(self, size: float | np.ndarray, days: float | np.ndarray) -> np.ndarray:
        """Return the mean size (um3) after some days, of spines that are still there, shape (sizes, days)."""
        starts = self._points(size)
        return self._expect(self._chain, starts, self.sizes, days) / self.survival(size, days)

    def mean_lifetime(self, size: float | np.ndarray) -> np.ndarray:
        """Return the mean time to elimination of a spine of a size, day."""
        return self._points(size) @ self._lifetimes()

    def relax(self, initial: np.ndarray, days: float, *, steps: int = 400) -> np.ndarray:
        """Return the spines per cell after some days, with spines re-formed.

        Positive for any number of steps, and with a fixed count conservative; the error falls as 1/steps^2.

        Parameters
        ----------
        initial : Array, shape (cells,)
            At the start: the share of spines per cell (fixed count), or how many there are per um (formation at a
            rate); see ``sizes`` and :meth:`point_mass`.
        """
        if days < 0 or steps < 1:
            raise OutOfRangeError(*(("days", days) if days < 0 else ("steps", steps)), "wanted days >= 0, steps >= 1")
        formation = self.dynamics.formation
        closed = self.dynamics.boundary is None
        formed = 0.0 if closed else formation.rate if isinstance(formation, FormationRate) else None
        newborn = np.zeros(len(self.sizes)) if closed else self._newborn(self._chain)
        initial = np.asarray(initial, float)
        return self._chain.relax(initial, days, formed=formed, newborn=newborn, steps=steps)

    def point_mass(self, size: float) -> np.ndarray:
        """Return all spines at one size, split between the two nearest cells so that the mean is kept."""
        return self._split(self._chain, size)

    # ---------------------------------------------------------------- cells

    def _build(self, edges: np.ndarray) -> Chain:
        """Return the chain of cells between edges (sqrt(day)), with killing."""
        chain = Chain(self._coordinate, edges, absorbing=self.dynamics.boundary is not None)
        if self._killing is not None:
            rates = np.asarray(self._killing(chain.sizes), float)
            if not (rates >= 0).all():
                raise OutOfRangeError("killing", float(rates.min()), "a rate cannot be negative")
            chain.kill(rates)
        return chain

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
        high = max(high, 2 * new)
        stretch = np.arcsinh(max(high / (4 * new), 1.0))
        return high * np.sinh(stretch * np.linspace(0, 1, cells + 1)) / np.sinh(stretch)

    def _with_edge(self, size: float) -> Chain:
        """Return the chain with its nearest inner edge moved to a size (um3), so that no cell is on both sides."""
        if size in self._edged:
            return self._edged[size]
        edges = self._chain.edges.copy()
        if size <= self._coordinate.size(edges[0] + 0.1 * (edges[1] - edges[0])):
            return self._chain
        if size >= self.edges[-2]:
            raise OutOfRangeError(
                "size_floor", size, f"next to no spine is so large; sizes end at {self.edges[-1]:.3g}"
            )
        at = float(self._coordinate.additive(np.array([size]))[0])
        edges[1 + int(np.argmin(np.abs(edges[1:-1] - at)))] = at
        self._edged[size] = self._build(edges)
        return self._edged[size]

    def _split(self, chain: Chain, size: float) -> np.ndarray:
        if not self.edges[0] <= size <= self.edges[-1]:
            ends = f"the grid ends at {self.edges[0]:.3g} and {self.edges[-1]:.3g} um3"
            raise OutOfRangeError("size", size, f"{ends}, where next to no spine is")
        right = int(np.clip(np.searchsorted(chain.sizes, size), 1, len(chain.sizes) - 1))
        left_size, right_size = chain.sizes[right - 1 : right + 1]
        share = np.clip((size - left_size) / (right_size - left_size), 0, 1)
        mass = np.zeros(len(chain.sizes))
        mass[right - 1 : right + 1] = 1 - share, share
        return mass

    def _points(self, size: float | np.ndarray) -> np.ndarray:
        """Return the weights of cells that interpolate to sizes, 0 at the threshold, shape (sizes, cells)."""
        points = []
        first = self.sizes[0] - self.edges[0]
        for one in np.atleast_1d(np.asarray(size, float)):
            if self._chain.absorbing and one <= self.sizes[0]:
                point = np.zeros(len(self.sizes))
                point[0] = max((one - self.edges[0]) / first, 0.0)
            else:
                point = self._split(self._chain, one)
            points.append(point)
        return np.array(points)

    def _newborn(self, chain: Chain) -> np.ndarray:
        if self.dynamics.boundary is None:
            raise InvalidInputError("this model has no boundary: nothing is eliminated or formed.")
        return self._split(chain, self.dynamics.boundary.size_new)

    def _at_rest(self, chain: Chain) -> np.ndarray:
        """Return the share of spines per cell at rest."""
        if self.dynamics.boundary is None:
            if chain.lost.any():
                raise InvalidInputError("spines are killed and none are formed: give a boundary, with its size_new.")
            return chain.balance()
        mass = chain.occupation(self._newborn(chain))
        return mass / mass.sum()

    def _lifetimes(self) -> np.ndarray:
        if not self._chain.lost.any():
            raise InvalidInputError("this model has no boundary: spines live for ever.")
        return self._chain.lifetimes()

    def _expect(self, chain: Chain, starts: np.ndarray, reward: np.ndarray, days: float | np.ndarray) -> np.ndarray:
        days = np.atleast_1d(np.asarray(days, float))
        if not (days >= 0).all():
            raise OutOfRangeError("days", float(days.min()), "wanted a time from 0 on")
        return np.maximum(chain.expect(starts, reward, days), 0.0 if (reward >= 0).all() else -np.inf)
