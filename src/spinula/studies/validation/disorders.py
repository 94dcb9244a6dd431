"""Rows 59 to 61, and 501 to 530: disorders and treatments.

501 to 528 are the rows of the table of findings, in its order: each asks all directions that papers report there.
529 and 530 are consequences: two losses of spines, two memories; and too much fluctuation. 531 places laboratories
whose condition is known; 532 and 533 ask circuits, each with the base against itself as the control.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from spinula.presets.compose import compose
from spinula.studies.disorders import courses, fluctuation, phenotypes
from spinula.studies.disorders.circuit import network
from spinula.studies.disorders.dendrite import with_activity
from spinula.studies.disorders.exam import TABLE, Answer, examine
from spinula.studies.disorders.levels import spread
from spinula.studies.disorders.placement import posterior, simulated, trial
from spinula.studies.validation.row import Outcome, Row

_FIRST = 500  # the number of a row of the table of findings is this more


def _calcineurin(seed: int) -> Outcome:
    found, shift = {}, {}
    for intrinsic in (True, False):
        base, knock = (
            with_activity(compose(name), seed=seed, intrinsic=intrinsic)
            for name in ("ca1_slice", "calcineurin_knockout")
        )
        found[intrinsic] = base, knock
        shift[intrinsic] = {name: knock[name] - base[name] for name in ("small_share", "large_share")}
    with_, alone = shift[True], shift[False]
    passed = (
        with_["small_share"] < 0 < with_["large_share"]
        and abs(with_["small_share"]) < abs(alone["small_share"])
        and with_["large_share"] < alone["large_share"]
    )
    base, knock = found[True]
    return Outcome(
        f"small {100 * base['small_share']:.0f} -> {100 * knock['small_share']:.0f} %, large "
        f"{100 * base['large_share']:.0f} -> {100 * knock['large_share']:.0f} %",
        bool(passed),
        f"shift of small and large: {100 * with_['small_share']:+.0f}, {100 * with_['large_share']:+.0f} points with "
        f"intrinsic dynamics, {100 * alone['small_share']:+.0f}, {100 * alone['large_share']:+.0f} without",
    )


def _alzheimer(seed: int) -> Outcome:
    composition = compose("alzheimer_plaque")
    near, far = courses.plaque(composition), courses.plaque(composition, distance_um=200.0)
    wild = courses.plaque(compose("wild_type"))
    onset, formed = courses.onset(near), near["formed"].to_numpy()[1:]
    up = near["eliminated"].iloc[-1] / near["eliminated"].iloc[1]
    passed = (
        onset >= 28.0
        and up > 1.1
        and np.ptp(formed) == 0.0
        and formed[0] == wild["formed"].iloc[1]
        and np.isnan(courses.onset(far))
        and np.isnan(courses.onset(wild))
    )
    return Outcome(
        f"elimination x {up:.2f}, formation x {formed[-1] / formed[0]:.2f}, from day {onset:.0f}", bool(passed),
        f"density after 16 weeks {near['density'].iloc[-1]:.2f} of {near['density'].iloc[0]:.2f} per um; "
        "controls: no onset 200 um away, nor without a plaque",
    )  # fmt: skip


def _ketamine(seed: int) -> Outcome:
    stress = "chronic_stress_prefrontal"
    drug = courses.ketamine(compose(f"{stress}+ketamine"))
    blocked = courses.ketamine(compose(f"{stress}+ketamine_no_spines"))
    none = courses.ketamine(compose(stress))
    first, second = courses.half_time(drug, "behaviour"), courses.half_time(drug, "recovered")
    early, late = 3.0 / 24.0, 7.0

    def at(course: object, day: float) -> float:
        return float(np.interp(day, course["day"], course["behaviour"]))  # type: ignore[index]

    passed = (
        first < second
        and abs(at(drug, early) - at(blocked, early)) < 0.1
        and at(drug, late) > at(blocked, late) + 0.1
        and none["behaviour"].max() == 0.0
    )
    return Outcome(
        f"behaviour half mended after {first:.2f} days, spines after {second:.2f}", bool(passed),
        f"at 3 h {at(drug, early):.2f} with and {at(blocked, early):.2f} without new spines; at 7 days "
        f"{at(drug, late):.2f} and {at(blocked, late):.2f}; without the drug 0. "
        "The two terms are a design: what is tested is their order",
    )  # fmt: skip


def _phenotypes(seed: int) -> Outcome:
    found = {(one.condition, one.measure): one for one in phenotypes.contrasts(phenotypes.phenotypes(seed=seed))}
    small = [found[phenotypes.SMALL_LOSS, name] for name in ("new_memory", "remote_memory")]
    large = [found[phenotypes.LARGE_LOSS, name] for name in ("new_memory", "remote_memory")]
    again = [found[phenotypes.AGAIN, name] for name in ("new_memory", "remote_memory")]
    passed = (
        small[0].falls and not small[1].falls and large[1].falls
        # Not only against the base: the two losses differ from each other, in opposite order.
        and small[0].high < large[0].low and large[1].high < small[1].low
        and all(one.low < 1.0 < one.high for one in again)
    )  # fmt: skip
    control = " and ".join(f"{one.ratio:.2f} [{one.low:.2f}, {one.high:.2f}]" for one in again)
    return Outcome(
        "; ".join(
            f"{name}: new memory x {pair[0].ratio:.2f} [{pair[0].low:.2f}, {pair[0].high:.2f}], remote x "
            f"{pair[1].ratio:.2f} [{pair[1].low:.2f}, {pair[1].high:.2f}]"
            for name, pair in (("small-spine loss", small), ("large-spine loss", large))
        ),
        bool(passed),
        f"control, the base with other seeds: {control}; "
        "where growth by half of the volume counts as writing, both losses cost new memory: see docs",
    )


def _fluctuation(seed: int) -> Outcome:
    rows = fluctuation.dose_response(seed=seed, seeds=4)
    trained = rows[rows["trained"]].groupby("factor")[["learned", "kept"]].mean()
    falls = fluctuation.trend(rows, "learned"), fluctuation.trend(rows, "kept")
    control = rows[~rows["trained"]]["learned"]
    passed = all(one["high"] <= -0.8 for one in falls) and abs(control.mean() - 0.5) < 0.02
    passed &= bool((np.diff(trained["learned"]) < 0).all() and (np.diff(trained["kept"]) < 0).all())
    learned = ", ".join(f"{value:.2f}" for value in trained["learned"])
    return Outcome(
        f"learned {learned} at fluctuation x {', '.join(f'{factor:g}' for factor in trained.index)}", bool(passed),
        f"Kendall's tau over seeds {falls[0]['low']:.2f} to {falls[0]['high']:.2f}; "
        f"without training {control.mean():.2f}",
    )  # fmt: skip


def _placement(seed: int) -> Outcome:
    known = posterior.reference(simulated.FIELD, seed=1000 + seed, simulated=40)
    found = trial.score(list(trial.laboratories(known, seed=seed, count=30)))
    passed = found["first"] >= 0.6 and found["second"] >= 0.8 and found["brier"] < 0.6 * found["brier_chance"]
    return Outcome(
        f"first {found['first']:.2f}, first two {found['second']:.2f} of 30", bool(passed),
        f"by condition, names of one edit being guessed, {found['first_by_condition']:.2f} and "
        f"{found['second_by_condition']:.2f}; Brier {found['brier']:.2f}, of the prior alone "
        f"{found['brier_chance']:.2f}; mean probability of the first {found['confidence']:.2f}; 100 laboratories: docs",
    )  # fmt: skip


def _text(interval: tuple[float, float, float]) -> str:
    return f"{interval[0]:+.2f} [{interval[1]:+.2f}, {interval[2]:+.2f}]"


def _circuit(seed: int, *, name: str, up: tuple[str, ...], down: tuple[str, ...]) -> Outcome:
    """Ask a condition's circuits; the control is the base against the base with other seeds."""
    base = compose("wild_type")
    found = spread(base, compose(name), [*up, *down])
    one, other = (network.series(base, seed=first) for first in (seed, seed + 100))
    again = {key: (other[key].mean() - one[key].mean()) / one[key].mean() for key in [*up, *down]}
    passed = all(found[key][1] > 0 for key in up) and all(found[key][2] < 0 for key in down)
    passed &= all(abs(again[key]) < 0.1 for key in again)
    return Outcome(
        "; ".join(f"{key} {_text(found[key])}" for key in [*up, *down]), bool(passed),
        "control, the base with other seeds: " + ", ".join(f"{key} {100 * x:+.0f} %" for key, x in again.items()),
    )  # fmt: skip


