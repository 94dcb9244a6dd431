"""How often the placement is right: laboratories whose condition is known, placed blindly, and scored.

Each laboratory has a random condition ("no difference" among them), its own animals and its own error of the
microscope, none of which was used to make the reference. Scored by edit (conditions that are the same edit are one)
and by condition (the names of one edit share its probability: guessing between two is right half of the time).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.presets.compose import BASE
from spinula.studies.disorders.imaging import Laboratory
from spinula.studies.disorders.placement.posterior import SIMULATED, Candidate, Reference, place, reference
from spinula.studies.disorders.placement.simulated import FIELD, simulate

ANIMALS, DENDRITES = (2, 4, 8), (8, 20)  # of laboratories whose scores are compared. Choices.
BINS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)


def laboratories(
    known: Reference, *, seed: int, count: int = 100, laboratory: Laboratory | None = None, vary: bool = False
) -> Iterator[dict[str, Any]]:
    """Simulate laboratories and place each; yield one row per laboratory.

    Parameters
    ----------
    laboratory : Laboratory, optional
        How they image, if otherwise than the reference (more or fewer animals).
    vary : bool
        Draw the amount of every edit from its range, instead of the stated one: the mutant is then like a condition,
        and not that condition to the digit.

    Yields
    ------
    dict: laboratory, condition, edit, first, second (labels), probabilities (dict of label to probability), scatter
    """
    here = laboratory or known.laboratory
    names = [(name, one) for one in known.candidates for name in one.names]
    for number in range(count):
        streams = Streams(seed).child(f"laboratory {number}")
        generator = streams.generator("condition")
        name, truth = names[int(generator.integers(len(names)))]
        mutated = _varied(name, truth, generator) if vary else truth.composition
        control = simulate(
            known.candidates[0].composition, here, seed=streams.child("control").seed, count=here.animals
        )
        mutant = simulate(mutated, here, seed=streams.child("mutant").seed, count=here.animals)
        found = place(control, mutant, known)
        table = found.table.set_index("label")["probability"]
        yield {
            "laboratory": number, "condition": name, "edit": truth.label, "first": found.first,
            "second": found.runner_up, "probabilities": table.to_dict(), "scatter": found.scatter, "fits": found.fits,
        }  # fmt: skip


def _varied(name: str, truth: Candidate, generator: np.random.Generator) -> Any:
    """Return a condition with the amount of each edit drawn from its range; tied (derived) edits stay."""
    from spinula.presets.compose import compose
    from spinula.presets.condition import condition_names, load_condition

    if name not in condition_names():
        return truth.composition
    edits = load_condition(name).edits
    if any(edit.how == "derived" for edit in edits):
        return truth.composition
    return compose(name, edits=[(name, edit.at(float(generator.uniform(*edit.range)))) for edit in edits])


def score(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return how often the right edit came first and among the first two, and how good the probabilities are.

    Returns
    -------
    dict
        laboratories, first and second (shares, each with low and high, Wilson 95 %), by_condition (both shares),
        brier (of all candidates, 0 to 2) and brier_chance (of the prior), confidence (mean probability of the first,
        to be held against the share ``first``), calibration_error (of the first answers: said against right, in bins,
        weighted by its laboratories)

    Notes
    -----
    The error is of first answers alone: most candidates have a probability near 0 and are wrong, so that a mean over
    all of them is small whatever the answers are worth. With few laboratories chance alone makes it larger than 0.

    Source
    ------
    Wilson's interval of a share; Brier's score of several classes; expected calibration error in bins.
    """
    from scipy.stats import binomtest

    count, found = len(rows), {"laboratories": len(rows)}
    ranks = [list(row["probabilities"]).index(row["edit"]) for row in rows]
    for name, most in (("first", 0), ("second", 1)):
        hits = sum(rank <= most for rank in ranks)
        low, high = binomtest(hits, count).proportion_ci(method="wilson")
        found |= {name: hits / count, f"{name}_low": float(low), f"{name}_high": float(high)}
    by_condition = [_by_condition(row) for row in rows]
    found |= {f"{name}_by_condition": float(np.mean([one[n] for one in by_condition])) for n, name in
              enumerate(("first", "second"))}  # fmt: skip
    brier = [sum((p - (label == row["edit"])) ** 2 for label, p in row["probabilities"].items()) for row in rows]
    prior = {label: len(label.split(" = ")) for label in rows[0]["probabilities"]}
    total = sum(prior.values())
    chance = [sum((n / total - (label == row["edit"])) ** 2 for label, n in prior.items()) for row in rows]
    bins = reliability(rows, first=True)
    error = float((bins["count"] * (bins["said"] - bins["right"]).abs()).sum() / bins["count"].sum())
    confidence = float(np.mean([row["probabilities"][row["first"]] for row in rows]))
    return found | {
        "brier": float(np.mean(brier)), "brier_chance": float(np.mean(chance)), "calibration_error": error,
        "confidence": confidence,
    }  # fmt: skip


