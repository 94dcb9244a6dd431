"""A laboratory's two tables: how it images, read off them, and where its mutant lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spinula.core.errors import InvalidInputError
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
_APART = 0.1  # share of an interval by which days of animals, and intervals, may differ and be one schedule. A choice.
_LEAST = 3  # sessions


@dataclass(frozen=True)
class Placed:
    """A placement, how the laboratory images, and where its control is unlike the base.

    Attributes
    ----------
    strange : dict of statistic to how many SDs between animals the control's mean is away from the base
    left_out : int, last sessions of the animal with most that were not used, since not all animals have them
    """

    placement: Placement
    laboratory: Laboratory
    strange: dict[str, float]
    seed: int
    left_out: int = 0


def same_schedule(control: list[Animal], mutant: list[Animal]) -> tuple[list[Animal], list[Animal], int]:
    """Cut both groups to the first sessions that all animals have on the same days, counted from the first session.

    Survival, loss and memory are taken from session to session: on other days they differ without any edit.

    Returns
    -------
    (control, mutant, sessions of the animal with most that are left out)

    Raises
    ------
    InvalidInputError
        If fewer than three sessions are common, or their intervals differ from their mean by more than a tenth.
    """
    named = [(kind, one) for kind, group in (("control", control), ("mutant", mutant)) for one in group]
    days = [one.days - one.days[0] for _, one in named]
    most, common = min(len(one) for one in days), 1
    while common < most:
        here = np.array([one[common] for one in days])
        if np.ptp(here) > _APART * here.mean() / common:
            break
        common += 1
    if common < _LEAST:
        at = [one[min(common, len(one) - 1)] for one in days]
        told = [f"{named[n][0]} {named[n][1].name} (days {_listed(days[n])})" for n in (np.argmin(at), np.argmax(at))]
        raise InvalidInputError(
            f"{told[0]} and {told[1]} were imaged on different days: {common} session(s) in common.\n"
            "  Survival and loss per interval cannot be compared. Leave out sessions or animals until all animals have"
            " at least three sessions on the same days, counted from the first."
        )
    for (kind, one), when in zip(named, days, strict=True):
        step = np.diff(when[:common])
        if np.abs(step - step.mean()).max() > _APART * step.mean():
            raise InvalidInputError(
                f"the sessions of {kind} {one.name} are not evenly apart (days {_listed(when[:common])}).\n"
                "  The candidates are simulated with equal intervals: leave out sessions, of all animals alike, until"
                " the intervals are equal within a tenth."
            )
    left_out = max(len(one) for one in days) - common
    return [one.first(common) for one in control], [one.first(common) for one in mutant], left_out


def _listed(days: np.ndarray) -> str:
    return ", ".join(f"{day:.3g}" for day in days)


def laboratory_of(control: list[Animal], mutant: list[Animal], *, base: str = BASE) -> Laboratory:
    """Return how a laboratory images: dendrites per animal, sessions, days between them.

    All animals have one schedule, as :func:`same_schedule` leaves them.

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
        If animals do not share a schedule (see :func:`same_schedule`), or the base has no density of sizes.
    """
    first, second, left_out = same_schedule(animals_of(control), animals_of(mutant))
    laboratory = laboratory_of(first, second, base=base)
    known = reference(laboratory, seed=Streams(seed).child("reference").seed, simulated=simulated, base=base, told=told)
    return Placed(place(first, second, known), laboratory, _strange(first, known), seed, left_out)


def _strange(control: list[Animal], known: Reference) -> dict[str, float]:
    """Return the statistics in which a control is unlike the base, in SDs between animals."""
    limits = cuts(control)
    mean = np.nanmean([summary(one, limits) for one in control], axis=0)
    away = (mean - known.mean[0]) / np.sqrt(np.diagonal(known.covariance[0]))
    found = dict(zip(STATISTICS, away, strict=True))
    return {name: float(found[name]) for name in _COMPARABLE if abs(found[name]) > _STRANGE}
