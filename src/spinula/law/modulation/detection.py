"""When a dopamine dip can be detected: the balance of D2 receptors and RGS proteins.

D2 receptors load Gi with GTP and RGS unloads it; Gi holds adenylyl cyclase (AC) back. In the steady state

    k_RGS = rgs*kcat/km;   GTP = v(DA)/k_RGS;   v(DA) = exchange*d2r*DA/(DA + K)
    A^2 + b A - a0 = 0     for the share A of free AC

and the time from the dip to half of the release of AC is

    t_half = (1/k_RGS) * log[ (GTP_basal - GTP_dip) / ((1 - A')*(AC + Kd/A') - GTP_dip) ]

with Kd = unbinding/binding and A' the mean, over basal and dip, of the share of AC that is free when binding has
settled at that GTP: A' GTP = (1 - A') (A' AC + Kd).
Little RGS makes detection slow; little D2 receptor or much RGS takes away the contrast A_dip/A_basal.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


class DipDetection(BaseModel):
    """The D2 receptor, RGS and AC of one spine; concentrations in uM, rates in 1/s.

    Source
    ------
    Constants and equations from the model code [urakubo2022]; competition by Golf as there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    d2_receptor: float = quantity(0.18, unit="uM", what="D2 receptor", gt=0)
    rgs: float = quantity(0.9, unit="uM", what="RGS protein", gt=0)
    cyclase: float = quantity(0.09, unit="uM", what="adenylyl cyclase", gt=0)
    exchange: float = quantity(230.0, unit="1/s", what="GDP for GTP by an active receptor", gt=0)
    dopamine_half: float = quantity(10.0, unit="uM", what="dopamine that activates half of the receptors", gt=0)
    hydrolysis: float = quantity(90.0, unit="1/s", what="hydrolysis of GTP by RGS", gt=0)
    hydrolysis_half: float = quantity(12.0, unit="uM", what="Michaelis constant of RGS", gt=0)
    binding: float = quantity(200.0, unit="1/(uM s)", what="Gi binds AC", gt=0)
    unbinding: float = quantity(8.0, unit="1/s", what="Gi-GTP leaves AC", gt=0)
    unbinding_gdp: float = quantity(21.6, unit="1/s", what="Gi-GDP leaves AC", gt=0)
    golf: float = quantity(0.8, unit="uM", what="Golf, which competes for AC", ge=0)
    golf_half: float = quantity(1.0, unit="uM", what="dissociation constant of Golf", gt=0)

    @property
    def hydrolysis_rate(self) -> float:
        """k_RGS = rgs*hydrolysis/hydrolysis_half, 1/s: how fast Gi forgets.

        Examples
        --------
        >>> DipDetection().hydrolysis_rate
        6.75
        """
        return self.rgs * self.hydrolysis / self.hydrolysis_half

    def loading(self, dopamine: float) -> float:
        """Return the rate at which Gi is loaded at a dopamine concentration (uM), uM/s."""
        return self.exchange * self.d2_receptor * dopamine / (dopamine + self.dopamine_half)

    def free_cyclase(self, dopamine: float) -> float:
        """Return the share of AC that is free of Gi at a dopamine concentration (uM).

        Examples
        --------
        >>> round(DipDetection().free_cyclase(0.5), 3), round(DipDetection().free_cyclase(0.05), 3)
        (0.293, 0.839)
        """
        rate, competition = self.hydrolysis_rate, 1.0 + self.golf / self.golf_half
        share = (self.unbinding + rate) / (self.binding * self.cyclase) * competition
        slope = self.loading(dopamine) * (1.0 / rate + 1.0 / self.unbinding_gdp) / self.cyclase - 1.0 + share
        return 0.5 * (-slope + math.sqrt(slope * slope + 4.0 * share))

    def contrast(self, basal: float = 0.5, dip: float = 0.05) -> float:
        """Return A_dip/A_basal for a fall of dopamine from ``basal`` to ``dip`` (uM)."""
        return self.free_cyclase(dip) / self.free_cyclase(basal)

    def half_time(self, basal: float = 0.5, dip: float = 0.05) -> float:
        """Return the time from the onset of a dip to half of its effect on AC, s.

        Examples
        --------
        >>> round(DipDetection().half_time(), 2), round(DipDetection(rgs=0.45).half_time(), 2)
        (0.19, 0.5)
        """
        rate = self.hydrolysis_rate
        half = self.unbinding / self.binding * (1.0 + self.golf / self.golf_half)
        loaded, left = self.loading(basal) / rate, self.loading(dip) / rate
        average = 0.5 * (_settled(loaded, self.cyclase, half) + _settled(left, self.cyclase, half))
        needed = (1.0 - average) * (self.cyclase + half / average) - left
        return math.log((loaded - left) / needed) / rate


def _settled(loaded: float, cyclase: float, half: float) -> float:
    """Return the share of AC that is free when its binding of Gi-GTP (uM) is in equilibrium."""
    slope = loaded - cyclase + half
    return (math.sqrt(slope * slope + 4.0 * cyclase * half) - slope) / (2.0 * cyclase)
