"""Synapses that compete for receptors: one pool of free receptors, a number of slots in each spine.

    dw_i/dt = alpha*p*(s_i - w_i) - beta*w_i                      w_i = bound receptors, s_i = slots of spine i
    dp/dt   = gamma - delta*p + beta*W - alpha*p*(S - W)          p = free receptors, W = sum w_i, S = sum s_i

At rest every spine is filled to the same fraction F; a spine that gains slots takes receptors from the others, which
get them back as new receptors are made. In single molecules the network is detailed balanced: at rest p is Poisson
and w_i is binomial (s_i, F), all independent.

Source: [triesch2018]. Time in seconds.
"""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel, ConfigDict

from spinula.core.errors import OutOfRangeError
from spinula.core.quantity import quantity
from spinula.law.intrinsic import namespace


def binding_flow(free, slots, bound, binding_rate):
    """Return binding_rate*free*(slots - bound), receptors bound per second."""
    return binding_rate * free * (slots - bound)


def unbinding_flow(bound, unbinding_rate):
    """Return unbinding_rate*bound, receptors set free per second."""
    return unbinding_rate * bound


def bound_change(bound, free, slots, binding_rate, unbinding_rate):
    """Return dw/dt = binding_rate*free*(slots - bound) - unbinding_rate*bound, 1/s."""
    return binding_flow(free, slots, bound, binding_rate) - unbinding_flow(bound, unbinding_rate)


def free_change(free, net_binding, insertion_rate, removal_rate):
    """Return dp/dt = insertion_rate - removal_rate*free - net_binding, 1/s; ``net_binding`` is the sum of dw/dt."""
    return insertion_rate - removal_rate * free - net_binding


def fast_bound(slots, receptors, dissociation, sqrt):
    """Return the bound number W* that a fixed number of receptors settles at; ``sqrt`` is the root to use.

    W* = h - sqrt(h^2 - R*S), h = (S + R + rho)/2, written as R*S/(h + sqrt(h^2 - R*S)), which loses no digits.
    """
    half = (slots + receptors + dissociation) / 2
    return receptors * slots / (half + sqrt(half * half - receptors * slots))


