"""From populations and projections to the arrays of :mod:`state`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinula.engines.network.spiking import state
from spinula.engines.network.spiking.kernels import renewal
from spinula.engines.network.spiking.plan import Population, Projection, population_row, projection_row
from spinula.engines.network.spiking.wiring import count_rows, deal_rows

_SLACK = 0.08  # free places of a row of spines: what rewiring needs before rows must move


class Arrays(NamedTuple):
    """All that a run changes or reads."""

    neurons: state.Neurons
    rows: state.Rows
    spines: state.Spines
    wires: state.Wires
    ring: state.Ring
    table: np.ndarray
    heard: state.Heard
    work: tuple[np.ndarray, np.ndarray, np.ndarray]
    clock: np.ndarray
    owner: np.ndarray


def assemble(
    populations: list[Population], projections: list[Projection], v: np.ndarray, dt: float, parts: int
) -> Arrays:
    """Return the arrays of a circuit at time 0; a projection's spines get ids in order of (pre, post)."""
    first_row = np.concatenate([[0], np.cumsum([p.pre.count for p in projections])]).astype(np.int64)
    table = np.array([projection_row(p, row, dt) for p, row in zip(projections, first_row, strict=False)])
    table = table.reshape(len(projections), 23)
    neurons, owner = _neurons(populations, table, v, dt, parts)
    rows, spines, wires = _synapses(projections, first_row, owner, table, parts)
    refractory = int(neurons.numbers[:, state.REFRACTORY].min())
    delays = [*table[:, state.DELAY].astype(int), *table[:, state.LAG].astype(int)]
    window = max(1, min([delay for delay in delays if delay > 0], default=10))
    window = min(window, 64)
    longest = max([*delays, 1]) + window + 1
    ring = state.ring(len(v), longest, refractory)
    most = max(int((neurons.bounds[part, :, 1] - neurons.bounds[part, :, 0]).sum()) for part in range(parts))
    block = 2 * window * len(v) + 10_000
    heard = state.Heard(
        np.zeros((parts, window, len(populations)), np.int64), np.zeros((parts, window, most), np.uint32),
        np.zeros(block, np.uint32), np.zeros(block, np.int64),
    )  # fmt: skip
    clock = np.array([0, 0, 0, 0, window, 0], np.int64)
    return Arrays(neurons, rows, spines, wires, ring, table, heard, _work(neurons, rows, table), clock, owner)


