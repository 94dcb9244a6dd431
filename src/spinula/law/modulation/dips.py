"""Reinforcement in D2 cells: a dip of dopamine after pairing enlarges the paired spine, if it lasts long enough.

    dV = gain * K(D) * A(duration*contrast) * V exp(-V/size_scale),   A(d) = d^n/(d^n + duration_half^n)

D is from the onset of pairing to the onset of the dip (s) and K the burst kernel, a little later. The contrast says how
much of a dip the receptors see: with e = 1 - occupancy of D2 receptors by an antagonist and dopamine in units of its
usual tonic level,

    contrast = [1 - e*dip]+ - [1 - e*tonic]+
"""

from __future__ import annotations

import math

from spinula.core.quantity import quantity
from spinula.law.modulation.reinforcement import CAMKII_KERNEL, PairingWindow

# The D2 kernel is the CaMKII kernel of D1 cells, 0.1 s later.
DIP_KERNEL = (CAMKII_KERNEL[0], CAMKII_KERNEL[1], CAMKII_KERNEL[2] + 0.1)


def dip_contrast(tonic, dip, occupancy):
    """Return how much of a dip the D2 receptors see, 0 to 1.

    Parameters
    ----------
    tonic, dip : float, 1
        Dopamine outside and within the dip, in units of the usual tonic level.
    occupancy : float, 1
        Share of the receptors that an antagonist holds.

    Source
    ------
    Minimal form of the model of [urakubo2020]; blockade by methamphetamine, rescue by an antagonist: [iino2020].

    Examples
    --------
    >>> dip_contrast(1.0, 0.0, 0.0), dip_contrast(6.0, 1.2, 0.0), round(dip_contrast(6.0, 1.2, 0.8), 2)
    (1.0, 0.0, 0.76)
    >>> dip_contrast(1.0, 0.0, 1.0)
    0.0
    """
    seen = 1.0 - occupancy
    return max(1.0 - seen * dip, 0.0) - max(1.0 - seen * tonic, 0.0)


def duration_gain(duration, half, power):
    """Return the share of the largest response that a dip of a duration (s) gives.

    Source
    ------
    Fit to the model of [urakubo2020], D2 version, within .03 of the maximum.

    Examples
    --------
    >>> round(duration_gain(0.53, 0.53, 3.2), 2), round(duration_gain(0.4, 0.53, 3.2), 2)
    (0.5, 0.29)
    """
    if duration <= 0.0:
        return 0.0
    return 1.0 / (1.0 + math.exp(power * math.log(half / duration)))


def detected(duration, elapsed, rate):
    """Return the slow signal q of a full dip, ``elapsed`` s after its onset: q' = rate*(dip - q); 0 to 1."""
    if elapsed <= 0.0:
        return 0.0
    rise = -math.expm1(-rate * min(elapsed, duration))
    return rise * math.exp(-rate * max(elapsed - duration, 0.0))


class DipReinforcement(PairingWindow):
    """Enlargement of D2 spines by a dopamine dip after pairing, by its delay and its duration.

    Source
    ------
    [iino2020]: a dip of 0.4 s is detected; CaMKII and A2A receptors are needed. Curves by fit to [urakubo2020]; the
    amplitude and the drug's numbers are assumed.
    """

    gain: float = quantity(unit="1", what="enlargement by a long dip at the best delay, at zero size", ge=0)
    duration_half: float = quantity(unit="s", what="duration of a half-effective dip", gt=0)
    duration_power: float = quantity(unit="1", what="steepness in the duration", gt=0)
    dips: float = quantity(unit="1", what="reinforced trains that make a full event", gt=0)
    drug_tonic: float = quantity(unit="1", what="tonic dopamine under methamphetamine, in usual levels", ge=1)
    drug_floor: float = quantity(unit="1", what="share of it that is left within a dip", ge=0, le=1)

    def response(self, delay: float, duration: float, *, contrast: float = 1.0) -> float:
        """Return the response to a dip as a share of that to a long dip at the best delay."""
        return self.kernel(delay) * duration_gain(duration * contrast, self.duration_half, self.duration_power)