def _by_condition(row: dict[str, Any]) -> tuple[float, float]:
    """Return the chance that the named condition is first, and among the first two, if names of one edit are tied."""
    names = [(name, p / len(label.split(" = "))) for label, p in row["probabilities"].items()
             for name in label.split(" = ")]  # fmt: skip
    mine = next(p for name, p in names if name == row["condition"])
    above = sum(p > mine * (1 + 1e-12) for _, p in names)
    tied = sum(abs(p - mine) <= 1e-12 * mine for _, p in names)
    return tuple(float(np.clip((places - above) / tied, 0.0, 1.0)) for places in (1, 2))  # type: ignore[return-value]


def reliability(rows: Sequence[dict[str, Any]], bins: Sequence[float] = BINS, *, first: bool = False) -> pd.DataFrame:
    """Return how often candidates that were given a probability were the right one.

    Parameters
    ----------
    first : bool
        Count the first answer of each laboratory alone.

    Returns
    -------
    DataFrame, one row per bin that is not empty
        from, to, count (candidates, or laboratories with ``first``), said (mean probability), right (share), low, high
        (Wilson, 95 %)

    Notes
    -----
    Candidates of one laboratory are not independent (their probabilities add up to 1, and one of them is right), which
    Wilson's interval takes them to be: of all candidates it is a guide only. First answers are independent.
    """
    from scipy.stats import binomtest

    pairs = np.array(
        [(p, label == row["edit"]) for row in rows for label, p in row["probabilities"].items()
         if not first or label == row["first"]]
    )  # fmt: skip
    made = []
    for low, high in pairwise(bins):
        inside = (pairs[:, 0] >= low) & ((pairs[:, 0] < high) | (high >= bins[-1]))
        if inside.any():
            count, hits = int(inside.sum()), int(pairs[inside, 1].sum())
            span = binomtest(hits, count).proportion_ci(method="wilson")
            said = float(pairs[inside, 0].mean())
            made.append((low, high, count, said, hits / count, float(span.low), float(span.high)))
    return pd.DataFrame(made, columns=["from", "to", "count", "said", "right", "low", "high"])


def by_size(
    *,
    seed: int,
    count: int = 100,
    animals: Sequence[int] = ANIMALS,
    dendrites: Sequence[int] = DENDRITES,
    simulated: int = SIMULATED,
    base: str = BASE,
) -> Iterator[tuple[dict[str, Any], Reference, list[dict[str, Any]]]]:
    """Score laboratories of several sizes; yield (score, reference, rows) of each.

    The reference is made anew for every number of dendrites, and serves any number of animals.
    """
    for many in dendrites:
        known = reference(
            replace(FIELD, dendrites=many), seed=Streams(seed).child("reference").seed, simulated=simulated, base=base
        )
        for group in animals:
            here = replace(known.laboratory, animals=group)
            rows = list(laboratories(known, seed=seed, count=count, laboratory=here))
            yield {"animals": group, "dendrites": many, **score(rows)}, known, rows
