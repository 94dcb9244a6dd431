"""The laws of a gap between silver islands, and of the junctions of other self-formed networks: one interface."""

from spinula.law.silver.balance import RateBalance, RateBalanceAsPublished
from spinula.law.silver.drift import DecayingDrift, LearningDrift
from spinula.law.silver.gap import SilverGap
from spinula.law.silver.junction import JunctionLaw
from spinula.law.silver.percolating import PercolatingSwitch
from spinula.law.silver.tunnel import TunnelThreshold

__all__ = [
    "DecayingDrift",
    "JunctionLaw",
    "LearningDrift",
    "PercolatingSwitch",
    "RateBalance",
    "RateBalanceAsPublished",
    "SilverGap",
    "TunnelThreshold",
]
