"""Depression gated by GABA, its spread along the dendrite, and its competition with enlargement.

Spikes shortly before glutamate at an inhibited spine release a shrinking signal (active cofilin) there. It diffuses:

    dg/dt = D g_xx - g/tau + deposits,   D = reach^2/tau,   dV/dt = -g V (1 - protection)

with g in 1/s. One full event costs the stimulated spine exp(-shrinkage) of its volume and a neighbour at distance x
exp(-shrinkage*exp(-|x|/reach)): the time integral of g at x is shrinkage*exp(-|x|/reach), whatever tau.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def gaba_gate(distance, lead, length, lead_min, lead_max):
    """Return how strongly GABA at a distance (um) that leads the spikes (s) opens the gate, 0 to 1.

    exp(-distance/length) if lead_min <= lead <= lead_max, else 0.

    Source
    ------
    [hayama2013]: GABA within 5 um works, at 25 um it does not; it must precede the spikes. The window is assumed.

    Examples
    --------
    >>> round(gaba_gate(0.0, 0.05, 5.0, 0.01, 0.1), 2), gaba_gate(0.0, -0.05, 5.0, 0.01, 0.1)
    (1.0, 0.0)
    """
    if lead < lead_min or lead > lead_max:
        return 0.0
    return math.exp(-distance / length)


def deposit(strength, shrinkage, reach, time):
    """Return what one event adds to the field at its spine, um/s: 2*reach*shrinkage*strength/time."""
    return 2.0 * reach * shrinkage * strength / time


def exposure(distance, elapsed, shrinkage, reach, time):
    """Return the time integral of g at a distance from one full event, on a dendrite without ends; 1.

    With r = |x|/reach, s = sqrt(t/tau), q = r/(2 s):
    shrinkage/2 * [exp(-r) erfc(q - s) - exp(r) erfc(q + s)], which tends to shrinkage*exp(-r).

    Parameters
    ----------
    distance : float, um
    elapsed : float, s since the event
    shrinkage : float, 1
    reach : float, um
    time : float, s

    Source
    ------
    [carslaw1959], instantaneous plane source with loss, integrated over time.

    Examples
    --------
    >>> round(exposure(0.0, 1e6, 0.4, 6.0, 900.0), 6), round(exposure(6.0, 1e6, 0.4, 6.0, 900.0) / 0.4, 4)
    (0.4, 0.3679)
    """
    if elapsed <= 0:
        return 0.0
    ratio, root = abs(distance) / reach, math.sqrt(elapsed / time)
    q = ratio / (2.0 * root)
    return 0.5 * shrinkage * (math.exp(-ratio) * math.erfc(q - root) - math.exp(ratio) * math.erfc(q + root))


def protection(drive):
    """Return the share of shrinkage from which an enlarging spine is spared: 1 - exp(-drive)."""
    return -math.expm1(-drive)


def enlargement_share(field, competition):
    """Return the share of an enlargement that a shrinking signal of g = field (1/s) leaves: exp(-competition*field)."""
    return math.exp(-competition * field)


class Depression(BaseModel):
    """Shrinkage by spikes before glutamate, gated by GABA, that spreads and competes with enlargement.

    Source
    ------
    [hayama2013]: GABA-A activation before spikes promotes shrinkage, which spreads to neighbours nearer than 15 um and
    competes with enlargement through cofilin. Rates and times are assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shrinkage: float = quantity(unit="1", what="loss of log-volume of the stimulated spine in a full event", ge=0, le=5)
    reach: float = quantity(unit="um", what="length constant of the shrinking signal", gt=0)
    field_time: float = quantity(unit="s", what="lifetime of the shrinking signal", gt=0)
    ungated: float = quantity(unit="1", what="share of shrinkage without GABA", ge=0, le=1)
    gaba_length: float = quantity(unit="um", what="length constant of inhibition", gt=0)
    gaba_lead_min: float = quantity(unit="s", what="GABA leads the spikes by at least", ge=0)
    gaba_lead_max: float = quantity(unit="s", what="GABA leads the spikes by at most", gt=0)
    veto: float = quantity(unit="1", what="share of paired potentiation that full inhibition prevents", ge=0, le=1)
    spike_window: float = quantity(unit="s", what="glutamate follows spikes within", gt=0, le=1)
    protection_gain: float = quantity(unit="1", what="protection drive of a full potentiation", ge=0)
    protection_time: float = quantity(unit="s", what="lifetime of protection", gt=0)
    competition: float = quantity(unit="s", what="hindrance of enlargement per shrinking signal", ge=0)
    pulses: float = quantity(unit="1", what="pairings that make a full event", gt=0)
