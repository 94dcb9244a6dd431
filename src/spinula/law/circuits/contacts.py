"""Contacts: several synapses between one pair of neurons, which come and go one by one.

All functions are plain arithmetic: floats and arrays alike, and compiled by Numba.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from spinula.core.quantity import quantity


def deletion_rate(weakness, slowest, fastest):
    """Return slowest + (fastest - slowest)/(1 + 1/weakness), 1/day: weak contacts are lost fast, strong ones slowly.

    Parameters
    ----------
    weakness : Array, shape (...,), 1
        exp(steepness*(weight_half - weight)): 1 at the weight where the rate is half-way. Handed over, so that this
        stays plain arithmetic.
    slowest, fastest : float, 1/day

    Source
    ------
    [fauth2019] eq. 2.

    Examples
    --------
    >>> deletion_rate(1.0, 0.0, 24.0)
    12.0
    """
    return slowest + (fastest - slowest) * (weakness / (1.0 + weakness))


def standing_contacts(sites, creation, deletion):
    """Return sites*creation/(creation + deletion): contacts of a pair when creation and deletion balance.

    Source
    ------
    [fauth2019], analysis of the sensory phase; [deger2012].

    Examples
    --------
    >>> standing_contacts(16, 1.0, 24.0)
    0.64
    """
    return sites * creation / (creation + deletion)


def contact_correlation(pre, post, own, others, law):
    """Return transmitted*pre*(post + spikes*(own + transmitted*others)/(2*trace)), 1/s2: what a contact detects.

    The product of the two rates, and what the presynaptic spikes themselves make of the postsynaptic ones: a contact
    that transmits was joined by its own weight, and by each of the others unless it failed; transmitted = 1 - failure.

    Parameters
    ----------
    pre, post : Array, shape (...,), 1/s, rates of the two neurons
    own, others : Array, shape (...,), 1, weight of the contact, and summed weight of the pair's other contacts
    law : CooperativeContacts, or whatever has its failure, trace and spikes

    Source
    ------
    Mean of the correlation that [deger2018] averages, for Poisson spikes and a response within the trace: derived.

    Examples
    --------
    >>> contact_correlation(5.0, 5.0, 0.0, 0.0, CooperativeContacts())
    20.0
    """
    transmitted = 1.0 - law.failure
    return transmitted * pre * (post + law.spikes * (own + transmitted * others) / (2.0 * law.trace))


def cooperative_drift(weight, correlation, post, law):
    """Return pair*c - saturation*c^2 - competition*r^4 - decay*w, 1/s: how a contact's weight moves.

    Parameters
    ----------
    weight : Array, shape (...,), 1
    correlation : Array, shape (...,), 1/s2, see :func:`contact_correlation`
    post : Array, shape (...,), 1/s, slow average of the postsynaptic rate
    law : CooperativeContacts, or whatever has its four rates

    Source
    ------
    [deger2018]: the four terms and their signs, as the authors' module for spiking simulations integrates them.

    Examples
    --------
    >>> law = CooperativeContacts()
    >>> bool(cooperative_drift(0.0, 15.0, 4.6, law) > 0 > cooperative_drift(0.0, 5.0, 4.6, law))
    True
    """
    square = post * post
    return (
        law.pair * correlation
        - law.saturation * correlation * correlation
        - law.competition * square * square
        - law.decay * weight
    )


class ContactTurnover(BaseModel):
    """How contacts of a pair are created and deleted.

    Source
    ------
    [fauth2019], structural plasticity, of which every default is taken.

    Examples
    --------
    >>> ContactTurnover().sites
    16
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sites: int = quantity(16, unit="1", what="potential contacts per pair of neurons", ge=1, le=255)
    creation: float = quantity(1.0, unit="1/day", what="creation of a contact at a vacant site", ge=0)
    weight_new: float = quantity(0.001, unit="1", what="weight of a new contact", gt=0)
    slowest: float = quantity(0.03, unit="1/day", what="deletion of strong contacts", ge=0)
    fastest: float = quantity(24.0, unit="1/day", what="deletion of weak contacts", gt=0)
    weight_half: float = quantity(0.245, unit="1", what="weight of half the fastest deletion: 0.35 largest", gt=0)
    steepness: float = quantity(20.0, unit="1", what="how steeply deletion falls with weight", gt=0)


class CooperativeContacts(BaseModel):
    """A contact grows with the correlation that it detects, up to a limit; the postsynaptic rate opposes it.

    dw/dt = pair*c - saturation*c^2 - competition*r^4 - decay*w;  deleted at w <= 0, created at a rate per site.

    Source
    ------
    [deger2018]: pair, saturation, competition, decay, creation, weight_new and failure are the defaults of the authors'
    module; the sign of the saturating term is that of its code. trace (20 ms) is read as milliseconds, though the
    module says seconds; spikes and loss are assumed.

    Examples
    --------
    >>> round(1 / CooperativeContacts().decay / 86400, 1)
    9.1
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pair: float = quantity(1e-6, unit="s", what="growth with the correlation", ge=0)
    saturation: float = quantity(0.02453e-6, unit="s3", what="loss with the squared correlation", ge=0)
    competition: float = quantity(0.0163e-6, unit="s3", what="loss with the fourth power of the post rate", ge=0)
    decay: float = quantity(1.27142e-6, unit="1/s", what="decay of the weight", gt=0)
    creation: float = quantity(0.028, unit="1/day", what="creation of a contact at a vacant site", gt=0)
    weight_new: float = quantity(0.01, unit="1", what="weight of a new contact", gt=0)
    failure: float = quantity(0.2, unit="1", what="chance that a contact fails to transmit", ge=0, lt=1)
    trace: float = quantity(0.02, unit="s", what="time constant of the traces of spikes", gt=0)
    spikes: float = quantity(0.17, unit="1", what="extra postsynaptic spikes per unit of weight", ge=0)
    loss: float = quantity(0.02, unit="1/day", what="loss of a contact whatever its weight", ge=0)
