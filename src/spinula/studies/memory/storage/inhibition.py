"""Which connections hold the pattern of activity of a balanced network: the excitatory or the inhibitory ones?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.engines.network.storage.balanced import KINDS, BalancedNetwork, Wires
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Finding, Found, Keeper, Options, Panel, RowText, Study, curve

_ARROW = {"EE": "E to E", "EI": "E to I", "IE": "I to E", "II": "I to I"}
_CHANGES = ("none", *KINDS, "all from E", "all from I", "unbalanced")
_SHOWN = {"none": "none", **_ARROW, "all from E": "all from E", "all from I": "all from I",
          "unbalanced": "E to E, unequal"}  # fmt: skip
_UNEQUAL = 0.4  # coefficient of variation of the number of inputs that breaks the balance


def _network(scale: float) -> BalancedNetwork:
    return BalancedNetwork(
        excitatory=round(1600 * scale),
        inhibitory=round(400 * scale),
        inputs={"E": 100, "I": 60},
        weights={"EE": 0.1, "EI": 0.1, "IE": -0.5, "II": -0.42},
        drive={"E": 5.0, "I": 4.4},
    )


def _cases(options: Options) -> list[Case]:
    seconds, scale = (2.0, 0.5) if options.trial else (8.0, 1.0)
    return [{"name": f"network_{seed}", "seed": seed, "seconds": seconds, "scale": scale} for seed in options.series(5)]


def _rewired(network: BalancedNetwork, wires: Wires, change: str, rng: np.random.Generator) -> Wires:
    """Return the connections after all of some kinds were drawn anew."""
    if change == "unbalanced":
        return {**wires, "EE": network.draw("EE", rng, _UNEQUAL)}
    redrawn = [kind for kind in KINDS if change in (kind, f"all from {kind[0]}")]
    return {**wires, **{kind: network.draw(kind, rng) for kind in redrawn}}


def _run(case: Case, keeper: Keeper) -> Found:
    network, streams = _network(case["scale"]), Streams(case["seed"])
    wires = network.wire(streams.generator("wires"))
    before = network.rates(wires, streams.generator("start"), case["seconds"])
    found: Found = {"rate": {}, "E": {}, "I": {}}
    part = {"E": slice(None, network.excitatory), "I": slice(network.excitatory, None)}
    found["before"] = {kind: float(before[part[kind]].mean()) for kind in "EI"}
    for done, change in enumerate(_CHANGES):
        part_of = streams.child(change)
        after = network.rates(
            _rewired(network, wires, change, part_of.generator("wires")), part_of.generator("start"), case["seconds"]
        )
        for kind in "EI":
            found[kind][change] = _alike(before[part[kind]], after[part[kind]])
        found["rate"][change] = float(after[part["E"]].mean())
        keeper.tell((done + 1) / len(_CHANGES))
    return found


def _alike(before: np.ndarray, after: np.ndarray) -> float:
    """Return the correlation of two vectors of rates; 0 if one does not vary."""
    if before.std() == 0 or after.std() == 0:
        return 0.0
    return float(np.corrcoef(before, after)[0, 1])


def _conclude(results: list[tuple[Case, Found]]) -> Finding:
    # The vector of both populations, each on its own scale: the mean of the two correlations.
    both = {
        change: np.array([(found["E"][change] + found["I"][change]) / 2 for _, found in results]) for change in _CHANGES
    }
    return Finding(_panels(results), _claims(both, results))


def _claims(both: dict[str, np.ndarray], results: list[tuple[Case, Found]]) -> list[Claim]:
    def show(change: str) -> str:
        mean, low, high = mean_interval(both[change])
        return f"{_SHOWN[change]} {mean:.2f} ({low:.2f} to {high:.2f})"

    def above(first: str, second: str) -> bool:
        return mean_interval(both[first] - both[second])[1] > 0

    high = mean_interval(both["EE"])
    rate = {kind: np.mean([found["before"][kind] for _, found in results]) for kind in "EI"}
    moved = np.array([found["rate"]["EE"] / found["before"]["E"] - 1 for _, found in results])
    return [
        Claim(
            "All connections from E to E redrawn, rates stay as they were (above 0.8); redrawn from I to E or I to I, "
            "they do not (below 0.5).",
            f"{', '.join(show(change) for change in KINDS)}; rates {rate['E']:.1f} (E) and {rate['I']:.1f} Hz (I)",
            high[1] > 0.8 and all(mean_interval(both[change])[2] < 0.5 for change in ("IE", "II")), row=55,
        ),
        Claim(
            "Each kind of connection from E matters less than each from I (paired over networks).",
            "E to I is next after E to E; see the first claim",
            all(above(first, second) for first in ("EE", "EI") for second in ("IE", "II")), row=55,
        ),
        Claim(
            "Nor do all excitatory connections together matter as much as all inhibitory ones.",
            f"{show('all from E')}; {show('all from I')}", above("all from E", "all from I"), row=55,
        ),
        Claim(
            "The same network run again from another start has the same rates (above 0.95).", show("none"),
            mean_interval(both["none"])[1] > 0.95, row=55, control=True,
        ),
        Claim(
            f"Where redrawing breaks the balance (numbers of inputs from E to E vary by {_UNEQUAL:g} of their mean), "
            "it matters more.",
            f"{show('unbalanced')} against {show('EE')}; the mean rate of E changes by {100 * moved.mean():+.0f} % "
            "where balance is kept",
            above("EE", "unbalanced"), row=55, control=True,
        ),
    ]  # fmt: skip


def _panels(results: list[tuple[Case, Found]]) -> list[Panel]:
    shown = [_SHOWN[change] for change in _CHANGES]
    curves = []
    for kind, label in (("E", "rates of E"), ("I", "rates of I")):
        each = np.array([[found[kind][change] for change in _CHANGES] for _, found in results])
        band = np.array([mean_interval(column) for column in each.T]).T
        curves.append(curve(label, shown, *band))
    return [
        Panel("Rates before and after redrawing connections", "redrawn", "correlation", pd.concat(curves),
              kind="points"),
    ]  # fmt: skip


STUDY = Study(
    name="inhibition",
    title="What holds the pattern of activity",
    question="Which connections hold the pattern of activity of a balanced network: excitatory or inhibitory ones?",
    model="1,600 excitatory and 400 inhibitory integrate-and-fire neurons, 100 excitatory and 60 inhibitory inputs "
    "each, constant drive, 8 s; all connections of one kind, or of several, are drawn anew. Nothing is compressed; "
    "weights and numbers are assumed.",
    sources=("mongillo2018", "vanvreeswijk1996"),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    rows=(
        RowText(55, "balanced network", "correlation of rates after redrawing connections",
                "E to E high, inhibitory low", "order", "qualitative", "mongillo2018"),
    ),
)  # fmt: skip
