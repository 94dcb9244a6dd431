"""The mechanisms of a cell as plain numbers that compiled code reads: one record, passed by its address."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinula.law.drugs import CLOSES, DRUGS, GATES
from spinula.law.mechanisms import MECHANISMS, Mechanisms

_TABLES = [(name, [(field, "f8") for field in law.model_fields]) for name, law in MECHANISMS.items()]
RULES = np.dtype([("has", [(name, "?") for name in MECHANISMS]), *_TABLES, ("consolidation_time", "f8")], align=True)

# Rows: drugs; columns: gates. True where the drug closes the gate.
CLOSED = np.array([[gate in CLOSES[drug] for gate in GATES] for drug in DRUGS])
GLUTAMATE, CONSOLIDATION, SYNTHESIS, INHIBITION, SHRINKAGE, SPIKES, D1, D2 = range(len(GATES))
ANTAGONIST, METHAMPHETAMINE = DRUGS.index("d2_antagonist"), DRUGS.index("methamphetamine")


def numbers(mechanisms: Mechanisms) -> Any:
    """Return the mechanisms as one record of :data:`RULES`; zeros where one is absent."""
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
    made["consolidation_time"] = times[0] if times else 1.0
    return made[0]
