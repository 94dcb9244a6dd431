"""A striatum that learns from reward: cortical inputs, D1 and D2 spiny projection neurons, dopamine, behaviour.

    animals = Striatum(model, seeds=range(20))
    for session in run(animals, sessions):            many animals at once, one record per session

Every animal (seed) has its own spines and its own order of trials; the same seed gives the same animal whatever the
others beside it. Spines are enlarged by dopamine after pairing, and live by their intrinsic law between sessions.
"""

from spinula.engines.striatum.model import Circuit, StriatumModel
from spinula.engines.striatum.striatum import Striatum
from spinula.engines.striatum.trials import Record, Session, Trial, run

__all__ = ["Circuit", "Record", "Session", "Striatum", "StriatumModel", "Trial", "run"]
