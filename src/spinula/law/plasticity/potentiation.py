"""Potentiation of a single spine: a transient enlargement at once, a consolidated one that follows.

An event of strength u (0 to 1; one pulse of a train is a fraction of an event) does

    transient    += min(transient_gain * u * V, what is left to the cap)      decays with transient_time
    pending      += consolidated_gain * u * V * exp(-V/size_scale)            becomes size with consolidation_time

V is the consolidated volume (um3). Pairing with spikes multiplies the consolidated part by ``paired_gain`` if
proteins are made. Large spines therefore enlarge transiently and small ones persistently; with CaMKII
blocked nothing is pending.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def transient_increment(size, transient, strength, gain, cap):
    """Return how much an event adds to the transient enlargement, um3: gain*strength*size, up to the cap.

    Examples
    --------
    >>> round(transient_increment(0.1, 0.0, 1.0, 1.5, 0.2), 3), round(transient_increment(0.3, 0.1, 1.0, 1.5, 0.2), 3)
    (0.15, 0.1)
    """
    return max(min(gain * strength * size, cap - transient), 0.0)


def consolidated_increment(size, strength, gain, size_scale):
    """Return how much of an event is to be consolidated, um3: gain*strength*size*exp(-size/size_scale)."""
    return gain * strength * size * math.exp(-size / size_scale)


class Potentiation(BaseModel):
    """Transient and consolidated enlargement by glutamate, alone or paired with spikes.

    Source
    ------
    [matsuzaki2004]: enlargement transient in large spines, persistent in small ones; the late phase needs CaMKII.
    [tanaka2008]: pairing with spikes adds a gradual part that needs protein synthesis. [noguchi2019]: in vivo only some
    spines respond. The equations are a design that has these properties.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    transient_gain: float = quantity(unit="1", what="transient enlargement of a full event, as a share of size", ge=0)
    transient_cap: float = quantity(unit="um3", what="largest transient enlargement", gt=0)
    transient_time: float = quantity(unit="s", what="decay time of the transient enlargement", gt=0)
    consolidated_gain: float = quantity(unit="1", what="consolidated enlargement of a full event at zero size", ge=0)
    size_scale: float = quantity(unit="um3", what="size at which consolidation falls to 1/e", gt=0)
    consolidation_time: float = quantity(unit="s", what="time constant of consolidation", gt=0)
    paired_gain: float = quantity(unit="1", what="factor on consolidation when spikes follow glutamate", ge=1)
    pairing_window: float = quantity(unit="s", what="spikes follow glutamate within", gt=0, le=1)
    responders: float = quantity(unit="1", what="share of spines that respond to stimulation at all", ge=0, le=1)
    pulses: float = quantity(unit="1", what="pulses that make a full event", gt=0)

    def change(self, size: float, minutes: float) -> float:
        """Return the relative change of a spine's volume so many minutes after one full event, alone.

        Examples
        --------
        >>> law = Potentiation(transient_gain=1.5, transient_cap=0.2, transient_time=480, consolidated_gain=1.0,
        ...     size_scale=0.12, consolidation_time=1800, paired_gain=1.3, pairing_window=0.02, responders=1, pulses=60)
        >>> [round(law.change(0.05, minutes), 2) for minutes in (2, 30, 100)]
        [1.21, 0.45, 0.64]
        """
        seconds = 60.0 * minutes
        transient = transient_increment(size, 0.0, 1.0, self.transient_gain, self.transient_cap)
        pending = consolidated_increment(size, 1.0, self.consolidated_gain, self.size_scale)
        kept = pending * -math.expm1(-seconds / self.consolidation_time)
        return (transient * math.exp(-seconds / self.transient_time) + kept) / size
