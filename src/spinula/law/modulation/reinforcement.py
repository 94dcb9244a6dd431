"""Reinforcement in D1 cells: a dopamine burst shortly after pairing enlarges the paired spine.

Two readings of one signalling model (calcium primes adenylyl cyclase with a delay; cAMP, PKA and CaMKII follow):

    kernel   dV = gain * K(D) * V exp(-V/size_scale),  D = burst onset - pairing onset (s)
             K(D) = z^n exp(n (1 - z)),  z = (D - onset)/scale for D > onset, else 0;   the peak, 1, is at onset + scale
    trace    x1' = -x1/rise + pairing;  x2' = (x1 - x2)/decay;  G' = -G/signal + dopamine;  R' = (x2 + leak) G
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity

# (scale s, power, onset s): fits to the delay curves of the published D1 model, read off as active CaMKII 20 s later
# and as the excess of free PKA; root mean square error .017 and .038 of the maximum.
CAMKII_KERNEL = (1.121, 11.85, -0.466)
PKA_KERNEL = (1.129, 4.40, -0.285)


def burst_kernel(delay, scale, power, onset):
    """Return how well a burst works that begins ``delay`` s after the pairing, as a share of the best delay.

    Source
    ------
    Fit to the model of [urakubo2020]; the window it describes was measured by [yagishita2014].

    Examples
    --------
    >>> [round(burst_kernel(delay, *CAMKII_KERNEL), 2) for delay in (-1.0, 0.3, 0.655, 1.1, 5.0)]
    [0.0, 0.47, 1.0, 0.48, 0.0]
    """
    z = (delay - onset) / scale
    if z <= 0.0:
        return 0.0
    return math.exp(power * (math.log(z) + 1.0 - z))


def kernel_end(scale, power, onset):
    """Return the delay after which the kernel stays below 1e-4 of its peak, s.

    Source
    ------
    Fixed point of z = 1 + log z + log(1e4)/power, which contracts for z > 1.

    Examples
    --------
    >>> end = kernel_end(*CAMKII_KERNEL)
    >>> round(end, 3), round(burst_kernel(end, *CAMKII_KERNEL), 7)
    (2.685, 0.0001)
    """
    z, excess = 2.0, math.log(1e4) / power
    for _ in range(200):
        z = 1.0 + math.log(z) + excess
    return onset + scale * z


def trace_step(state, elapsed, rise, decay, signal, leak):
    """Move (x1, x2, G, R) over a time without events, exactly.

    Parameters
    ----------
    state : tuple of four floats
        Fast and slow eligibility (1), filtered dopamine (1) and the integrated reading R (s).
    elapsed, rise, decay, signal : float, s
    leak : float, 1

    Source
    ------
    Linear filters in closed form.

    Examples
    --------
    >>> state = trace_step((1.0, 0.0, 1.0, 0.0), 0.4, 0.10, 0.84, 0.10, 0.019)
    >>> [round(value, 4) for value in state]
    [0.0183, 0.0815, 0.0183, 0.007]
    """
    fast, slow, dopamine, reading = state
    if abs(rise - decay) < 1e-6 * decay:
        rise = decay * (1.0 + 1e-6)  # where the two exponentials become one
    # x2 = a exp(-t/rise) + b exp(-t/decay)
    a = fast * rise / (rise - decay)
    b = slow - a
    e1, e2, e3 = math.exp(-elapsed / rise), math.exp(-elapsed / decay), math.exp(-elapsed / signal)
    k1, k2 = 1.0 / rise + 1.0 / signal, 1.0 / decay + 1.0 / signal
    gained = dopamine * (a * (1.0 - e1 * e3) / k1 + b * (1.0 - e2 * e3) / k2 + leak * signal * (1.0 - e3))
    return fast * e1, a * e1 + b * e2, dopamine * e3, reading + gained


class PairingWindow(BaseModel):
    """Trains of pairings, which dopamine turns into enlargement if it changes within a window of delays.

    Source
    ------
    The kernel's form is fitted to the D1 model of [urakubo2020]; the window was measured by [yagishita2014].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size_scale: float = quantity(unit="um3", what="size at which enlargement falls to 1/e", gt=0)
    kernel_scale: float = quantity(unit="s", what="from the kernel's onset to its peak", gt=0)
    kernel_power: float = quantity(unit="1", what="sharpness of the kernel", gt=0)
    kernel_onset: float = quantity(unit="s", what="delay at which the kernel begins", ge=-5, le=5)
    pairing_window: float = quantity(unit="s", what="spikes follow glutamate within", gt=0, le=1)
    pulses: float = quantity(unit="1", what="pairings that make a full train", gt=0)
    consolidation_time: float = quantity(unit="s", what="time constant of the enlargement", gt=0)

    def kernel(self, delay: float) -> float:
        """Return the kernel at a delay in s."""
        return burst_kernel(delay, self.kernel_scale, self.kernel_power, self.kernel_onset)


class Reinforcement(PairingWindow):
    """Enlargement of D1 spines by a dopamine burst after pairing.

    Source
    ------
    [yagishita2014]: dopamine 0.3 to 2 s after pairing enlarges spines, 1 s before or 5 s after it does not. Kernel by
    fit to [urakubo2020]; the amplitude is assumed.
    """

    gain: float = quantity(unit="1", what="enlargement by a full burst at the best delay, at zero size", ge=0)
    bursts: float = quantity(unit="1", what="reinforced trains that make a full event", gt=0)


class EligibilityTrace(BaseModel):
    """The online reading: an eligibility that rises and decays, read by a filtered dopamine signal.

    Source
    ------
    Fit to the delay curve of free PKA in the model of [urakubo2020] (20 delays): root mean square error .039 of the
    maximum with one free amplitude. The curve is fitted, not the molecules: a filter of dopamine much faster than the
    rise fits best.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rise: float = quantity(0.244, unit="s", what="rise of the eligibility", gt=0)
    decay: float = quantity(0.656, unit="s", what="decay of the eligibility", gt=0)
    signal: float = quantity(0.02, unit="s", what="filter of the dopamine signal", gt=0)
    leak: float = quantity(0.0, unit="1", what="reading without pairing", ge=0)

    def response(self, delay: float, *, pairs: int = 10, pairs_hz: float = 10.0, pulses: int = 10,
                 pulses_hz: float = 30.0) -> float:  # fmt: skip
        """Return R (s) after a train of pairs from t = 0 and a burst of pulses from t = delay; each train sums to 1."""
        events = [(number / pairs_hz, 1.0 / pairs, 0.0) for number in range(pairs)]
        events += [(delay + number / pulses_hz, 0.0, 1.0 / pulses) for number in range(pulses)]
        events.sort()
        state, now = (0.0, 0.0, 0.0, 0.0), events[0][0]
        for when, pair, pulse in [*events, (events[-1][0] + 20.0, 0.0, 0.0)]:
            fast, slow, dopamine, reading = trace_step(state, when - now, self.rise, self.decay, self.signal, self.leak)
            # Scaled so that a single pair would raise the slow trace to about 1.
            state, now = (fast + pair * self.decay / self.rise, slow, dopamine + pulse / self.signal, reading), when
        return state[3]
