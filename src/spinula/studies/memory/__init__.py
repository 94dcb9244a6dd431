"""What becomes of memories when the spines that carry them come, go and fluctuate: one question per file."""

from spinula.studies.memory.catalogue import STUDIES, study
from spinula.studies.memory.study import Finding, Options, Study, find

__all__ = ["STUDIES", "Finding", "Options", "Study", "find", "study"]
