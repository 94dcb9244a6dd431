"""Eligibility traces that a modulator converts: noradrenaline the potentiation's, serotonin the depression's.

    e_P' = -e_P/potentiation_time + (glutamate before spike);   e_N' = -e_N/depression_time + (spike before glutamate)
    change of log-size = potentiation_gain*e_P*noradrenaline - depression_gain*e_N*serotonin

Where both come at a delay at which the two products are equal, learning stops: the fixed point that tells when a
reward is due.
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def trace_left(elapsed, time):
    """Return what is left of a trace after a time (both in s): exp(-elapsed/time); 0 before it began.

    Source
    ------
    With time = 2 s, the silent eligibility trace of [shindou2019]; the textbook form of reinforcement learning.
    """
    if elapsed < 0.0:
        return 0.0
    return math.exp(-elapsed / time)


class ModulatorTraces(BaseModel):
    """Two traces and their two modulators.

    Source
    ------
    [he2015]: beta-2 adrenergic receptors convert the trace of potentiation, 5-HT2C receptors that of depression.
    Lifetimes are from memory: assumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    potentiation_time: float = quantity(unit="s", what="lifetime of the trace of potentiation", gt=0)
    depression_time: float = quantity(unit="s", what="lifetime of the trace of depression", gt=0)
    potentiation_gain: float = quantity(unit="1", what="gain of log-size by a full conversion", ge=0)
    depression_gain: float = quantity(unit="1", what="loss of log-size by a full conversion", ge=0)
    pairing_window: float = quantity(unit="s", what="glutamate and spike within", gt=0, le=1)
    pulses: float = quantity(unit="1", what="pairings that make a full trace", gt=0)

    def change(self, delay: float, *, noradrenaline: float = 1.0, serotonin: float = 1.0) -> float:
        """Return the change of log-size when both come ``delay`` s after full traces of both kinds."""
        gained = self.potentiation_gain * noradrenaline * trace_left(delay, self.potentiation_time)
        return gained - self.depression_gain * serotonin * trace_left(delay, self.depression_time)

    @property
    def fixed_point(self) -> float:
        """The delay (s) at which full traces cancel; infinite if they never do.

        Examples
        --------
        >>> traces = ModulatorTraces(potentiation_time=8, depression_time=4, potentiation_gain=0.3, depression_gain=0.6,
        ...     pairing_window=0.02, pulses=10)
        >>> round(traces.fixed_point, 3), round(traces.change(traces.fixed_point), 12)
        (5.545, 0.0)
        """
        rate = 1.0 / self.depression_time - 1.0 / self.potentiation_time
        if rate == 0.0 or self.potentiation_gain == 0.0 or self.depression_gain == 0.0:
            return math.inf
        delay = math.log(self.depression_gain / self.potentiation_gain) / rate
        return delay if delay >= 0 else math.inf
