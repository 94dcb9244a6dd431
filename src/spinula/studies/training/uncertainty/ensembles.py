"""Ways to get several predictions from one training budget: from fluctuation, from silence, from several networks.

Every method gets the same budget, counted as connections times samples seen in training, and returns the scores of its
members: Array (members, samples, classes) for each array of images.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from spinula.core.streams import Streams
from spinula.engines.sparse.perceptron import Perceptron
from spinula.engines.sparse.rules import Rule
from spinula.studies.training.data import Data
from spinula.studies.training.running import Plan
from spinula.studies.training.uncertainty.dropout import DropoutPerceptron

MEMBERS = 10  # of everything that costs no training: snapshots, fluctuations at test time, silent units
NETWORKS = 5
_CONSTANT = 10**6  # epochs of a cosine of which only the flat beginning is used
Scores = list[np.ndarray]
Setting = Mapping[str, float]


def _trained(plan: Plan, data: Data) -> Perceptron:
    network = plan.network(data)
    for _ in network.fit(data.images, data.labels, epochs=plan.epochs):
        pass
    return network


def _with_law(rule: Rule, setting: Setting) -> Rule:
    """Return a rule with the numbers of its law, and its learning rate, that a setting names."""
    named = {"rate", "momentum", *type(rule.law).model_fields}
    return rule.changed({name: value for name, value in setting.items() if name in named})


def single(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    """One network, trained for the whole budget: no uncertainty but its softmax."""
    network = _trained(replace(plan, rule=_with_law(plan.rule, setting)), data)
    return [network.scores(images)[None] for images in scored]


def running_on(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    """Train for most of the budget, then let the law run on at a constant rate; snapshots are the members.

    Drive, drift, spread, elimination and formation all go on. ``setting``: the rate, and the noise of the law from
    then on, for the last ``epochs`` (1). With no noise what differs between snapshots is the noise of the batches: the
    control.
    """
    first = max(1, plan.epochs - int(setting.get("epochs", 1)))
    network = _trained(replace(plan, epochs=first), data)
    network.rule = _with_law(plan.rule, setting)
    generator, found = Streams(plan.seed).generator("parts"), [[] for _ in scored]
    left = plan.epochs - first
    parts = max(1, MEMBERS // max(1, left))
    for _ in range(left):
        for chosen in np.array_split(generator.permutation(len(data.labels)), parts):
            next(network.fit(data.images[chosen], data.labels[chosen], epochs=_CONSTANT))
            for kept, images in zip(found, scored, strict=True):
                kept.append(network.scores(images))
    return [np.stack(kept) for kept in found]


def langevin(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    """As :func:`running_on`, but as SGLD: no momentum, and noise alike for all sizes.

    ``setting``: rate and temperature, in units of 1/samples (1: the posterior of the training set); spread =
    sqrt(2*temperature/samples), as in synaptic sampling.

    Source
    ------
    [welling2011], with the elimination and formation of synaptic sampling [kappel2015].
    """
    floor = float(np.sqrt(2 * setting["temperature"] / len(data.labels)))
    ran = {**setting, "momentum": 0.0, "noise_floor": floor, "noise_slope": 0.0}
    return running_on(plan, data, scored, ran)


def imposed(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    """Train one network for the whole budget; let its sizes fluctuate when it is asked, size*(1 + slope*noise)."""
    network = _trained(plan, data)
    return list(fluctuating_scores(network, scored, noise_slope=setting["noise_slope"], seed=plan.seed))


def fluctuating_scores(
    network: Perceptron, scored: Scores, *, noise_slope: float, members: int = MEMBERS, seed: int = 0
) -> Scores:
    """Return the scores of copies of a network whose sizes fluctuate in proportion; the network stays as it is."""
    generator, found = Streams(seed).generator("imposed"), [[] for _ in scored]
    kept = [store.weight.copy() for store in network.stores]
    for _ in range(members):
        for store, weight in zip(network.stores, kept, strict=True):
            # A size cannot fall below zero, and a sign does not change.
            store.weight[:] = weight * np.maximum(1.0 + noise_slope * generator.standard_normal(weight.shape), 0.0)
        for made, images in zip(found, scored, strict=True):
            made.append(network.scores(images))
    for store, weight in zip(network.stores, kept, strict=True):
        store.weight[:] = weight
    return [np.stack(made) for made in found]


def silent_units(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    """Dropout of hidden units in training and when asked (MC dropout), with the same rule and connections."""
    network = DropoutPerceptron(
        plan.widths(data), plan.density, plan.rule, setting["dropout"], seed=plan.seed, batch=plan.batch
    )  # fmt: skip
    network.fit(data.images, data.labels, epochs=plan.epochs)
    return [np.stack([network.scores(images) for _ in range(MEMBERS)]) for images in scored]


def _ensemble(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    plan = replace(plan, rule=_with_law(plan.rule, setting))
    streams, found = Streams(plan.seed), [[] for _ in scored]
    for number in range(NETWORKS):
        network = _trained(replace(plan, seed=streams.child(f"network {number}").seed), data)
        for kept, images in zip(found, scored, strict=True):
            kept.append(network.scores(images))
    return [np.stack(kept) for kept in found]


def short_ensemble(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    """Five networks, a fifth of the epochs each.

    Source
    ------
    [lakshminarayanan2017]: deep ensembles, there at five times the cost (:func:`full_ensemble`).
    """
    return _ensemble(replace(plan, epochs=max(1, plan.epochs // NETWORKS)), data, scored, setting)


def small_ensemble(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    """Five networks, a fifth of the connections each."""
    return _ensemble(replace(plan, density=plan.density / NETWORKS), data, scored, setting)


def full_ensemble(plan: Plan, data: Data, scored: Scores, setting: Setting) -> Scores:
    """Five networks, the whole budget each: five times the cost, the reference."""
    return _ensemble(plan, data, scored, setting)


@dataclass(frozen=True)
class Method:
    """A way to get predictions: how it is run, the settings that are tried, passes when asked, and its cost.

    ``tuned_as``: the method whose best setting it takes over, where it is trained as that one is.
    """

    title: str
    members: Callable[[Plan, Data, Scores, Setting], Scores]
    settings: tuple[dict[str, float], ...]
    passes: int = MEMBERS
    cost: float = 1.0
    tuned_as: str | None = None


def _grid(values: Mapping[str, tuple[float, ...]]) -> tuple[dict[str, float], ...]:
    return tuple(dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values()))


_RUNNING = _grid({"rate": (0.01, 0.03), "noise_slope": (0.03, 0.1, 0.3)})
_STILL = _grid({"rate": (0.003, 0.01, 0.03, 0.06, 0.1, 0.2)})
_TRAINING = _grid({"rate": (0.2, 0.3), "shrinkage": (7e-4, 1.4e-3, 2.8e-3)})
METHODS = {
    "single": Method("one network", single, _TRAINING, passes=1),
    "fluctuating": Method("spines fluctuating on", running_on, _RUNNING),
    "running_on": Method("running on, no fluctuation", running_on, _STILL),
    "langevin": Method("SGLD", langevin, _grid({"rate": (0.01, 0.03, 0.1), "temperature": (1.0, 10.0)})),
    "imposed": Method("fluctuation when asked", imposed, _grid({"noise_slope": (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)})),
    "dropout": Method("MC dropout", silent_units, _grid({"dropout": (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)})),
    "short_ensemble": Method("five short networks", short_ensemble, _TRAINING, passes=NETWORKS),
    "small_ensemble": Method("five small networks", small_ensemble, _TRAINING, passes=NETWORKS),
    "full_ensemble": Method("five networks, 5 x cost", full_ensemble, (), NETWORKS, cost=5.0, tuned_as="single"),
}  # fmt: skip
