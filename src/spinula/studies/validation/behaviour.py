"""Rows 39 to 46 and 43b once more, in animals that learn from reward: each is borne out if every claim on it is."""

from __future__ import annotations

from spinula.studies.reinforcement.catalogue import STUDIES, study
from spinula.studies.validation.memory import rows_of

# Rows that more than one study speaks of.
_SHARED = {"43b-network": ("dips", "receptors"), "46-network": ("discrimination", "extinction")}

ROWS = [row for name in STUDIES for row in rows_of(study, name, _SHARED)]
