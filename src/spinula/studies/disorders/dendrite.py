"""The dendrite level: what single events do to spines under a condition, where new spines come, what dopamine does.

Runs on the dendrite engine, without intrinsic dynamics where one event is measured. Dopamine follows the published
protocols: fifteen trains of ten pairings, then bursts or dips of dopamine.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

import numpy as np

from spinula.engines.dendrite import Dendrite, Dopamine, DrugOn, Pairing, Uncaging
from spinula.engines.dendrite.geometry import branch
from spinula.law import Dynamics
from spinula.law.mechanisms import Mechanisms
from spinula.law.modulation.detection import DipDetection
from spinula.presets.compose import Composition
from spinula.studies.disorders.model import base_formation, rated
from spinula.studies.disorders.population import LARGE, SMALL

DAY = 86400.0
SIZE = 0.06  # um3, of the spine that is stimulated: where enlargement is largest. A choice.
SHORT_DIP = 0.5  # s
_NEAR = 2.0  # um, as in the paper on extinction
_DENDRITES, _LENGTH, _WATCHED = 1000, 60.0, 6
_TRAINS = 15  # of pairings, as published
_SLICES, _SLICE_DAYS = 100, 30.0

MEASURES = {
    "potentiation": "enlargement of a 0.06-um3 spine at 100 min",
    "new_spine_clustering": "new spines near lost ones, over chance",
    "burst_response": "enlargement by bursts at the best delay",
    "burst_window": "best delay of a burst (s)",
    "dip_response": "enlargement by 0.4-s dips after pairing",
    "dip_half_time": "time to detect a dip (s)",
    "short_dip": "cyclase freed by a 0.5-s dip",
    "small_share": "share of small spines, with activity",
    "large_share": "share of large spines, with activity",
    "mean_size": "mean size",
}


def measured(composition: Composition, wanted: Collection[str] | None = None, *, seed: int = 1) -> dict[str, float]:
    """Return the measures that the composition's base has the mechanisms for: those that are wanted, or all."""
    mechanisms, found = composition.mechanisms, {}

    def asked(*names: str) -> bool:
        return wanted is None or bool(set(names) & set(wanted))

    if mechanisms.potentiation and asked("potentiation"):
        found["potentiation"] = _potentiation(composition)
    dopamine = mechanisms.reinforcement or mechanisms.dips
    if mechanisms.clustering and not (mechanisms.activity or dopamine) and asked("new_spine_clustering"):
        found["new_spine_clustering"] = clustering(composition, seed=seed)
    if mechanisms.reinforcement and asked("burst_response", "burst_window"):
        delays = np.linspace(0.2, 1.6, 15)
        answers = [_reinforced(composition, burst_after=float(delay)) for delay in delays]
        found |= {"burst_response": max(answers), "burst_window": float(delays[int(np.argmax(answers))])}
    if mechanisms.dips and asked("dip_response"):
        found["dip_response"] = _reinforced(composition, dip_after=0.7)
    if mechanisms.dips and asked("dip_half_time", "short_dip"):
        found |= _detection(composition)
    if mechanisms.activity and mechanisms.depression and asked("small_share", "large_share", "mean_size"):
        found |= with_activity(composition, seed=seed)
    return found


def _potentiation(composition: Composition) -> float:
    """Return the relative enlargement by one full event of uncaging, without intrinsic dynamics."""
    dendrite = _quiet(composition.dynamics, composition.mechanisms)
    pulses = int(composition.mechanisms.potentiation.pulses)  # type: ignore[union-attr]
    dendrite.schedule([Uncaging(kind="uncaging", at_s=1.0, spines=0, pulses=pulses, rate_hz=1.0, magnesium_free=True)])
    return _enlargement(dendrite, 6000.0 + pulses)


def _quiet(dynamics: Dynamics, mechanisms: Mechanisms) -> Dendrite:
    """Return one spine on a short branch, which responds for certain and does nothing by itself."""
    if mechanisms.potentiation:
        sure = mechanisms.potentiation.model_copy(update={"responders": 1.0})
        mechanisms = mechanisms.model_copy(update={"potentiation": sure, "activity": None, "homeostasis": None})
    return Dendrite(dynamics, mechanisms, seed=1, geometry=branch(10.0), position_um=[5.0], size=SIZE, intrinsic=False)


def _enlargement(dendrite: Dendrite, seconds: float) -> float:
    dendrite.advance_to(seconds)
    return float(dendrite.snapshot().size[0] / SIZE - 1.0)