def _say(one: Answer) -> str:
    background = f" in {'+'.join(one.finding.background)}" if one.finding.background else ""
    size = f"{one.effect:+.2f}" if np.isfinite(one.effect) else "no number"
    how = {"read": "published", "derived": "derived", "assumed": "remembered"}[one.finding.how]
    return f"{one.condition}{background}: {one.finding.measure} {size} ({one.finding.direction} {how})"


def _of_table(seed: int, *, row: int) -> Outcome:
    """Answer all findings of a row; a miss must have its reason, and at least one finding must be reproduced."""
    answers = list(examine(row))
    agreed = [one for one in answers if one.agrees]
    missed = [one for one in answers if not one.agrees]
    restated = sum(one.restates for one in agreed)
    outside = [one for one in agreed if one.within is False]
    parts = [f"MISSED {_say(one)}: {one.finding.reason or 'without a reason'}" for one in missed]
    parts += [f"outside the published interval: {_say(one)}" for one in outside]
    if restated:
        parts.append(f"{restated} of these restate the edit and do not follow from it")
    parts += [f"{_say(one)}" for one in agreed]
    return Outcome(
        f"{len(agreed)} of {len(answers)} directions",
        bool(agreed) and all(one.finding.reason for one in missed) and not outside,
        "; ".join(parts),
    )


