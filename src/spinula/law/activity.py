"""Spontaneous activity: what a living slice does to its spines while nobody stimulates them.

Each spine is potentiated and depressed as by a full event, at random moments; the dendrite's cell spikes at a rate.
Blocking NMDA receptors or spikes ends it, and leaves intrinsic dynamics alone.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


class Activity(BaseModel):
    """Rates of spontaneous potentiation, depression and spikes.

    Source
    ------
    [yasumatsu2008] compared turnover with and without activity; these rates are chosen so that both come out: assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    potentiation_rate: float = quantity(unit="1/day", what="spontaneous potentiations per spine", ge=0)
    depression_rate: float = quantity(unit="1/day", what="spontaneous depressions per spine", ge=0)
    spike_rate: float = quantity(unit="1/s", what="spikes of the cell", ge=0)
