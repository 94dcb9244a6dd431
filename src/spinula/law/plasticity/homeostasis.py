"""Homeostatic scaling: all spines of a cell grow or shrink by one factor while its rate is off target.

dV/dt = V * (1 - rate/target_rate)/scaling_time          (day)
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def scaling_rate(rate, target_rate, scaling_time):
    """Return the common growth rate of all spines of a cell, 1/day.

    Examples
    --------
    >>> scaling_rate(0.0, 1.0, 4.0), scaling_rate(1.0, 1.0, 4.0)
    (0.25, 0.0)
    """
    return (1.0 - rate / target_rate) / scaling_time


class Homeostasis(BaseModel):
    """Multiplicative scaling of all spines towards a target rate.

    Source
    ------
    [turrigiano1998]: two days without spikes scale up all synapses by one factor. [hazan2020]: after
    silencing sizes are larger and broader. Time constants are assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    target_rate: float = quantity(unit="1/s", what="rate of spikes at which nothing is scaled", gt=0)
    scaling_time: float = quantity(unit="day", what="time constant of scaling", gt=0)
    rate_time: float = quantity(unit="s", what="over which the rate is averaged", gt=0)
