"""The slow life of one projection's spines: a tick of the law for all, and a new spine for each that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spinula.engines.network.spiking import slow, state
from spinula.engines.network.spiking.assemble import Arrays, grown, roomy
from spinula.engines.plan import make_plan, parameters

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit
    from spinula.engines.network.spiking.plan import Projection


class Life:
    """What moves the sizes of one projection on the slow clock, ``tick`` steps apart."""

    def __init__(self, circuit: Circuit, index: int, projection: Projection) -> None:
        living = projection.living
        assert living is not None
        self.index, self.projection, self.living = index, projection, living
        self.projections = circuit.projections
        self.tick = round(living.tick / circuit.dt)
        days, key = living.tick / living.day, circuit.streams.key(f"life {index}")
        self.plan = make_plan(living.dynamics, days, key, length_um=0.0)
        self.numbers = parameters(living.dynamics, days).astype(np.float32)
        # Ids go on after those of all projections together, each life in a range of its own.
        before = [len(p.target) for p in circuit.projections if not p.is_fixed]
        self.next_id = sum(before) + circuit.projections.index(projection) * 2**28

    def next_tick(self, step: int) -> int:
        """Return the step of the first tick after a step."""
        return (step // self.tick + 1) * self.tick

    def move(self, arrays: Arrays, tick: int) -> tuple[Arrays, int]:
        """Move all spines by one tick; return the arrays and how many ended and were replaced.

        Sizes must be up to date. The arrays are new ones where an arena had to grow.
        """
        first = int(arrays.table[self.index, state.FIRST_ROW])
        span = (first, first + self.projection.pre.count)
        parts, most = arrays.rows.start.shape[0], int(arrays.rows.count[:, span[0] : span[1]].sum(axis=1).max())
        gone = slow.Gone(
            np.zeros(parts, np.int64), np.zeros(parts, np.int64), np.zeros((parts, most), np.int64),
            np.zeros((parts, most), np.int64), np.zeros((parts, most), np.uint32),
            np.zeros((parts, most), np.uint32), np.zeros((parts, most)), np.zeros((parts, most), np.uint32),
        )  # fmt: skip
        slow.live(arrays.rows, arrays.spines, self.plan, self.numbers, span, tick, gone)
        if gone.count.any():
            self.next_id = int(slow.number_births(gone, self.next_id))
            arrays = self._replace(arrays, gone, (*span, tick))
        return arrays, int(gone.count.sum() + gone.unseen.sum())

    def _replace(self, arrays: Arrays, gone: slow.Gone, where: tuple[int, int, int]) -> Arrays:
        done = np.zeros(len(gone.count), np.int64)
        recurrent = self.projection.post.first if self.projection.pre is self.projection.post else -1
        limits = (where[0], where[1], recurrent, self.living.contacts, self.index, where[2])
        while True:
            slow.replace(arrays.neurons, arrays.rows, arrays.spines, self.plan, self.numbers, gone, done, limits)
            if (done == gone.count).all():
                return roomy(arrays)
            arrays = grown(arrays, self.projections)