def _reinforced(composition: Composition, *, burst_after: float | None = None, dip_after: float | None = None) -> float:
    """Return the relative enlargement an hour after trains of pairings with dopamine at a delay (s)."""
    lever, mechanisms = composition.levers.dopamine, composition.mechanisms
    masked = lever.tonic != 1.0 or lever.floor != 0.0
    if mechanisms.dips and masked:
        there = mechanisms.dips.model_copy(update={"drug_tonic": max(lever.tonic, 1.0), "drug_floor": lever.floor})
        mechanisms = mechanisms.model_copy(update={"dips": there})
    dendrite = _quiet(composition.dynamics, mechanisms)
    events: list[Any] = []
    for train in range(_TRAINS):
        start = 10.0 + 20.0 * train
        events.append(Pairing(kind="pairing", at_s=start, spines=0, pulses=10, rate_hz=10.0, lead_s=0.005))
        if burst_after is not None:
            events.append(Dopamine(kind="dopamine", at_s=start + burst_after, burst=1.0))
        if dip_after is not None:
            events.append(Dopamine(kind="dopamine", at_s=start + dip_after, dip_s=0.4))
    if mechanisms.dips and masked:
        events.append(DrugOn(kind="drug", at_s=0.0, drug="methamphetamine"))
    if lever.occupancy > 0:
        events.append(DrugOn(kind="drug", at_s=0.0, drug="d2_antagonist", dose=lever.occupancy))
    dendrite.schedule(events)
    return _enlargement(dendrite, 3900.0)


def _detection(composition: Composition) -> dict[str, float]:
    """Return how quickly and how far a dip frees adenylyl cyclase: the balance of D2 receptor and RGS."""
    lever, usual = composition.levers.detection, DipDetection()
    here = DipDetection(d2_receptor=lever.d2_receptor * usual.d2_receptor, rgs=lever.rgs * usual.rgs)
    half = here.half_time()
    # What is freed after a time in the dip, if the release is exponential with that half time.
    freed = (here.free_cyclase(0.05) - here.free_cyclase(0.5)) * (1.0 - 2.0 ** (-SHORT_DIP / half))
    return {"dip_half_time": half, "short_dip": freed}


def clustering(composition: Composition, *, seed: int) -> float:
    """Return how much more often than by chance a new spine lies within 2 um of one lost on the same day, minus 1.

    Chance is the share of the dendrite that is so near to a lost spine. Formation is that of the base, whatever the
    condition makes of it: the question is where spines come, not how many.
    """
    rate = base_formation(composition.preset.name)
    return _excess(rated(composition.dynamics, rate), Mechanisms(clustering=composition.mechanisms.clustering), seed)


@cache
def _excess(dynamics: Dynamics, mechanisms: Mechanisms, seed: int) -> float:
    dendrite = Dendrite(
        dynamics, mechanisms, seed=seed, geometry=branch(_LENGTH), spine_density=0.5, dendrites=_DENDRITES
    )
    near, expected, before = 0, 0.0, None
    grid = np.arange(0.25, _LENGTH, 0.5)
    for now in dendrite.run([day * DAY for day in range(_WATCHED + 1)]):
        keys = now.dendrite.astype(np.int64) << 32 | now.spine_id
        if before is not None:
            old_keys, old = before
            gone, new = ~np.isin(old_keys, keys), ~np.isin(keys, old_keys)
            lost = [old.position_um[gone & (old.dendrite == number)] for number in range(_DENDRITES)]
            for number in np.unique(now.dendrite[new]):
                if len(lost[number]):
                    born = now.position_um[new & (now.dendrite == number)]
                    near += int((np.abs(born[:, None] - lost[number]).min(axis=1) <= _NEAR).sum())
                    covered = (np.abs(grid[:, None] - lost[number]).min(axis=1) <= _NEAR).mean()
                    expected += float(covered) * len(born)
        before = keys, now
    return near / expected - 1.0


@cache
def _settled(dynamics: Dynamics, mechanisms: Mechanisms, intrinsic: bool, seed: int) -> np.ndarray:
    dendrite = Dendrite(dynamics, mechanisms, seed=seed, dendrites=_SLICES, intrinsic=intrinsic)
    dendrite.advance_to(_SLICE_DAYS * DAY)
    return dendrite.snapshot().consolidated


def with_activity(composition: Composition, *, seed: int, intrinsic: bool = True) -> dict[str, float]:
    """Return shares of small and large spines and the mean size, after a month with spontaneous activity.

    Without intrinsic dynamics activity alone changes sizes: the control of what fluctuation dilutes.
    """
    sizes = _settled(composition.dynamics, composition.mechanisms, intrinsic, seed)
    return {
        "small_share": float((sizes < SMALL).mean()), "large_share": float((sizes > LARGE).mean()),
        "mean_size": float(sizes.mean()),
    }  # fmt: skip
