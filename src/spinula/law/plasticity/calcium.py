"""Calcium rule: a size that rises while calcium is above one threshold and falls while it is above a lower one.

    dc/dt  = -c/calcium_time + pre_step * (pulse, after pre_delay) + post_step * spike
    time_scale dV/dt = potentiation_rate*(size_high - V)*[c > potentiation_threshold]
                     - depression_rate*(V - size_low)*[c > depression_threshold]

Between two events calcium only decays, so that the times above both thresholds, and the size after them, are exact.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def time_above(calcium, threshold, calcium_time, elapsed):
    """Return how long decaying calcium stays above a threshold within an interval, s.

    Examples
    --------
    >>> round(time_above(2.0, 1.0, 0.02, 1.0), 5), time_above(0.5, 1.0, 0.02, 1.0)
    (0.01386, 0.0)
    """
    if calcium <= threshold:
        return 0.0
    return min(calcium_time * math.log(calcium / threshold), elapsed)


def calcium_change(size, both, low, rates, bounds):
    """Return the size after ``both`` s above both thresholds and ``low`` s above the lower one only, um3.

    ``rates`` is (potentiation, depression) in 1/s, ``bounds`` (size_low, size_high) in um3.
    """
    up, down = rates
    if both > 0.0:
        target = (up * bounds[1] + down * bounds[0]) / (up + down)
        size = target + (size - target) * math.exp(-(up + down) * both)
    if low > 0.0:
        size = bounds[0] + (size - bounds[0]) * math.exp(-down * low)
    return size


class CalciumRule(BaseModel):
    """The calcium rule of Graupner and Brunel, on a size between two bounds.

    Source
    ------
    [graupner2012]; the slow bistability of that model is left to the intrinsic law. Constants from memory: assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calcium_time: float = quantity(unit="s", what="decay time of calcium", gt=0)
    pre_delay: float = quantity(unit="s", what="delay of the calcium after a glutamate pulse", ge=0)
    pre_step: float = quantity(unit="1", what="calcium of one glutamate pulse", ge=0)
    post_step: float = quantity(unit="1", what="calcium of one spike", ge=0)
    depression_threshold: float = quantity(unit="1", what="calcium above which the size falls", gt=0)
    potentiation_threshold: float = quantity(unit="1", what="calcium above which the size rises", gt=0)
    depression_rate: float = quantity(unit="1", what="strength of the fall", ge=0)
    potentiation_rate: float = quantity(unit="1", what="strength of the rise", ge=0)
    time_scale: float = quantity(unit="s", what="time scale of the size", gt=0)
    size_low: float = quantity(unit="um3", what="size to which depression leads", gt=0)
    size_high: float = quantity(unit="um3", what="size to which potentiation leads", gt=0)
