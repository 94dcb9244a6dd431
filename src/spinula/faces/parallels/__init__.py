"""Parallels with machine learning: how they are asked for, drawn and reported."""
