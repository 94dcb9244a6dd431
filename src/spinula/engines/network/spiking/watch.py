"""Which spine each spike arrived through: the deliveries of a projection, one row each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.engines.network.spiking import state
from spinula.engines.network.spiking.assemble import Arrays
from spinula.engines.network.spiking.plan import Projection


def places_of(arrays: Arrays, table: np.ndarray, pre: np.ndarray, part: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the synapses of the presynaptic neurons ``pre`` lie in a part's arena, and whose each is.

    ``table`` : the projection's row of the table. The second array holds places in ``pre``.
    """
    rows = int(table[state.FIRST_ROW]) + pre
    count = arrays.rows.count[part, rows]
    whose, ends = np.repeat(np.arange(len(pre)), count), np.cumsum(count)
    return np.repeat(arrays.rows.start[part, rows] - ends + count, count) + np.arange(len(whose)), whose


def in_flight(arrays: Arrays, delay: int) -> tuple[np.ndarray, np.ndarray]:
    """Return step and neuron of the spikes that were fired in the last ``delay`` steps."""
    now, ring = int(arrays.clock[state.STEP]), arrays.ring
    steps = np.arange(max(1, now - delay + 1), now + 1)
    slots = steps % len(ring.start)
    spikes = [ring.neuron[ring.start[slot] : ring.start[slot] + ring.count[slot]] for slot in slots]
    return np.repeat(steps, ring.count[slots]), np.concatenate([np.zeros(0, np.uint32), *spikes])


def delivered(
    arrays: Arrays, index: int, projection: Projection, spikes: tuple[np.ndarray, np.ndarray], span: tuple[int, int]
) -> pd.DataFrame:
    """Return what arrived in the steps after ``span[0]`` up to ``span[1]``, while no spine ended or was formed.

    ``spikes`` : step and neuron. Columns step, pre, post (within the populations), spine_id.
    """
    step, pre = spikes[0] + int(arrays.table[index, state.DELAY]), spikes[1].astype(np.int64) - projection.pre.first
    mine = (step > span[0]) & (step <= span[1]) & (pre >= 0) & (pre < projection.pre.count)
    step, pre, frames = step[mine], pre[mine], []
    for part in range(len(arrays.rows.start)):
        places, whose = places_of(arrays, arrays.table[index], pre, part)
        post = arrays.spines.target[part, places].astype(np.int64) - projection.post.first
        ids = arrays.spines.spine_id[part, places].astype(np.int64)
        frames.append(pd.DataFrame({"step": step[whose], "pre": pre[whose], "post": post, "spine_id": ids}))
    return pd.concat(frames, ignore_index=True).sort_values(["step", "pre", "spine_id"], ignore_index=True)
