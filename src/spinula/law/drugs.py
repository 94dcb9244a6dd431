"""Drugs: which gates of the mechanisms each one closes."""

from __future__ import annotations

from typing import Literal, get_args

Drug = Literal[
    "nmda_blocker", "camkii_inhibitor", "protein_synthesis_inhibitor", "pka_inhibitor", "gaba_a_blocker",
    "cofilin_inhibitor", "tetrodotoxin", "d1_antagonist", "d2_antagonist", "a2a_antagonist", "methamphetamine",
]  # fmt: skip
DRUGS: tuple[str, ...] = get_args(Drug)

# What an event has to pass; a drug closes some of these.
GATES = ("glutamate", "consolidation", "synthesis", "inhibition", "shrinkage", "spikes", "d1", "d2")
CLOSES: dict[str, tuple[str, ...]] = {
    "nmda_blocker": ("glutamate",),
    "camkii_inhibitor": ("consolidation", "d1", "d2"),
    "protein_synthesis_inhibitor": ("synthesis",),
    "pka_inhibitor": ("synthesis", "d1", "d2"),
    "gaba_a_blocker": ("inhibition",),
    "cofilin_inhibitor": ("shrinkage",),
    "tetrodotoxin": ("spikes",),
    "d1_antagonist": ("d1",),
    "a2a_antagonist": ("d2",),
    # These two change numbers, not gates: receptor occupancy, and tonic dopamine.
    "d2_antagonist": (),
    "methamphetamine": (),
}
