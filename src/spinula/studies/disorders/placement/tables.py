"""A laboratory's two tables: how it images, read off them, and where its mutant lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spinula.core.streams import Streams
from spinula.core.table import SpineTable
from spinula.presets.compose import BASE, compose
from spinula.studies.disorders.imaging import Laboratory
from spinula.studies.disorders.model import resting
from spinula.studies.disorders.placement.posterior import SIMULATED, Placement, Reference, place, reference
from spinula.studies.disorders.placement.seen import STATISTICS, Animal, animals_of, cuts, summary

# Statistics of one group that mean the same in any laboratory: they say whether the base is like its control.
_COMPARABLE = ("loss", "last_survival", "spread", "change", "memory")
_STRANGE = 4.0  # SDs between animals beyond which a control is not like the base. A choice.


@dataclass(frozen=True)
class Placed:
    """A placement, how the laboratory images, and where its control is unlike the base.

    Attributes
    ----------
    strange : dict of statistic to how many SDs between animals the control's mean is away from the base
    """

    placement: Placement
    laboratory: Laboratory
    strange: dict[str, float]
    seed: int


def laboratory_of(control: list[Animal], mutant: list[Animal], *, base: str = BASE) -> Laboratory:
    """Return how a laboratory images: dendrites per animal, sessions, days between them.

    The length of a dendrite follows from the spines on one in the controls, at the base's spine density, so that the
    simulated animals have as many spines as its own.
    """
    both = [*control, *mutant]
    dendrites = max(1, round(float(np.mean([one.dendrites.mean() for one in both]))))
    sessions = round(float(np.median([len(one.days) for one in both])))
    every = float(np.mean([np.diff(one.days).mean() for one in both]))
    each = float(np.mean([one.present.sum() / one.dendrites.sum() for one in control]))
    length = each / resting(compose(base)).spine_density
    return Laboratory(
        animals=min(len(control), len(mutant)), dendrites=dendrites, length_um=length, sessions=sessions, every=every,
        dt=min(0.2, every / 5),
    )  # fmt: skip


def place_tables(
    control: SpineTable,
    mutant: SpineTable,
    *,
    seed: int,
    base: str = BASE,
    simulated: int = SIMULATED,
    told: Callable[[int, str], None] | None = None,
) -> Placed:
    """Place a laboratory's mutant among the conditions.

    Parameters
    ----------
    simulated : int
        Animals per candidate that are simulated as the laboratory images.
    told : function of (candidates done, name), for a progress bar

    Raises
    ------
    TableError
        If a table does not tell animals apart or has too few sessions.
    InvalidInputError
        If a group has fewer than two animals, or the base has no density of sizes.
    """
    groups = [animals_of(one) for one in (control, mutant)]
    laboratory = laboratory_of(groups[0], groups[1], base=base)
    known = reference(laboratory, seed=Streams(seed).child("reference").seed, simulated=simulated, base=base, told=told)
    return Placed(place(groups[0], groups[1], known), laboratory, _strange(groups[0], known), seed)


def _strange(control: list[Animal], known: Reference) -> dict[str, float]:
    """Return the statistics in which a control is unlike the base, in SDs between animals."""
    limits = cuts(control)
    mean = np.nanmean([summary(one, limits) for one in control], axis=0)
    away = (mean - known.mean[0]) / np.sqrt(np.diagonal(known.covariance[0]))
    found = dict(zip(STATISTICS, away, strict=True))
    return {name: float(found[name]) for name in _COMPARABLE if abs(found[name]) > _STRANGE}
