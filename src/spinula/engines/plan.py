"""What the kernels need to know of a model: its family, its numbers in the order they are read, its thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinula.engines import kernels, steps
from spinula.law import Boundary, Dynamics, FormationRate, KestenMap
from spinula.law.logsize import log_step_factors

FAMILY = {
    "linear": steps.REVERTING,
    "linear_quadratic": steps.REVERTING,
    "log_reverting": steps.LOG_REVERTING,
    "kesten": steps.KESTEN,
    "log_ou": steps.LOG_OU,
    "two_time_log_ou": steps.TWO_TIME,
    "kesten_map": steps.KESTEN_MAP,
}


def in_log(family: int) -> bool:
    """Tell whether the kernels keep the sizes of a family as logarithms."""
    return family in (steps.LOG_OU, steps.TWO_TIME)


def make_plan(
    dynamics: Dynamics, dt: float, key: int, *, length_um: float, last: int = 0, scheme: int = steps.ADDITIVE
) -> kernels.Plan:
    """Return what one run of a kernel does."""
    formation, family = dynamics.formation, FAMILY[dynamics.law.family]
    rated = isinstance(formation, FormationRate)
    births = formation.rate * length_um if isinstance(formation, FormationRate) else 0.0
    mode = kernels.RATE if rated else kernels.FIXED
    minimum, new = thresholds(dynamics, in_log(family))
    return kernels.Plan(family, scheme, mode, last, dt, np.uint64(key), minimum, new, births)


def parameters(dynamics: Dynamics, dt: float, scheme: int = steps.ADDITIVE) -> np.ndarray:
    """Return the law's numbers, the constants of a step and the limits, as the kernels read them."""
    law, family = dynamics.law, FAMILY[dynamics.law.family]
    minimum, _ = thresholds(dynamics, in_log(family))
    limits = [steps.DEAD, steps.ALIVE, minimum, *_reach(law, dt, family, scheme)]
    return np.array([*_parameters(law), *_constants(law, dt), *limits], float)


def _reach(law: Any, dt: float, family: int, scheme: int) -> tuple[float, float, float]:
    """Return what flags a step that may have crossed the threshold: see ``steps._flag``."""
    if scheme == steps.EULER or family == steps.KESTEN_MAP:
        return 0.0, 0.0, 1.0
    slope, floor = (0.0, law.log_spread) if in_log(family) else (law.noise_slope, law.noise_floor)
    return 8.0 * dt, slope, floor


def _parameters(law: Any) -> list[float]:
    """Return a law's parameters in the order the kernels read them."""
    if isinstance(law, KestenMap):
        return [*law.kept_log, *law.added_log, 0.0, 0.0]
    if law.family in ("log_ou", "two_time_log_ou"):
        fast = (law.fast_log_sd, law.fast_rate) if law.family == "two_time_log_ou" else (0.0, 0.0)
        return [law.log_mean, law.log_sd, law.recovery_rate, *fast, law.log_spread]
    crowding = getattr(law, "crowding", 0.0)
    return [law.recovery_rate, law.size_rest, crowding, law.noise_slope, law.noise_floor, 0.0]


def _constants(law: Any, dt: float) -> list[float]:
    """Return the four constants of a step that the kernels read beside the parameters."""
    if law.family in ("log_ou", "two_time_log_ou"):
        pairs = [log_step_factors(sd, rate, dt) for sd, rate in law.components]
        return [*pairs[0], *pairs[-1]]
    return [dt, np.sqrt(dt), 0.5 * getattr(law, "noise_slope", 0.0), 0.5]


def thresholds(dynamics: Dynamics, in_log: bool) -> tuple[float, float]:
    """Return size_min and size_new in the family's coordinate; without a boundary, one that nothing reaches."""
    boundary: Boundary | None = dynamics.boundary
    if boundary is None:
        return 0.5 * steps.DEAD, 0.0
    if in_log:
        return float(np.log(boundary.size_min)), float(np.log(boundary.size_new))
    return boundary.size_min, boundary.size_new
