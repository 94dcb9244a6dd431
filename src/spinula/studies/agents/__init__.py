"""Agents of spines in worlds of Gymnasium: training, evaluation, what they are compared with, and reversals."""
