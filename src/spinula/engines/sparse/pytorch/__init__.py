"""Sparse layers, their optimiser and spines for any model, for PyTorch: this room loads torch."""

from spinula.core.errors import MissingExtraError

try:
    import torch as _  # noqa: F401
except ImportError:
    raise MissingExtraError("torch", "ann") from None

from spinula.engines.sparse.pytorch.convert import densify, sparsify
from spinula.engines.sparse.pytorch.convolution import SpineConv2d
from spinula.engines.sparse.pytorch.distributed import synchronise
from spinula.engines.sparse.pytorch.masked import SpineSparsity
from spinula.engines.sparse.pytorch.modules import SpineLinear
from spinula.engines.sparse.pytorch.optimizer import SpineOptimizer

__all__ = ["SpineConv2d", "SpineLinear", "SpineOptimizer", "SpineSparsity", "densify", "sparsify", "synchronise"]