def _source(row: int) -> str:
    return next((one for one in _sources(row) if one), "")


def _sources(row: int) -> list[str]:
    from spinula.studies.disorders.exam import findings

    return [finding.source for _, finding in findings(row)]


ROWS = [
    Row(59, "calcineurin_knockout", "fewer small, more large; less so with intrinsic dynamics", "signs", "sign",
        "qualitative", "okazaki2018", _calcineurin),
    Row(60, "alzheimer_plaque", "elimination up, formation constant, onset 28 days or later", "signs", "sign",
        "qualitative", "bittner2012", _alzheimer),
    Row(61, "chronic_stress_prefrontal+ketamine", "behaviour before spines; maintenance needs spines", "signs", "sign",
        "qualitative", "modasava2019", _ketamine),
    *(
        Row(_FIRST + row, f"conditions: {what}", "directions that papers report", "all", "each miss has its reason",
            "qualitative", _source(row), partial(_of_table, row=row))
        for row, what in TABLE.items()
    ),
    Row(529, "small_spine_loss against large_spine_loss", "new-memory capacity and remote memory",
        "the first falls in one, the second in the other", "95 % over 8 seeds", "qualitative", "", _phenotypes),
    Row(530, "neocortex_adult", "learning against the amplitude of fluctuation", "falls monotonically", "every seed",
        "qualitative", "humble2019", _fluctuation),
    Row(531, "placement", "right edit of laboratories with 4 and 4 animals, first and in the first two",
        ">= 0.7 and >= 0.9 of 100", "here of 30: 0.6 and 0.8", "computed", "", _placement),
    Row(532, "fragile_x", "stored assemblies, recall and working memory of circuits", "all fall",
        "95 % over 8 circuits",
        "qualitative", "humble2019",
        partial(_circuit, name="fragile_x", up=(), down=("assembly_contrast", "recall", "working_memory"))),
    Row(533, "extra_large_spines", "firing with supralinear dendrites, and working memory", "up, and down",
        "95 % over 8 circuits", "qualitative", "obinagata2023",
        partial(_circuit, name="extra_large_spines", up=("supralinear_firing",), down=("working_memory",))),
]  # fmt: skip
