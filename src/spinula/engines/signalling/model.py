"""A signalling model from the user's own SBML file, to compare a kernel with the model that it came from.

The kernels of ``law/modulation`` are the run-time path; a full model of a hundred species is an optional check.
libRoadRunner integrates; here are the protocols, the read-outs, and the repair of one trap: a species declared
``constant="true"`` with ``boundaryCondition="false"`` is meant not to change, yet reactions may deplete it.
"""

from __future__ import annotations

import math
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.errors import (
    ConfigError,
    InvalidInputError,
    MissingExtraError,
    NotConvergedError,
    OutOfRangeError,
    SpinulaWarning,
)
from spinula.engines.signalling import sbml

SAMPLE_S = 0.01
AFTER_S = 20.0


@dataclass(frozen=True)
class Pulses:
    """A train of equal pulses on one species or parameter.

    width_s = 0: ``amplitude`` is added at once to a species that reactions move, and decays as the model will.
    width_s > 0: a parameter, or a species that reactions do not move, is raised by ``amplitude`` (lowered, if
    negative) for ``width_s``, then put back. Amplitudes are in the file's unit of concentration or of the parameter.

    Raises
    ------
    OutOfRangeError
        If there is no pulse, or the rate or the width is impossible, or the pulses of a train overlap.
    """

    target: str
    amplitude: float
    count: int = 1
    rate_hz: float = 10.0
    at_s: float = 0.0
    width_s: float = 0.0

    def __post_init__(self) -> None:
        for name, wrong, wanted in (
            ("amplitude", not math.isfinite(self.amplitude), "a finite number is needed"),
            ("count", self.count < 1, "at least one pulse is needed"),
            ("rate_hz", not 0.0 < self.rate_hz < math.inf, "it must be positive"),
            ("at_s", not math.isfinite(self.at_s), "a finite time is needed"),
            ("width_s", not 0.0 <= self.width_s < math.inf, "it must not be negative"),
            ("width_s", self.count > 1 and self.width_s * self.rate_hz > 1.0, "longer than the time between pulses"),
        ):
            if wrong:
                raise OutOfRangeError(name, getattr(self, name), wanted)

    def changes(self) -> list[tuple[float, str, float]]:
        """Return (time s, target, what is added then) of every edge."""
        starts = [self.at_s + number / self.rate_hz for number in range(self.count)]
        edges = [(start, self.target, self.amplitude) for start in starts]
        if self.width_s > 0.0:
            edges += [(start + self.width_s, self.target, -self.amplitude) for start in starts]
        # Edges that differ by less than a microsecond are one: an integrator cannot take a step between them.
        return [(round(time, 6), target, added) for time, target, added in edges]


