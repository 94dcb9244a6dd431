"""Experiments as data: a TOML file says what is done to a dendrite and what was published; this room runs it."""

from spinula.studies.protocol.reading import load_protocol, protocol_names
from spinula.studies.protocol.running import Result, run_protocol

__all__ = ["Result", "load_protocol", "protocol_names", "run_protocol"]
