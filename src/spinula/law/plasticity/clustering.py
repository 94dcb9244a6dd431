"""Clustering of formation: new spines come preferably near spines that were potentiated or eliminated.

rate(x) = rate0 * [1 + gain * sum_j a_j exp(-|x - x_j|/reach)],   a_j = exp(-age_j/memory)
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def formation_factor(heat, gain):
    """Return the factor on the formation rate where the summed, faded hot spots amount to ``heat``: 1 + gain*heat."""
    return 1.0 + gain * heat


def fading(age, memory):
    """Return what is left of a hot spot after an age (both in days): exp(-age/memory)."""
    return math.exp(-age / memory)


class Clustering(BaseModel):
    """Formation that prefers the neighbourhood of recent potentiation or elimination; gain 0: no clustering.

    Source
    ------
    [lai2012]: extinction forms spines within 2 um of eliminated ones. [lai2018]: spines formed by learning cluster per
    cue. [reiner2015]: no clustering in Fmr1 knock-out. Gain and memory are assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gain: float = quantity(unit="1", what="excess of formation at a fresh hot spot", ge=0)
    reach: float = quantity(unit="um", what="length constant of a hot spot", gt=0)
    memory: float = quantity(unit="day", what="lifetime of a hot spot", gt=0)
