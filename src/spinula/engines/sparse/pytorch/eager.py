"""The product of a sparse layer inside a compiled model: the compiler calls it and does not look into it."""

import torch

from spinula.engines.sparse.pytorch.modules import SpineLinear


@torch.compiler.disable
def product(layer: SpineLinear, x: torch.Tensor) -> torch.Tensor:
    """Return what the layer's ``product`` returns."""
    return layer.product(x)
