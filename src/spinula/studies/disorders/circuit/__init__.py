"""Levels above the dendrite: what a condition's spines make of a circuit, of a striatum, and of a trained network.

Each is a module with ``MEASURES``, ``series`` (one number per measure and seed) and ``measured`` (their means); the
same seeds draw the same random numbers under every condition, so that differences are within networks.
"""
