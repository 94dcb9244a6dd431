"""The circuit level: rate neurons wired by a condition's spines at rest, with assemblies that were stored a while ago.

A spine on the way from one neuron to another is there with a chance that goes with the condition's spine density, and
its size is drawn from the condition at rest. Two weeks ago the spines within assemblies were potentiated once; since
then they fluctuated, were eliminated and formed anew by the condition's own law (Fokker-Planck, no Monte Carlo).

    input_i = sum_j size_ij*rate_j - inhibition*sum_j rate_j
    rate_i  = min(1, max(0, gain*input_i - offset))         1 where cued

For recall and working memory inhibition balances the average pair of neurons of the condition, as in
``engines/network/rates/plastic``, so that only a contrast of sizes makes neurons respond: what is lost is lost to the
memory and not to the level of activity. For firing it balances the average pair of the base, and stays as it is when
spines change: what is seen is unbalanced excitation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from spinula.core.streams import Streams
from spinula.engines.density import Density
from spinula.presets.compose import Composition, compose
from spinula.studies.disorders.model import Part, rated, resting

MEASURES = {
    "assembly_contrast": "contrast of sizes, stored assemblies",
    "recall": "recall of an assembly from a part",
    "working_memory": "assembly still active after its cue",
    "firing": "firing at random input",
    "supralinear_firing": "firing, supralinear dendrites",
}
NEURONS, ASSEMBLIES, MEMBERS, CONNECTED = 400, 4, 80, 0.5
SEEDS, STORED_DAYS, TRAININGS = 8, 14.0, 2
GAIN, SCALE = 2.4, 0.12  # potentiation of the adult neocortex, where the base states none (assumed there)
_INPUT_GAIN, _OFFSET = 2.0, 1.4  # rate per um3 of input; threshold. Choices: neither full nor no recall in the base
_CUED, _ACTIVE = 0.5, 0.1  # share of an assembly that is cued; of neurons that fire at random input. Choices
_SETTLING, _HELD, _NOISE = 12, 25, 0.15  # rounds of rates; rounds without cue; SD of input noise in them. Choices
_STRICT = 1.1  # inhibition in recall over what balances the average pair: few others join in. A choice
_BRANCHES = 10  # of a dendrite; a spine is on one of them at random


@dataclass(frozen=True)
class Mixture:
    """How many spines a pair of neurons has on average, and their sizes, by one kind of past.

    Attributes
    ----------
    chance : float, that a pair has a spine
    sizes, cumulated : Array, um3 and the distribution function at it
    """

    chance: float
    sizes: np.ndarray
    cumulated: np.ndarray

    @classmethod
    def of(cls, sizes: np.ndarray, mass: np.ndarray, per_density: float) -> Mixture:
        """Return the mixture of spines per um at sizes; ``per_density`` is the chance of a pair per spine per um."""
        order = np.argsort(sizes)
        total = float(mass.sum())
        cumulated = (np.cumsum(mass[order]) - 0.5 * mass[order]) / total
        return cls(min(total * per_density, 1.0), sizes[order], cumulated)

    def draw(self, there: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return sizes, 0 where there is no spine; ``there`` and ``share`` are uniform, the same for all conditions."""
        return np.where(there < self.chance, np.interp(share, self.cumulated, self.sizes), 0.0)


def mixtures(composition: Composition) -> tuple[Mixture, Mixture]:
    """Return the spines between neurons at large, and those between members of an assembly, two weeks after storage."""
    now = resting(composition)
    per_density = CONNECTED / resting(compose(composition.preset.name)).spine_density
    sizes = np.concatenate([part.density.sizes for part in now.parts])
    rest = np.concatenate([part.mass for part in now.parts])
    # Those of the time of storage that are left, potentiated, and those that were formed since.
    stored = np.concatenate([_aged(part, composition) for part in now.parts])
    return Mixture.of(sizes, rest, per_density), Mixture.of(sizes, stored, per_density)


def _aged(part: Part, composition: Composition) -> np.ndarray:
    """Return the spines per um of a part, two weeks after all of its spines were potentiated once."""
    law = composition.mechanisms.potentiation
    gain, scale = (law.consolidated_gain, law.size_scale) if law else (GAIN, SCALE)
    density = part.density
    raised = density.sizes
    for _ in range(TRAININGS):
        raised = raised + gain * raised * np.exp(-raised / scale)
    moved = np.zeros_like(part.mass)
    np.add.at(moved, np.clip(np.searchsorted(density.edges, raised) - 1, 0, len(moved) - 1), part.mass)
    forming = Density(rated(part.dynamics, part.formed), killing=lambda sizes: np.full(len(sizes), part.killing))
    return np.maximum(forming.relax(moved, STORED_DAYS, steps=80), 0.0)


@cache
def inhibition(base: str) -> float:
    """Return what balances the average pair of neurons of a base, um3."""
    at_large, _ = mixtures(compose(base))
    middle = np.interp(np.linspace(0.0005, 0.9995, 1000), at_large.cumulated, at_large.sizes)
    return at_large.chance * float(middle.mean())


