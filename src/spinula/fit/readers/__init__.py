"""From other people's files to a spine table: tidy tables, wide matrices, and the text they come in."""

from spinula.fit.readers.columns import Reading
from spinula.fit.readers.read import read_table

__all__ = ["Reading", "read_table"]
