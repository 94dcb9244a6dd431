"""Turnover and volume change in a slice, with its spontaneous activity and without: one preset, a drug between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from spinula.engines.dendrite import Dendrite, DrugOn
from spinula.engines.observation import Microscope
from spinula.measures.turnover import turnover
from spinula.presets import load_preset

DAY = 86400.0
SETTLE_DAYS = 40.0


@dataclass(frozen=True)
class Activity:
    """What activity does to a slice.

    Attributes
    ----------
    control, blocked : float
        Turnover ratio over one day with activity, and once NMDA receptors have been blocked for long.
    shares : DataFrame
        By size: low, high (um3), n, and the activity-independent share of the mean absolute and of the mean squared
        change of volume over one day, of the same spines with and without activity.
    """

    control: float
    blocked: float
    shares: pd.DataFrame


def compare_activity(preset: str = "ca1_slice", *, seed: int, spines: int = 8000, bins: int = 6) -> Activity:
    """Run a slice with its activity and with NMDA receptors blocked, both imaged daily."""
    ratios, states = {}, {}
    for drug in (False, True):
        dendrite = _slice(preset, seed, spines, blocked_at=0.0 if drug else None)
        dendrite.advance_to(SETTLE_DAYS * DAY)
        states[drug] = dendrite.state()
        images = dendrite.run([(SETTLE_DAYS + day) * DAY for day in range(8)])
        table = Microscope().image(images, seed=seed)
        ratios[drug] = float(turnover(table, replicates=0)["turnover_ratio"].mean())
    return Activity(ratios[False], ratios[True], _shares(preset, seed, spines, states[False], bins))


def _slice(preset: str, seed: int, spines: int, *, blocked_at: float | None) -> Dendrite:
    found = load_preset(preset)
    dendrite = Dendrite(found.dynamics, found.mechanisms, seed=seed, dendrites=max(1, spines // 50))
    if blocked_at is not None:
        dendrite.schedule([DrugOn(kind="drug", drug="nmda_blocker", at_s=blocked_at)])
    return dendrite


def _shares(preset: str, seed: int, spines: int, state: dict[str, np.ndarray], bins: int) -> pd.DataFrame:
    """Follow the same spines for a day with activity and without, with the same intrinsic noise."""
    found = {}
    for blocked in (False, True):
        dendrite = _slice(preset, seed, spines, blocked_at=None)
        dendrite.restore(state)
        if blocked:
            dendrite.schedule([DrugOn(kind="drug", drug="nmda_blocker", at_s=dendrite.now_s)])
        before = dendrite.snapshot()
        dendrite.advance_to(dendrite.now_s + DAY)
        after = dendrite.snapshot()
        key = before.dendrite.astype(np.int64) << 32 | before.spine_id
        later = after.dendrite.astype(np.int64) << 32 | after.spine_id
        _, first, last = np.intersect1d(key, later, return_indices=True)
        found[blocked] = before.size[first], after.size[last] - before.size[first]
    edges = np.quantile(found[False][0], np.linspace(0, 1, bins + 1))
    rows = []
    for low, high in pairwise(edges):
        change = {}
        for blocked, (size, moved) in found.items():
            change[blocked] = moved[(size >= low) & (size <= high)]
        rows.append(
            {
                "low": low, "high": high, "n": len(change[False]),
                "share_absolute": np.abs(change[True]).mean() / np.abs(change[False]).mean(),
                "share_squared": (change[True] ** 2).mean() / (change[False] ** 2).mean(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
