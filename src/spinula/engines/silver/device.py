"""A network of gaps under voltages: solve for the currents, let the gaps change, and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import InvalidInputError, NotConvergedError, OutOfRangeError
from spinula.core.streams import Streams
from spinula.engines.silver.junctions import advance_gaps, conduct_gaps, earliest_crossing
from spinula.engines.silver.solver import Drive, Solution, Solver
from spinula.engines.silver.spread import Spread
from spinula.law.silver import JunctionLaw

BOLTZMANN = 1.380649e-23  # J/K, exact


@dataclass(frozen=True)
class Snapshot:
    """A device at the start of a step: state and currents belong to the same moment.

    Parameters
    ----------
    time, dt : float, s
        Start and length of the step that follows.
    solution : Solution
    state : Array, shape (3, gaps)
    conductance : Array, shape (gaps,), S
    energy : float, J
        Fed into the network by its electrodes during the step.
    lost_in_series : float, J
        Lost in the series resistors during the step.
    """

    time: float
    dt: float
    solution: Solution
    state: np.ndarray
    conductance: np.ndarray
    energy: float
    lost_in_series: float


@dataclass(frozen=True)
class Pace:
    """How an adaptive run chooses its steps.

    Parameters
    ----------
    tolerance : float, 1
        Largest error of a step: of the logarithm of a conductance and of a state over its scale.
    first, smallest, largest : float, s
        Steps; at the smallest one a step is taken whatever its error.
    """

    tolerance: float = 1e-2
    first: float = 1e-4
    smallest: float = 1e-9
    largest: float = np.inf

    def __post_init__(self) -> None:
        if not (0 < self.tolerance <= 1 and 0 < self.smallest <= self.first <= self.largest):
            raise InvalidInputError(f"wanted 0 < tolerance <= 1 and 0 < smallest <= first <= largest: {self}.")


class Device:
    """Islands, gaps and their law; it remembers its states, its time and the energy it was fed.

    Parameters
    ----------
    graph : GapGraph
    law : JunctionLaw
    seed : int
        Of the spread and of all noise.
    spread : Spread
    temperature : float, K
        Of the thermal noise of gaps; 0: none. Each step of ``dt`` sees current noise of variance 2kTG/dt.
    read_noise : float, 1
        Relative standard deviation of a current that is read.
    """

    def __init__(
        self, graph, law: JunctionLaw, *, seed: int, spread: Spread | None = None,
        temperature: float = 0.0, read_noise: float = 0.0,
    ) -> None:  # fmt: skip
        if not temperature >= 0:
            raise OutOfRangeError("temperature", temperature, "wanted 0 K or more")
        if not read_noise >= 0:
            raise OutOfRangeError("read_noise", read_noise, "wanted 0 or more")
        self.graph, self.law, self.temperature, self.read_noise = graph, law, temperature, read_noise
        self.solver, streams = Solver(graph), Streams(seed)
        spread = spread or Spread()
        self._noise = streams.key("thermal noise"), streams.key("read noise")
        gaps = len(self.solver.tail)
        self.distance = spread.distances(np.asarray(graph.distance, float), streams)
        self.parameters = spread.matrix(law, gaps, streams)
        self.state = np.ascontiguousarray(law.start(gaps))
        self.conductance = np.empty(gaps)
        self._conduct()
        self.time, self.steps, self.reads, self.energy, self.lost_in_series = 0.0, 0, 0, 0.0, 0.0
        self._factored: np.ndarray | None = None

    def _conduct(self) -> None:
        conduct_gaps(self.law.family, self.state, self.distance, self.parameters, self.conductance)

    def solve(self, drives: Mapping[str, Drive], *, injected: np.ndarray | None = None) -> Solution:
        """Solve the network as it stands; a factor is made only if a conductance changed."""
        if self._factored is not self.conductance:
            self.solver.factor(self.conductance)
            self._factored = self.conductance
        return self.solver.solve(drives, injected=injected)

    def read(self, drives: Mapping[str, Drive]) -> dict[str, float]:
        """Return the current into each electrode, A, with read noise; the device does not change."""
        current = self.solve(drives).electrode_current
        draws = _counted(self._noise[1], self.reads).standard_normal(len(current))
        self.reads += 1
        return dict(zip(self.solver.electrodes, current * (1 + self.read_noise * draws), strict=True))

    def step(self, drives: Mapping[str, Drive], dt: float) -> Snapshot:
        """Solve, then move all gaps under the voltages found; return what held at the start of the step.

        Parameters
        ----------
        drives : mapping of electrode name to Drive
            An electrode that is left out floats.
        dt : float, s
        """
        if not dt > 0:
            raise OutOfRangeError("dt", dt, "wanted more than 0 s")
        injected = None
        if self.temperature > 0:
            draws = _counted(self._noise[0], self.steps).standard_normal(len(self.conductance))
            injected = draws * np.sqrt(2 * BOLTZMANN * self.temperature * self.conductance / dt)
        solution = self.solve(drives, injected=injected)
        return self._take(solution, drives, dt, self._move(self.state, solution.drop, dt))

    def _move(self, state: np.ndarray, drop: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
        out = np.empty_like(state), np.empty(state.shape[1])
        advance_gaps(self.law.family, state, (drop, self.distance), self.parameters, dt, out)
        return out

    def _take(self, solution: Solution, drives: Mapping[str, Drive], dt: float, moved) -> Snapshot:  # type: ignore[no-untyped-def]
        """Make a step the device's own and account for its energy."""
        lost = sum(
            drives[name].resistance * current**2
            for name, current in zip(self.solver.electrodes, solution.electrode_current.tolist(), strict=True)
            if name in drives
        )
        shot = Snapshot(self.time, dt, solution, self.state, self.conductance, solution.power * dt, lost * dt)
        self.state, self.conductance = moved
        self.time += dt
        self.steps += 1
        self.energy += shot.energy
        self.lost_in_series += shot.lost_in_series
        return shot

    def run(self, drives: Mapping[str, Drive], duration: float, *, pace: Pace | None = None) -> Iterator[Snapshot]:
        """Hold the drives for a time, in steps that the error chooses; yield the start of each.

        A step is compared with two half steps, the second under the voltages at its end. A step in which a gap crosses
        the law's level (a bridge forms or breaks) is cut at the first crossing.

        Raises
        ------
        InvalidInputError
            If the device has thermal noise: its noise belongs to steps of one length.
        NotConvergedError
            If no step is found.
        """
        if self.temperature > 0:
            raise InvalidInputError("an adaptive run has no thermal noise.\n  Use step(), or temperature=0.")
        pace = pace or Pace()
        end, dt = self.time + duration, pace.first
        solution = self.solve(drives)
        while self.time < end * (1 - 1e-15) and end - self.time > 1e-12 * duration:
            dt = min(dt, pace.largest, end - self.time)
            dt, wanted, moved, after = self._fit(solution, drives, dt, pace)
            yield self._take(solution, drives, dt, moved)
            # The caller may have read with other drives in between; the solution at the end of the step is ours.
            solution, dt = after, wanted

    def _fit(self, solution: Solution, drives: Mapping[str, Drive], dt: float, pace: Pace):  # type: ignore[no-untyped-def]
        """Return a step that is accurate: its length, the next length, the moved gaps and the solution at its end."""
        level = self.law.level()
        for _ in range(100):
            moved = self._move(self.state, solution.drop, dt)
            share = earliest_crossing(self.state[0], moved[0][0], level) if np.isfinite(level) else 2.0
            if share < 0.999 and share * dt > pace.smallest:
                dt = share * dt * 1.0005
                continue
            if self._idle(solution):
                after = solution
            else:
                self.solver.factor(moved[1])
                self._factored = moved[1]
                after = self.solver.solve(drives)
            half, _ = self._move(self.state, solution.drop, dt / 2)
            error = self._error(moved, self._move(half, after.drop, dt / 2))
            wanted = dt * min(max(0.9 * np.sqrt(pace.tolerance / max(error, 1e-30)), 0.2), 5.0)
            if error <= pace.tolerance or dt <= pace.smallest:
                return dt, max(wanted, pace.smallest), moved, after
            dt = max(wanted, pace.smallest)
        raise NotConvergedError(f"no step at {self.time:g} s keeps the tolerance.\n  Raise the tolerance of the pace.")

    def _idle(self, solution: Solution) -> bool:
        """Whether no electrode has a voltage: then none will, and there is nothing to solve."""
        return not solution.electrode_voltage.any() and not solution.electrode_current.any()

    def _error(self, one, two) -> float:  # type: ignore[no-untyped-def]
        """Return the largest difference of two outcomes of a step, relative to its scales."""
        error = float(np.abs(np.log(two[1] / one[1])).max(initial=0.0))
        level = self.law.level()
        scale = np.ones((3, 1)) if not np.isfinite(level) else np.array([[level], [1.0], [1.0]])
        return max(error, float((np.abs(two[0] - one[0]) / np.maximum(scale, np.abs(one[0]))).max(initial=0.0)))


def _counted(key: int, count: int) -> np.random.Generator:
    """Return the generator of one step: a function of the key and the step alone, so that a cut run goes on alike."""
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, count]))
