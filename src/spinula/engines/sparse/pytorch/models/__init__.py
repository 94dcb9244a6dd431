"""Small models to study sparse training on, convolutional and a character-level Transformer, and their session."""

from spinula.engines.sparse.pytorch.models.networks import CharTransformer, ConvNet, as_linear, seeded
from spinula.engines.sparse.pytorch.models.session import Session

__all__ = ["CharTransformer", "ConvNet", "Session", "as_linear", "seeded"]
