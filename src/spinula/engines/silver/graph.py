"""The gap graph: silver islands, and the gaps between neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.core.files import replacing

_ARRAYS = {"position": "nm", "area": "nm2", "tail": "", "head": "", "distance": "nm", "width": "nm"}


@dataclass(frozen=True)
class GapGraph:
    """Islands, which are conductors of one voltage each, and the gaps between them.

    Parameters
    ----------
    position : Array, shape (islands, 2), nm
        Centroid (x, y) of each island.
    area : Array, shape (islands,), nm2
    tail, head : Array of int64, shape (gaps,)
        The islands on both sides, tail < head; two islands share one gap at most.
    distance : Array, shape (gaps,), nm
        Smallest distance across the gap.
    width : Array, shape (gaps,), nm
        Length of the facing edge.
    electrodes : dict of name to Array of int64
        Islands that touch each electrode; an electrode that nothing drives floats.
    """

    position: np.ndarray
    area: np.ndarray
    tail: np.ndarray
    head: np.ndarray
    distance: np.ndarray
    width: np.ndarray
    electrodes: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def islands(self) -> int:
        """Number of islands."""
        return len(self.position)

    @property
    def gaps(self) -> int:
        """Number of gaps."""
        return len(self.tail)

    def check(self) -> GapGraph:
        """Return the graph itself.

        Raises
        ------
        InvalidInputError
            If shapes, indices or numbers are wrong, a gap comes twice, or an island touches two electrodes.
        """
        if self.position.shape != (self.islands, 2) or self.area.shape != (self.islands,):
            raise InvalidInputError(
                f"position has shape {self.position.shape} and area {self.area.shape}.\n"
                "  Wanted (islands, 2) and (islands,)."
            )
        for name in ("tail", "head", "distance", "width"):
            if getattr(self, name).shape != (self.gaps,):
                raise InvalidInputError(
                    f"{name} has shape {getattr(self, name).shape}.\n  Wanted one number for each of {self.gaps} gaps."
                )
        for name in ("area", "distance", "width"):
            _positive(name, getattr(self, name))
        if not np.isfinite(self.position).all():
            raise InvalidInputError("position is not finite at some island.\n  Give x and y in nm for each.")
        if self.gaps and not (
            self.tail.min() >= 0 and self.head.max() < self.islands and (self.tail < self.head).all()
        ):
            raise InvalidInputError(
                f"a gap's islands are not 0 <= tail < head < {self.islands}.\n  Number them from 0."
            )
        if len(np.unique(self.tail * self.islands + self.head)) < self.gaps:
            raise InvalidInputError("two islands share more than one gap.\n  Keep one, with the smallest distance.")
        self._check_electrodes()
        return self

    def _check_electrodes(self) -> None:
        owner: dict[int, str] = {}
        for name, members in self.electrodes.items():
            for island in members.tolist():
                if not 0 <= island < self.islands:
                    raise InvalidInputError(f"electrode {name!r} touches island {island}: there are {self.islands}.")
                if owner.setdefault(island, name) != name:
                    raise InvalidInputError(
                        f"an island touches the electrodes {owner[island]!r} and {name!r}: they are shorted.\n"
                        "  Move them apart, lower the coverage, or join them to one electrode."
                    )

    def component(self) -> GapGraph:
        """Return the part that joins most electrodes, and of those parts the one of most islands.

        Islands under one electrode count as joined. Islands are numbered anew, in their order.

        Raises
        ------
        InvalidInputError
            If no part joins two electrodes.
        """
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        ties = [(members[:-1], members[1:]) for members in self.electrodes.values() if len(members) > 1]
        tail = np.concatenate([self.tail, *(tie[0] for tie in ties)])
        head = np.concatenate([self.head, *(tie[1] for tie in ties)])
        pairs = coo_matrix((np.ones(len(tail)), (tail, head)), shape=(self.islands, self.islands))
        count, part = connected_components(pairs, directed=False)
        joined = np.zeros(count, np.int64)
        for members in self.electrodes.values():
            joined[np.unique(part[members])] += 1
        if count == 0 or joined.max() < 2:
            raise InvalidInputError(
                "no path of gaps joins two electrodes.\n  Allow wider gaps, raise the coverage, or move the electrodes."
            )
        best = np.lexsort((np.bincount(part, minlength=count), joined))[-1]
        return self.restrict(part == best)

    def restrict(self, kept: np.ndarray) -> GapGraph:
        """Return the graph of the islands where ``kept`` is true; electrodes that lose all islands are left out."""
        number = np.cumsum(kept) - 1
        gaps = kept[self.tail] & kept[self.head]
        electrodes = {name: number[members[kept[members]]] for name, members in self.electrodes.items()}
        return GapGraph(
            self.position[kept], self.area[kept], number[self.tail[gaps]], number[self.head[gaps]],
            self.distance[gaps], self.width[gaps], {name: found for name, found in electrodes.items() if len(found)},
        )  # fmt: skip

    @classmethod
    def from_edges(
        cls, ends: np.ndarray, distance: np.ndarray, width: np.ndarray, *, position: np.ndarray | None = None,
        area: np.ndarray | None = None, electrodes: Mapping[str, object] | None = None,
    ) -> GapGraph:  # fmt: skip
        """Make a graph of an edge list that another program wrote.

        Parameters
        ----------
        ends : Array of int, shape (gaps, 2)
            Both islands of each gap, in any order, counted from 0.
        distance, width : Array, shape (gaps,) or number, nm
        position : Array, shape (islands, 2), nm, optional
            Default: on a circle, in order.
        area : Array, shape (islands,), nm2, optional
            Default: 1 nm2, since no junction law reads it.
        electrodes : dict of name to islands, optional

        Raises
        ------
        InvalidInputError
            If anything does not fit together: see ``check``; also for a gap from an island to itself.
        """
        raw = np.asarray(ends)
        if raw.ndim != 2 or raw.shape[1] != 2 or raw.dtype.kind not in "iu":
            raise InvalidInputError(f"ends has shape {raw.shape} and type {raw.dtype}.\n  Wanted integers (gaps, 2).")
        ends = np.sort(raw.astype(np.int64), axis=1)
        if (ends[:, 0] == ends[:, 1]).any():
            raise InvalidInputError("a gap joins an island to itself.\n  Remove it from the list.")
        touched = {name: np.unique(np.asarray(found, np.int64)) for name, found in (electrodes or {}).items()}
        islands = 1 + max([-1, *ends.ravel().tolist(), *(int(found.max(initial=-1)) for found in touched.values())])
        if position is not None:
            islands = len(position)
        angle = 2 * np.pi * np.arange(islands) / max(islands, 1)
        place = np.column_stack([np.cos(angle), np.sin(angle)]) * 10 * islands if position is None else position
        return cls(
            np.asarray(place, float), np.ones(islands) if area is None else np.asarray(area, float),
            np.ascontiguousarray(ends[:, 0]), np.ascontiguousarray(ends[:, 1]),
            np.broadcast_to(np.asarray(distance, float), len(ends)).copy(),
            np.broadcast_to(np.asarray(width, float), len(ends)).copy(), touched,
        ).check()  # fmt: skip

    def write(self, path: str | Path) -> None:
        """Write the graph as .npz: one array per field, its unit in its name, electrodes as ``electrode:NAME``."""
        arrays = {f"{name}:{unit}" if unit else name: getattr(self, name) for name, unit in _ARRAYS.items()}
        arrays |= {f"electrode:{name}": members for name, members in self.electrodes.items()}
        with replacing(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **arrays)

    @classmethod
    def read(cls, path: str | Path) -> GapGraph:
        """Read what ``write`` wrote.

        Raises
        ------
        InvalidInputError
            If the file is no gap graph.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                fields = [file[f"{name}:{unit}" if unit else name] for name, unit in _ARRAYS.items()]
                prefix = "electrode:"
                electrodes = {name[len(prefix) :]: file[name] for name in file.files if name.startswith(prefix)}
        except (KeyError, ValueError) as error:
            raise InvalidInputError(
                f"{path} is no gap graph: {error}.\n  Give a file that GapGraph.write made."
            ) from None
        return cls(*fields, electrodes).check()


def _positive(name: str, values: np.ndarray) -> None:
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(wrong):
        raise InvalidInputError(f"{name}[{wrong[0]}] = {values[wrong[0]]:g}: wanted a number above 0, in nm (nm2).")
