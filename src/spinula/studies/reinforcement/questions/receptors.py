"""What drugs and an imbalance of receptors do to discrimination."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spinula.studies.memory.study import Case, Claim, Finding, Found, Options, Panel, RowText, Study, curve
from spinula.studies.reinforcement.cases import above, below, index, run, seen, sessions, shown, variant
from spinula.studies.reinforcement.experiment import Condition
from spinula.studies.reinforcement.running import mean

_OCCUPANCIES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0)
_RECEPTORS: dict[str, dict[str, float]] = {
    "RGS halved": {"receptors.rgs": 0.45},
    "RGS a third": {"receptors.rgs": 0.3},
    "D2 receptors doubled": {"receptors.d2_receptor": 0.36},
    "RGS doubled": {"receptors.rgs": 1.8},
    "RGS halved, dips four times as long": {"receptors.rgs": 0.45, "dopamine.dip": 3.2, "dopamine.longest_dip": 3.0},
}


def _condition(
    name: str, *, numbers: Mapping[str, float] | None = None, drugs: Mapping[str, float] | None = None
) -> Condition:
    return Condition(name=name, since="discrimination", set=dict(numbers or {}), drugs=dict(drugs or {}))


def _dose(drug: float, occupancy: float) -> Condition:
    drugs = {"methamphetamine": drug, "d2_antagonist": occupancy}
    return _condition(f"drug {drug:g}, occupancy {occupancy:g}", drugs=drugs)


def cases(options: Options) -> list[Case]:
    """Return the cases: an antagonist's occupancies with and without methamphetamine, and receptors out of balance."""
    conditions = [_dose(drug, occupancy) for drug in (0.0, 1.0) for occupancy in _OCCUPANCIES]
    conditions += [_condition(name, numbers=numbers) for name, numbers in _RECEPTORS.items()]
    conditions.append(_condition("no dips", numbers={"dopamine.dip": 0.0}))
    return [variant(options, "discrimination", condition) for condition in conditions]


def _index(results: list[tuple[Case, Found]], label: str) -> np.ndarray:
    """Return the index of discrimination on the last day, of every animal."""
    return index(sessions(seen(results, "discrimination", label), "licks", "discrimination")[-1])


def _drugs(results: list[tuple[Case, Found]]) -> list[Claim]:
    at = {(drug, dose): _index(results, _dose(drug, dose).name) for drug in (0.0, 1.0) for dose in _OCCUPANCIES}
    usual, blocked, full = at[0.0, 0.0], at[1.0, 0.0], at[1.0, 1.0]
    best = max(_OCCUPANCIES, key=lambda dose: at[1.0, dose].mean())
    nothing = _index(results, "no dips")
    return [
        Claim(
            "Methamphetamine blocks discrimination.", f"index {shown(blocked)}; without the drug {shown(usual)}",
            above(usual, 0.5) and below(blocked, 0.1), row="44-network",
        ),
        Claim(
            "A D2 antagonist restores it in part.",
            f"index {shown(at[1.0, best])} at an occupancy of {best:g}; within animals "
            f"{shown(at[1.0, best] - blocked)} more",
            above(at[1.0, best] - blocked, 0.15) and below(at[1.0, best] - usual, 0.0), row="44-network",
        ),
        Claim(
            "Too much of the antagonist harms: at full occupancy nothing is restored, and without methamphetamine "
            "the dose that restores destroys.",
            f"index {shown(full)} at full occupancy; {shown(at[0.0, best])} at {best:g} without the drug",
            below(full, 0.1) and below(at[0.0, best], 0.15), row="44-network",
        ),
        Claim(
            "Methamphetamine does no more than to take the dips away.",
            f"within animals, drug less no dips: {shown(blocked - nothing, digits=3)}",
            below(np.abs(blocked - nothing), 0.02), row="44-network", control=True,
        ),
    ]  # fmt: skip


def _balance(results: list[tuple[Case, Found]]) -> list[Claim]:
    usual = _index(results, _dose(0.0, 0.0).name)
    at = {name: _index(results, name) for name in _RECEPTORS}
    longer = at["RGS halved, dips four times as long"]
    return [
        Claim(
            "Too little RGS impairs discrimination (index less than half of the usual), the more the less there is.",
            f"usual {shown(usual)}, RGS halved {shown(at['RGS halved'])}, a third {shown(at['RGS a third'])}",
            below(at["RGS halved"] - 0.5 * usual, 0.0) and below(at["RGS a third"] - at["RGS halved"], 0.0),
            row="43b-network",
        ),
        Claim(
            "Longer dips make up for too little RGS: they are missed because they are short.",
            f"dips four times as long: {shown(longer)}", above(longer - at["RGS halved"], 0.2), row="43b-network",
            control=True,
        ),
    ]  # fmt: skip


def conclude(results: list[tuple[Case, Found]]) -> Finding:
    """Draw the index against the antagonist's occupancy and by receptors, and judge row 44 and psychosis in row 43b."""
    doses = []
    for drug, label in ((0.0, "no methamphetamine"), (1.0, "methamphetamine")):
        values = [mean(_index(results, _dose(drug, dose).name)) for dose in _OCCUPANCIES]
        middle, low, high = zip(*values, strict=True)
        doses.append(curve(label, _OCCUPANCIES, middle, low, high))
    names = {"usual": _dose(0.0, 0.0).name, **{name: name for name in _RECEPTORS}}
    middle, low, high = zip(*(mean(_index(results, name)) for name in names.values()), strict=True)
    panels = [
        Panel("An antagonist with and without methamphetamine", "occupancy of D2 receptors", "index of discrimination",
              pd.concat(doses)),
        Panel("Receptors in and out of balance", "receptors", "index of discrimination",
              curve("", names, middle, low, high), "points"),
    ]  # fmt: skip
    return Finding(panels, [*_drugs(results), *_balance(results)])


STUDY = Study(
    name="receptors",
    title="Psychosis as failed detection of dips",
    question="What do methamphetamine, a D2 antagonist and an imbalance of D2 receptors and RGS do to discrimination?",
    model=(
        "The experiment of discrimination, with drugs or other receptors from its second part on. Methamphetamine "
        "raises tonic dopamine and its floor within dips, and slows uptake; an antagonist hides a share of dopamine "
        "from the receptors. The index is (CS+ - CS-)/(CS+ + CS-) of licks on the fifth day."
    ),
    sources=("iino2020", "urakubo2022"),
    cases=cases,
    run=run,
    conclude=conclude,
    rows=(
        RowText("44-network", "striatum, discrimination",
                "methamphetamine blocks discrimination; antagonist restores; too much harms", "signs", "95 %",
                "qualitative", "iino2020"),
    ),
)  # fmt: skip
