"""Why two neurons have several contacts or none: contacts that detect each other's effect keep each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.law.circuits.contacts import CooperativeContacts, contact_correlation, cooperative_drift
from spinula.law.intrinsic import linear_spread
from spinula.studies.memory.study import Case, Claim, Finding, Found, Keeper, Options, Panel, RowText, Study, curve

PAIRS, SITES = 600, 8
PRE, POST = 1.2, 4.6  # 1/s
NOISE_SLOPE, NOISE_FLOOR = 0.2, 0.02  # 1/sqrt(day), 1/sqrt(day)
FIRST = 4  # contacts of the half of the pairs that are connected at first
STEP = 0.1  # day
MODES = (3, 6)
KINDS = ("cooperative", "alone", "supported")


def cases(options: Options) -> list[Case]:
    """Return the cases: contacts that detect each other, themselves alone, or a correlation that does not change."""
    days = 60 if options.trial else 400
    return [
        {"name": f"{kind}_{seed}", "seed": seed, "kind": kind, "days": days}
        for kind in KINDS
        for seed in options.series(3)
    ]


@dataclass
class _Pairs:
    """Weights of all sites of all pairs (0: vacant), and what befell them: days and deletions."""

    weight: np.ndarray
    contact_days: float = 0.0
    contacts_lost: int = 0
    pair_days: float = 0.0
    pairs_lost: int = 0


def _detected(weight: np.ndarray, kind: str, law: CooperativeContacts) -> np.ndarray:
    """Return the correlation that each contact detects."""
    if kind == "supported":
        return np.full_like(weight, law.pair / (2 * law.saturation))  # the correlation of fastest growth
    others = weight.sum(1, keepdims=True) - weight if kind == "cooperative" else 0.0
    return contact_correlation(PRE, POST, weight, others, law)


def _step(pairs: _Pairs, kind: str, law: CooperativeContacts, rng: np.random.Generator) -> None:
    """Move every weight one step; delete and create contacts."""
    weight = pairs.weight
    exists = weight > 0
    drift = 86_400 * cooperative_drift(weight, _detected(weight, kind, law), POST, law)
    spread = linear_spread(weight, NOISE_SLOPE, NOISE_FLOOR)
    moved = weight + drift * STEP + spread * np.sqrt(STEP) * rng.standard_normal(weight.shape)
    lost = exists & ((moved <= 0) | (rng.random(weight.shape) < law.loss * STEP))
    made = ~exists & (rng.random(weight.shape) < law.creation * STEP)
    old = exists & (weight > 10 * law.weight_new)
    connected = old.sum(1) >= MODES[0] - 1
    pairs.contact_days += STEP * float(old.sum())
    pairs.contacts_lost += int((old & lost).sum())
    pairs.weight = np.where(made, law.weight_new, np.where(exists & ~lost, moved, 0.0))
    pairs.pair_days += STEP * float(connected.sum())
    # A connection has ended when a single contact at most is left of it.
    pairs.pairs_lost += int((connected & ((pairs.weight > 10 * law.weight_new).sum(1) < MODES[0] - 1)).sum())


def run(case: Case, keeper: Keeper) -> Found:
    """Run many pairs and count the contacts of each over the last quarter."""
    law = CooperativeContacts()
    rng = Streams(case["seed"]).generator("contacts")
    weight = np.zeros((PAIRS, SITES))
    weight[: PAIRS // 2, :FIRST] = 1.0
    pairs = _Pairs(weight)
    steps = round(case["days"] / STEP)
    counts = np.zeros(SITES + 1)
    course = []
    for step in range(steps):
        _step(pairs, case["kind"], law, rng)
        if step % 100 == 99:
            number = (pairs.weight > 0).sum(1)
            course.append([float(number[: PAIRS // 2].mean()), float(number[PAIRS // 2 :].mean())])
            if step >= 0.75 * steps:
                counts += np.bincount(number, minlength=SITES + 1)
            keeper.tell((step + 1) / steps)
    return {
        "share": (counts / counts.sum()).tolist(),
        "course": course,
        "contact_lifetime": pairs.contact_days / max(1, pairs.contacts_lost),
        "pair_lifetime": pairs.pair_days / max(1, pairs.pairs_lost),
    }


def modes(share: np.ndarray) -> list[int]:
    """Return the numbers of contacts at which a distribution has a peak; a peak above a hundredth counts."""
    padded = np.concatenate([[0.0], share, [0.0]])
    middle = padded[1:-1]
    return [int(n) for n in np.flatnonzero((middle > padded[:-2]) & (middle >= padded[2:]) & (middle >= 0.01))]


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw the distributions and judge row 53."""
    found = {kind: [result for case, result in results if case["kind"] == kind] for kind in KINDS}
    share = {kind: np.mean([one["share"] for one in found[kind]], axis=0) for kind in KINDS}
    peaks = {kind: [modes(np.array(one["share"])) for one in found[kind]] for kind in KINDS}
    contact = np.array([one["contact_lifetime"] for one in found["cooperative"]])
    pair = np.array([one["pair_lifetime"] for one in found["cooperative"]])
    low, high = MODES[0] - 1, MODES[1] + 1
    claims = [
        Claim(
            "Contacts per pair have two modes: none, and 3 to 6 (within 1).",
            f"modes at {' and '.join(map(str, modes(share['cooperative'])))}; {100 * share['cooperative'][0]:.0f} % of "
            "pairs have none",
            all(len(one) == 2 and one[0] == 0 and low <= one[1] <= high for one in peaks["cooperative"]),
            row=53,
        ),
        Claim(
            "Connections outlive their contacts at least threefold.",
            f"contacts last {contact.mean():.0f} d, connections {pair.mean():.0f} d",
            bool((pair / contact).min() >= 3),
            row=53,
        ),
        Claim(
            "Contacts that do not detect each other have one mode, at none.",
            f"modes {peaks['alone']}",
            all(one == [0] for one in peaks["alone"]),
            row=53,
            control=True,
        ),
        Claim(
            "Contacts that are all supported, whatever the others do, have one mode, and it is not at none.",
            f"modes {peaks['supported']}",
            all(len(one) == 1 and one[0] > 0 for one in peaks["supported"]),
            row=53,
            control=True,
        ),
    ]
    labels = {"cooperative": "detect each other", "alone": "detect themselves", "supported": "always supported"}
    numbers = np.arange(SITES + 1)
    shares = [curve(labels[kind], numbers[share[kind] > 0], share[kind][share[kind] > 0]) for kind in KINDS]
    course = np.mean([one["course"] for one in found["cooperative"]], axis=0)
    days = 100 * STEP * np.arange(1, len(course) + 1)
    starts = ("connected at first", "unconnected at first")
    courses = [curve(label, days, course[:, i]) for i, label in enumerate(starts)]
    panels = [
        Panel("Contacts of a pair", "contacts", "share of pairs", pd.concat(shares), log_y=True),
        Panel("Contacts that detect each other", "time (day)", "contacts per pair", pd.concat(courses)),
    ]
    return Finding(panels, claims)


STUDY = Study(
    name="contacts",
    title="Contacts of one connection keep each other",
    question="Why do two neurons have several contacts or none, and why do connections outlive contacts?",
    model=(
        "600 pairs of neurons with 8 sites each, half of them connected at first, for 400 days. A contact grows with "
        "the correlation that it detects, which the pair's other contacts raise; it is created at 0.028 per day and "
        "site. Rates of the neurons (1.2 and 4.6 per s), spikes per weight, fluctuation, sites and the loss of "
        "contacts whatever their weight (0.02 per day) are assumed; correlations are means, not simulated spikes. "
        "Connections are lost in the end, and none forms by chance within this time: both modes are long-lived states."
    ),
    sources=("deger2012", "deger2018", "fauth2015"),
    cases=cases,
    run=run,
    conclude=conclude,
    rows=(
        RowText(
            53, "deger2018", "modes of the number of contacts per pair", "0 and 3-6", "1", "published", "deger2012"
        ),
    ),
)
