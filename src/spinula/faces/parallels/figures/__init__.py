"""Figures of parallels that panels alone cannot draw: one module per parallel, each with ``draw(figure, found)``."""
