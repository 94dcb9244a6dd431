"""Elimination of the inner islands of a network of conductances, on a pattern that is planned once."""

from spinula.engines.silver.elimination.symbolic import Plan, analyse

__all__ = ["Plan", "analyse"]
