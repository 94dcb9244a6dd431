"""Homeostasis that decorrelates a network, and what it does to the eigenvalues of its weights.

    rate of change of W_ij = speed * (target*[i = j] - r_i*r_j)

Rates r that are driven by white noise of power ``noise`` through a linear network of weights W (normal, with
eigenvalues s + i*w) have the covariance noise/(1 - s) along each eigenvector: the imaginary part does not matter.
Homeostasis therefore brings every real part to 1 - noise/target and leaves the imaginary parts alone; and since
r_i*r_j is symmetric, it cannot touch the antisymmetric part of W at all.
"""

from __future__ import annotations


def homeostasis(before, after, same, target):
    """Return the direction in which a weight changes: target*[same] - after*before.

    Parameters
    ----------
    before, after : Array, shape (...,), rates of the two neurons
    same : 1 on the diagonal, else 0
    target : variance of a rate that homeostasis wants

    Source
    ------
    [susman2019], the homeostasis that decorrelates, as in the authors' published program; here without a filter of
    the rates, whose mean is zero.

    Examples
    --------
    >>> homeostasis(0.5, 0.2, 0.0, 0.1)
    -0.1
    """
    return target * same - after * before


def resting_real(noise, target):
    """Return the real part to which eigenvalues are brought: 1 - noise/target.

    Source
    ------
    The covariance of a linear network with noise, dx = (W - 1)x dt + sqrt(2*noise) dB, derived.

    Examples
    --------
    >>> resting_real(0.05, 0.1)
    0.5
    """
    return 1.0 - noise / target


def relaxation_time(real, noise, speed):
    """Return the time in which a small departure of a real part from ``real`` falls to 1/e: (1 - real)^2/(speed*noise).

    Source
    ------
    d(real)/dt = speed*(target - noise/(1 - real)), linear around its rest; derived.

    Examples
    --------
    >>> relaxation_time(0.5, 0.05, 0.004)
    1250.0
    """
    return (1.0 - real) ** 2 / (speed * noise)


def symmetric_share(weights, first, second):
    """Return the coefficient of first*second' + second*first' in a matrix; vectors orthonormal.

    It is half the difference of the real eigenvalues of that pair, read with the eigenvectors of the memory.

    Source
    ------
    [susman2019]: a symmetric pair of outer products has real eigenvalues.
    """
    return 0.5 * (first @ weights @ second + second @ weights @ first)


def antisymmetric_share(weights, first, second):
    """Return the coefficient of first*second' - second*first'; the imaginary part of that pair of eigenvalues.

    Source
    ------
    [susman2019]: an antisymmetric pair of outer products has imaginary eigenvalues.
    """
    return 0.5 * (first @ weights @ second - second @ weights @ first)
