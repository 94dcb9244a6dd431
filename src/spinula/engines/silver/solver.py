"""Voltages and currents of a network of gaps between terminals: a direct solution on a pattern planned once.

Every electrode is a terminal: all its islands have one voltage. The elimination of the other islands leaves a small
network between terminals, whatever drives them; sources, series resistors, limits of current and floating electrodes
are solved there, so that one factor serves every set of electrodes, and a change of the drive costs no new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spinula.core.errors import InvalidInputError, UnknownNameError
from spinula.engines.silver.elimination import analyse
from spinula.engines.silver.elimination.kernels import eliminate, reduce_currents, spread_voltages
from spinula.engines.silver.junctions import drop_voltages


@dataclass(frozen=True)
class Drive:
    """What is connected to an electrode: a voltage source, a current source, or nothing (it floats).

    Parameters
    ----------
    voltage : float or None, V
        Of the source; behind ``resistance``.
    current : float or None, A
        Fed into the network; not together with a voltage.
    resistance : float, ohm
        In series with the voltage source.
    compliance : float, A
        Largest current, of either sign, that the voltage source delivers.
    """

    voltage: float | None = None
    current: float | None = None
    resistance: float = 0.0
    compliance: float = np.inf

    def __post_init__(self) -> None:
        if self.voltage is not None and self.current is not None:
            raise InvalidInputError("a drive has a voltage or a current, not both.\n  Leave one of them out.")
        numbers = [x for x in (self.voltage, self.current, self.resistance) if x is not None]
        if not np.isfinite(numbers).all():
            raise InvalidInputError(f"a drive must be finite: {self}.\n  Leave voltage and current out to float.")
        if self.resistance < 0 or not self.compliance > 0:
            raise InvalidInputError(f"resistance must be >= 0 and compliance > 0: {self}.")


@dataclass(frozen=True)
class Solution:
    """One solved network.

    Parameters
    ----------
    drop : Array, shape (gaps,), V
        Voltage of the tail minus that of the head.
    electrode_voltage, electrode_current : Array, shape (electrodes,), V and A
        In the order of the solver's ``electrodes``; currents into the network.
    limited : Array of bool, shape (electrodes,)
        Where the compliance holds the current.
    """

    drop: np.ndarray
    electrode_voltage: np.ndarray
    electrode_current: np.ndarray
    limited: np.ndarray
    conductance: np.ndarray
    injected: np.ndarray | None
    _at: tuple[np.ndarray, np.ndarray, np.ndarray]  # voltages by place, place of each island, islands with a path

    @cached_property
    def voltage(self) -> np.ndarray:
        """Voltage of each island, V; NaN where no path joins it to an electrode."""
        by_place, place, connected = self._at
        return np.where(connected, by_place[place], np.nan)

    @cached_property
    def current(self) -> np.ndarray:
        """Current through each gap from tail to head, A; what was injected beside it included."""
        through = self.conductance * self.drop
        return through if self.injected is None else through + self.injected

    @property
    def power(self) -> float:
        """Power fed into the network by its electrodes, W."""
        return float(self.electrode_voltage @ self.electrode_current)


class Solver:
    """Solves one network again and again while its conductances and its drives change.

    Parameters
    ----------
    graph : GapGraph
        Needs ``position``, ``tail``, ``head`` and ``electrodes`` only.

    Raises
    ------
    InvalidInputError
        If there is no electrode, or an island belongs to two.
    """

    def __init__(self, graph) -> None:  # type: ignore[no-untyped-def]
        self.electrodes = list(graph.electrodes)
        if not self.electrodes:
            raise InvalidInputError("the network has no electrode.\n  Give at least two electrodes.")
        self.tail, self.head = np.asarray(graph.tail, np.int64), np.asarray(graph.head, np.int64)
        islands = len(graph.position)
        owner = _owners(graph.electrodes, islands)
        self.connected = _connected(owner, self.tail, self.head)
        interior = np.flatnonzero((owner < 0) & self.connected)
        # Islands that nothing joins to an electrode are put on the first one: their gaps carry nothing.
        node = np.where(owner < 0, 0, owner) + len(interior)
        node[interior] = np.arange(len(interior))
        self.plan = analyse(
            np.asarray(graph.position, float)[interior], node[self.tail], node[self.head],
            terminals=len(self.electrodes),
        )  # fmt: skip
        place = np.arange(len(interior) + len(self.electrodes))
        place[self.plan.order] = np.arange(len(interior))
        self.place = place[node]
        self._ends = self.place[self.tail], self.place[self.head]
        self._interior = len(interior)
        rows = np.diff(self.plan.own) + np.diff(self.plan.border)
        self._factor, self._work = np.empty(self.plan.panel[-1]), np.empty(self.plan.work)
        self._total, self._local = np.ones(len(interior)), np.empty(int(rows.max(initial=0)) + 1)
        self.mutual: np.ndarray | None = None

    def factor(self, conductance: np.ndarray) -> np.ndarray:
        """Eliminate all islands that are no electrode.

        Parameters
        ----------
        conductance : Array, shape (gaps,), S

        Returns
        -------
        Array, shape (electrodes, electrodes), S
            The conductance that joins each pair of electrodes; symmetric.

        Raises
        ------
        InvalidInputError
            If a conductance is not positive and finite.
        """
        if len(conductance) != len(self.tail) or not (np.min(conductance, initial=1.0) > 0 and
                                                      np.max(conductance, initial=1.0) < np.inf):  # fmt: skip
            bad = np.flatnonzero(~((conductance > 0) & np.isfinite(conductance)))
            where = f"gap {bad[0]} has {conductance[bad[0]]}" if len(bad) else f"{len(conductance)} numbers came"
            raise InvalidInputError(
                f"conductances of {len(self.tail)} gaps must be positive and finite: {where}.\n"
                "  Give each gap a leak, or leave it out of the graph."
            )
        self._conductance = conductance
        self.mutual = eliminate(self.plan, conductance, self._factor, self._total, self._work)
        return self.mutual

    def solve(self, drives: Mapping[str, Drive], *, injected: np.ndarray | None = None) -> Solution:
        """Solve for all voltages and currents with the factor at hand.

        Parameters
        ----------
        drives : mapping of electrode name to Drive
            An electrode that is left out floats.
        injected : Array, shape (gaps,), A
            Current sources beside the gaps, from tail to head (thermal noise).

        Raises
        ------
        UnknownNameError
            If there is no electrode of that name.
        InvalidInputError
            If nothing fixes the voltage of some electrode.
        """
        if self.mutual is None:
            raise InvalidInputError("there is no factor yet.\n  Call factor(conductance) first.")
        for name in drives:
            if name not in self.electrodes:
                raise UnknownNameError("electrode", name, self.electrodes)
        value = np.zeros(self._interior + len(self.electrodes))
        if injected is not None:
            value += np.bincount(self._ends[1], injected, len(value)) - np.bincount(self._ends[0], injected, len(value))
            reduce_currents(self.plan, self._factor, value, self._local)
            value[: self._interior] /= self._total
        fed = value[self._interior :].copy()
        voltage, current, limited = solve_terminals(
            self.mutual, [drives.get(name, Drive()) for name in self.electrodes], fed
        )
        value[self._interior :] = voltage
        spread_voltages(self.plan, self._factor, value, self._local)
        drop = np.empty(len(self.tail))
        drop_voltages(value, *self._ends, drop)
        if injected is not None:
            injected = np.where(self._ends[0] == self._ends[1], 0.0, injected)
        at = (value, self.place, self.connected)
        return Solution(drop, voltage, current, limited, self._conductance, injected, at)

    def residuals(self, solution: Solution) -> dict[str, float]:
        """Return how far a solution is from the laws of circuits; all are 0 but for rounding.

        *node*: largest sum of currents at an island, over the largest current through a gap; *total*: sum of the
        electrodes' currents, over the sum of their sizes; *power*: fed in minus dissipated, over dissipated (without
        injected currents); *maximum*: how far an island's voltage lies outside the electrodes', V.
        """
        nodes = self._interior + len(self.electrodes)
        into = np.bincount(self._ends[1], solution.current, nodes) - np.bincount(self._ends[0], solution.current, nodes)
        into[self._interior :] += solution.electrode_current
        largest = np.abs(solution.current).max(initial=1e-300)
        lost = float(self._conductance @ solution.drop**2)
        inside = solution.voltage[self.connected]
        low, high = solution.electrode_voltage.min(), solution.electrode_voltage.max()
        sizes = np.abs(solution.electrode_current).sum()
        return {
            "node": float(np.abs(into).max(initial=0.0) / largest),
            "total": float(abs(solution.electrode_current.sum()) / max(sizes, 1e-300)),
            "power": abs(solution.power - lost) / max(lost, 1e-300),
            "maximum": float(max(low - inside.min(initial=low), inside.max(initial=high) - high)),
        }


def solve_terminals(mutual: np.ndarray, drives: list[Drive], fed: np.ndarray):
    """Solve the small network that is left between electrodes.

    Parameters
    ----------
    mutual : Array, shape (electrodes, electrodes), S
    drives : list of Drive
    fed : Array, shape (electrodes,), A
        Currents that sources inside the network send to each electrode.

    Returns
    -------
    tuple of three Arrays, shape (electrodes,): voltage (V), current into the network (A), limited (bool)

    Raises
    ------
    InvalidInputError
        If nothing fixes the voltages, or no set of limits agrees with the drives.
    """
    if all(d.voltage is not None and d.resistance == 0 and d.compliance == np.inf for d in drives):
        voltage = np.array([d.voltage for d in drives])
        return voltage, (mutual * (voltage[:, None] - voltage)).sum(axis=1) - fed, np.zeros(len(drives), bool)
    source = np.array([np.nan if d.voltage is None else d.voltage for d in drives])
    resistance = np.array([d.resistance for d in drives])
    limit = np.array([d.compliance for d in drives])
    held = np.zeros(len(drives))  # -1, 0, 1: the limit that holds the current
    given = np.array([0.0 if d.current is None else d.current for d in drives])
    for _ in range(4 * len(drives) + 4):
        driven = np.isfinite(source) & (held == 0)
        voltage, current = _terminal_voltages(mutual, (source, resistance, driven), given + held * _finite(limit), fed)
        over = np.where(driven & (np.abs(current) > limit * (1 + 1e-12)), np.abs(current) / limit, 0.0)
        # A source at its limit wants to push further; one that would rather push less is let go.
        free = (held != 0) & (held * (np.nan_to_num(source) - resistance * current - voltage) < -1e-12)
        if free.any():
            held[free] = 0
        elif over.any():
            worst = int(np.argmax(over))
            held[worst] = np.sign(current[worst])
        else:
            return voltage, current, held != 0
    raise InvalidInputError(
        "the limits of current contradict each other: no set of them can hold.\n"
        "  Give a compliance to fewer electrodes."
    )


def _finite(limit):
    return np.where(np.isfinite(limit), limit, 0.0)


def _terminal_voltages(mutual, sources, given, fed):
    """Return voltages and currents when it is known which electrodes a voltage drives."""
    source, resistance, driven = sources
    fixed = driven & (resistance == 0)
    voltage = np.where(fixed, source, 0.0)
    free = np.flatnonzero(~fixed)
    if len(free):
        matrix = np.diag(mutual.sum(axis=1)) - mutual
        into = fed + np.where(driven, 0.0, given) - matrix[:, fixed] @ voltage[fixed]
        behind = driven & ~fixed
        matrix[behind, behind] += 1 / resistance[behind]
        into[behind] += source[behind] / resistance[behind]
        if not driven.any():
            raise InvalidInputError(
                "no electrode has a voltage: only differences would be known.\n  Ground one: Drive(voltage=0)."
            )
        try:
            voltage[free] = np.linalg.solve(matrix[np.ix_(free, free)], into[free])
        except np.linalg.LinAlgError:
            raise InvalidInputError(
                "an electrode is joined to nothing.\n  Leave it out, or give it a voltage."
            ) from None
    current = (mutual * (voltage[:, None] - voltage[None, :])).sum(axis=1) - fed
    return voltage, current


def _owners(electrodes, islands):
    """Return the number of the electrode that each island belongs to, -1 for none."""
    owner = np.full(islands, -1, np.int64)
    names = list(electrodes)
    for number, name in enumerate(names):
        members = np.asarray(electrodes[name], np.int64)
        taken = owner[members][(owner[members] >= 0) & (owner[members] != number)]
        if len(taken):
            raise InvalidInputError(
                f"an island touches the electrodes {names[taken[0]]!r} and {name!r}: they are shorted.\n"
                "  Move them apart, or join them to one electrode."
            )
        owner[members] = number
    return owner


def _connected(owner, tail, head):
    """Return which islands a path joins to an electrode."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = coo_matrix((np.ones(len(tail)), (tail, head)), shape=(len(owner), len(owner)))
    _, part = connected_components(pairs, directed=False)
    return np.isin(part, np.unique(part[owner >= 0]))
