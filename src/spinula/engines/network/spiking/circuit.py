"""A circuit of spiking neurons whose excitatory synapses are spines: they learn, fluctuate, end and are formed anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError
from spinula.core.streams import Streams
from spinula.engines.network.spiking import checkpoint, checks, state
from spinula.engines.network.spiking.assemble import Arrays, assemble
from spinula.engines.network.spiking.drive import Drive, Poisson
from spinula.engines.network.spiking.kernels.slow import flush
from spinula.engines.network.spiking.kernels.window import run_block
from spinula.engines.network.spiking.life import Life
from spinula.engines.network.spiking.plan import Living, Population, Projection
from spinula.engines.network.spiking.watch import delivered, in_flight, places_of
from spinula.engines.network.spiking.wiring import Wiring, wire
from spinula.engines.population import draw_stationary
from spinula.law.circuits.neurons import IntegrateAndFire
from spinula.law.circuits.timing import Timing

_FLUSH = 6.0  # windows of timing after which exponentials begin anew: e^6 costs a pair 1e-4 of its effect in 32 bits


_MOST = numba.get_num_threads()  # what the process was started with


@contextmanager
def workers(parts: int) -> Iterator[None]:
    """Let as many threads work as there are parts: idle ones would wait by spinning, beside the one that works."""
    before = numba.get_num_threads()
    numba.set_num_threads(min(parts, _MOST))
    try:
        yield
    finally:
        numba.set_num_threads(before)


@dataclass(frozen=True)
class Snapshot:
    """What happened since the last snapshot.

    Attributes
    ----------
    time : float, ms
    spike_times, spike_neurons : Array, shape (spikes,), ms and index among all neurons, in order of time
    formed, eliminated : int
    delivered : DataFrame or None, what arrived through watched spines: time (ms), projection, pre, post, spine_id
    """

    time: float
    spike_times: np.ndarray
    spike_neurons: np.ndarray
    formed: int
    eliminated: int
    delivered: pd.DataFrame | None = None


class Circuit:
    """Populations of integrate-and-fire neurons and the connections between them.

    Parameters
    ----------
    seed : int; the same seed gives the same bytes, whatever ``threads``
    dt : float, ms, time step
    threads : int, parts among which the neurons are dealt out
    precision : ``single`` or ``double``, of membranes and inputs

    Raises
    ------
    InvalidInputError
        If a number is out of its range.

    Examples
    --------
    >>> circuit = Circuit(seed=1)
    >>> cells = circuit.neurons(100, IntegrateAndFire(rest=-49.0), name="E")
    >>> [snapshot.time for snapshot in circuit.run(20.0, every=10.0)]
    [10.0, 20.0]
    """

    def __init__(self, *, seed: int, dt: float = 0.1, threads: int = 1, precision: str = "single") -> None:
        if not 0 < dt < np.inf or threads < 1 or precision not in ("single", "double"):
            raise InvalidInputError("wanted dt > 0 ms, threads >= 1, and single or double precision.")
        self.streams, self.dt, self.threads = Streams(seed), dt, threads
        self._kind = np.float32 if precision == "single" else np.float64
        self.populations: list[Population] = []
        self.projections: list[Projection] = []
        self._drive = Drive(self.streams, max(1, round(100.0 / dt)))
        self._potentials: dict[str, np.ndarray] = {}
        self._arrays: Arrays | None = None
        self._lives: list[Life] = []
        self._watched: list[int] = []

    def neurons(self, count: int, model: IntegrateAndFire, *, name: str) -> Population:
        """Add a population; its neurons start at the rest, or at the reset if the rest is above the threshold."""
        self._check_open()
        if count < 1 or name in [population.name for population in self.populations]:
            raise InvalidInputError(f"population {name!r}: wanted a name of its own and at least one neuron.")
        made = Population(name, sum(p.count for p in self.populations), count, model)
        self.populations.append(made)
        start = model.rest if model.rest < model.threshold else model.reset
        self._potentials[name] = np.full(count, start)
        return made

    def set_potentials(self, population: Population, values: Any) -> None:
        """Set the membrane potentials (mV) with which a population begins."""
        self._check_open()
        self._check_mine(population)
        given = np.broadcast_to(np.asarray(values, float), population.count).copy()
        if not np.isfinite(given).all():
            raise InvalidInputError(f"potentials of {population.name}: wanted finite numbers of mV.")
        self._potentials[population.name] = given

    def connect(
        self, pre: Population, post: Population, wiring: Wiring, *, size: Any, gain: float, delay: float,
        inhibitory: bool = False, timing: Timing | None = None, living: Living | None = None,
    ) -> Projection:  # fmt: skip
        """Connect two populations.

        Parameters
        ----------
        pre, post : Population
        wiring : OutDegree, Probability or Edges
        size : float or Array, um3, of all connections in order of (pre, post), unless the wiring gives sizes; None
            draws those of living spines from their stationary law
        gain : float, mV per um3 (current synapses; negative inhibits) or leak conductances per um3
        delay : float, ms, at least one step
        inhibitory : bool, whether spikes go to the inhibitory input
        timing : plasticity by spike timing, or None
        living : Living or None, intrinsic dynamics, elimination and formation
        """
        self._check_open()
        self._check_mine(pre, post)
        checks.check_connection(post, gain, delay, living, self.dt)
        key = self.streams.key(f"wiring {len(self.projections)}")
        first, target, given = wire(wiring, (pre.count, post.count), pre is post, key)
        if size is None and given is None:
            given = self._stationary(living, len(target))
        sizes = np.atleast_1d(np.asarray(size if given is None else given, np.float32))
        if sizes.size not in (1, len(target)):
            raise InvalidInputError(f"{sizes.size} sizes for {len(target)} connections.")
        checks.check_sizes(sizes, timing, living)
        if sizes.size == 1 and len(target) == 1:
            sizes = np.repeat(sizes, 2)
        made = Projection(pre, post, first, target, sizes, gain, delay, inhibitory, timing, living)
        self.projections.append(made)
        return made

    def _stationary(self, living: Living | None, count: int) -> np.ndarray:
        if living is None:
            raise InvalidInputError("give sizes: only those of living spines can be drawn from their stationary law.")
        generator = self.streams.generator(f"sizes {len(self.projections)}")
        return draw_stationary(living.dynamics, generator, count)

    def poisson(self, population: Population, *, rate: float, weight: float, inhibitory: bool = False) -> None:
        """Send independent Poisson spikes of ``rate`` (1/s) and ``weight`` (mV) to every neuron of a population."""
        self._check_mine(population)
        checks.check_weight(population, weight)
        if not 0 <= rate < np.inf:
            raise InvalidInputError(f"rate = {rate:g} 1/s: wanted a finite number from 0 on.")
        per_step = rate * 1e-3 * self.dt * population.count
        self._drive.poisson.append(Poisson(population.first, population.stop, per_step, weight, int(inhibitory)))

    def send(self, population: Population, times: Any, neurons: Any, *, weight: Any, inhibitory: bool = False) -> None:
        """Send given spikes: ``times`` ms, ``neurons`` within the population, ``weight`` mV, one or one per spike."""
        self._check_mine(population)
        steps = checks.steps_ahead(times, self.time, self.dt)
        self._drive.given.append((*checks.spike_list(population, steps, neurons, weight), int(inhibitory)))

    def release(self, times: Any, amount: float = 1.0) -> None:
        """Release dopamine at ``times`` (ms): it jumps by ``amount`` and decays as each reinforced rule says."""
        steps = checks.steps_ahead(times, self.time, self.dt)
        if not np.isfinite(amount):
            raise InvalidInputError("amount: wanted a finite number.")
        self._drive.bursts.append((steps, np.full(len(steps), amount)))

    def watch(self, projection: Projection) -> None:
        """Record from now on through which spine of a projection each spike arrives (``Snapshot.delivered``)."""
        if projection.is_fixed:
            raise InvalidInputError("only synapses that can change have an identity: give timing or living.")
        if self.projections.index(projection) not in self._watched:
            self._watched.append(self.projections.index(projection))

    @property
    def time(self) -> float:
        """Spike time passed, ms."""
        return 0.0 if self._arrays is None else float(self._arrays.clock[state.STEP] * self.dt)

    @property
    def potentials(self) -> np.ndarray:
        """Membrane potentials of all neurons now, mV (a copy)."""
        return self._assembled().neurons.v.copy()

    def run(self, duration: float, *, every: float | None = None) -> Iterator[Snapshot]:
        """Run for ``duration`` ms and yield a snapshot ``every`` so many ms (None: one at the end).

        Times are taken to the nearest step.
        """
        if not (0 <= duration < np.inf and (every is None or every > 0)):
            raise InvalidInputError(f"duration = {duration:g} ms, every = {every}: wanted a positive number of ms.")
        arrays = self._assembled()
        step, stop = int(arrays.clock[state.STEP]), int(arrays.clock[state.STEP]) + round(duration / self.dt)
        pace = max(1, round((every or duration) / self.dt))
        while step < stop:
            target = min(stop, step + pace)
            with workers(self.threads):
                snapshot = self._advance(target)
            yield snapshot
            step = target

    def _advance(self, target: int) -> Snapshot:
        arrays, heard, arrived = self._assembled(), [], []
        formed = eliminated = 0
        while arrays.clock[state.STEP] < target:
            step = int(arrays.clock[state.STEP])
            marks = (self._pace, self._drive.block)  # what comes from outside is drawn for one block at a time
            end = min([target, *((step // mark + 1) * mark for mark in marks),
                       *(life.next_tick(step) for life in self._lives)])  # fmt: skip
            flying = in_flight(arrays, int(arrays.table[:, state.DELAY].max(initial=0))) if self._watched else None
            block = self._block(step, end)
            heard += block
            if flying is not None:
                arrived += self._delivered([flying, *block], (step, end))
            for life in self._lives:
                life.hear(block)
            if end % self._pace == 0:
                self.sync()
            for life in self._lives:
                if end % life.tick == 0:
                    self.sync()
                    arrays, begun, ended = life.move(arrays, end // life.tick)
                    self._arrays, formed, eliminated = arrays, formed + begun, eliminated + ended
        times, neurons = (np.concatenate(column) for column in zip(*heard, strict=True))
        table = pd.concat(arrived, ignore_index=True) if arrived else None
        return Snapshot(target * self.dt, times * self.dt, neurons, formed, eliminated, table)

    def _delivered(self, spikes: list[tuple[np.ndarray, np.ndarray]], span: tuple[int, int]) -> list[pd.DataFrame]:
        step, neuron = (np.concatenate(column) for column in zip(*spikes, strict=True))
        frames = []
        for index in self._watched:
            frame = delivered(self._assembled(), index, self.projections[index], (step, neuron), span)
            frame.insert(0, "time", frame.pop("step") * self.dt)
            frame.insert(1, "projection", index)
            frames.append(frame)
        return frames

    def _block(self, step: int, end: int) -> list[tuple[np.ndarray, np.ndarray]]:
        arrays, found = self._assembled(), []
        outside = self._drive.outside(step, end, arrays.owner, self.threads)
        arrays.clock[state.BLOCK], arrays.clock[5] = step, end
        while arrays.clock[state.STEP] < end:
            count = run_block(*arrays[:6], outside, arrays.heard, arrays.work, arrays.clock)
            found.append((arrays.heard.step_of[:count].copy(), arrays.heard.who[:count].copy()))
        return found

    def sync(self) -> None:
        """Bring every size up to date; sizes are read after it."""
        a = self._assembled()
        if a.clock[state.STEP] > a.clock[state.ORIGIN]:
            with workers(self.threads):
                flush(a.neurons, a.rows, a.spines, a.table, a.work, a.clock)

    def connections(self, projection: Projection) -> pd.DataFrame:
        """Return a projection's connections as they are now.

        Columns pre, post (index within the populations), spine_id (-1 for connections that never change), size (um3)
        and weight (gain times size), in order of (pre, spine_id).
        """
        arrays, q = self._assembled(), self.projections.index(projection)
        self.sync()
        frames = []
        for part in range(self.threads):
            places, pre = places_of(arrays, arrays.table[q], np.arange(projection.pre.count), part)
            arena: Any = arrays.wires if projection.is_fixed else arrays.spines
            size = arena[1][part, places]
            ids = (
                np.full(len(pre), -1) if projection.is_fixed else arrays.spines.spine_id[part, places].astype(np.int64)
            )
            post = arena[0][part, places].astype(np.int64) - projection.post.first
            frames.append(pd.DataFrame({"pre": pre, "post": post, "spine_id": ids, "size": size}))
        frame = pd.concat(frames, ignore_index=True).sort_values(["pre", "spine_id", "post"], ignore_index=True)
        return frame.assign(weight=projection.gain * frame["size"])

    def bytes_of(self, projection: Projection) -> int:
        """Return the memory that a projection's connections take, free places and rows with them."""
        arrays, q = self._assembled(), self.projections.index(projection)
        first = int(arrays.table[q, state.FIRST_ROW])
        places = int(arrays.rows.room[:, first : first + projection.pre.count].sum())
        arena: Any = arrays.wires if projection.is_fixed else arrays.spines
        one = sum(column.itemsize for column in arena if column.shape[1] > 1)
        return places * one + self.threads * projection.pre.count * sum(column.itemsize for column in arrays.rows)

    def save(self, path: str | Path) -> None:
        """Write to ``path`` (.npz) all that a run has changed and all input still to come, to go on later.

        A run that is saved, loaded and continued gives the same bytes as one that was never interrupted.
        """
        checkpoint.save(self, path)

    def load(self, path: str | Path) -> None:
        """Go on from a file that ``save`` wrote; its input from outside replaces what this circuit was sent.

        Raises
        ------
        InvalidInputError
            If the file is absent or damaged, or of a circuit that was built otherwise; ``threads`` may differ.
        """
        checkpoint.load(self, path)

    def _assembled(self) -> Arrays:
        if self._arrays is None:
            if not self.populations:
                raise InvalidInputError("the circuit has no neurons.")
            v = np.concatenate([self._potentials[p.name] for p in self.populations]).astype(self._kind)
            self._arrays = assemble(self.populations, self.projections, v, self.dt, self.threads)
            # The shortest of all: a sum of 32 bits forgets, or overflows, by exp(time since the origin/its own window).
            names = ("potentiation_time", "depression_time", "eligibility_time")
            times = [getattr(p.timing, name) for p in self.projections for name in names if hasattr(p.timing, name)]
            self._pace = max(1, round(_FLUSH * min(times) / self.dt)) if times else 2**40
            self._lives = [Life(self, q, p) for q, p in enumerate(self.projections) if p.living is not None]
        return self._arrays

    def _check_mine(self, *populations: Population) -> None:
        for population in populations:
            if not any(population is mine for mine in self.populations):
                raise InvalidInputError(f"population {population.name!r} is not of this circuit.")

    def _check_open(self) -> None:
        if self._arrays is not None:
            raise InvalidInputError("the circuit has begun to run; build it whole before.")
