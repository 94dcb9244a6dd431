"""The mechanisms of a cell as plain numbers that compiled code reads: one record, passed by its address."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinula.core.errors import InvalidInputError
from spinula.law.drugs import CLOSES, DRUGS, GATES
from spinula.law.mechanisms import MECHANISMS, Mechanisms
from spinula.law.modulation.reinforcement import kernel_end

_TABLES = [(name, [(field, "f8") for field in law.model_fields]) for name, law in MECHANISMS.items()]
_OWN = [("consolidation_time", "f8"), ("read_after", "f8")]
RULES = np.dtype([("has", [(name, "?") for name in MECHANISMS]), *_TABLES, *_OWN], align=True)
READ_AFTER = 6.0  # s after the onset of pairing at which a train is read, or later if its kernel lasts longer

# Rows: drugs; columns: gates. True where the drug closes the gate.
CLOSED = np.array([[gate in CLOSES[drug] for gate in GATES] for drug in DRUGS])
GLUTAMATE, CONSOLIDATION, SYNTHESIS, INHIBITION, SHRINKAGE, SPIKES, D1, D2 = range(len(GATES))
ANTAGONIST, METHAMPHETAMINE = DRUGS.index("d2_antagonist"), DRUGS.index("methamphetamine")


def numbers(mechanisms: Mechanisms) -> Any:
    """Return the mechanisms as one record of :data:`RULES`; zeros where one is absent.

    Raises
    ------
    InvalidInputError
        If mechanisms consolidate with different time constants: a spine has one pool of pending enlargement.
    """
    made = np.zeros(1, RULES)
    for name, law in MECHANISMS.items():
        found = getattr(mechanisms, name)
        made["has"][name] = found is not None
        for field in law.model_fields if found is not None else ():
            made[name][field] = getattr(found, field)
    times = [
        law.consolidation_time
        for law in (mechanisms.potentiation, mechanisms.reinforcement, mechanisms.dips)
        if law is not None
    ]
    if len(set(times)) > 1:
        raise InvalidInputError(f"one cell, one consolidation_time: {times} s are given; set them to one value.")
    made["consolidation_time"] = times[0] if times else 1.0
    kernels = [law for law in (mechanisms.reinforcement, mechanisms.dips) if law is not None]
    ends = [kernel_end(law.kernel_scale, law.kernel_power, law.kernel_onset) for law in kernels]
    made["read_after"] = max(READ_AFTER, *ends) if ends else READ_AFTER
    return made[0]
