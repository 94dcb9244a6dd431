"""The arrays of a run, few and wide, because compiled functions pay for each one: what the columns mean.

| array | shape | holds |
|---|---|---|
| spine | (dendrites, slots, SPINE) | size (um3; 0 or less where the slot is vacant) and what else a spine carries |
| cell | (dendrites, CELL) | clocks (s) and traces of the cell, then the dose of each drug |
| gate | (dendrites, gates) | what drugs leave open |
| field | (dendrites, 3, nodes) | the shrinking signal, summed potentiation, hot spots of formation |
| ring | (dendrites, 3, RING, 3) | the last pulses of GABA, bursts and dips: when, and two numbers |
| count | (dendrites, COUNT) | counters |
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from spinula.law.drugs import DRUGS, GATES

SIZE, NUMBER, BORN, POSITION, NODE, TRANSIENT, PENDING, PROTECT, PUSH, E_PLUS = range(10)
E_MINUS, STDP, CALCIUM, SEEN, CALCIUM_SEEN, PRE, TAG_TIME, TAG, CONTACT, FAST = range(10, 20)
PRE_AMOUNT, SPINE = 20, 21
NOW, SLOW, POST, POST_TRACE, POST_SEEN, RATE, RATE_SEEN, RATE_SUM, WAIT, TICK, WET, DUE, DOSE = range(13)
CELL = DOSE + len(DRUGS)
SHRINK, CROWD, HOT = range(3)
GABA_RING, BURST_RING, DIP_RING = range(3)
RING = 32
FORMED, ELIMINATED, DELIVERED, MISSED, CURSOR, STEPS, NEXT_NUMBER, STALLED, RINGS = range(9)
COUNT = RINGS + 3
NEVER = -1e30

# Columns of a pulse, and its codes.
TIME, CODE, SLOT, PLACE_NODE, AMOUNT, EXTRA = range(6)
GLUTAMATE_PULSE, SPIKE, GABA_PULSE, BURST, DIP, NORADRENALINE, SEROTONIN, DRUG, CALCIUM_PULSE = range(9)

# Views of a run's arrays are borrowed and never kept, so that counting references to them is a waste: two thirds of the
# time. A function that allocates does not compile with this.
LEAN = {"_nrt": False}

State = namedtuple("State", "spine cell gate field ring count")
State.__doc__ = """The arrays of a run; see the module's text."""
Clock = namedtuple("Clock", "until tick slow length rate")
Clock.__doc__ = """Where to stop, steps of fields and of intrinsic dynamics (s), length (um), formation (1/um/day)."""
Run = namedtuple("Run", "state plan p rules cable ops clock")
Run.__doc__ = """Everything that the compiled functions of a run share; ops are pulses, (pulses, columns), by time."""


def empty_state(dendrites: int, slots: int, nodes: int) -> State:
    """Return a state with no spine in it."""
    spine = np.zeros((dendrites, slots, SPINE))
    spine[:, :, [SIZE, BORN]] = -1.0, np.nan
    spine[:, :, [PRE, TAG_TIME]] = NEVER
    cell = np.zeros((dendrites, CELL))
    cell[:, [POST, TICK]] = NEVER
    cell[:, [WAIT, DUE]] = np.inf
    return State(
        spine=spine, cell=cell, gate=np.ones((dendrites, len(GATES)), np.bool_), field=np.zeros((dendrites, 3, nodes)),
        ring=np.full((dendrites, 3, RING, 3), NEVER), count=np.zeros((dendrites, COUNT), np.int64),
    )  # fmt: skip


def grown(state: State) -> State:
    """Return a state with half as many slots again in every dendrite."""
    more = state.spine.shape[1] // 2 + 16
    fresh = empty_state(len(state.spine), more, state.field.shape[2])
    return state._replace(spine=np.concatenate([state.spine, fresh.spine], axis=1))