class SignallingModel:
    """A model read from an SBML file (level 2 or 3), with its boundary species repaired.

    Species and parameters are called by their SBML name, or by their id where a name is missing or repeated; an id
    always works. Time is taken to be in s. A file's own events stay in force: if they stimulate, move them out of
    the way through ``values`` (a parameter that times them), or they add to what is asked for.

    Parameters
    ----------
    path : str or Path
        The SBML file.
    values : mapping of name to float
        What to change before anything runs: a parameter's value, a species' initial concentration.
    settle_s : float, s
        How long the model runs, with its own events, before the time that protocols call zero.

    Attributes
    ----------
    repaired : list of str
        Species that were constant, yet open to reactions; they are boundary species now.
    events : int
        How many events the file has.

    Raises
    ------
    ConfigError
        If the file is missing, is not SBML, or cannot be simulated.
    MissingExtraError
        If libroadrunner is not installed.

    Source
    ------
    What the published models of [urakubo2020] need: their constant pools are open to reactions as exported.
    """

    def __init__(self, path: str | Path, values: Mapping[str, float] | None = None, settle_s: float = 0.0) -> None:
        if not 0.0 <= settle_s < math.inf:
            raise OutOfRangeError("settle_s", settle_s, "it must not be negative")
        library = _roadrunner()
        self.path, self.settle_s = Path(path), settle_s
        root = sbml.parse(self.path)
        self._names = sbml.Names(root)
        self.events = sum(1 for _ in root.iter(sbml.tag(root, "event")))
        self.repaired = [self._names.label(found) for found in sbml.repair(root)]
        if self.repaired:
            warnings.warn(
                f"{self.path.name}: constant species were open to reactions, which would deplete them; they are "
                f"boundary species now: {', '.join(self.repaired)}.",
                SpinulaWarning,
                stacklevel=2,
            )
        for name, value in (values or {}).items():
            sbml.set_initial(root, self._names.find(name), value, self.path)
        try:
            self._engine = library.RoadRunner(ET.tostring(root, encoding="unicode"))
        except RuntimeError as error:
            raise ConfigError(self.path, "model", f"cannot be simulated: {_short(error)}") from None
        self._engine.integrator.relative_tolerance = 1e-8
        self._engine.integrator.maximum_num_steps = 200_000
        self._moving = set(self._engine.model.getFloatingSpeciesIds()) | sbml.assigned(root, "rateRule")
        self._computed = sbml.assigned(root, "assignmentRule")
        self._settled: bytes | None = None

    @property
    def species(self) -> list[str]:
        """The names of the species, in the file's order."""
        return [self._names.label(key) for key in self._names.species]

    @property
    def parameters(self) -> list[str]:
        """The names of the global parameters, in the file's order."""
        return [self._names.label(key) for key in self._names.parameters]

    def run(
        self, pulses: Sequence[Pulses], until_s: float, observe: str | Sequence[str], every_s: float = SAMPLE_S
    ) -> pd.DataFrame:
        """Run a protocol and return the time course of what is observed.

        The integration stops at every edge of every pulse and starts anew, so that none is stepped over. It begins
        at t = 0, or at the first pulse if that is earlier.

        Parameters
        ----------
        pulses : sequence of Pulses
        until_s, every_s : float, s
        observe : str or sequence of str
            Species (concentration; amount where the file says so) or parameters.

        Returns
        -------
        DataFrame, one row every ``every_s`` and one at each edge, as it is just after the edge
            time_s and one column for each name.

        Raises
        ------
        UnknownNameError
            If a name is neither a species nor a parameter of the file.
        InvalidInputError
            If a pulse cannot be given to its target.
        NotConvergedError
            If the integration stops before the end.
        """
        names = [observe] if isinstance(observe, str) else list(observe)
        symbols = [self._names.symbol(self._names.find(name)) for name in names]
        edges = sorted(
            (time, self._target(name, pulses), added) for each in pulses for time, name, added in each.changes()
        )
        start = min([0.0, *(time for time, _, _ in edges)])
        if not start < until_s < math.inf:
            raise OutOfRangeError("until_s", until_s, f"it must come after the start, {start:g} s")
        if not 0.0 < every_s < math.inf:
            raise OutOfRangeError("every_s", every_s, "it must be positive")
        until_s = round(until_s, 6)
        grid = np.arange(start, until_s, every_s)
        self._rewind()
        stops = [start, *sorted({time for time, _, _ in edges if start < time < until_s}), until_s]
        parts = []
        for begin, end in pairwise(stops):
            for _, symbol, added in (edge for edge in edges if edge[0] == begin):
                self._add(symbol, added)
            inside = grid[(grid > begin + 1e-7) & (grid < end - 1e-7)]
            parts.append(self._integrate(np.array([begin, *inside, end]) - start, symbols))
        course = np.vstack([*(part[:-1] for part in parts), parts[-1][-1:]])
        frame = pd.DataFrame(course[:, 1:], columns=names)
        frame.insert(0, "time_s", course[:, 0] - self.settle_s + start)
        return frame

    def window(
        self,
        delays_s: Iterable[float],
        pairing: Pulses,
        modulator: Pulses,
        observe: str,
        read: str | float = "max",
        until_s: float | None = None,
    ) -> pd.DataFrame:
        """Return how a read-out depends on the delay from the pairing's onset to the modulator's.

        alone = max(response to pairing alone, response to the modulator alone at that delay)
        excess = response - alone

        Parameters
        ----------
        delays_s : float, s
        pairing, modulator : Pulses
            The modulator's own ``at_s`` is replaced by the pairing's plus the delay.
        observe : str
        read : "max", or float, s
            The largest value of the run, or the value at a time after the pairing's onset.
        until_s : float, s
            When a run read by its maximum ends; 20 s after the last edge if not given.

        Returns
        -------
        DataFrame, one row for each delay, in rising order
            delay_s, response, alone, excess; all but the delay in the unit of what is observed.

        Raises
        ------
        InvalidInputError
            If there is no delay, or ``read`` is neither "max" nor a time after the pairing's onset.
        """
        delays = sorted({float(delay) for delay in delays_s})
        if not delays or not np.isfinite(delays).all():
            raise InvalidInputError("a window needs at least one delay, each a finite number of seconds.")
        if read != "max" and not (isinstance(read, int | float) and 0.0 < read < math.inf):
            raise InvalidInputError(f"read = {read!r}: 'max', or a time in s after the pairing's onset, is needed.")
        shifted = [replace(modulator, at_s=pairing.at_s + delay) for delay in delays]
        last = max(time for train in (pairing, *shifted) for time, _, _ in train.changes())

        def respond(pulses: Sequence[Pulses]) -> float:
            if read == "max":
                end = last + AFTER_S if until_s is None else until_s
                return float(self.run(pulses, end, observe)[observe].max())
            end = pairing.at_s + float(read)
            return float(self.run(pulses, end, observe, max(end, AFTER_S))[observe].iloc[-1])

        response = np.array([respond([pairing, burst]) for burst in shifted])
        # A maximum does not depend on when the modulator came; the value at a given time does.
        bursts = [respond([burst]) for burst in (shifted[:1] if read == "max" else shifted)]
        alone = np.maximum(respond([pairing]), np.broadcast_to(bursts, response.shape))
        return pd.DataFrame({"delay_s": delays, "response": response, "alone": alone, "excess": response - alone})

    def _target(self, name: str, pulses: Sequence[Pulses]) -> str:
        """Return the symbol that a pulse changes, or say why it cannot."""
        key = self._names.find(name)
        brief = any(each.target == name and each.width_s == 0.0 for each in pulses)
        square = any(each.target == name and each.width_s > 0.0 for each in pulses)
        if key in self._computed:
            raise InvalidInputError(f"{name} is computed by a rule of the file: a pulse on it would not last.")
        if brief and key not in self._moving:
            raise InvalidInputError(f"{name} is not moved by reactions: a brief pulse would stay.\n  Give width_s.")
        if square and key in self._moving:
            raise InvalidInputError(
                f"{name} is moved by reactions: it cannot be held.\n  Use width_s = 0, or the parameter of its inflow."
            )
        return self._names.symbol(key)

    def _add(self, symbol: str, added: float) -> None:
        value = self._engine[symbol] + added
        if symbol.startswith("[") and value < -1e-12:
            name = self._names.label(symbol.strip("[]"))
            raise InvalidInputError(
                f"a pulse of {added:g} would make the concentration of {name} negative ({value:g})."
            )
        self._engine[symbol] = value

    def _rewind(self) -> None:
        """Put the model back to where it had settled; settle it the first time."""
        if self._settled is None:
            if self.settle_s > 0.0:
                self._integrate(np.array([-self.settle_s, 0.0]), ["time"])
            self._settled = self._engine.saveStateS()
        self._engine.loadStateS(self._settled)

    def _integrate(self, times: np.ndarray, symbols: list[str]) -> np.ndarray:
        self._engine.timeCourseSelections = ["time", *symbols]
        try:
            return np.array(self._engine.simulate(times=list(times + self.settle_s)))
        except RuntimeError as error:
            raise NotConvergedError(
                f"{self.path}: the integration stopped between {times[0]:g} and {times[-1]:g} s: {_short(error)}"
            ) from None


def _roadrunner() -> Any:
    try:
        import roadrunner  # 51 MB: an extra, loaded only here
    except ImportError:
        raise MissingExtraError("libroadrunner", "sbml") from None
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)  # its messages come back as exceptions
    return roadrunner


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
