"""Plasticity by the timing of spikes, as sums that can be evaluated late.

A presynaptic spike at t1 leaves a trace that later postsynaptic spikes read, K*exp(-(t - t1)/potentiation_time), so
that all of them up to the next presynaptic spike at t2 add

    K(t1) * exp(t1/potentiation_time) * [S(t2) - S(t1)],  S(t) = sum over t_k <= t of gain*exp(-t_k/potentiation_time)

where S belongs to the postsynaptic neuron and is shared by all its synapses. A synapse therefore needs a visit only
when its presynaptic neuron fires, and one number that remembers S: nothing is done at a postsynaptic spike.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from spinula.core.quantity import quantity


def potentiated(size, scale, seen, snap, size_max):
    """Return the size after all postsynaptic spikes since the last visit: size + scale*(seen - snap), at most size_max.

    Parameters
    ----------
    size, size_max : Array, um3
    scale : float, 1, K(t1)*exp(t1/potentiation_time)
    seen, snap : Array, um3, the postsynaptic sum now and at the last visit

    Source
    ------
    [song2000] (all pairs, additive). Increments all have one sign, so that one clip equals one per spike.

    Examples
    --------
    >>> round(potentiated(0.1, 0.01, 3.0, 1.0, 0.2), 6), potentiated(0.19, 0.01, 3.0, 1.0, 0.2)
    (0.12, 0.2)
    """
    return min(size + scale * (seen - snap), size_max)


def depressed(size, loss, trace, bias, bounds):
    """Return the size after a presynaptic spike: size - loss*trace + bias, within ``bounds``.

    Parameters
    ----------
    size : Array, um3
    loss : float, um3, depression step of one pair (negative: the rule potentiates on both sides)
    trace : Array, 1, what past postsynaptic spikes left
    bias : float, um3, change by the presynaptic spike alone
    bounds : (size_floor, size_max), um3

    Source
    ------
    [song2000]; ``bias`` as in [vogels2011].

    Examples
    --------
    >>> depressed(0.1, 0.01, 2.0, 0.0, (0.0, 1.0)), depressed(0.01, 0.01, 2.0, 0.0, (0.0, 1.0))
    (0.08, 0.0)
    """
    return min(max(size - loss * trace + bias, bounds[0]), bounds[1])


def gated(eligibility, before, after, decayed):
    """Return (change of size, eligibility) after a time in which dopamine was there (exact between two visits).

    eligibility' = -eligibility/eligibility_time + pairs,  size' = eligibility*(dopamine - baseline)

    Parameters
    ----------
    eligibility : Array, um3, at the last visit
    before : (weight of it [1], integral of gated dopamine since then [s], K*exp(t1/potentiation_time) [1])
    after : (sum S [um3], sum of S times the integral [um3 s], integral now [s]); the first two as growth since the last
        visit
    decayed : (exp(-time since the last visit/eligibility_time), exp(-now/eligibility_time))

    Source
    ------
    Closed form of [izhikevich2007]'s rule between presynaptic spikes (derived).

    Examples
    --------
    >>> gated(0.1, (1.0, 0.5, 0.0), (0.0, 0.0, 0.5), (0.8, 0.5))
    (0.05, 0.08000000000000002)
    """
    weight, integral, scale = before
    grown, grown_gated, now = after
    change = eligibility * weight * integral + scale * (now * grown - grown_gated)
    return change, eligibility * decayed[0] + scale * decayed[1] * grown


class _Timing(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    size_max: float = quantity(unit="um3", what="largest size that the rule makes", gt=0)
    size_floor: float = quantity(0.0, unit="um3", what="smallest size that the rule leaves", ge=0)
    potentiation_time: float = quantity(20.0, unit="ms", what="window of potentiation", gt=0)
    depression_time: float = quantity(20.0, unit="ms", what="window of depression", gt=0)
    lag: float = quantity(
        0.0, unit="ms", what="how much later a postsynaptic spike reaches the synapse, seen from the arrival of "
        "presynaptic ones at the soma", ge=0)  # fmt: skip

    @model_validator(mode="after")
    def _check(self) -> _Timing:
        if self.size_floor >= self.size_max:
            raise ValueError(f"size_floor = {self.size_floor:g} um3 must lie below size_max = {self.size_max:g} um3")
        return self


class PairTiming(_Timing):
    """All pairs of spikes count, potentiation after, depression before; sizes are clipped (additive).

    Source
    ------
    [song2000].
    """

    kind: Literal["pair"] = "pair"
    potentiation_step: float = quantity(unit="um3", what="gain by a pair at zero lead", ge=0)
    depression_step: float = quantity(unit="um3", what="loss by a pair at zero lag", ge=0)


class TripletTiming(_Timing):
    """Pairs, and a third spike that strengthens them: potentiation grows with the postsynaptic rate.

    gain of a postsynaptic spike = K(t)*(potentiation_step + triplet_step*slow post trace just before it).

    Source
    ------
    [pfister2006], without the presynaptic triplet of depression.
    """

    kind: Literal["triplet"] = "triplet"
    potentiation_step: float = quantity(0.0, unit="um3", what="gain by a pair at zero lead", ge=0)
    depression_step: float = quantity(unit="um3", what="loss by a pair at zero lag", ge=0)
    triplet_step: float = quantity(unit="um3", what="gain by a triplet at zero leads", ge=0)
    triplet_time: float = quantity(114.0, unit="ms", what="memory of the earlier postsynaptic spike", gt=0)


class InhibitoryTiming(_Timing):
    """Pairs in either order potentiate, a presynaptic spike alone depresses: the postsynaptic rate finds a target.

    Change at each presynaptic spike step*(trace of post spikes - 2*target_rate*time), at each postsynaptic one
    step*trace of pre spikes; ``potentiation_time`` and ``depression_time`` are one time.

    Source
    ------
    [vogels2011].
    """

    kind: Literal["inhibitory"] = "inhibitory"
    step: float = quantity(unit="um3", what="gain by a pair at zero lead", ge=0)
    target_rate: float = quantity(unit="1/s", what="postsynaptic rate at which nothing changes", ge=0)

    @model_validator(mode="after")
    def _symmetric(self) -> InhibitoryTiming:
        if self.potentiation_time != self.depression_time:
            raise ValueError("the inhibitory rule has one window: give both times the same value")
        return self


class ReinforcedTiming(PairTiming):
    """Pairs leave an eligibility, which decays; dopamine above (or below) its baseline turns it into size.

    Source
    ------
    [izhikevich2007]; [yagishita2014] for an eligibility of about a second.
    """

    kind: Literal["reinforced"] = "reinforced"  # type: ignore[assignment]
    eligibility_time: float = quantity(1000.0, unit="ms", what="decay of the eligibility", gt=0)
    dopamine_time: float = quantity(200.0, unit="ms", what="decay of dopamine after a burst", gt=0)
    baseline: float = quantity(0.0, unit="1", what="dopamine at which eligibility has no effect")


Timing = PairTiming | TripletTiming | InhibitoryTiming | ReinforcedTiming