def step(size: np.ndarray, rate: np.ndarray, held: float, *, noise: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the rates that follow from rates: min(1, max(0, gain*(size @ rate - held*sum(rate)) - offset + noise)).

    Parameters
    ----------
    size : Array, shape (receivers, senders), um3
    held : float, um3, inhibition per active neuron
    """
    return np.clip(_INPUT_GAIN * (size @ rate - held * rate.sum()) - _OFFSET + noise, 0.0, 1.0)


def measured(composition: Composition, wanted: Collection[str] | None = None) -> dict[str, float]:
    """Return the means over networks of the measures that are wanted, or of all."""
    return {name: float(values.mean()) for name, values in series(composition, wanted).items()}


def series(
    composition: Composition, wanted: Collection[str] | None = None, *, seed: int = 1, seeds: int = SEEDS
) -> dict[str, np.ndarray]:
    """Return each measure in each network; nothing for a base with activity, whose spines have no density at rest.

    Returns
    -------
    dict of measure to Array, shape (seeds,)
    """
    asked = [name for name in MEASURES if wanted is None or name in wanted]
    lively = composition.mechanisms.activity is not None
    dopamine = composition.mechanisms.reinforcement or composition.mechanisms.dips
    if not asked or lively or dopamine:
        return {}
    key = tuple((change.key, change.value) for change in composition.changes)
    found = _networks(composition.preset.name, key, (seed, seeds), _Carried(composition))
    return {name: found[name] for name in asked}


def _network(at_large: Mixture, within: Mixture, held: float, streams: Streams) -> dict[str, float]:
    """Return the measures of one network."""
    wiring, choices = streams.generator("wiring"), streams.generator("choices")
    there, share = (wiring.random((NEURONS, NEURONS), dtype=np.float32) for _ in range(2))
    np.fill_diagonal(there, 1.0)
    size = at_large.draw(there, share)
    assembly = np.repeat(np.arange(ASSEMBLIES), MEMBERS)
    together = np.zeros((NEURONS, NEURONS), bool)
    together[: len(assembly), : len(assembly)] = assembly[:, None] == assembly
    size = np.where(together & (there < 1.0), within.draw(there, share), size)
    apart = ~together & (there < 1.0)
    found = {"assembly_contrast": float(size[together].mean() * _pairs() / size[apart].mean() - 1.0)}
    recalled, kept = [], []
    own = _STRICT * float(size.sum()) / (NEURONS * (NEURONS - 1.0))
    for number in range(ASSEMBLIES):
        member = np.zeros(NEURONS, bool)
        member[number * MEMBERS : (number + 1) * MEMBERS] = True
        cue = member & (choices.random(NEURONS) < _CUED)
        recalled.append(_recall(size, own, member, cue))
        kept.append(_hold(size, own, member, choices.standard_normal((_HELD, NEURONS))))
    found |= {"recall": float(np.mean(recalled)), "working_memory": float(np.mean(kept))}
    return found | _fire(size, held, choices)


def _pairs() -> float:
    """Return what the mean over an assembly's square lacks: its diagonal has no pairs."""
    return MEMBERS / (MEMBERS - 1.0)


def _recall(size: np.ndarray, held: float, member: np.ndarray, cue: np.ndarray) -> float:
    """Return how much more active members that were not cued are than neurons of no part of the assembly."""
    rate = cue.astype(float)
    for _ in range(_SETTLING):
        rate = np.where(cue, 1.0, step(size, rate, held))
    return float(rate[member & ~cue].mean() - rate[~member].mean())


def _hold(size: np.ndarray, held: float, member: np.ndarray, noise: np.ndarray) -> float:
    """Return how much more active an assembly is than others, some noisy rounds after all of it was active."""
    rate = member.astype(float)
    for one in noise:
        rate = step(size, rate, held, noise=_NOISE * one)
    return float(rate[member].mean() - rate[~member].mean())


def _fire(size: np.ndarray, held: float, choices: np.random.Generator) -> dict[str, float]:
    """Return the mean rate at random input, with linear dendrites and with supralinear ones.

    supralinear input = sum over branches of (sum on a branch)^2 / (what the base has there on average)
    """
    rate = (choices.random(NEURONS) < _ACTIVE).astype(float)
    branch = choices.integers(0, _BRANCHES, NEURONS)
    usual = held * rate.sum() / _BRANCHES
    on_branches = np.array([size @ (rate * (branch == number)) for number in range(_BRANCHES)])
    supralinear = (on_branches**2).sum(axis=0) / usual
    excess = _INPUT_GAIN * (supralinear - held * rate.sum()) - _OFFSET
    silent = rate == 0
    return {
        "firing": float(step(size, rate, held)[silent].mean()),
        "supralinear_firing": float(np.clip(excess, 0.0, 1.0)[silent].mean()),
    }


class _Carried:
    """A composition that does not count for the cache: base and changes say it all."""

    def __init__(self, composition: Composition) -> None:
        self.composition = composition

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Carried)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=256)
def _networks(
    base: str, changes: tuple[tuple[str, float], ...], seeds: tuple[int, int], carried: _Carried
) -> dict[str, np.ndarray]:
    at_large, within = mixtures(carried.composition)
    held = inhibition(base)
    found = [_network(at_large, within, held, Streams(number)) for number in range(seeds[0], sum(seeds))]
    return {name: np.array([one[name] for one in found]) for name in MEASURES}
