"""Rows of spines left alone: the laws, their presets, populations and lattices."""
