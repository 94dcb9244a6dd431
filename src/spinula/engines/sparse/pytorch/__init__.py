"""Sparse layers and their optimiser for PyTorch: this room loads torch."""

from spinula.engines.sparse.pytorch.convert import densify, sparsify
from spinula.engines.sparse.pytorch.modules import SpineLinear
from spinula.engines.sparse.pytorch.optimizer import SpineOptimizer

__all__ = ["SpineLinear", "SpineOptimizer", "densify", "sparsify"]
