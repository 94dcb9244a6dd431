"""Pair rule of spike timing: glutamate before a spike enlarges, after it shrinks; all pairs count.

change of log-size = potentiation_step * exp(-lead/potentiation_time)     lead = t_spike - t_glutamate > 0
                   = -depression_step * exp(lead/depression_time)         lead < 0
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def pair_change(lead, potentiation_step, depression_step, potentiation_time, depression_time):
    """Return the change of log-size by one pair in which glutamate leads the spike by ``lead`` (s).

    Source
    ------
    [song2000].

    Examples
    --------
    >>> pair_change(0.0, 0.01, 0.012, 0.02, 0.04), round(pair_change(-0.04, 0.01, 0.012, 0.02, 0.04), 5)
    (0.01, -0.00441)
    """
    if lead >= 0.0:
        return potentiation_step * math.exp(-lead / potentiation_time)
    return -depression_step * math.exp(lead / depression_time)


class SpikeTiming(BaseModel):
    """The pair rule, as traces: each glutamate pulse and each spike leaves one that the other reads.

    Source
    ------
    [song2000]: all-to-all pairs, exponential windows. Amplitudes are assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    potentiation_step: float = quantity(unit="1", what="gain of log-size of one pair at zero lead", ge=0)
    depression_step: float = quantity(unit="1", what="loss of log-size of one pair at zero lag", ge=0)
    potentiation_time: float = quantity(unit="s", what="window of potentiation", gt=0)
    depression_time: float = quantity(unit="s", what="window of depression", gt=0)

    def change(self, lead: float) -> float:
        """Return the change of log-size by one pair, lead in s."""
        return pair_change(
            lead, self.potentiation_step, self.depression_step, self.potentiation_time, self.depression_time
        )
