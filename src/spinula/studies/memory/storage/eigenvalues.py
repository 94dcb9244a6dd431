"""Do memories last in the imaginary eigenvalues of a network whose weights fluctuate under homeostasis?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.core.streams import Streams
from spinula.engines.network.storage.homeostasis import Plan, evolve
from spinula.law.circuits.storage.eigenvalues import (
    antisymmetric_share,
    relaxation_time,
    resting_real,
    symmetric_share,
)
from spinula.measures.intervals import mean_interval
from spinula.studies.memory.study import Case, Claim, Finding, Found, Keeper, Options, Panel, RowText, Study, curve

_NEURONS = 64
_STRENGTH = 0.45  # of each memory: half the distance of its two eigenvalues
_NOISE, _TARGET, _SPEED, _DT = 0.05, 0.1, 0.004, 0.1  # of neurons; variance wanted; homeostasis; time of a neuron: 1
_REST = resting_real(_NOISE, _TARGET)
_TAU = relaxation_time(_REST, _NOISE, _SPEED)
_RADIUS = 0.25  # of the eigenvalues that noise alone gives the weights in 5 tau
_PER_TAU, _TAUS = 20, 6


def _cases(options: Options) -> list[Case]:
    return [
        {"name": f"{kind}_{seed}", "kind": kind, "seed": seed, "neurons": 32 if options.trial else _NEURONS}
        for kind in ("homeostasis", "none")
        for seed in options.series(12)
    ]


def _plan(case: Case) -> Plan:
    spread = _RADIUS / (case["neurons"] * 5 * _TAU) ** 0.5
    speed = _SPEED if case["kind"] == "homeostasis" else 0.0
    return Plan(_DT, _NOISE, speed, _TARGET, spread, round(_TAU / _PER_TAU / _DT), _PER_TAU * _TAUS)


def _run(case: Case, keeper: Keeper) -> Found:
    streams, count = Streams(case["seed"]), case["neurons"]
    # Four orthonormal patterns of activity: one pair per memory.
    a, b, c, d = np.linalg.qr(streams.generator("patterns").standard_normal((count, 4)))[0].T
    memories = np.outer(a, b) + np.outer(b, a) + np.outer(c, d) - np.outer(d, c)
    start = _REST * np.eye(count) + _STRENGTH * memories
    seen = evolve(start, _plan(case), streams.generator("noise"))
    at = 5 * _PER_TAU
    change = (seen[at] - start)[~np.eye(count, dtype=bool)]
    values, vectors = np.linalg.eig(seen[at])
    top = vectors[:, np.argmax(values.imag)]
    return {
        "real": [float(symmetric_share(w, a, b)) / _STRENGTH for w in seen],
        "imaginary": [float(antisymmetric_share(w, c, d)) / _STRENGTH for w in seen],
        "single": float(change.std() / (_STRENGTH * memories[~np.eye(count, dtype=bool)]).std()),
        "found": float(abs(c @ top) ** 2 + abs(d @ top) ** 2),
        "before": [np.linalg.eigvals(start).real.tolist(), np.linalg.eigvals(start).imag.tolist()],
        "after": [values.real.tolist(), values.imag.tolist()],
    }


def _conclude(results: list[tuple[Case, Found]]) -> Finding:
    at = 5 * _PER_TAU
    left = {
        (kind, what): np.array([found[what][at] for case, found in results if case["kind"] == kind])
        for kind in ("homeostasis", "none")
        for what in ("real", "imaginary")
    }
    active = [found for case, found in results if case["kind"] == "homeostasis"]
    return Finding(_panels(results), _claims(left, active))


def _claims(left: dict, active: list[Found]) -> list[Claim]:
    real, imaginary = left["homeostasis", "real"], left["homeostasis", "imaginary"]
    margin = mean_interval(imaginary - 10 * real)
    kept = mean_interval(imaginary)
    control = mean_interval(left["none", "imaginary"] - 2 * left["none", "real"])
    single = np.array([found["single"] for found in active])
    share = np.array([found["found"] for found in active])

    def show(values: np.ndarray) -> str:
        mean, low, high = mean_interval(values)
        return f"{mean:.3f} ({low:.3f} to {high:.3f})"

    return [
        Claim(
            "After 5 homeostatic times more than ten times as much is left of a memory in imaginary eigenvalues as of "
            "one in real eigenvalues (interval over networks of imaginary - 10*real above 0).",
            f"left: imaginary {show(imaginary)}, real {show(real)}; "
            f"ratio at least {kept[1] / np.abs(mean_interval(real)[1:]).max():.0f}; "
            f"imaginary - 10*real {margin[0]:.2f} ({margin[1]:.2f} to {margin[2]:.2f})", margin[1] > 0, row=54,
        ),
        Claim(
            "The memory in imaginary eigenvalues persists: more than 90 % is left.", show(imaginary), kept[1] > 0.9,
            row=54,
        ),
        Claim(
            "It stays readable from the weights alone: in at least 9 of 10 networks the eigenvector of the largest "
            "imaginary part lies for more than half in the memory's plane.",
            f"{100 * (share > 0.5).mean():.0f} % of {len(share)} networks, mean share {share.mean():.2f}",
            bool((share > 0.5).mean() >= 0.9),
        ),
        Claim(
            "Meanwhile single weights change by more than twice what the memories put into them.",
            f"SD of the change over SD of the memories: {show(single)}", mean_interval(single)[1] > 2,
        ),
        Claim(
            "Without homeostasis the same noise leaves both: less than twice as much of the imaginary.",
            f"left: imaginary {show(left['none', 'imaginary'])}, real {show(left['none', 'real'])}", control[2] < 0,
            row=54, control=True,
        ),
    ]  # fmt: skip


def _panels(results: list[tuple[Case, Found]]) -> list[Panel]:
    time = np.arange(_PER_TAU * _TAUS + 1) / _PER_TAU
    courses = []
    for kind, suffix in (("homeostasis", ""), ("none", ", no homeostasis")):
        for what in ("imaginary", "real"):
            each = np.array([found[what] for case, found in results if case["kind"] == kind])
            band = np.array([mean_interval(column) for column in each.T]).T
            courses.append(curve(what + suffix, time, *band))
    first = next(found for case, found in results if case["kind"] == "homeostasis")
    spectrum = [curve(label, *first[key]) for label, key in (("after 5 tau", "after"), ("at first", "before"))]
    return [
        Panel("What is left of a memory", "time [homeostatic times]", "share of its eigenvalues left",
              pd.concat(courses)),
        Panel("Eigenvalues of the weights", "real part", "imaginary part", pd.concat(spectrum), kind="points"),
    ]  # fmt: skip


STUDY = Study(
    name="eigenvalues",
    title="Memories in imaginary eigenvalues",
    question="Do memories last in the imaginary eigenvalues of a network whose weights fluctuate under homeostasis?",
    model=f"{_NEURONS} rate neurons, all to all (tanh, white noise), carry one symmetric and one antisymmetric memory "
    f"of equal strength; weights change by homeostasis that decorrelates and by white noise, for {_TAUS} homeostatic "
    f"times of {_TAU:.0f} times of a neuron each. In tissue the two times lie much farther apart.",
    sources=("susman2019",),
    cases=_cases,
    run=_run,
    conclude=_conclude,
    rows=(
        RowText(54, "homeostasis and noise", "imaginary over real eigenvalues left at 5 tau", "> 10", "interval",
                "qualitative", "susman2019"),
    ),
)  # fmt: skip