def _work(neurons: state.Neurons, rows: state.Rows, table: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts, populations, _ = neurons.bounds.shape
    tiles = int((neurons.bounds[:, :, 1] - neurons.bounds[:, :, 0]).max()) // 128 + 1
    return np.zeros((parts, populations, tiles), np.int32), scratch(rows), np.zeros((parts, len(table), 2))


def scratch(rows: state.Rows) -> np.ndarray:
    """Return room for what a visit gathers of the longest row that rows may grow to before the next slow tick."""
    return np.zeros((rows.room.shape[0], 3, 2 * int(rows.room[:, :-1].max(initial=0)) + 64), np.float32)


def _neurons(
    populations: list[Population], table: np.ndarray, v: np.ndarray, dt: float, parts: int
) -> tuple[state.Neurons, np.ndarray]:
    count = len(v)
    bounds = np.stack([state.deal(p.first, p.stop, parts) for p in populations], axis=1)
    owner = np.zeros(count, np.int64)
    for part in range(parts):
        for first, stop in bounds[part]:
            owner[first:stop] = part
    numbers = np.array([population_row(p, dt) for p in populations])
    most = int((bounds[:, :, 1] - bounds[:, :, 0]).max()) + 1
    rules, gated = table[:, state.RULE], bool((table[:, state.RULE] == state.GATED).any())
    timed, triplet = bool((rules >= state.TIMED).any()), bool((table[:, state.TRIPLET_STEP] > 0).any())
    made = state.Neurons(
        v, np.zeros_like(v), np.zeros_like(v), np.full(count, -(10**9), np.int64),
        np.zeros((len(table), count if timed else 1, 2), np.float32),
        np.zeros((len(table), count if gated else 1), np.float32),
        np.zeros((len(table), count if triplet else 1, 2)), bounds, numbers,
        np.zeros((parts, len(populations), most), np.int64), np.zeros((parts, len(populations)), np.int64),
        np.zeros((parts, len(populations)), np.int64),
    )  # fmt: skip
    return made, owner


def _synapses(
    projections: list[Projection], first_row: np.ndarray, owner: np.ndarray, table: np.ndarray, parts: int
) -> tuple[state.Rows, state.Spines, state.Wires]:
    total = int(first_row[-1])
    count = np.zeros((parts, total + 1), np.int64)
    room, start = np.zeros_like(count), np.zeros_like(count)
    lengths = np.zeros((2, parts), np.int64)  # of the arenas: wires, spines
    for q, projection in enumerate(projections):
        span = slice(first_row[q], first_row[q + 1])
        mine = np.zeros((parts, projection.pre.count), np.int64)
        count_rows(projection.first, projection.target, owner[projection.post.first : projection.post.stop], mine)
        roomy = _room(mine, projection)
        arena = lengths[0 if projection.is_fixed else 1]
        ends = arena[:, None] + np.cumsum(roomy, axis=1)
        count[:, span], room[:, span], start[:, span] = mine, roomy, ends - roomy
        arena += roomy.sum(axis=1)
    start[:, -1] = lengths[1]  # where the arena of spines ends
    rows = state.Rows(start, count, room, np.zeros(count.shape, np.float32), np.zeros_like(count),
                      np.zeros(count.shape, np.float32))  # fmt: skip
    gated = bool((table[:, state.RULE] == state.GATED).any())
    places = int(lengths[1].max()) + (int(0.01 * lengths[1].max()) + 256 if lengths[1].any() else 1)
    spines = state.empty_spines(parts, places, gated)
    most = max(1, int(lengths[0].max()))
    wires = state.Wires(np.zeros((parts, most), np.uint32), np.zeros((parts, most), np.float32))
    _deal(projections, first_row, owner, rows, (spines, wires))
    return rows, spines, wires


def _deal(
    projections: list[Projection], first_row: np.ndarray, owner: np.ndarray, rows: state.Rows,
    arenas: tuple[state.Spines, state.Wires],
) -> None:  # fmt: skip
    (spines, wires), next_id = arenas, 0
    for q, projection in enumerate(projections):
        start = rows.start[:, first_row[q] : first_row[q + 1]]
        wired = (projection.first, projection.target, np.asarray(projection.size, np.float32))
        mine, offset = owner[projection.post.first : projection.post.stop], projection.post.first
        if projection.is_fixed:
            deal_rows(wired, mine, start, offset, (wires.target, wires.weight), (np.zeros((1, 0), np.uint32), 0))
        else:
            deal_rows(wired, mine, start, offset, (spines.target, spines.size), (spines.spine_id, next_id))
            next_id += len(projection.target)


def _room(count: np.ndarray, projection: Projection) -> np.ndarray:
    """Return the places that rows get for so many synapses."""
    return count if projection.living is None else count + np.ceil(_SLACK * count).astype(np.int64) + 1


def grown(arrays: Arrays, projections: list[Projection]) -> Arrays:
    """Return the arrays with a larger, tidy arena of spines, where one was full."""
    room = np.zeros_like(arrays.rows.room)
    for q, projection in enumerate(projections):
        if not projection.is_fixed:
            first = int(arrays.table[q, state.FIRST_ROW])
            span = slice(first, first + projection.pre.count)
            room[:, span] = _room(arrays.rows.count[:, span], projection)
    places = int(1.03 * room.sum(axis=1).max()) + 256
    fresh = state.empty_spines(len(room), places, arrays.spines.tag.shape[1] > 1)
    renewal.repack(arrays.rows, arrays.spines, fresh, room)
    return arrays._replace(spines=fresh)


def roomy(arrays: Arrays) -> Arrays:
    """Return the arrays with a scratch that the longest row fits into."""
    if int(arrays.rows.count[:, :-1].max(initial=0)) <= arrays.work[1].shape[2]:
        return arrays
    return arrays._replace(work=(arrays.work[0], scratch(arrays.rows), arrays.work[2]))
