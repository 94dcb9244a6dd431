"""What a circuit is made of, as arrays: neurons, rows of synapses by presynaptic neuron, spikes on their way.

Neurons are dealt out to parts; a part owns the state of its neurons and every synapse onto them, so that threads share
nothing but the spikes of the past. The bytes of a run do not depend on the number of parts: all that reaches a neuron
reaches it in the order of (projection, presynaptic neuron, birth of the synapse).

A row holds the synapses of one presynaptic neuron, in one projection and one part. Rows of fixed synapses and rows of
spines lie in two arenas; those of spines have free places at their end, and one that is full moves to the arena's end.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

Neurons = namedtuple(
    "Neurons", "v excitatory inhibitory last post gated slow bounds numbers held held_first held_count"
)
Neurons.__doc__ = """(neurons,) potentials and inputs in mV, step of the last spike; by projection and neuron ``post``
(S, Y), ``gated`` S times the dopamine integral, ``slow`` (trace, its step), the last two only where a rule needs them;
``bounds`` (parts, populations, 2) first and last + 1 neuron that a part owns; ``numbers`` (populations, 10); ``held``
(parts, populations, places) rings of the neurons that are refractory."""
Rows = namedtuple("Rows", "start count room trace visit gate")
Rows.__doc__ = (
    """(parts, rows) place, length and room; presynaptic trace at the step ``visit``, and the dopamine integral then."""
)
Spines = namedtuple("Spines", "target size snap spine_id tag snap_gated")
Spines.__doc__ = (
    """(parts, places) postsynaptic neuron, size [um3], S at the last visit, identity; eligibility, gated S."""
)
Wires = namedtuple("Wires", "target weight")
Wires.__doc__ = """(parts, places) postsynaptic neuron and weight of synapses that never change."""
Ring = namedtuple("Ring", "start count neuron")
Ring.__doc__ = (
    """Spikes on their way: by step (modulo), where its neurons begin and how many; neurons in ascending order."""
)
Outside = namedtuple("Outside", "first neuron weight channel dopamine")
Outside.__doc__ = (
    """Input from outside for a block of steps: (parts, steps + 1) places of the events; dopamine by step."""
)
Heard = namedtuple("Heard", "count neuron step_of who")
Heard.__doc__ = """Spikes of a window by part, step and population; all spikes of a block."""

FIXED, STILL, TIMED, GATED = range(4)
# Columns of the table of projections.
(PRE_FIRST, PRE_STOP, FIRST_ROW, DELAY, CHANNEL, RULE, GAIN, LOSS, BIAS, SIZE_MAX, SIZE_FLOOR, POTENTIATION, DEPRESSION,
 LAG, BASE_STEP, TRIPLET_STEP, TRIPLET, ELIGIBILITY, DOPAMINE, BASELINE, POST_FIRST, POST_STOP,
 SECONDS) = range(23)  # fmt: skip
# Columns of the table of populations; the first four are those of the law.
E_KEPT, I_KEPT, THRESHOLD, RESET, REFRACTORY, CONDUCTANCE = range(4, 10)
# Entries of the clock.
STEP, ORIGIN, HEAD, BLOCK = range(4)


def deal(first: int, stop: int, parts: int) -> np.ndarray:
    """Return where each part of a population begins and ends, (parts, 2), at multiples of 16 neurons (a cache line).

    Examples
    --------
    >>> deal(0, 100, 2).tolist()
    [[0, 48], [48, 100]]
    """
    cuts = first + ((np.arange(parts + 1) * (stop - first) / parts) // 16 * 16).astype(np.int64)
    cuts[-1] = stop
    return np.stack([cuts[:-1], cuts[1:]], axis=1)


def empty_spines(parts: int, places: int, tagged: bool) -> Spines:
    """Return an arena for spines; eligibility takes room only if some rule has it."""
    tags = places if tagged else 1
    return Spines(
        np.zeros((parts, places), np.uint32), np.zeros((parts, places), np.float32),
        np.zeros((parts, places), np.float32), np.zeros((parts, places), np.uint32),
        np.zeros((parts, tags), np.float32), np.zeros((parts, tags), np.float32),
    )  # fmt: skip


def ring(neurons: int, steps: int, refractory: int) -> Ring:
    """Return room for all spikes of the last ``steps`` steps: a neuron fires once in its refractory time at most."""
    most = neurons * (steps // (refractory + 1) + 2)
    return Ring(np.zeros(steps, np.int64), np.zeros(steps, np.int64), np.zeros(most + neurons, np.uint32))
