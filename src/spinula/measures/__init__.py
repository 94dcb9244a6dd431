"""Quantities computed from a spine table, whether a microscope or an engine wrote it; each with its interval.

Intervals resample the largest unit that the table has more than one of: animals, else dendrites, else spines.
"""

from spinula.measures.fluctuation import autocorrelation, change_by_size, kesten_regression, mean_squared_change
from spinula.measures.intervals import Estimate
from spinula.measures.lifetimes import age_hazard, life_by_size, size_age_correlation
from spinula.measures.sizes import compare_distributions, fit_two_lognormals, size_moments
from spinula.measures.survival import kaplan_meier, survival, survival_by_size
from spinula.measures.turnover import dynamic_fraction, spine_density, turnover

__all__ = [
    "Estimate",
    "age_hazard",
    "autocorrelation",
    "change_by_size",
    "compare_distributions",
    "dynamic_fraction",
    "fit_two_lognormals",
    "kaplan_meier",
    "kesten_regression",
    "life_by_size",
    "mean_squared_change",
    "size_age_correlation",
    "size_moments",
    "spine_density",
    "survival",
    "survival_by_size",
    "turnover",
]
