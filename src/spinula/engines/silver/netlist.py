"""A solved moment of a device as a SPICE netlist: gaps as resistors, electrodes as nodes, drives as sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.engines.silver.solver import Drive, Solver


@dataclass(frozen=True)
class Element:
    """One line of a netlist: ``kind`` R, V or I, two nodes (``0`` is ground) and a value in ohm, V or A."""

    name: str
    nodes: tuple[str, str]
    value: float

    @property
    def kind(self) -> str:
        """First letter of the name, in capitals."""
        return self.name[0].upper()


def write_netlist(
    solver: Solver, conductance: np.ndarray, drives: Mapping[str, Drive], *, title: str = "silver network"
) -> str:
    """Return the network as a SPICE netlist with one operating point.

    Node ``i7`` is island 7; node ``e_name`` is an electrode, with all its islands. A compliance is not a linear
    element: solve first, and give a held electrode its current.

    Parameters
    ----------
    solver : Solver
    conductance : Array, shape (gaps,), S
    drives : mapping of electrode name to Drive

    Raises
    ------
    InvalidInputError
        If a drive has a compliance.
    """
    lines = [f"* {title}"]
    interior = solver.plan.own[-1]
    names = [
        f"e_{solver.electrodes[place - interior]}" if place >= interior else f"i{island}"
        for island, place in enumerate(solver.place.tolist())
    ]
    for gap, (tail, head) in enumerate(zip(solver.tail.tolist(), solver.head.tolist(), strict=True)):
        if names[tail] != names[head]:
            lines.append(f"Rg{gap} {names[tail]} {names[head]} {1 / conductance[gap]:.17g}")
    for name, drive in drives.items():
        if np.isfinite(drive.compliance):
            raise InvalidInputError(
                f"the electrode {name!r} has a compliance, which no linear element has.\n"
                "  Solve first; give it the current if the limit holds it, the plain voltage if not."
            )
        if drive.current is not None:
            lines.append(f"Id_{name} 0 e_{name} {drive.current:.17g}")
        elif drive.voltage is not None and drive.resistance > 0:
            lines.append(f"Vd_{name} s_{name} 0 {drive.voltage:.17g}")
            lines.append(f"Rs_{name} s_{name} e_{name} {drive.resistance:.17g}")
        elif drive.voltage is not None:
            lines.append(f"Vd_{name} e_{name} 0 {drive.voltage:.17g}")
    return "\n".join([*lines, ".op", ".end", ""])


def read_netlist(text: str) -> list[Element]:
    """Return the resistors and sources of a netlist that :func:`write_netlist` wrote (plain numbers, no suffixes).

    Raises
    ------
    InvalidInputError
        If a line is none of these, with its number.

    Examples
    --------
    >>> read_netlist("* title\\nR1 a 0 50\\n.end\\n")
    [Element(name='R1', nodes=('a', '0'), value=50.0)]
    """
    elements = []
    for number, line in enumerate(text.splitlines(), 1):
        if number == 1 or not line.strip() or line.startswith(("*", ".")):
            continue
        parts = line.split()
        try:
            element = Element(parts[0], (parts[1], parts[2]), float(parts[3]))
        except (IndexError, ValueError):
            raise InvalidInputError(f"netlist line {number}: {line!r} is not `name node node value`.") from None
        if element.kind not in "RVI":
            raise InvalidInputError(f"netlist line {number}: only R, V and I are read, not {parts[0]!r}.")
        elements.append(element)
    return elements
