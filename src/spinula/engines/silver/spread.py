"""How gaps differ from each other: seeded log-normal factors on distances and on any parameter of the law."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spinula.core.errors import OutOfRangeError, UnknownNameError
from spinula.core.streams import Streams
from spinula.law.silver import JunctionLaw


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the logarithm of what differs from gap to gap; 0 or absent: all alike.

    Parameters
    ----------
    distance : float, 1
        Of the distance across the gap: what a micrograph does not resolve.
    parameters : dict of parameter name to float, 1
        Of the law's parameters. The median stays; a draw beyond the parameter's bounds is set to the bound.
    """

    distance: float = 0.0
    parameters: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, width in {"distance": self.distance, **self.parameters}.items():
            if not 0 <= width <= 3:
                raise OutOfRangeError(f"spread of {name}", width, "wanted 0 to 3")

    def distances(self, distance: np.ndarray, streams: Streams) -> np.ndarray:
        """Return the distances with their spread, nm."""
        if self.distance == 0:
            return np.ascontiguousarray(distance, dtype=np.float64)
        return distance * np.exp(self.distance * streams.generator("distance").standard_normal(len(distance)))

    def matrix(self, law: JunctionLaw, gaps: int, streams: Streams) -> np.ndarray:
        """Return the law's parameters, shape (1, parameters) if all gaps are alike, else (gaps, parameters).

        Raises
        ------
        UnknownNameError
            If the law has no parameter of that name.
        """
        row, names = law.vector(), law.names()
        if not any(self.parameters.values()):
            return row
        matrix = np.repeat(row, gaps, axis=0)
        for name, width in self.parameters.items():
            if name not in names:
                raise UnknownNameError("parameter", name, names)
            drawn = matrix[:, names.index(name)] * np.exp(
                width * streams.generator(f"spread of {name}").standard_normal(gaps)
            )
            low, high = _bounds(law, name)
            matrix[:, names.index(name)] = np.clip(drawn, low, high)
        return matrix


def _bounds(law: JunctionLaw, name: str) -> tuple[float, float]:
    """Return the bounds that the law declares for a parameter."""
    low, high = -np.inf, np.inf
    for bound in type(law).model_fields[name].metadata:
        if (least := getattr(bound, "ge", None)) is not None:
            low = least
        if (above := getattr(bound, "gt", None)) is not None:
            low = np.nextafter(above, np.inf)
        if (most := getattr(bound, "le", None)) is not None:
            high = most
        if (below := getattr(bound, "lt", None)) is not None:
            high = np.nextafter(below, -np.inf)
    return float(low), float(high)
