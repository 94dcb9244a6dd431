"""Memories made of new spines under intrinsic dynamics alone: what is left of them, and what lesions leave of them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from spinula.core.streams import Streams
from spinula.engines.density import Density
from spinula.engines.population import Layout, Population, draw_stationary
from spinula.law import Dynamics
from spinula.presets import load_preset
from spinula.studies.memory.study import Case, Found

# Ages of memories, and how long they are then watched, days: ca1_slice forgets in days what neocortex keeps for weeks.
AGES = {"neocortex_adult": (1.0, 4.0, 14.0, 30.0, 60.0), "ca1_slice": (1.0, 2.0, 4.0, 8.0, 16.0)}
WATCHED = {"neocortex_adult": 14.0, "ca1_slice": 4.0}
# The control: spines of the neocortex's sizes that are lost at one rate, whatever their size and age.
CONTROL = "constant_rate"
LAWS = (*AGES, CONTROL)
_PER_DENDRITE, _DT = 50, 0.05
# Lesions (assumed): every spine keeps this share of its volume, and is lost if that is below the threshold; or
# fluctuates this much more for some days; or is lost with this chance, whatever its size.
_KEPT, _MORE, _AGITATED, _CHANCE = 0.6, 1.5, 3.0, 0.5
LESIONS = ("shrunk", "agitated", "at random")


def ages_of(law: str) -> tuple[float, ...]:
    """Return the ages, day, at which memories of a law are looked at."""
    return AGES["neocortex_adult" if law == CONTROL else law]


def _watched(law: str) -> float:
    return WATCHED["neocortex_adult" if law == CONTROL else law]


def follow_memory(case: Case) -> Found:
    """Follow the memory of a case, by its law."""
    return (_constant if case["law"] == CONTROL else _living)(case)


def _times(law: str) -> list[float]:
    """Return all times at which a memory is looked at, days, the start among them."""
    ages, watched = ages_of(law), _watched(law)
    curve_days = np.round(np.geomspace(0.25, ages[-1] + watched, 16) / _DT) * _DT
    return sorted(
        {0.0, watched, *ages, *(age + watched for age in ages), *(round(float(day), 2) for day in curve_days)}
    )


def _follow(dynamics: Dynamics, seed: int, spines: int, days: list[float]) -> list[np.ndarray]:
    """Form the spines of a memory and return their sizes at every time, 0 for those that are gone."""
    assert dynamics.boundary is not None
    layout = Layout(dendrites=spines // _PER_DENDRITE, spines_per_dendrite=_PER_DENDRITE)
    population = Population(dynamics, seed=seed, layout=layout, dt=_DT, initial=dynamics.boundary.size_new)
    found, steps = [], 0
    for day in days:
        population.advance(round(day / _DT) - steps)
        steps = round(day / _DT)
        now = population.snapshot()
        # A site that lost its spine holds a new one, which knows nothing of the memory.
        there = now.spine_id < _PER_DENDRITE
        sizes = np.zeros(spines)
        sizes[now.dendrite[there] * _PER_DENDRITE + now.spine_id[there]] = now.size[there]
        found.append(sizes)
    return found


def _after_agitation(dynamics: Dynamics, sizes: np.ndarray, seed: int) -> float:
    """Return the share of spines left after days of larger fluctuations over that after the same days without."""
    law = dynamics.law
    wild = law.model_copy(update={name: _MORE * getattr(law, name) for name in ("noise_slope", "noise_floor")})
    layout = Layout(dendrites=1, spines_per_dendrite=len(sizes))
    left = []
    for changed in (dynamics.model_copy(update={"law": wild}), dynamics):
        population = Population(changed, seed=seed, layout=layout, dt=_DT, initial=sizes)
        population.advance(round(_AGITATED / _DT))
        left.append((population.snapshot().spine_id < len(sizes)).sum())
    return float(left[0] / max(left[1], 1))


def _living(case: Case) -> Found:
    """Follow an old memory, and new ones that are as strong as it is at every age, and lesion it."""
    law, streams = case["law"], Streams(case["seed"]).child(case["law"])
    dynamics, days = load_preset(law).dynamics, _times(law)
    old = dict(zip(days, _follow(dynamics, streams.child("old").seed, case["spines"], days), strict=True))
    young = _follow(dynamics, streams.child("young").seed, case["spines"], [0.0, _watched(law)])
    found = _looked_at(law, old, young)
    for number, age in enumerate(ages_of(law)):
        seed = streams.child(f"agitated {number}").seed
        found["agitated"].append(_after_agitation(dynamics, old[age][old[age] > 0], seed))
    return _lesioned(found, law, old, streams)


@cache
def _common_rate() -> float:
    """Return the rate, 1/day, at which spines lost at one rate are as few at the oldest age as those of neocortex."""
    dynamics, oldest = load_preset("neocortex_adult").dynamics, AGES["neocortex_adult"][-1]
    assert dynamics.boundary is not None
    return float(-np.log(Density(dynamics).survival(dynamics.boundary.size_new, oldest).item()) / oldest)


def _constant(case: Case) -> Found:
    """Do the same with spines whose sizes are at rest and that are lost at one rate."""
    streams, days, rate = Streams(case["seed"]).child(CONTROL), _times(CONTROL), _common_rate()
    dynamics, generator = load_preset("neocortex_adult").dynamics, streams.generator("lives")
    lives = generator.exponential(1 / rate, (2, case["spines"]))

    def sizes(life: np.ndarray, day: float) -> np.ndarray:
        return np.where(life > day, draw_stationary(dynamics, generator, len(life)), 0.0)

    old = {day: sizes(lives[0], day) for day in days}
    found = _looked_at(CONTROL, old, [sizes(lives[1], day) for day in (0.0, _watched(CONTROL))])
    for age in ages_of(CONTROL):
        left = int((old[age] > 0).sum())
        # Larger fluctuations cannot be told from a higher rate here: the spread goes with the root of time, so that its
        # square multiplies the rate.
        more = generator.exponential(1 / (rate * (_MORE**2 - 1)), left)
        found["agitated"].append(float((more > _AGITATED).mean()))
    return _lesioned(found, CONTROL, old, streams)


def _lesioned(found: Found, law: str, old: dict[float, np.ndarray], streams: Streams) -> Found:
    """Add what two lesions at once leave of the memory at every age."""
    boundary = load_preset("neocortex_adult" if law == CONTROL else law).dynamics.boundary
    assert boundary is not None
    generator = streams.generator("lesion")
    for age in ages_of(law):
        left = old[age][old[age] > 0]
        found["shrunk"].append(float((_KEPT * left > boundary.size_min).mean()))
        found["at random"].append(float((generator.random(len(left)) > _CHANCE).mean()))
    return found


def _looked_at(law: str, old: dict[float, np.ndarray], young: list[np.ndarray]) -> Found:
    """Return what is left at all times; and over the days watched, of every age and of a new memory just as strong."""
    watched, ages, start = _watched(law), ages_of(law), old[0.0]
    number = {day: float((sizes > 0).mean()) for day, sizes in old.items()}
    volume = {day: float(sizes.sum() / start.sum()) for day, sizes in old.items()}
    equal = [round(number[age] * len(start)) for age in ages]  # as many new spines as the old memory has left
    heavy = [int(np.searchsorted(np.cumsum(young[0]), old[age].sum())) for age in ages]  # as much volume
    edges = (0.0, *ages)
    return {
        "day": list(number), "number": list(number.values()), "volume": list(volume.values()),
        "old": [number[age + watched] / number[age] for age in ages],
        "young": [float((young[1][:count] > 0).mean()) for count in equal],
        "old_volume": [volume[age + watched] / volume[age] for age in ages],
        "young_volume": [float(young[1][:count].sum() / young[0][:count].sum()) for count in heavy],
        "rate": [float(np.log(number[a] / number[b]) / (b - a)) for a, b in pairwise(edges)],
        "shrunk": [], "agitated": [], "at random": [],
    }  # fmt: skip
