"""Synaptic sampling: parameters that fluctuate around what prior and reward ask for, and so sample good networks.

    weight       = exp(theta - offset) where theta > 0, else 0: the synapse is retracted
    eligibility <- eligibility*kept + weight*before*(spike - chance of a spike)
    gradient    <- gradient*kept + dopamine*eligibility
    theta       <- theta + rate*[(prior_mean - theta)/prior_variance + gain*gradient]*dt
                         + sqrt(2*temperature*rate*dt)*noise

With the prior alone theta is an Ornstein-Uhlenbeck process, normal with variance temperature*prior_variance. With
reward the stationary law is about (prior*exp(gain*reward))^(1/temperature) [kappel2015]. A retracted synapse has no
eligibility: only prior and temperature bring it back.
"""

from __future__ import annotations


def weight(theta, offset, exp):
    """Return the weight of a synapse, 0 if it is retracted.

    Parameters
    ----------
    theta : Array, shape (...,), parameter of the synapse
    offset : float, theta at which the weight is 1
    exp : function in the precision of the arrays

    Source
    ------
    [kappel2018]

    Examples
    --------
    >>> import math
    >>> weight(3.0, 3.0, math.exp), weight(-0.1, 3.0, math.exp)
    (1.0, 0.0)
    """
    return exp(theta - offset) * (theta > 0)


def eligibility_step(eligibility, weight, before, surprise, kept):
    """Return the eligibility one step later: eligibility*kept + weight*before*surprise.

    Parameters
    ----------
    eligibility : Array, shape (...,)
    weight : Array, the synapse's weight
    before : Array, what the spikes of the sender have left in the synapse
    surprise : Array, spike of the receiver (0 or 1) minus its chance
    kept : float, exp(-dt/time)

    Source
    ------
    [kappel2018]

    Examples
    --------
    >>> eligibility_step(1.0, 2.0, 0.5, 0.25, 0.5)
    0.75
    """
    return eligibility * kept + weight * before * surprise


def gradient_step(gradient, dopamine, eligibility, kept):
    """Return the estimate of the reward's gradient one step later: gradient*kept + dopamine*eligibility.

    Parameters
    ----------
    gradient, eligibility : Array, shape (...,)
    dopamine : float, reward minus what was expected, delivered within the step
    kept : float, exp(-dt/time)

    Source
    ------
    [kappel2018]; its constant noise of the gradient is left out.

    Examples
    --------
    >>> gradient_step(1.0, -0.5, 2.0, 0.5)
    -0.5
    """
    return gradient * kept + dopamine * eligibility


def parameter_step(theta, gradient, noise, numbers):
    """Return theta one step later, before it is clipped.

    Parameters
    ----------
    theta, gradient : Array, shape (...,)
    noise : Array, standard normal
    numbers : (prior_mean, pull, push, spread): :func:`parameter_numbers`

    Source
    ------
    [kappel2018]

    Examples
    --------
    >>> parameter_step(1.0, 2.0, 0.0, (0.0, 0.1, 0.05, 0.2))
    1.0
    """
    prior_mean, pull, push, spread = numbers
    return theta + pull * (prior_mean - theta) + push * gradient + spread * noise


def parameter_numbers(rate_dt, temperature, prior, gain):
    """Return what :func:`parameter_step` wants of one time step.

    Parameters
    ----------
    rate_dt : float, speed of sampling times the time step
    temperature : float
    prior : (mean, SD) at temperature 1
    gain : float, weight of the reward's gradient against the prior's

    Source
    ------
    [kappel2018]

    Examples
    --------
    >>> parameter_numbers(0.02, 0.25, (0.0, 2.0), 1.0)
    (0.0, 0.005, 0.02, 0.1)
    """
    return prior[0], rate_dt / prior[1] ** 2, rate_dt * gain, (2 * temperature * rate_dt) ** 0.5
