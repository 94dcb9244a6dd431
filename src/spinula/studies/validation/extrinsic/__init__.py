"""Rows of what experiments do to spines: slices, competition for receptors, dopamine."""
