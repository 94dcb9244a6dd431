"""The slow life of one projection's spines: ticks of the law, scaling, and the spines that are formed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spinula.core.errors import OutOfRangeError
from spinula.engines.kernels import RATE
from spinula.engines.network.spiking import state
from spinula.engines.network.spiking.assemble import Arrays, grown, roomy
from spinula.engines.network.spiking.kernels import renewal, slow
from spinula.engines.plan import make_plan, parameters
from spinula.law.plasticity.homeostasis import scaling_rate

if TYPE_CHECKING:
    from spinula.engines.network.spiking.circuit import Circuit
    from spinula.engines.network.spiking.plan import Projection


class Life:
    """What moves the sizes of one projection on the slow clock, ``tick`` steps apart.

    ``next_id`` : id of the next spine; ``spikes`` : of each postsynaptic neuron since the last tick; ``rate`` : their
    running mean, 1/s.
    """

    def __init__(self, circuit: Circuit, index: int, projection: Projection) -> None:
        living = projection.living
        assert living is not None
        self.index, self.projection, self.living = index, projection, living
        self.projections, self.population = circuit.projections, circuit.populations.index(projection.post)
        self.tick = round(living.tick / circuit.dt)
        self.days, key = living.tick / living.day, circuit.streams.key(f"life {index}")
        self.plan = make_plan(living.dynamics, self.days, key, length_um=living.length_um)
        self.numbers = parameters(living.dynamics, self.days).astype(np.float32)
        # Ids have 32 bits. They go on after those of all projections together, each life in a range of its own.
        before = sum(len(p.target) for p in circuit.projections if not p.is_fixed)
        lives = [p for p in circuit.projections if p.living is not None]
        self.ids = (2**32 - 1 - before) // len(lives)
        self.next_id = before + lives.index(projection) * self.ids
        self.last_id = self.next_id + self.ids
        self.spikes = np.zeros(projection.post.count, np.int64)
        self.rate = np.full(projection.post.count, living.scaling.target_rate if living.scaling else 0.0)

    def next_tick(self, step: int) -> int:
        """Return the step of the first tick after a step."""
        return (step // self.tick + 1) * self.tick

    def hear(self, spikes: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Count the spikes (steps, neurons) of the postsynaptic neurons, for scaling."""
        if self.living.scaling is not None:
            post, neurons = self.projection.post, np.concatenate([neurons for _, neurons in spikes])
            mine = neurons[(neurons >= post.first) & (neurons < post.stop)].astype(np.int64) - post.first
            self.spikes += np.bincount(mine, minlength=post.count)

    def move(self, arrays: Arrays, tick: int) -> tuple[Arrays, int, int]:
        """Move all spines by one tick; return the arrays, how many were formed and how many ended.

        Sizes must be up to date. The arrays are new ones where an arena had to grow.
        """
        first = int(arrays.table[self.index, state.FIRST_ROW])
        span = (first, first + self.projection.pre.count)
        self._scale(arrays, span)
        gone = _room(int(arrays.rows.count[:, span[0] : span[1]].sum(axis=1).max()), len(arrays.rows.start))
        slow.live(arrays.rows, arrays.spines, self.plan, self.numbers, span, tick, gone)
        ended = int(gone.count.sum())
        if self.plan.mode == RATE:
            gone = self._births(arrays, tick)
        if gone.count.any():
            if self.next_id + int(gone.count.sum()) > self.last_id:
                raise OutOfRangeError(
                    "spine_id", self.next_id, f"a projection's {self.ids:,} ids are used up, run less"
                )
            self.next_id = int(renewal.number_births(gone, self.next_id))
            arrays = self._form(arrays, gone, (*span, tick))
        unseen = int(gone.unseen.sum())
        return arrays, int(gone.placed.sum()) + unseen, ended + unseen

    def _births(self, arrays: Arrays, tick: int) -> renewal.Gone:
        bounds, births = arrays.neurons.bounds[:, self.population], self.plan.births_per_day * self.days
        made = _room(int(renewal.count_births(bounds, self.plan, births, tick).max()), len(bounds))
        renewal.note_births(bounds, self.plan, births, tick, made)
        return made

    def _scale(self, arrays: Arrays, span: tuple[int, int]) -> None:
        scaling, post = self.living.scaling, self.projection.post
        if scaling is None:
            return
        seconds = 1e-3 * self.living.tick
        self.rate += (self.spikes / seconds - self.rate) * -np.expm1(-seconds / scaling.rate_time)
        self.spikes[:] = 0
        growth = scaling_rate(self.rate, scaling.target_rate, scaling.scaling_time)
        factor = np.exp(self.days * growth).astype(np.float32)
        largest = np.float32(self.projection.timing.size_max if self.projection.timing else np.inf)
        slow.scale(arrays.rows, arrays.spines, span, factor, post.first, largest)

    def _form(self, arrays: Arrays, gone: renewal.Gone, where: tuple[int, int, int]) -> Arrays:
        done = np.zeros(len(gone.count), np.int64)
        recurrent = self.projection.post.first if self.projection.pre is self.projection.post else -1
        limits = (where[0], where[1], recurrent, self.living.contacts, self.index, where[2])
        while True:
            renewal.replace(arrays.neurons, arrays.rows, arrays.spines, self.plan, self.numbers, gone, done, limits)
            if (done == gone.count).all():
                return roomy(arrays)
            arrays = grown(arrays, self.projections)


def _room(most: int, parts: int) -> renewal.Gone:
    """Return room for so many spines that end or are formed in each part."""
    return renewal.Gone(
        *(np.zeros(parts, np.int64) for _ in range(3)), *(np.zeros((parts, most), np.int64) for _ in range(4)),
        np.zeros((parts, most), np.uint64), np.zeros((parts, most)), np.zeros((parts, most), np.uint32),
    )  # fmt: skip
