"""What a sparse network does not know: ensembles from fluctuating spines and their peers, and their calibration."""

from spinula.studies.training.uncertainty.calibration import area_under_curve, assess, calibration_error
from spinula.studies.training.uncertainty.ensembles import METHODS, fluctuating_scores
from spinula.studies.training.uncertainty.table import base_plan, compare, summary

__all__ = ["METHODS", "area_under_curve", "assess", "base_plan", "calibration_error", "compare", "fluctuating_scores",
           "summary"]  # fmt: skip
