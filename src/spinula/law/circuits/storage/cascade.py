"""A synapse of many variables: a chain of ever slower ones behind the weight, as beakers joined by ever thinner pipes.

    change of u_k = (g_(k-1)*(u_(k-1) - u_k) - g_k*(u_k - u_(k+1))) / C_k  [+ memory, k = 1]      per step
    C_k = 2^(k-1),   g_k = 2^(-k-2),   weight = u_1,   u beyond the last = 0 (the last one leaks)

One step is one stored memory, +1 or -1 for each synapse. Everything is linear, so that what a memory leaves in the
weight after ``age`` steps and the variance of the weight under all other memories are closed forms.
"""

from __future__ import annotations

import numpy as np


def volume(k):
    """Return C of variable k, which begins with 1 (NumPy or float).

    Source
    ------
    [benna2016]; the constants of the chain are from memory: assumed.
    """
    return 2.0 ** (k - 1)


def conductance(k):
    """Return g between variables k and k + 1; 0 before the first.

    Source
    ------
    [benna2016]; the constants of the chain are from memory: assumed.
    """
    return 2.0 ** (-k - 2) * (k > 0)


def flow(before, here, behind, into, out):
    """Return the change of one variable in one step, apart from memories and noise.

    Parameters
    ----------
    before, here, behind : Array, shape (...,), the variable in front, this one, and the one behind (0 after the last)
    into, out : conductance before and behind, both divided by the volume, 1/step

    Source
    ------
    [benna2016]

    Examples
    --------
    >>> flow(0.0, 1.0, 0.0, 0.0, 0.125)
    -0.125
    """
    return into * (before - here) - out * (here - behind)


def rates(variables: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what :func:`flow` wants of each variable: into and out, both shape (variables,), 1/step.

    Source
    ------
    [benna2016]

    Examples
    --------
    >>> rates(2)[1].tolist()
    [0.125, 0.03125]
    """
    k = np.arange(1, variables + 1)
    return conductance(k - 1) / volume(k), conductance(k) / volume(k)


class Cascade:
    """The closed forms of a chain that stores one memory per step.

    Parameters
    ----------
    variables : int, m
    noise_first, noise_all : spread of intrinsic noise per step on u_1 alone, and on every variable

    Source
    ------
    [benna2016] for the chain; the sums are geometric series of its modes, derived.

    Examples
    --------
    >>> chain = Cascade(10)
    >>> bool(abs(chain.left(np.array([100, 10_000])) @ [0, 1] / chain.left(np.array([100]))[0] - 0.1) < 0.01)
    True
    """

    def __init__(self, variables: int, noise_first: float = 0.0, noise_all: float = 0.0) -> None:
        into, out = rates(variables)
        matrix = np.diag(1.0 - into - out) + np.diag(into[1:], -1) + np.diag(out[:-1], 1)
        # In units of sqrt(C) the chain is symmetric, and its modes are orthogonal.
        root = np.sqrt(volume(np.arange(1, variables + 1)))
        self._decay, modes = np.linalg.eigh(root[:, None] * matrix / root)
        self._out, self._in = modes / root[:, None], modes.T * root
        power = np.full(variables, noise_all**2)
        power[0] += 1.0 + noise_first**2
        self._power = power

    def left(self, age: np.ndarray) -> np.ndarray:
        """Return what a memory of 1 has left in the weight after so many steps."""
        return (self._decay ** np.asarray(age, float)[..., None]) @ (self._out[0] * self._in[:, 0])

    def covariance(self) -> np.ndarray:
        """Return the stationary covariance of the variables, shape (variables, variables)."""
        drawn = (self._in * self._power) @ self._in.T / (1.0 - np.multiply.outer(self._decay, self._decay))
        return self._out @ drawn @ self._out.T

    def signal_to_noise(self, age: np.ndarray, synapses: float = 1.0) -> np.ndarray:
        """Return mean over SD of the overlap of a memory with the weights of so many synapses."""
        return self.left(age) * (synapses / self.covariance()[0, 0]) ** 0.5

    def lifetime(self, synapses: float) -> float:
        """Return the age in steps at which signal to noise falls to 1; 0 if it is never above."""
        low, high = 0.0, 60.0  # logarithms of the age
        if self.signal_to_noise(np.array(1.0), synapses) <= 1.0:
            return 0.0
        for _ in range(50):
            middle = 0.5 * (low + high)
            if self.signal_to_noise(np.exp(middle), synapses) > 1.0:
                low = middle
            else:
                high = middle
        return float(np.exp(low))


def slow_lifetime(time, synapses):
    """Return the age at which signal to noise of one leaky variable falls to 1: time*ln(sqrt(2*synapses/time)).

    Its overlap falls as exp(-age/time), and the memories of all ages add up to a variance of time/2 (time >> 1 step).

    Source
    ------
    A geometric series, derived.

    Examples
    --------
    >>> round(slow_lifetime(100.0, 1e6))
    495
    """
    return time * np.log((2 * synapses / time) ** 0.5)
