"""Rate neurons whose synapses are Hebbian: what activity does to rates, to inhibition and to weights.

All functions are plain arithmetic: floats and arrays alike, and compiled by Numba. Times in seconds.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def relaxation(value, target, time_constant):
    """Return (target - value)/time_constant: how a potential or an inhibitory current follows its input.

    Parameters
    ----------
    value, target : Array, shape (...,), 1
    time_constant : float, s

    Source
    ------
    [fauth2019] eq. 1 and the equation of the inhibitory current after it.

    Examples
    --------
    >>> relaxation(1.0, 3.0, 0.5)
    4.0
    """
    return (target - value) / time_constant


def release_change(release, rate, recovery_time, depression):
    """Return (1 - release)/recovery_time - depression*release*rate, 1/s: short-term depression of a neuron's output.

    Parameters
    ----------
    release : Array, shape (...,), 1, share of the transmitter that is ready
    rate : Array, shape (...,), 1, from 0 to 1
    recovery_time : float, s
    depression : float, 1/s

    Source
    ------
    [fauth2019], short-term depression.

    Examples
    --------
    >>> release_change(1.0, 1.0, 5.0, 1.0)
    -1.0
    """
    return (1.0 - release) / recovery_time - depression * release * rate


def correlated_drive(pre, post, threshold, rate):
    """Return rate*(pre*post - threshold*(pre + post)/2): growth if both are active, loss if one is, none at silence.

    Two neurons of equal rate r strengthen their connection if r > threshold.

    Parameters
    ----------
    pre, post : Array, shape (...,), 1, firing rates from 0 to 1
    threshold : float, 1
    rate : float, um3/day

    Source
    ------
    Hebb's rule with depression. [humble2019] shows what Hebb's rule alone does in recurrent networks; this form of it
    is assumed.

    Examples
    --------
    >>> correlated_drive(1.0, 1.0, 0.5, 0.4), correlated_drive(1.0, 0.0, 0.5, 0.4)
    (0.2, -0.1)
    """
    return rate * (pre * post - threshold * (pre + post) / 2.0)


class ThresholdHebb(BaseModel):
    """A network of rate neurons with weights that follow whether both, one or none of two neurons is active.

    both low: dw/dt = -decay*w;   both high: dw/dt = potentiation*(weight_max - w);   else: dw/dt = -depression*w

    Source
    ------
    [fauth2019], model and simulations, of which every default is taken.

    Examples
    --------
    >>> ThresholdHebb().inhibition
    2.45
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_constant: float = quantity(0.155, unit="s", what="time constant of potentials and of inhibition", gt=0)
    noise: float = quantity(1.5, unit="1", what="standard deviation of the noise current, drawn each step", ge=0)
    inhibition: float = quantity(2.45, unit="1", what="inhibition per unit of summed rate: 3.5 largest weights", ge=0)
    recovery_time: float = quantity(5.0, unit="s", what="recovery from short-term depression", gt=0)
    short_depression: float = quantity(1.0, unit="1/s", what="short-term depression at full rate", ge=0)
    high: float = quantity(0.5, unit="1", what="rate from which a neuron counts as active", gt=0, lt=1)
    weight_max: float = quantity(0.7, unit="1", what="largest weight of a contact", gt=0)
    potentiation: float = quantity(0.1, unit="1/s", what="rate of approach to the largest weight", gt=0)
    depression: float = quantity(0.01, unit="1/s", what="rate of loss when one neuron is active", ge=0)
    decay: float = quantity(0.5 / 86400, unit="1/s", what="rate of loss when both are silent: 1/(2 days)", ge=0)
