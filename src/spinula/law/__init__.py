"""The equations: one copy of each, plain arithmetic, no random numbers and no clock."""

from spinula.law.boundary import FAMILIES, Boundary, Dynamics, FixedCount, FormationRate, Law
from spinula.law.intrinsic import IntrinsicLaw, LinearLaw, LinearQuadraticLaw, LogRevertingLaw
from spinula.law.kesten import KestenLaw, KestenMap
from spinula.law.logsize import LogOULaw, TwoTimeLogOULaw

__all__ = [
    "FAMILIES",
    "Boundary",
    "Dynamics",
    "FixedCount",
    "FormationRate",
    "IntrinsicLaw",
    "KestenLaw",
    "KestenMap",
    "Law",
    "LinearLaw",
    "LinearQuadraticLaw",
    "LogOULaw",
    "LogRevertingLaw",
    "TwoTimeLogOULaw",
]
