"""Connections of a projection as a table, one row each, and as Parquet files.

Columns: ``pre``, ``post`` (index of the neuron within its population, from 0), ``spine_id`` (-1 where a connection has
none), ``size`` [um3], ``weight`` [mV for current synapses, leak conductances else], ``delay`` [ms].
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError, MissingExtraError
from spinula.core.files import replacing
from spinula.engines.network.spiking.wiring import Edges

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit
    from spinula.engines.network.spiking.plan import Projection

COLUMNS = ("pre", "post", "spine_id", "size", "weight", "delay")


@dataclass(frozen=True)
class Connections:
    """Connections from one population to another.

    Attributes
    ----------
    pre, post : str, names of the populations
    table : DataFrame, columns pre, post, spine_id, size (um3), weight (mV or leak conductances), delay (ms)
    """

    pre: str
    post: str
    table: pd.DataFrame

    @property
    def edges(self) -> Edges:
        """The wiring to give to ``Circuit.connect``; spines get new ids there."""
        return Edges(*(self.table[name].to_numpy() for name in ("pre", "post", "size")))

    @property
    def delay(self) -> float:
        """The delay that all have, ms.

        Raises
        ------
        InvalidInputError
            If they differ or are not known.
        """
        delays = self.table["delay"].unique()
        if len(delays) != 1 or np.isnan(delays[0]):
            raise InvalidInputError(
                f"connections {self.pre} to {self.post}: one delay was wanted, there are {np.sort(delays)[:5]} ms.\n"
                "  Connect once for each of by_delay(), or say the delay yourself."
            )
        return float(delays[0])

    @property
    def gain(self) -> float:
        """Weight per size, where all have the same to within a millionth.

        Raises
        ------
        InvalidInputError
            If they differ.
        """
        sized = self.table[self.table["size"] > 0]
        gains = sized["weight"] / sized["size"]
        middle = float(gains.median()) if len(gains) else 0.0
        if not len(gains) or np.abs(gains - middle).max() > 1e-6 * abs(middle):
            raise InvalidInputError(f"connections {self.pre} to {self.post}: weight/size differs; say the gain.")
        return middle

    def by_delay(self) -> Iterator[tuple[float, Connections]]:
        """Yield each delay (ms) with the connections that have it."""
        for delay, table in self.table.groupby("delay"):
            yield float(delay), Connections(self.pre, self.post, table.reset_index(drop=True))  # type: ignore[arg-type]


def connections_of(circuit: Circuit, projection: Projection) -> Connections:
    """Return a projection's connections as they are now."""
    table = circuit.connections(projection).assign(delay=float(projection.delay))
    return Connections(projection.pre.name, projection.post.name, table[list(COLUMNS)])


def checked(names: tuple[str, str], columns: dict[str, Any], gain: float | None, where: str) -> Connections:
    """Return connections made of columns that come from a file; ``where`` says which, for errors.

    Raises
    ------
    InvalidInputError
        If a column is missing, or a row is impossible.
    """
    table = pd.DataFrame(columns)
    for name in ("pre", "post"):
        if name not in table:
            raise InvalidInputError(f"{where}: no column {name!r}; it holds {', '.join(map(str, table.columns))}.")
    if "size" not in table:
        if gain is None or "weight" not in table:
            raise InvalidInputError(f"{where}: no sizes.\n  Give gain: sizes are then weight/gain.")
        table["size"] = table["weight"] / gain
    if "weight" not in table:
        table["weight"] = table["size"] * (1.0 if gain is None else gain)
    defaults = {"spine_id": -1, "delay": np.nan}
    table = table.assign(**{name: value for name, value in defaults.items() if name not in table})[list(COLUMNS)]
    for name in COLUMNS:
        if table[name].dtype.kind not in "iuf":
            raise InvalidInputError(f"{where}: column {name!r} holds {table[name].dtype}; wanted numbers.")
    numbers = table[["pre", "post"]].to_numpy()
    whole = (numbers >= 0) & (numbers == np.floor(numbers))
    conditions = {
        "pre and post must be whole numbers from 0": whole.all(axis=1),
        "size must be a number from 0 (a gain of the other sign?)": (table["size"] >= 0) & np.isfinite(table["size"]),
        "delay must be above 0 ms": ~(table["delay"] <= 0),
    }  # fmt: skip
    for wanted, good in conditions.items():
        bad = np.flatnonzero(~np.asarray(good))
        if len(bad):
            raise InvalidInputError(f"{where}: row {bad[0]} is {table.iloc[bad[0]].to_dict()}: {wanted}.")
    kinds = {"pre": np.int64, "post": np.int64, "spine_id": np.int64}
    return Connections(*names, table.astype(kinds))


def write_edges(path: str | Path, circuit: Circuit, projection: Projection) -> None:
    """Write a projection's connections as Parquet, units in the fields' metadata.

    Raises
    ------
    MissingExtraError
        If pyarrow is absent.
    """
    arrow, parquet = parquet_library()
    found = connections_of(circuit, projection)
    weight = "mV" if projection.post.model.synapses == "current" else "leak conductance"
    units = {"pre": "index", "post": "index", "spine_id": "id", "size": "um3", "weight": weight, "delay": "ms"}
    table = arrow.Table.from_pandas(found.table, preserve_index=False)
    fields = [field.with_metadata({"unit": units[field.name]}) for field in table.schema]
    about = {"pre": found.pre, "post": found.post, "units": units}
    table = table.cast(arrow.schema(fields, metadata={"spinula_edges": json.dumps(about)}))
    with replacing(path) as temporary:
        parquet.write_table(table, temporary)


def read_edges(path: str | Path, *, gain: float | None = None) -> Connections:
    """Read an edge list from Parquet: columns pre and post at least, and size, or weight with a ``gain``.

    Parameters
    ----------
    path : file that :func:`write_edges` or another program wrote
    gain : float, weight per um3, for files without sizes

    Raises
    ------
    InvalidInputError
        If the file cannot be read, or holds what cannot be connections.
    MissingExtraError
        If pyarrow is absent.
    """
    arrow, parquet = parquet_library()
    try:
        table = parquet.read_table(path)
    except (OSError, arrow.ArrowException) as error:
        raise InvalidInputError(f"{path}: not a Parquet file that can be read ({error}).") from None
    about = json.loads((table.schema.metadata or {}).get(b"spinula_edges", b"{}"))
    columns = {name: table[name].to_pandas() for name in table.column_names if name in COLUMNS}
    return checked((about.get("pre", "pre"), about.get("post", "post")), columns, gain, str(path))


def parquet_library() -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module, or say which extra brings them."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    return pyarrow, parquet
