"""Training sparse networks: the data, one run with everything recorded, and the comparison of rules."""

from spinula.studies.training.data import Data, load_data
from spinula.studies.training.running import Plan, Trained, train

__all__ = ["Data", "Plan", "Trained", "load_data", "train"]
