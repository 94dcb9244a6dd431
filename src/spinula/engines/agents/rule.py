"""The numbers of the agents' rule, each with its unit, bounds and meaning; all are choices of ours (assumed)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity
from spinula.engines.agents.kernels import step as kernel


class SpineRule(BaseModel):
    """How dopamine changes the spines of an actor-critic.

    With ``enlargement = "linear"`` and ``dips = "linear"`` the differences D1 - D2 follow the actor-critic with
    eligibility traces (TD(0) for ``trace`` = 0) exactly: sizes only grow, but D1 by [error]+ and D2 by [-error]+.

    Attributes
    ----------
    enlargement : "linear", the same at every size; "saturating", V*exp(-V/size_scale) as in the law, relative to its
        value at size_scale
    dips : "linear", in proportion to the error; "duration", a pause of dip_s per error of -error_scale, of which the D2
        cell sees the share A(pause)/A(dip_s) (see :mod:`spinula.law.modulation.dips`)
    eligibility : "softmax", the gradient of the policy, shifted alike for all actions so that none is negative;
        "chosen", only spines on the cells of the action that was chosen

    Source
    ------
    Actor-critic with eligibility traces: [barto1983], [sutton2018] 13.5. D1 by bursts, D2 by dips: [yagishita2014],
    [iino2020]. Duration of dips and its half-effective value: as in :mod:`spinula.law.modulation.dips`. Rates and gains
    are choices (assumed).

    Examples
    --------
    >>> SpineRule(actor_rate=0.1).enlargement
    'linear'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    actor_rate: float = quantity(0.1, unit="1", what="change of preference per error, at eligibility 1", ge=0)
    critic_rate: float = quantity(0.1, unit="1", what="change of value per error, at eligibility 1", ge=0, le=2)
    actor_gain: float = quantity(50.0, unit="1/um3", what="preference per volume of D1 above D2", gt=0)
    critic_gain: float = quantity(50.0, unit="reward/um3", what="predicted return per volume of D1 above D2", gt=0)
    discount: float = quantity(0.99, unit="1", what="worth of a reward one step later", ge=0, le=1)
    trace: float = quantity(0.0, unit="1", what="decay of eligibility per step, beside the discount", ge=0, le=1)
    trace_cut: float = quantity(1e-3, unit="1", what="eligibility below which a synapse is forgotten", ge=0, le=0.1)
    enlargement: Literal["linear", "saturating"] = "linear"
    size_scale: float = quantity(0.12, unit="um3", what="size that enlarges most (saturating)", gt=0)
    dips: Literal["linear", "duration"] = "linear"
    dip_s: float = quantity(0.8, unit="s", what="pause of firing per error of -error_scale", gt=0)
    longest_dip: float = quantity(1.5, unit="s", what="longest pause", gt=0)
    dip_half: float = quantity(0.53, unit="s", what="duration of a half-effective dip", gt=0)
    dip_power: float = quantity(3.2, unit="1", what="steepness in the duration", gt=0)
    error_scale: float = quantity(1.0, unit="reward", what="error that counts as a full one", gt=0)
    d2_share: float = quantity(1.0, unit="1", what="enlargement of D2 by a dip over that of D1 by a burst", ge=0)
    eligibility: Literal["softmax", "chosen"] = "softmax"

    def numbers(self, kind: float) -> np.ndarray:
        """Return the numbers as the kernel wants them, shape (16,); ``kind`` is one of the kernel's rules."""
        made = np.zeros(16)
        for place, value in (
            (kernel.ACTOR_RATE, self.actor_rate), (kernel.CRITIC_RATE, self.critic_rate),
            (kernel.ACTOR_GAIN, self.actor_gain), (kernel.CRITIC_GAIN, self.critic_gain), (kernel.TRACE, self.trace),
            (kernel.TRACE_CUT, self.trace_cut), (kernel.DIP_HALF, self.dip_half), (kernel.DIP_POWER, self.dip_power),
            (kernel.SIZE_SCALE, self.size_scale if self.enlargement == "saturating" else 0.0),
            (kernel.DIP, self.dip_s if self.dips == "duration" else 0.0), (kernel.LONGEST_DIP, self.longest_dip),
            (kernel.ERROR_SCALE, self.error_scale), (kernel.SOFTMAX, float(self.eligibility == "softmax")),
            (kernel.RULE, kind), (kernel.D2_SHARE, self.d2_share), (kernel.DISCOUNT, self.discount),
        ):  # fmt: skip
            made[place] = value
        return made


class IntrinsicDynamics(BaseModel):
    """What spines of an agent do by themselves, in steps of its world instead of days.

    dV = recovery_rate*(size_rest - V) dt + temperature*(noise_slope*V + noise_floor) dW

    A spine that comes down to ``size_min`` is eliminated and one of ``size_new`` formed at a random vacant site, if
    ``turnover``; otherwise it stays at ``size_min``.

    Source
    ------
    Form: the linear law, [yasumatsu2008]; how many steps make a day is a choice, and so are the numbers (assumed).

    Examples
    --------
    >>> IntrinsicDynamics(temperature=0.0).turnover
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recovery_rate: float = quantity(1e-5, unit="1/step", what="rate of return to the resting size", ge=0, le=0.1)
    size_rest: float = quantity(0.1, unit="um3", what="size at which the drift vanishes", gt=0)
    noise_slope: float = quantity(1e-3, unit="1/sqrt(step)", what="growth of the fluctuation with size", gt=0, le=0.5)
    noise_floor: float = quantity(5e-6, unit="um3/sqrt(step)", what="fluctuation at zero size", ge=0)
    temperature: float = quantity(1.0, unit="1", what="factor on the fluctuation; 0 switches it off", ge=0)
    size_min: float = quantity(0.02, unit="um3", what="size at which a spine is eliminated", gt=0)
    size_new: float = quantity(0.03, unit="um3", what="size of a new spine", gt=0)
    turnover: bool = True
    every: int = quantity(500, unit="step", what="steps of the world between two of the spines", ge=1)
