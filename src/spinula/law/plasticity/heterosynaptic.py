"""Heterosynaptic depression: a spine among several strongly potentiated neighbours shrinks; beside one it does not.

h(x, t) = sum_j u_j * exp(-|x - x_j|/reach) * exp(-(t - t_j)/time)       (potentiations j of strength u_j)
dV/dt   = -rate * max(h - threshold, 0) * V * (1 - protection)
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def shrink_rate(crowd, threshold, rate):
    """Return the rate of shrinkage under the summed potentiation of the neighbours, 1/s: rate*max(crowd-threshold, 0).

    Examples
    --------
    >>> shrink_rate(1.0, 2.0, 1e-3), shrink_rate(4.0, 2.0, 1e-3)
    (0.0, 0.002)
    """
    return rate * max(crowd - threshold, 0.0)


class Heterosynaptic(BaseModel):
    """Shrinkage of unstimulated spines where several neighbours were potentiated.

    Source
    ------
    [oh2015]: six potentiated neighbours shrink the spine between them. [noguchi2019]: one potentiated spine leaves its
    neighbours as they are, hence the threshold. All constants are assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reach: float = quantity(unit="um", what="length constant", gt=0)
    time: float = quantity(unit="s", what="how long potentiations are summed", gt=0)
    threshold: float = quantity(unit="1", what="summed potentiation below which nothing shrinks", ge=0)
    rate: float = quantity(unit="1/s", what="shrinkage per potentiation above the threshold", ge=0)
