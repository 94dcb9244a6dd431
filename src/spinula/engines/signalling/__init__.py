"""Signalling models from the user's own SBML files: protocols, delay windows, and kernels beside them."""

from spinula.engines.signalling.comparison import KernelComparison, compare_with_kernel
from spinula.engines.signalling.model import Pulses, SignallingModel

__all__ = ["KernelComparison", "Pulses", "SignallingModel", "compare_with_kernel"]