class ReceptorPool(BaseModel):
    """The four rates of a pool of receptors that all spines of a neuron share.

    ``alpha`` binding, ``beta`` unbinding, ``gamma`` insertion, ``delta`` removal. With ``insertion_rate`` and
    ``removal_rate`` both 0 the pool is closed: the number of receptors stays what it is.

    Source
    ------
    [triesch2018]: the model, its fixed point, and its parameters by filling fraction and size of the pool.

    Examples
    --------
    >>> pool = ReceptorPool.published(filling=0.9, slots=10_000)
    >>> round(pool.filling, 6), round(pool.total_at_rest(10_000))
    (0.9, 33030)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    binding_rate: float = quantity(unit="1/s", what="alpha: binding of one free receptor to one free slot", gt=0)
    unbinding_rate: float = quantity(unit="1/s", what="beta: unbinding of one bound receptor", gt=0)
    insertion_rate: float = quantity(unit="1/s", what="gamma: receptors that enter the pool", ge=0)
    removal_rate: float = quantity(unit="1/s", what="delta: removal of one free receptor", ge=0)

    @classmethod
    def from_filling(
        cls, *, filling: float, pool_ratio: float, slots: float, unbinding_rate: float, removal_rate: float
    ) -> ReceptorPool:
        """Build the rates that leave a given fraction of slots filled at rest.

        gamma = delta*F*S*phi;  alpha = beta/(phi*S*(1 - F))

        Parameters
        ----------
        filling : float, 1
            F: fraction of slots that hold a receptor at rest.
        pool_ratio : float, 1
            phi: free receptors per bound receptor at rest.
        slots : float, 1
            S: slots of all spines together.
        unbinding_rate, removal_rate : float, 1/s

        Raises
        ------
        OutOfRangeError
            If ``filling`` is not between 0 and 1, or ``pool_ratio`` or ``slots`` is not positive.

        Source
        ------
        [triesch2018], the fixed point solved for insertion and binding.
        """
        if not 0 < filling < 1:
            raise OutOfRangeError("filling", filling, "wanted a fraction between 0 and 1")
        for name, value in (("pool_ratio", pool_ratio), ("slots", slots)):
            if not 0 < value < math.inf:
                raise OutOfRangeError(name, value, "wanted a positive number")
        return cls(
            binding_rate=unbinding_rate / (pool_ratio * slots * (1 - filling)),
            unbinding_rate=unbinding_rate,
            insertion_rate=removal_rate * filling * slots * pool_ratio,
            removal_rate=removal_rate,
        )

    @classmethod
    def published(cls, *, filling: float, slots: float) -> ReceptorPool:
        """Build the AMPA-receptor set: unbinding 1/(43 s), removal 1/(14 min), pool ratio 2.67 (72 % not at synapses).

        Source
        ------
        [triesch2018]; filling fractions used there: 0.5, 0.7 and 0.9.
        """
        return cls.from_filling(
            filling=filling, pool_ratio=2.67, slots=slots, unbinding_rate=1 / 43, removal_rate=1 / (14 * 60)
        )

    @property
    def free_at_rest(self) -> float:
        """The number of free receptors at rest, p = gamma/delta.

        Raises
        ------
        OutOfRangeError
            If the pool is closed: where it rests depends on how many receptors it holds (see ``bound_when_closed``).
        """
        if self.removal_rate <= 0:
            raise OutOfRangeError("removal_rate", self.removal_rate, "a pool without removal has no rest of its own")
        return self.insertion_rate / self.removal_rate

    @property
    def filling(self) -> float:
        """The fraction of slots filled at rest, F = 1/(1 + beta*delta/(alpha*gamma)): the same in all spines."""
        binding = self.binding_rate * self.free_at_rest
        return binding / (binding + self.unbinding_rate)

    @property
    def dissociation(self) -> float:
        """The number of free receptors that fills half the slots, rho = beta/alpha."""
        return self.unbinding_rate / self.binding_rate

    def bound_at_rest(self, slots: Any) -> Any:
        """Return the bound receptors of each spine at rest, w = F*slots."""
        return self.filling * slots

    def total_at_rest(self, slots: float) -> float:
        """Return all receptors at rest, R = F*S + gamma/delta, S the slots of all spines; = (1 + phi)*F*S."""
        return self.filling * slots + self.free_at_rest

    def bound_when_closed(self, slots: Any, receptors: Any) -> Any:
        """Return the bound receptors that a fixed number of receptors settles at, before any is made or removed.

        W* = (S + R + rho)/2 - sqrt((S + R + rho)^2/4 - R*S), rho = beta/alpha

        Parameters
        ----------
        slots : Array, shape (...,), 1
            Slots of all spines together.
        receptors : Array, shape (...,), 1
            Receptors, bound and free.

        Source
        ------
        [triesch2018], fast quasi-steady state.
        """
        return fast_bound(slots, receptors, self.dissociation, namespace(slots * receptors).sqrt)

    def relaxation_rates(self, slots: float) -> tuple[float, float]:
        """Return the slow and the fast rate at which small disturbances of all receptors die out, 1/s.

        rate^2 - (k + m + delta)*rate + k*delta = 0,  k = alpha*p + beta,  m = alpha*S*(1 - F)

        The slow rate is near delta/(1 + (1 - F)/phi) where binding is fast, phi = p/(F*S): a little below delta.

        Source
        ------
        Eigenvalues of the two equations for W and p about their rest; [triesch2018] gives the slow one as delta.
        """
        exchange = self.binding_rate * self.free_at_rest + self.unbinding_rate
        half = (exchange + self.binding_rate * slots * (1 - self.filling) + self.removal_rate) / 2
        root = math.sqrt(half * half - exchange * self.removal_rate)
        return exchange * self.removal_rate / (half + root), half + root

    def variation(self, slots: Any) -> Any:
        """Return the coefficient of variation of a spine's bound receptors at rest, sqrt((1 - F)/n), n = F*slots.

        Source
        ------
        Binomial law of the stationary state (detailed balance); [triesch2018] fits the same from simulations.

        Examples
        --------
        >>> round(ReceptorPool.published(filling=0.5, slots=200).variation(200), 6)
        0.070711
        """
        share = (1 - self.filling) / (self.filling * slots)
        return namespace(share).sqrt(share)
