"""Parallels between spines and machine learning: each a measured comparison with a limit in which it is exact."""

from spinula.studies.parallels.catalogue import PARALLELS, parallel
from spinula.studies.parallels.parallel import Benefit, Judged, Limit, Parallel, judged

__all__ = ["PARALLELS", "Benefit", "Judged", "Limit", "Parallel", "judged", "parallel"]
