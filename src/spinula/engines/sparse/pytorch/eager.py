"""The product of a sparse layer inside a compiled model: the compiler calls it and does not look into it."""

import torch

from spinula.engines.sparse.pytorch.modules import SpineLinear

product = torch.compiler.disable(SpineLinear.product)
