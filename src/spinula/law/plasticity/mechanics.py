"""Mechanical push: an enlarging spine that touches its bouton raises the bouton's release.

dm/dt = -m/time + per_volume * contact * max(dV_transient/dt, 0);   release = release_0 * (1 + gain*m)
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def push_increment(enlargement, per_volume, contact):
    """Return what an enlargement (um3) adds to the push m, 1: per_volume*contact*enlargement, never negative."""
    return per_volume * contact * max(enlargement, 0.0)


def release_gain(push, gain):
    """Return the factor on the probability of release under a push: 1 + gain*push.

    Examples
    --------
    >>> release_gain(0.0, 0.4), release_gain(1.0, 0.4)
    (1.0, 1.4)
    """
    return 1.0 + gain * push


class Mechanics(BaseModel):
    """The push of an enlarging spine on its bouton, as a gain of release.

    Source
    ------
    [ucar2021]: pushing a bouton raises evoked release for more than 20 min, without calcium; enlargement has the effect
    only where the spine pushes the bouton. Sizes of the effect are assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gain: float = quantity(unit="1", what="relative gain of release at a push of 1", ge=0)
    per_volume: float = quantity(unit="1/um3", what="push per enlargement", ge=0)
    time: float = quantity(unit="s", what="lifetime of the push", gt=0)
    contact: float = quantity(unit="1", what="share of spines that push their bouton", ge=0, le=1)
