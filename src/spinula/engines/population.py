"""A living population: millions of spines that fluctuate, vanish and form by their intrinsic dynamics alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from pydantic import BaseModel, ConfigDict

from spinula.core.errors import InvalidInputError, OutOfRangeError
from spinula.core.quantity import quantity
from spinula.core.streams import Streams
from spinula.engines import kernels, steps
from spinula.engines.plan import FAMILY, in_log, make_plan, parameters
from spinula.law import Dynamics, FormationRate, KestenMap

Initial = Callable[[np.random.Generator, int], np.ndarray]


class Layout(BaseModel):
    """How many spines live on how many dendrites.

    A dendrite is the unit of parallel work and of imaging. With formation at a rate, ``spines_per_dendrite`` is where
    the population starts; with a fixed count it stays.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dendrites: int = quantity(20, unit="1", what="number of dendrites", ge=1, le=2**31)
    spines_per_dendrite: int = quantity(50, unit="1", what="spines on each dendrite at the start", ge=0)
    length_um: float = quantity(50.0, unit="um", what="length of each dendrite", gt=0)

    @classmethod
    def for_spines(cls, spines: int, *, spine_density: float = 1.0, per_dendrite: int = 50) -> Layout:
        """Return a layout for about that many spines at a spine density (1/um).

        Examples
        --------
        >>> Layout.for_spines(1000).dendrites
        20
        """
        per_dendrite = min(per_dendrite, spines)
        dendrites = -(-spines // per_dendrite)
        return cls(dendrites=dendrites, spines_per_dendrite=per_dendrite, length_um=per_dendrite / spine_density)


@dataclass(frozen=True)
class Snapshot:
    """All living spines at one moment; flat arrays of one entry per spine, sorted by dendrite.

    Attributes
    ----------
    day : float, day
    dendrite : Array of int32
    spine_id : Array of int64, new at each birth, unique within its dendrite
    size : Array, um3
    born_day : Array, day; NaN for spines that were there at the start
    position_um : Array, um along the dendrite
    formed, eliminated : int, events since the snapshot before
    """

    day: float
    dendrite: np.ndarray
    spine_id: np.ndarray
    size: np.ndarray
    born_day: np.ndarray
    position_um: np.ndarray
    formed: int
    eliminated: int

    def __len__(self) -> int:
        return len(self.size)


class Population:
    """A population of spines under an intrinsic law, with elimination and formation.

    size <- one step of the law (see :mod:`spinula.law.additive`); eliminated at size_min with Brownian-bridge crossing;
    formed at size_new, at once (fixed count) or at a rate per dendrite length.

    Parameters
    ----------
    dynamics : Dynamics
        Law, boundary and formation.
    seed : int
        Same seed, same bytes, for any number of threads.
    layout : Layout
    dt : float, day
        Time step. Turnover does not depend on it (that is what the bridge is for); smooth statistics want dt <= 0.1.
    dtype : "float32" or "float64"
    initial : None, float, array of shape (spines,) or function(generator, count)
        Sizes at the start, um3; None draws from the stationary law (with the boundary, from the density engine).
    scheme : "additive" or "euler"
        ``euler`` is the plain Ito-Euler scheme without crossing correction, kept for comparison only.

    Raises
    ------
    StepTooLargeError
        If the law cannot take ``dt``.
    InvalidInputError
        If formation is at a rate without a boundary, or an initial size is not above size_min.

    Examples
    --------
    >>> from spinula.law import LinearLaw
    >>> law = LinearLaw(recovery_rate=0.05, size_rest=0.09, noise_slope=0.2, noise_floor=0.002)
    >>> population = Population(Dynamics(law=law), seed=1, layout=Layout(dendrites=2), initial=0.09)
    >>> [len(snapshot) for snapshot in population.run(days=2, every=1)]
    [100, 100, 100]
    """

    def __init__(
        self,
        dynamics: Dynamics,
        *,
        seed: int,
        layout: Layout | None = None,
        dt: float = 0.05,
        dtype: str = "float32",
        initial: float | np.ndarray | Initial | None = None,
        scheme: str = "additive",
    ) -> None:
        self.dynamics, self.layout = dynamics, layout or Layout()
        self.streams, self.dt = Streams(seed), float(dt)
        dynamics.law.check_step(dt)
        if isinstance(dynamics.formation, FormationRate) and dynamics.boundary is None:
            raise InvalidInputError("formation at a rate needs a boundary: give size_min and size_new.")
        self._mode = kernels.RATE if isinstance(dynamics.formation, FormationRate) else kernels.FIXED
        self._scheme = {"additive": steps.ADDITIVE, "euler": steps.EULER}[scheme]
        self._dtype = np.dtype(dtype)
        self._family = FAMILY[dynamics.law.family]
        self._in_log = in_log(self._family)
        self._p = parameters(dynamics, dt, self._scheme).astype(self._dtype)
        self._step = 0
        self._state = self._start(initial)

    @property
    def day(self) -> float:
        """The time of the population, day."""
        return self._step * self.dt

    def run(self, *, days: float, every: float = 1.0, threads: int | None = None) -> Iterator[Snapshot]:
        """Advance the population and yield a snapshot now, then every ``every`` days.

        ``every`` is rounded to a whole number of steps, at least one.

        Raises
        ------
        OutOfRangeError
            If ``days`` or ``every`` is not positive.
        """
        for name, value in (("days", days), ("every", every)):
            if not value > 0:
                raise OutOfRangeError(name, value, "wanted a positive number of days")
        stride = max(1, round(every / self.dt))
        yield self.snapshot()
        for _ in range(round(days / (stride * self.dt))):
            self.advance(stride, threads=threads)
            yield self.snapshot()

    def advance(self, count: int, *, threads: int | None = None) -> None:
        """Advance the population by a number of steps, with as many threads as Numba has or as are asked for."""
        self._step += count
        plan = self._plan(self._step)
        before = numba.get_num_threads()
        numba.set_num_threads(min(threads or before, numba.config.NUMBA_NUM_THREADS))
        try:
            kernels.run_all(self._state, plan, self._p)
            while self._state.stalled.any():
                self._grow()
                kernels.run_all(self._state, plan, self._p)
        finally:
            numba.set_num_threads(before)

    def snapshot(self) -> Snapshot:
        """Return all living spines now, as copies; the event counters start again."""
        state = self._state
        living = np.arange(state.size.shape[1]) < state.count[:, None]
        dendrite = np.repeat(np.arange(len(state.count), dtype=np.int32), state.count)
        number = state.number[living]
        size = np.exp(state.size[living]) if self._in_log else state.size[living]
        share = kernels.positions(number, dendrite, np.uint64(self.streams.key("position")))
        formed, eliminated = int(state.formed.sum()), int(state.eliminated.sum())
        state.formed[:], state.eliminated[:] = 0, 0
        return Snapshot(
            self.day, dendrite, number.astype(np.int64), size, state.born[living],
            share * np.float32(self.layout.length_um), formed, eliminated,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return everything a run needs to go on (arrays and the step), for :meth:`restore`."""
        return {**{name: array.copy() for name, array in self._state._asdict().items()}, "step": self._step}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a saved :meth:`state` of a population made with the same arguments; same bytes."""
        arrays = {name: np.array(state[name]) for name in kernels.State._fields}
        self._state, self._step = kernels.State(**arrays), int(state["step"])

    def _plan(self, last: int) -> kernels.Plan:
        key = self.streams.key("noise")
        return make_plan(self.dynamics, self.dt, key, length_um=self.layout.length_um, last=last, scheme=self._scheme)

    def _start(self, initial: float | np.ndarray | Initial | None) -> kernels.State:
        """Lay out the arrays and draw the sizes at the start."""
        dendrites, each = self.layout.dendrites, self.layout.spines_per_dendrite
        boundary, generator = self.dynamics.boundary, self.streams.generator("initial")
        slots = max(1, each) if self._mode == kernels.FIXED else max(16, int(1.5 * each + 6 * np.sqrt(each)))
        sizes = _initial_sizes(self.dynamics, initial, generator, dendrites * each)
        if boundary is not None and len(sizes) and sizes.min() <= boundary.size_min:
            raise OutOfRangeError(
                "initial size", float(sizes.min()), f"must exceed size_min = {boundary.size_min:g} um3"
            )
        size = np.full((dendrites, slots), steps.DEAD, self._dtype)
        size[:, :each] = (np.log(sizes) if self._in_log else sizes).reshape(dendrites, each)
        fast = np.zeros((dendrites, slots if self._family == steps.TWO_TIME else 1), self._dtype)
        if self._family == steps.TWO_TIME:
            fast[:, :each] = fast_given_size(self.dynamics.law, size[:, :each], generator)
        number = np.zeros((dendrites, slots), np.uint32)
        number[:, :each] = np.arange(each)
        state = kernels.State(
            size=size, fast=fast, number=number, born=np.full((dendrites, slots), np.nan, np.float32),
            count=np.full(dendrites, each, np.int64), next_number=np.full(dendrites, each, np.uint32),
            next_birth=np.full(dendrites, np.inf), progress=np.zeros(dendrites, np.int64),
            stalled=np.zeros(dendrites, np.bool_), formed=np.zeros(dendrites, np.int64),
            eliminated=np.zeros(dendrites, np.int64),
        )  # fmt: skip
        if self._mode == kernels.RATE:
            plan = self._plan(0)
            for dendrite in range(dendrites):
                state.next_birth[dendrite] = kernels.waiting_time(plan, dendrite, each)
        return state

    def _grow(self) -> None:
        """Give every dendrite half as many slots again."""
        old, grown = self._state, {}
        more = old.size.shape[1] // 2 + 8
        for name in ("size", "fast", "number", "born"):
            array = getattr(old, name)
            wide = array.shape[1] > 1 or name != "fast"
            grown[name] = np.pad(array, ((0, 0), (0, more))) if wide else array
        self._state = old._replace(**grown)


def _initial_sizes(
    dynamics: Dynamics, initial: float | np.ndarray | Initial | None, generator: np.random.Generator, count: int
) -> np.ndarray:
    if callable(initial):
        return np.asarray(initial(generator, count), float)
    if initial is not None:
        return np.broadcast_to(np.asarray(initial, float), (count,)).copy()
    return draw_stationary(dynamics, generator, count)


def draw_stationary(dynamics: Dynamics, generator: np.random.Generator, count: int) -> np.ndarray:
    """Draw sizes from the stationary law of a model, um3.

    Exact where the law and the boundary have a density (the density engine); a two-time law with a boundary, and the
    Kesten map, start from their unbounded law cut at size_min and need a few time constants to settle.
    """
    law, boundary = dynamics.law, dynamics.boundary
    if isinstance(law, KestenMap):
        variance = np.log1p(law.variance / law.mean**2) if np.isfinite(law.variance) else 1.0
        sizes = np.exp(generator.normal(np.log(law.mean) - variance / 2, np.sqrt(variance), count))
    elif law.family == "two_time_log_ou" or (boundary is None and hasattr(law, "stationary")):
        sizes = law.stationary().rvs(count, random_state=generator)
    else:
        from spinula.engines.density import Density

        return Density(dynamics).draw(generator, count)
    return sizes if boundary is None else np.maximum(sizes, boundary.size_min * 1.05)


def fast_given_size(law: Any, log_size: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw the fast part of log-size given the whole: a normal, by regression of the part on the sum."""
    fast, slow = law.fast_log_sd**2, law.log_sd**2
    mean = fast / (fast + slow) * (log_size - law.log_mean)
    return mean + generator.normal(0, np.sqrt(fast * slow / (fast + slow)), log_size.shape)
