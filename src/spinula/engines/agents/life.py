"""The intrinsic dynamics of an agent's spines: return to rest, fluctuation, elimination, formation elsewhere."""

from __future__ import annotations

import numpy as np

from spinula.engines.agents.kernels.living import lived
from spinula.engines.agents.rule import IntrinsicDynamics


def live(sizes: np.ndarray, dynamics: IntrinsicDynamics, generator: np.random.Generator, steps: int) -> int:
    """Move all spines on by a number of steps of the world, in place, and return how many were eliminated.

    Parameters
    ----------
    sizes : Array, shape (features, cells, 2), um3; 0 at vacant sites
    steps : int, taken as one step of the law (in its additive coordinate); ``recovery_rate*steps`` should stay small

    Notes
    -----
    A crossing of the threshold within a step is not seen, unlike in a population: it matters for turnover's rate only.
    """
    flat = sizes.reshape(-1)
    noise = generator.standard_normal(flat.size) if dynamics.temperature > 0.0 else np.zeros(0)
    numbers = (
        dynamics.recovery_rate, dynamics.size_rest, dynamics.noise_slope * dynamics.temperature,
        dynamics.noise_floor * dynamics.temperature, float(steps), dynamics.size_min,
    )  # fmt: skip
    lost = lived(flat, noise, numbers, dynamics.turnover)
    if lost:
        vacant = np.flatnonzero(flat <= 0.0)
        flat[generator.choice(vacant, size=lost, replace=False, shuffle=False)] = dynamics.size_new
    return lost
