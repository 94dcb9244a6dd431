"""Plasticity that compensates for fluctuation: how much of it keeps a task's error lowest.

    weights <- weights - compensation*direction + fluctuation*noise        (unit vectors; one step)

``direction`` is the estimate that plasticity has of the gradient, ``noise`` is blind to the task. Both cost error
through the curvature of the loss along themselves, only the first reduces it:

    E[change of loss] = -compensation*accuracy*|gradient|
                        + (compensation^2*curvature_along + fluctuation^2*curvature_mean)/2
"""

from __future__ import annotations


def steady_gradient(compensation, fluctuation, curvature_along, curvature_mean, accuracy):
    """Return the length of the gradient at which the loss neither rises nor falls.

    |gradient| = (compensation*curvature_along + fluctuation^2*curvature_mean/compensation) / (2*accuracy)

    Parameters
    ----------
    compensation : Array, shape (...,), length of the step of plasticity
    fluctuation : Array, same unit, length of the step of intrinsic fluctuation
    curvature_along : curvature of the loss along the steps of plasticity (u'Hu)
    curvature_mean : curvature along fluctuations, which have no direction: the mean eigenvalue of the Hessian
    accuracy : cosine between a step of plasticity and the gradient, 0 to 1

    Source
    ------
    Derived after the argument of [raman2021]: the expected change of a loss to second order, set to zero.

    Examples
    --------
    >>> round(steady_gradient(0.01, 0.01, 1.0, 1.0, 1.0), 12)
    0.01
    """
    return (compensation * curvature_along + fluctuation**2 * curvature_mean / compensation) / (2 * accuracy)


def best_compensation(fluctuation, curvature_along, curvature_mean):
    """Return the compensation at which the steady gradient is shortest: fluctuation*sqrt(mean/along).

    A gradient points where the curvature is high, so that curvature_along >= curvature_mean and the best compensation
    is at most as large as the fluctuation; it is as large only where all directions curve alike.

    Parameters
    ----------
    fluctuation, curvature_along, curvature_mean : as :func:`steady_gradient`

    Source
    ------
    [raman2021], whose conclusion this is; the closed form is derived from :func:`steady_gradient`.

    Examples
    --------
    >>> best_compensation(0.01, 4.0, 1.0)
    0.005
    """
    return fluctuation * (curvature_mean / curvature_along) ** 0.5
