"""Protocols of silver devices: files that say what is given, what is read and what must hold; run over film seeds."""

from spinula.studies.silver.protocol.model import Protocol
from spinula.studies.silver.protocol.reading import is_silver, load_silver, silver_names
from spinula.studies.silver.protocol.running import Trace, judge, run_condition, run_silver

__all__ = ["Protocol", "Trace", "is_silver", "judge", "load_silver", "run_condition", "run_silver", "silver_names"]
