"""Quantities computed from a spine table, whether a microscope or an engine wrote it."""
