"""A dendrite: spines at places, a list of events in seconds, intrinsic dynamics in days, in one run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba
import numpy as np

from spinula.core.errors import InvalidInputError, OutOfRangeError, SpinulaWarning
from spinula.core.streams import Streams
from spinula.engines import kernels
from spinula.engines.dendrite import kernel
from spinula.engines.dendrite import state as arrays
from spinula.engines.dendrite.compile import Pulses, compile_events, in_order
from spinula.engines.dendrite.geometry import Geometry, branch
from spinula.engines.dendrite.rules import numbers
from spinula.engines.plan import make_plan, parameters
from spinula.engines.population import Snapshot, draw_stationary
from spinula.law import Dynamics, FormationRate
from spinula.law.mechanisms import Mechanisms

DAY = 86400.0


@dataclass(frozen=True)
class DendriteSnapshot(Snapshot):
    """All living spines of all dendrites at one moment; as :class:`Snapshot`, with what activity added.

    Attributes
    ----------
    size : Array, um3
        Volume as it would be imaged: consolidated and transient together.
    consolidated, transient : Array, um3
    release : Array, 1
        Factor on the release probability of the bouton that the spine pushes.
    delivered, missed : int
        Pulses since the snapshot before that found, or did not find, their spine.
    """

    consolidated: np.ndarray
    transient: np.ndarray
    release: np.ndarray
    delivered: int
    missed: int


class Dendrite:
    """Dendrites (replicates of one layout) under events and intrinsic dynamics.

    Between events the fast memories of a spine decay in closed form; signals that spread along the dendrite move in
    ticks; intrinsic dynamics, homeostasis, spontaneous activity and formation happen in slow steps (operator
    splitting), which are closed at every snapshot.

    Parameters
    ----------
    dynamics : Dynamics
        The intrinsic law, boundary and formation.
    mechanisms : Mechanisms
        What activity does; absent mechanisms do nothing.
    seed : int
        Same seed and events, same bytes, for any number of threads.
    position_um : Array, shape (spines,), um
        Where spines sit at the start; None spreads ``spine_density`` per um evenly.
    size : None, float or Array, shape (spines,) or (dendrites, spines), um3
        None draws from the intrinsic law's stationary density.
    groups : dict of name to list of spine numbers
    dendrites : int
        Replicates, each with its own noise and, where drawn, its own sizes.
    intrinsic : bool
        Without it sizes change by events alone, and nothing is formed.
    slow_day, tick_s : float
        Step of the slow clock (day) and of the spreading signals (s).

    Raises
    ------
    InvalidInputError, OutOfRangeError
        If a spine lies off the dendrite or below size_min, the law has no continuous time, or mechanisms contradict
        each other.

    Examples
    --------
    >>> from spinula.engines.dendrite import Uncaging
    >>> from spinula.presets import load_preset
    >>> preset = load_preset("ca1_slice")
    >>> dendrite = Dendrite(preset.dynamics, preset.mechanisms, seed=1, position_um=[5.0, 25.0], size=0.06,
    ...     intrinsic=False)
    >>> dendrite.schedule([Uncaging(kind="uncaging", at_s=1.0, spines=0, pulses=60, rate_hz=1, magnesium_free=True)])
    >>> [snapshot.size.round(3).tolist() for snapshot in dendrite.run([0.0, 70.0])]
    [[0.06, 0.06], [0.144, 0.06]]
    """

    def __init__(
        self,
        dynamics: Dynamics,
        mechanisms: Mechanisms,
        *,
        seed: int,
        geometry: Geometry | None = None,
        position_um: Any = None,
        spine_density: float = 1.0,
        size: Any = None,
        groups: dict[str, list[int]] | None = None,
        dendrites: int = 1,
        intrinsic: bool = True,
        slow_day: float = 0.05,
        tick_s: float = 20.0,
    ) -> None:
        if dynamics.law.family == "kesten_map":
            raise InvalidInputError("the Kesten map has steps of its own; a dendrite needs a law in continuous time.")
        dynamics.law.check_step(slow_day)
        for name, value, least in (("tick_s", tick_s, 0.0), ("dendrites", dendrites, 0)):
            if not value > least:
                raise OutOfRangeError(name, value, f"must exceed {least}")
        self.dynamics, self.mechanisms, self.intrinsic = dynamics, mechanisms, intrinsic
        self.streams, self.geometry = Streams(seed), geometry or branch(50.0)
        length = self.geometry.length_um
        if position_um is None:
            count = max(1, round(spine_density * length))
            position_um = (np.arange(count) + 0.5) * length / count
        self.position_um = np.atleast_1d(np.asarray(position_um, float))
        self.groups = dict(groups or {})
        plan = make_plan(dynamics, slow_day if intrinsic else 0.0, self.streams.key("noise"), length_um=length)
        if not intrinsic:
            plan = plan._replace(mode=kernels.RATE, births_per_day=0.0)
        self._plan = (plan, parameters(dynamics, slow_day))
        formation = dynamics.formation
        self._rate = formation.rate if intrinsic and isinstance(formation, FormationRate) else 0.0
        if self._rate and dynamics.boundary is None:
            raise InvalidInputError("formation at a rate needs a boundary: give size_min and size_new.")
        if intrinsic and dynamics.boundary is None and getattr(dynamics.law, "noise_floor", 0.0) > 0:
            raise InvalidInputError("this law lets sizes fall to 0: give a boundary, or a noise_floor of 0.")
        _check_clustering(mechanisms, self._rate)
        self._rules, self._steps = numbers(mechanisms), (tick_s, slow_day * DAY)
        self._ops = self._collector().ops()
        self._events: list[Any] = []
        self._state = self._start(size, dendrites)

    @property
    def now_s(self) -> float:
        """The time of the dendrite, s."""
        return float(self._state.cell[0, arrays.NOW])

    @property
    def pulses(self) -> np.ndarray:
        """All pulses that are scheduled, delivered ones included; see :func:`compile.pulse_table`."""
        return self._ops

    def schedule(self, events: Sequence[Any]) -> None:
        """Add events to the list.

        Raises
        ------
        EventError
            If an event lies in the past, off the dendrite, or names a spine that does not exist.
        """
        more = compile_events(
            events, self._collector(), self.mechanisms, self.streams, after=self.now_s, first=len(self._events)
        )
        self._events += events
        # Delivered pulses stay first, also before new ones of the same moment.
        done = int(self._state.count[0, arrays.CURSOR])
        self._ops = np.concatenate([self._ops[:done], in_order(np.concatenate([self._ops[done:], more]))])

    def _collector(self) -> Pulses:
        return Pulses(self.geometry, self.position_um, self.groups)

    def run(self, times_s: Sequence[float], *, threads: int | None = None) -> Iterator[DendriteSnapshot]:
        """Run to each of the times (s) in turn and yield a snapshot there.

        Raises
        ------
        OutOfRangeError
            If a time lies before the one before it.
        """
        for time in times_s:
            self.advance_to(float(time), threads=threads)
            yield self.snapshot()

    def advance_to(self, time_s: float, *, threads: int | None = None) -> None:
        """Run to a time, s."""
        if not self.now_s <= time_s < np.inf:
            raise OutOfRangeError("time_s", time_s, f"the dendrite is at {self.now_s:g} s already")
        tick, slow = self._steps
        clock = arrays.Clock(float(time_s), tick, slow, self.geometry.length_um, self._rate)
        self._advance(clock, threads or numba.config.NUMBA_NUM_THREADS)
        while self._state.count[:, arrays.STALLED].any():
            self._state = arrays.grown(self._state)
            self._advance(clock, threads or numba.config.NUMBA_NUM_THREADS)

    def _advance(self, clock: arrays.Clock, threads: int) -> None:
        """Run all dendrites, in as many blocks as threads; they share nothing that is written."""
        count = len(self._state.spine)
        run = arrays.Run(self._state, *self._plan, self._rules, self.geometry.cable, self._ops, clock)
        edges = np.linspace(0, count, min(threads, count) + 1).astype(int)
        if len(edges) == 2:
            kernel.run_range(run, 0, count)
            return
        with ThreadPoolExecutor(len(edges) - 1) as pool:
            list(pool.map(lambda span: kernel.run_range(run, *span), pairwise(edges.tolist())))

    def snapshot(self) -> DendriteSnapshot:
        """Return all living spines now, as copies, by dendrite and spine; the counters start again."""
        state, mechanics = self._state, self.mechanisms.mechanics
        dendrite, slot = np.nonzero(state.spine[:, :, arrays.SIZE] > 0)
        spine = state.spine[dendrite, slot]
        order = np.lexsort((spine[:, arrays.NUMBER], dendrite))
        spine, dendrite = spine[order], dendrite[order]
        counters = [arrays.FORMED, arrays.ELIMINATED, arrays.DELIVERED, arrays.MISSED]
        formed, eliminated, delivered, missed = (int(count) for count in state.count[:, counters].sum(axis=0))
        state.count[:, counters] = 0
        size, transient = spine[:, arrays.SIZE], spine[:, arrays.TRANSIENT]
        return DendriteSnapshot(
            day=self.now_s / DAY, dendrite=dendrite.astype(np.int32), spine_id=spine[:, arrays.NUMBER].astype(np.int64),
            size=size + transient, born_day=spine[:, arrays.BORN], position_um=spine[:, arrays.POSITION],
            formed=formed, eliminated=eliminated, consolidated=size, transient=transient,
            release=1.0 + (mechanics.gain if mechanics else 0.0) * spine[:, arrays.PUSH], delivered=delivered,
            missed=missed,
        )  # fmt: skip

    def state(self) -> dict[str, np.ndarray]:
        """Return everything a run needs to go on, for :meth:`restore`."""
        return {name: array.copy() for name, array in self._state._asdict().items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on from a saved :meth:`state` of a dendrite made with the same arguments and events; same bytes."""
        self._state = arrays.State(**{name: np.array(state[name]) for name in arrays.State._fields})

    def _start(self, size: Any, dendrites: int) -> arrays.State:
        """Lay out the arrays and draw the sizes at the start."""
        count, cable = len(self.position_um), self.geometry.cable
        nodes, generator = self.geometry.node_of(self.position_um), self.streams.generator("initial")
        if size is None:
            sizes = draw_stationary(self.dynamics, generator, dendrites * count).reshape(dendrites, count)
        else:
            sizes = np.broadcast_to(np.asarray(size, float), (dendrites, count)).copy()
        boundary = self.dynamics.boundary
        lowest = boundary.size_min if boundary else 0.0
        if not (sizes > lowest).all():
            raise OutOfRangeError("size", float(sizes.min()), f"must exceed {lowest:g} um3")
        extra = int(0.5 * count + 40) if self._rate else 0
        state = arrays.empty_state(dendrites, count + extra, len(cable))
        spine = state.spine[:, :count]
        spine[:, :, arrays.SIZE], spine[:, :, arrays.NUMBER] = sizes, np.arange(count)
        spine[:, :, arrays.POSITION], spine[:, :, arrays.NODE] = self.position_um, nodes
        state.count[:, arrays.NEXT_NUMBER] = count
        law = self.dynamics.law
        if law.family == "two_time_log_ou":
            from spinula.engines.population import fast_given_size

            spine[:, :, arrays.FAST] = fast_given_size(law, np.log(sizes), generator)
        if self.mechanisms.mechanics:
            spine[:, :, arrays.CONTACT] = generator.random((dendrites, count)) < self.mechanisms.mechanics.contact
        if self._rate:
            state.cell[:, arrays.WAIT] = generator.exponential(1.0, dendrites)
        return state


def _check_clustering(mechanisms: Mechanisms, rate: float) -> None:
    """Warn where each elimination brings about more than one formation, so that the density grows without bound."""
    law = mechanisms.clustering
    offspring = law.gain * 2.0 * law.reach * law.memory * rate if law else 0.0
    if offspring >= 1.0:
        warnings.warn(
            f"each elimination leads to {offspring:.2g} formations: the spine density grows without bound. "
            "Lower clustering.gain or the formation rate.",
            SpinulaWarning,
            stacklevel=3,
        )
