"""A diffusion in its additive coordinate as a chain of cells: positive, conservative finite volumes.

The flux between two cells is exponentially fitted (Scharfetter-Gummel) with the exact potential difference between
their centres. The rates are never negative, so that densities stay positive; what leaves a cell enters its neighbour,
so that mass is conserved; and the chain in detailed balance is the zero-flux density of the law itself.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.linalg import eigh_tridiagonal, solve_banded
from scipy.sparse import csc_matrix, diags, identity
from scipy.sparse.linalg import splu

from spinula.engines.coordinate import Coordinate

_ROUNDING = 1e-9  # the largest error that the eigendecomposition may amplify its rounding to
_NEVER = 1e-280  # 1/day; what is rarer still must not divide by 0
_DEEPEST = -300.0  # exponents below this are as good as 0, and must not underflow


class Chain:
    """Cells between edges, and the rates (1/day) from each to the next (up), back (down) and out.

    Parameters
    ----------
    coordinate : Coordinate
    edges : Array, shape (cells + 1,), sqrt(day)
        Increasing, in the additive coordinate.
    absorbing : bool
        Whether the lowest edge absorbs; otherwise nothing passes either end.
    """

    def __init__(self, coordinate: Coordinate, edges: np.ndarray, *, absorbing: bool) -> None:
        self.edges, self.absorbing = edges, absorbing
        self.centres = 0.5 * (edges[1:] + edges[:-1])
        self.sizes = coordinate.size(self.centres)
        self.widths = np.diff(edges)
        self.rise = coordinate.potential_steps(self.centres)
        gap = np.diff(self.centres)
        self.up = 0.5 / gap * _bernoulli(-self.rise) / self.widths[:-1]
        self.down = 0.5 / gap * _bernoulli(self.rise) / self.widths[1:]
        self.lost = np.zeros(len(self.centres))
        if absorbing:
            # Density 0 on the edge itself, half a cell below the first centre.
            first = coordinate.potential_steps(np.array([edges[0], self.centres[0]]))[0]
            self.lost[0] = _bernoulli(first) / self.widths[0] ** 2

    def kill(self, rates: np.ndarray) -> None:
        """Add a rate of loss (1/day) to every cell."""
        self.lost = self.lost + rates

    @property
    def leaving(self) -> np.ndarray:
        """The total rate out of each cell, 1/day."""
        leaving = self.lost.copy()
        leaving[:-1] += self.up
        leaving[1:] += self.down
        return leaving

    def balance(self) -> np.ndarray:
        """Return the share of each cell in detailed balance: the zero-flux density, with nothing lost."""
        log_density = np.concatenate([[0.0], np.cumsum(self.rise)])
        mass = np.exp(np.maximum(log_density - log_density.max(), 2 * _DEEPEST)) * self.widths
        return mass / mass.sum()

    def occupation(self, source: np.ndarray) -> np.ndarray:
        """Return the mean time (day) that what enters by a source spends in each cell before it is lost."""
        if self.lost[1:].any():
            return self._solve(self.up, self.down, source)
        return self.balance() * self._climb(source)

    def lifetimes(self) -> np.ndarray:
        """Return the mean time (day) to loss from each cell."""
        if self.lost[1:].any():
            return self._solve(self.down, self.up, np.ones(len(self.centres)))
        return self._climb(self.balance())

    def _climb(self, amount: np.ndarray) -> np.ndarray:
        """Return what both answers are when all loss is from the lowest cell: sums of positive terms.

        They keep their digits where the chain is all but closed and a linear solver would lose them.
        """
        mass, above = self.balance(), np.cumsum(amount[::-1])[::-1]
        traffic = np.concatenate([[mass[0] * self.lost[0]], mass[:-1] * self.up])
        return np.cumsum(above / np.maximum(traffic, _NEVER))

    def _solve(self, lower: np.ndarray, upper: np.ndarray, right: np.ndarray) -> np.ndarray:
        banded = np.zeros((3, len(right)))
        banded[0, 1:], banded[1], banded[2, :-1] = -upper, self.leaving, -lower
        return solve_banded((1, 1), banded, right)

    # ---------------------------------------------------------------- in time

    def expect(self, starts: np.ndarray, reward: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return starts @ E[reward(cell after some days), not lost | first cell], shape (starts, days).

        By the eigendecomposition of the symmetrised chain: all times at once. Where the equilibrium density at a start
        is so small that rounding would show (a spine born deep in a tail), by steps of time instead.

        Parameters
        ----------
        starts : Array, shape (starts, cells)
            A weight for each cell, such as a distribution of the first cell.
        reward : Array, shape (cells,)
        days : Array, shape (days,), from 0 on
        """
        values, vectors, scale = self._modes
        scaled = starts / scale
        rounding = np.finfo(float).eps * np.abs(scaled).sum(axis=1).max() * np.linalg.norm(scale * reward)
        if rounding > _ROUNDING * max(np.abs(reward).max(), 1.0):
            return self._expect_by_steps(starts, reward, days)
        weights = (scaled @ vectors) * (vectors.T @ (scale * reward))
        return weights @ np.exp(values[:, None] * days[None, :])

    @cached_property
    def _modes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Eigenvalues, eigenvectors and the scale of the symmetrised generator."""
        log_mass = np.log(self.balance())
        values, vectors = eigh_tridiagonal(-self.leaving, np.sqrt(self.up * self.down))
        return np.minimum(values, 0.0), vectors, np.exp(0.5 * (log_mass - log_mass.max()))

    def _expect_by_steps(self, starts: np.ndarray, reward: np.ndarray, days: np.ndarray) -> np.ndarray:
        found = np.empty((len(starts), len(days)))
        generator, value, now = self._generator.T.tocsc(), reward, 0.0
        for index in np.argsort(days):
            if days[index] > now:
                value = _march(generator, value, days[index] - now, steps=100)
                now = days[index]
            found[:, index] = starts @ value
        return found

    @property
    def _generator(self) -> csc_matrix:
        """d(mass)/dt = generator @ mass."""
        return diags([self.up, -self.leaving, self.down], [-1, 0, 1], format="csc")

    def relax(
        self, mass: np.ndarray, days: float, *, formed: float | None, newborn: np.ndarray, steps: int
    ) -> np.ndarray:
        """Return the mass of each cell after some days.

        Parameters
        ----------
        mass : Array, shape (cells,)
        formed : float or None
            How much is formed per day; None replaces at once all that is lost.
        newborn : Array, shape (cells,)
            Where it is formed; sums to 1.
        """
        if formed is not None:
            return _march(self._generator, mass, days, steps=steps, source=formed * newborn)
        after = _march(self.closed_generator(newborn), mass, days, steps=steps)
        # The columns of the generator sum to 0; what is given back here is the rounding of many solves.
        return after * (mass.sum() / after.sum())

    def closed_generator(self, newborn: np.ndarray) -> csc_matrix:
        """Return the generator (1/day) of a population in which what is lost is formed at once."""
        return (self._generator + csc_matrix(np.outer(newborn, self.lost))).tocsc()


def _march(
    generator: csc_matrix, start: np.ndarray, days: float, *, steps: int, source: np.ndarray | float = 0.0
) -> np.ndarray:
    """Return the solution of dx/dt = generator @ x + source after some days.

    Implicit Euler with ``steps`` and with twice as many steps, extrapolated to second order. Each run is positive and
    conserves the sum; the difference of the two may dip below 0 where next to nothing is, which is cut off there and
    given back in proportion, so that both hold for the result too.
    """
    coarse, fine = start, start
    for count in (steps, 2 * steps):
        dt = days / count
        solve = splu((identity(len(start), format="csc") - dt * generator).tocsc()).solve
        value = start
        for _ in range(count):
            value = solve(value + dt * source)
        coarse, fine = fine, value
    result = 2 * fine - coarse
    positive = np.maximum(result, 0.0)
    total = positive.sum()
    return positive * (result.sum() / total) if total > 0 else positive


def _bernoulli(x: np.ndarray) -> np.ndarray:
    """Return x/(exp(x) - 1), 1 at 0."""
    small = np.abs(x) < 1e-8
    safe = np.where(small, 1.0, x)
    with np.errstate(over="ignore"):  # exp of much is infinite, and the rate 0: as it should be
        return np.where(small, 1.0 - 0.5 * x, safe / np.expm1(safe))
