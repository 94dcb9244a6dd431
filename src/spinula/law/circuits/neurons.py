"""Leaky integrate-and-fire neurons with exponential synapses, in steps that are exact between spikes.

    membrane_time dv/dt = (rest - v) + excitatory + inhibitory                                  (currents, in mV)
    membrane_time dv/dt = (rest - v) + excitatory*(e_reversal - v) + inhibitory*(i_reversal - v)   (conductances, in 1)

Both inputs decay exponentially and jump by a synapse's weight when a spike arrives.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from spinula.core.quantity import quantity


def current_step(v, excitatory, inhibitory, numbers):
    """Return the membrane potential one step later, for inputs that decay during the step.

    v <- rest + (v - rest)*kept + excitatory*e_reach + inhibitory*i_reach

    Parameters
    ----------
    v, excitatory, inhibitory : Array, mV
    numbers : (rest [mV], kept, e_reach, i_reach), see ``IntegrateAndFire.numbers``

    Source
    ------
    Exact integration of the linear equations.

    Examples
    --------
    >>> current_step(-60.0, 0.0, 0.0, (-50.0, 0.9, 0.1, 0.1))
    -59.0
    """
    rest, kept, e_reach, i_reach = numbers
    return rest + (v - rest) * kept + excitatory * e_reach + inhibitory * i_reach


def conductance_step(v, excitatory, inhibitory, numbers, expm1):
    """Return the membrane potential one step later, for conductances held during the step.

    v <- v_end + (v - v_end)*exp(-total*share), where total = 1 + excitatory + inhibitory (in leak conductances), v_end
    is the potential at which all currents cancel, and share = dt/membrane_time.

    Parameters
    ----------
    v : Array, mV; ``excitatory``, ``inhibitory`` : Array, 1 (multiples of the leak)
    numbers : (rest [mV], share, e_reversal [mV], i_reversal [mV])
    expm1 : function, exp(x) - 1 in the precision of the arrays

    Source
    ------
    Exponential Euler: exact for constant conductances.

    Examples
    --------
    >>> round(conductance_step(-60.0, 0.0, 0.0, (-50.0, 0.1, 0.0, -80.0), math.expm1), 4)
    -59.0484
    """
    rest, share, e_reversal, i_reversal = numbers
    pull = (rest - v) + excitatory * (e_reversal - v) + inhibitory * (i_reversal - v)
    # One for the leak; written without a literal so that 32-bit arithmetic stays 32-bit.
    total = share + share * (excitatory + inhibitory)
    return v - pull * (share / total) * expm1(-total)


def reach(synaptic_time, membrane_time, dt):
    """Return how far an input of 1 mV moves the membrane in a step while it decays (all in ms).

    Examples
    --------
    >>> round(reach(5.0, 20.0, 0.1), 6), round(reach(20.0, 20.0, 0.1), 6)
    (0.004938, 0.004975)
    """
    kept = math.exp(-dt / membrane_time)
    if abs(synaptic_time - membrane_time) < 1e-9 * membrane_time:
        return dt / membrane_time * kept
    return synaptic_time / (synaptic_time - membrane_time) * (math.exp(-dt / synaptic_time) - kept)


class IntegrateAndFire(BaseModel):
    """A population's neuron model.

    ``synapses`` : ``current`` (weights in mV) or ``conductance`` (weights in multiples of the leak conductance).

    Source
    ------
    [lapicque1907] for the membrane. Default numbers are those of the benchmark network of [vogels2005], assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    synapses: Literal["current", "conductance"] = "current"
    membrane_time: float = quantity(20.0, unit="ms", what="membrane time constant", gt=0)
    rest: float = quantity(-60.0, unit="mV", what="potential without input (leak and constant drive)")
    threshold: float = quantity(-50.0, unit="mV", what="potential at which a spike is fired")
    reset: float = quantity(-60.0, unit="mV", what="potential after a spike")
    refractory_time: float = quantity(5.0, unit="ms", what="time at the reset after a spike", ge=0)
    excitatory_time: float = quantity(5.0, unit="ms", what="decay of excitatory input", gt=0)
    inhibitory_time: float = quantity(10.0, unit="ms", what="decay of inhibitory input", gt=0)
    excitatory_reversal: float = quantity(0.0, unit="mV", what="reversal potential of excitation")
    inhibitory_reversal: float = quantity(-80.0, unit="mV", what="reversal potential of inhibition")

    @model_validator(mode="after")
    def _check(self) -> IntegrateAndFire:
        if self.reset >= self.threshold:
            raise ValueError(f"reset = {self.reset:g} mV must lie below threshold = {self.threshold:g} mV")
        return self

    def numbers(self, dt: float) -> tuple[float, float, float, float]:
        """Return what ``current_step`` or ``conductance_step`` needs for a step of ``dt`` ms."""
        if self.synapses == "conductance":
            return self.rest, dt / self.membrane_time, self.excitatory_reversal, self.inhibitory_reversal
        return (
            self.rest,
            math.exp(-dt / self.membrane_time),
            reach(self.excitatory_time, self.membrane_time, dt),
            reach(self.inhibitory_time, self.membrane_time, dt),
        )
