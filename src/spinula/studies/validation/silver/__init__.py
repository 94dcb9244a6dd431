"""Rows of the silver network: what follows exactly, how it moves, what it is like."""
