"""Which edit explains the difference between control and mutant best: a posterior over the candidates.

difference = mean statistics of the mutants - mean statistics of the controls   (per animal, see ``seen``)
difference ~ normal(shift_c, S_c/n_mutant + S_0/n_control + (S_c + S_0)/simulated)   under candidate c
P(c | difference) = prior_c * density_c(difference) / sum over candidates

Shifts and covariances come from animals that are simulated as the laboratory images; so does what a candidate that
changes nothing would show. Where the laboratory's own animals scatter more than the simulated ones, all covariances
are widened by that factor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spinula.core.errors import InvalidInputError
from spinula.core.streams import Streams
from spinula.presets.compose import BASE, Composition, compose
from spinula.presets.condition import condition_names, load_condition
from spinula.presets.levers import LEVERS
from spinula.studies.disorders.imaging import Laboratory
from spinula.studies.disorders.placement.seen import STATISTICS, Animal, cuts, summary
from spinula.studies.disorders.placement.simulated import simulate

NOTHING = "no difference"
# Levers that act on a dendrite's spines at rest; dopamine, behaviour and places of new spines leave no trace here.
_VISIBLE = ("formation.factor", "elimination.rate", "elimination.branches", "inputs.affected")
SIMULATED = 60  # animals per candidate behind a shift and a covariance
_BORROWED = 3.0  # how much of the pooled covariance a candidate's own borrows, in animals per statistic. A choice.


@dataclass(frozen=True)
class Candidate:
    """One edit, and the conditions that make it.

    Attributes
    ----------
    names : conditions that are the same edit on a population of spines: no exam of it can tell them apart
    """

    names: tuple[str, ...]
    composition: Composition

    @property
    def label(self) -> str:
        """The names of its conditions."""
        return " = ".join(self.names)


def candidates(base: str = BASE) -> list[Candidate]:
    """Return the distinct edits of a base, "no difference" first; conditions with the same edit are one.

    A condition that edits nothing at the level of a population (clustering alone, say) counts as "no difference".

    Raises
    ------
    InvalidInputError
        If no condition edits what a population of the base shows: "no difference" would be the only answer.

    Examples
    --------
    >>> [one.names for one in candidates() if len(one.names) > 1][1:]
    [('cocaine_frontal', 'fear_auditory'), ('deletion_22q11', 'setd1a'), ('duplication_15q', 'neuroligin_3')]
    """
    groups: dict[tuple[tuple[str, float], ...], list[str]] = {(): [NOTHING]}
    made: dict[tuple[tuple[str, float], ...], Composition] = {(): compose(base)}
    for name in condition_names("disorder"):
        if load_condition(name).base != base:
            continue
        composition = compose([base, name])
        key = tuple(sorted((one.key, round(one.value, 9)) for one in composition.changes if _acts(one.key)))
        groups.setdefault(key, []).append(name)
        made.setdefault(key, composition)
    if len(groups) == 1:
        raise InvalidInputError(
            f"no condition edits what a population of {base} shows: there is nothing to choose from.\n"
            f"  Give another base, such as {BASE}."
        )
    return [Candidate(tuple(names), made[key]) for key, names in groups.items()]


def _acts(key: str) -> bool:
    table = key.partition(".")[0]
    return table in ("law", "boundary") or (table in LEVERS and key in _VISIBLE)


@dataclass(frozen=True)
class Reference:
    """What a laboratory would see of every candidate.

    Attributes
    ----------
    mean : Array, shape (candidates, statistics)
    covariance : Array, shape (candidates, statistics, statistics), of one animal
    simulated : int, animals behind each
    """

    candidates: tuple[Candidate, ...]
    mean: np.ndarray
    covariance: np.ndarray
    simulated: int
    laboratory: Laboratory


def reference(
    laboratory: Laboratory,
    *,
    seed: int,
    simulated: int = SIMULATED,
    base: str = BASE,
    told: Callable[[int, str], None] | None = None,
) -> Reference:
    """Simulate every candidate as a laboratory would image it.

    Parameters
    ----------
    told : function of (candidates done, name), for a progress bar
    """
    known = candidates(base)
    rows: list[np.ndarray] = []
    limits = np.empty(0)
    for number, one in enumerate(known):
        group = simulate(one.composition, laboratory, seed=Streams(seed).child(one.label).seed, count=simulated)
        if number == 0:
            limits = cuts(group)
        rows.append(np.array([summary(animal, limits) for animal in group]))
        if told:
            told(number + 1, one.label)
    filled = [_filled(block) for block in rows]
    own = np.array([np.cov(block, rowvar=False) for block in filled])
    pooled = own.mean(axis=0)
    weight = simulated / (simulated + _BORROWED * len(STATISTICS))
    covariance = weight * own + (1.0 - weight) * pooled
    return Reference(
        tuple(known), np.array([block.mean(axis=0) for block in filled]), covariance, simulated, laboratory
    )


def _filled(block: np.ndarray) -> np.ndarray:
    """Return statistics with the few that an animal lacks replaced by the mean of the others."""
    return np.where(np.isfinite(block), block, np.nanmean(block, axis=0))


@dataclass(frozen=True)
class Placement:
    """The answer: candidates in order of their probability.

    Attributes
    ----------
    table : DataFrame: label, names, probability, misfit (Mahalanobis distance^2 of the difference from the candidate's)
    statistics : DataFrame: statistic, difference (mutant - control), sd, and the shift of the first and the second
    scatter : float, variance of the laboratory's animals over that of the simulated ones; above 1 it widens all
    fits : bool, whether the first candidate's misfit is one that 99 of 100 laboratories stay below
    """

    table: pd.DataFrame
    statistics: pd.DataFrame
    scatter: float
    fits: bool

    @property
    def first(self) -> str:
        """The most probable edit."""
        return str(self.table["label"].iloc[0])

    @property
    def runner_up(self) -> str:
        """The second most probable edit."""
        return str(self.table["label"].iloc[1])


def place(control: Sequence[Animal], mutant: Sequence[Animal], known: Reference) -> Placement:
    """Weigh the candidates by the difference of two groups of animals.

    Every condition has the same prior, and so has "no difference"; an edit has that of all its names.

    Raises
    ------
    InvalidInputError
        If a group has fewer than two animals, or nothing was measured in both.

    Source
    ------
    Bayes' rule with normal likelihoods; conditions are as far apart as a laboratory of this size sees them.
    """
    if min(len(control), len(mutant)) < 2:
        raise InvalidInputError(
            f"{len(control)} control and {len(mutant)} mutant animals.\n  Give two or more of each: spread is between."
        )
    limits = cuts(control)
    groups = [np.array([summary(one, limits) for one in group]) for group in (control, mutant)]
    return weigh(groups[0], groups[1], known)


def weigh(control: np.ndarray, mutant: np.ndarray, known: Reference) -> Placement:
    """Weigh the candidates by statistics, one row per animal; see :func:`place`."""
    from scipy.stats import chi2

    usable = np.array([np.isfinite(one).any(axis=0) for one in (control, mutant)]).all(axis=0)
    if not usable.any():
        raise InvalidInputError("control and mutant have no statistic in common.\n  Give tables with the same columns.")
    groups = [_filled(one[:, usable]) for one in (control, mutant)]
    difference = groups[1].mean(axis=0) - groups[0].mean(axis=0)
    spread = known.covariance[:, usable][:, :, usable]
    shift = (known.mean - known.mean[0])[:, usable]
    scatter = _scatter(groups, spread[0])
    counts = [len(one) for one in groups]
    logs, misfits = np.empty(len(shift)), np.empty(len(shift))
    for number, (own, away) in enumerate(zip(spread, shift, strict=True)):
        covariance = max(scatter, 1.0) * (own / counts[1] + spread[0] / counts[0]) + (own + spread[0]) / known.simulated
        misfits[number] = (difference - away) @ np.linalg.solve(covariance, difference - away)
        logs[number] = -0.5 * (misfits[number] + np.linalg.slogdet(covariance)[1])
    prior = np.array([len(one.names) for one in known.candidates], float)
    weights = prior * np.exp(logs - logs.max())
    probability = weights / weights.sum()
    order = np.argsort(-probability, kind="stable")
    sd = np.sqrt(max(scatter, 1.0) * np.diagonal(spread[0]) * sum(1.0 / one for one in counts))
    statistics = pd.DataFrame(
        {
            "statistic": [name for name, here in zip(STATISTICS, usable, strict=True) if here],
            "difference": difference, "sd": sd, "first": shift[order[0]],
            "second": shift[order[min(1, len(order) - 1)]],
        }
    )  # fmt: skip
    limit = chi2.ppf(0.99, usable.sum())
    return Placement(_ranked(known, probability, misfits, order), statistics, scatter, bool(misfits[order[0]] < limit))


def _scatter(groups: Sequence[np.ndarray], covariance: np.ndarray) -> float:
    """Return the variance within the laboratory's groups over that of the simulated animals, over all statistics."""
    away = np.concatenate([one - one.mean(axis=0) for one in groups])
    free = len(away) - len(groups)
    return float(np.einsum("ij,ij->", away @ np.linalg.inv(covariance), away) / free / away.shape[1])


def _ranked(known: Reference, probability: np.ndarray, misfits: np.ndarray, order: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": [known.candidates[n].label for n in order],
            "names": [known.candidates[n].names for n in order],
            "probability": probability[order], "misfit": misfits[order],
        }
    )  # fmt: skip
