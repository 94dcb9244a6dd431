"""Rows 7 to 9 and 33 to 36, 47: a slice with its activity, and single spines under glutamate, GABA and spikes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from scipy import stats

from spinula.studies.protocol import Result, load_protocol, run_protocol
from spinula.studies.protocol.running import complete
from spinula.studies.slice_activity import Activity, compare_activity
from spinula.studies.validation.row import Outcome, Row, within


@cache
def _slice(seed: int) -> Activity:
    return compare_activity(seed=seed)


@cache
def result(name: str, seed: int, replicates: int | None = None) -> Result:
    """Return a protocol's result; rows share it."""
    *_, (_, found) = run_protocol(load_protocol(name), seed=seed, replicates=replicates)
    assert found is not None
    return found


def change(found: Result, condition: str, group: str, time: float) -> np.ndarray:
    """Return the change of every spine of a group in a condition at a time, as a share of its size at time 0."""
    frame = complete(found.spines)
    rows = frame[(frame["condition"] == condition) & (frame["group"] == group)]
    rows = rows[np.isclose(rows["time"], time)]
    return (rows["size"] / rows["start"] - 1.0).to_numpy()


def _control(seed: int) -> Outcome:
    ratio = _slice(seed).control
    return Outcome(f"{ratio:.3f} per day", within(ratio, 0.328, 0.037), f"blocked: {_slice(seed).blocked:.3f}")


def _share_of_turnover(seed: int) -> Outcome:
    found = _slice(seed)
    share = found.blocked / found.control
    return Outcome(f"{100 * share:.0f} %", within(share, 0.67, 0.17))


def _share_of_change(seed: int) -> Outcome:
    shares = _slice(seed).shares
    text = ", ".join(f"{100 * value:.0f}" for value in shares["share_squared"])
    passed = bool((shares["share_squared"] > 0.5).all() and (shares["share_absolute"] > 0.5).all())
    return Outcome(f"{text} % by size", passed, f"of mean squared change, in bins from {shares['low'].iloc[0]:.3f} um3")


def _signs(seed: int) -> Outcome:
    found = result("matsuzaki2004", seed)
    small, large = change(found, "control", "small", 100), change(found, "control", "large", 100)
    early = change(found, "control", "large", 1)
    blocked_late = change(found, "CaMKII blocked", "small", 100)
    blocked_early = change(found, "CaMKII blocked", "small", 1)
    silent = change(found, "NMDA receptors blocked", "small", 1)
    persists = stats.mannwhitneyu(small, large, alternative="greater").pvalue
    needs = stats.mannwhitneyu(small, blocked_late, alternative="greater").pvalue
    passed = bool(
        persists < 1e-3 and needs < 1e-3 and early.mean() > 0.3 and blocked_early.mean() > 0.5
        and abs(blocked_late.mean()) < 0.1 and abs(silent.mean()) < 0.1 and abs(large.mean()) < 0.2
    )  # fmt: skip
    return Outcome(
        f"at 100 min small {100 * small.mean():+.0f} %, large {100 * large.mean():+.0f} % (at 1 min "
        f"{100 * early.mean():+.0f} %)", passed,
        f"controls: CaMKII blocked {100 * blocked_early.mean():+.0f} % at 1 min, {100 * blocked_late.mean():+.0f} % at "
        f"100 min; NMDA receptors blocked {100 * silent.mean():+.0f} %; both p < 0.001",
    )  # fmt: skip


def _amounts(seed: int) -> Outcome:
    found = result("matsuzaki2004", seed)
    peak = max(1 + change(found, "control", "small", minute).mean() for minute in (1, 2, 3, 5))
    late = change(found, "control", "small", 100).mean()
    passed = 2.0 <= peak <= 3.0 and within(late, 0.5, 0.15)
    return Outcome(f"{peak:.2f}-fold within 5 min, {100 * late:+.0f} % at 100 min", passed, "spines below 0.1 um3")


def _in_vivo(seed: int) -> Outcome:
    found = result("noguchi2019", seed)
    # The source's figure: a spine has responded if it is larger by more than 30 %.
    late = change(found, "stimulated", "stimulated", 40)
    control = change(found, "not stimulated", "stimulated", 40)
    responded = late > 0.3
    neighbours = change(found, "stimulated", "neighbours", 40)
    share, size, aside = responded.mean(), late[responded].mean(), neighbours.mean()
    passed = within(share, 0.22, 0.05) and within(size, 1.09, 0.24) and within(aside, 0.02, 0.05)
    passed &= (control > 0.3).mean() < 0.02
    return Outcome(
        f"{100 * share:.0f} % respond by {100 * size:+.0f} %, neighbours {100 * aside:+.1f} %", bool(passed),
        f"control: {100 * (control > 0.3).mean():.1f} % of unstimulated spines pass the criterion",
    )  # fmt: skip


def _gaba(seed: int) -> Outcome:
    found = result("hayama2013", seed)
    names = ("GABA at the spine", "GABA at 5 um", "GABA at 25 um", "no GABA", "GABA after spikes", "cofilin blocked")
    mean = {name: change(found, name, "stimulated", 60) for name in names}
    frame = complete(found.spines)
    last = frame[np.isclose(frame["time"], 60) & (frame["group"] == "others")]
    last = last.assign(
        change=last["size"] / last["start"] - 1.0,
        near=pd.cut(last["distance_um"], [0, 3, 10, 15, 60], labels=["<=3", "3-10", "10-15", ">15"]),
    )
    # Each spine against itself without GABA: the same intrinsic noise, so that only the spread is left.
    keys = ["dendrite", "spine_id", "near"]
    wide = last.pivot_table(index=keys, columns="condition", values="change", observed=True)
    spread = (wide["GABA at the spine"] - wide["no GABA"]).groupby(level="near", observed=True)
    near = spread.mean()
    far = stats.ttest_1samp(
        (wide["GABA at the spine"] - wide["no GABA"]).xs(">15", level="near"), -0.02, alternative="greater"
    ).pvalue
    works = [stats.mannwhitneyu(mean[n], mean["no GABA"], alternative="less").pvalue for n in names[:2]]
    fails = [stats.mannwhitneyu(mean[n], mean["no GABA"], alternative="less").pvalue for n in (names[2], names[4])]
    passed = bool(
        max(works) < 1e-3 and min(fails) > 0.01 and near["<=3"] < -0.1 and near["3-10"] < -0.05
        and abs(near[">15"]) < 0.02 and far < 0.01 and mean["cofilin blocked"].mean() > -0.05
    )  # fmt: skip
    shown = ", ".join(f"{name} um {100 * value:+.0f}" for name, value in near.items())
    return Outcome(
        f"stimulated {100 * mean['GABA at the spine'].mean():+.0f} %, GABA at 5 um "
        f"{100 * mean['GABA at 5 um'].mean():+.0f} %, neighbours {shown} %", passed,
        "controls: " + ", ".join(f"{name} {100 * mean[name].mean():+.0f} %" for name in names[2:]),
    )  # fmt: skip


def _push(seed: int) -> Outcome:
    spines = result("ucar2021", seed).spines
    gain = {
        (name, time): float(rows["release"].mean()) - 1.0
        for (name, time), rows in spines[spines["group"] == "stimulated"].groupby(["condition", "time"])
    }
    peak = max(value for (name, _), value in gain.items() if name == "control")
    late = gain["control", 20.0]
    still = max(value for (name, _), value in gain.items() if name != "control")
    passed = late > 0.4 * peak > 0 and still == 0
    return Outcome(f"{100 * peak:+.0f} % at its peak, {100 * late:+.0f} % at 20 min", passed,
                   "controls: no contact, no enlargement: 0")  # fmt: skip


ROWS = [
    Row(7, "ca1_slice, activity on", "turnover ratio over 1 day", "0.328", "0.037", "published", "yasumatsu2008",
        _control),
    Row(8, "ca1_slice", "activity-independent share of turnover", "67 %", "17 %", "published", "yasumatsu2008",
        _share_of_turnover),
    Row(9, "ca1_slice", "activity-independent share of volume change", "> 50 % in every size bin", "-", "published",
        "yasumatsu2008", _share_of_change),
    Row(33, "matsuzaki2004", "large spines transient, small persistent, late phase needs CaMKII", "signs", "p < 0.001",
        "qualitative", "matsuzaki2004", _signs),
    Row(34, "matsuzaki2004", "size within 5 min; at 100 min", "2- to 3-fold; +50 %", "30 %", "published", "bonilla2021",
        _amounts),
    Row(35, "noguchi2019", "responders; their change; neighbours", "22 %; +109 %; +2 %", "5 %; 24 %; 5 %", "published",
        "noguchi2019", _in_vivo),
    Row(36, "hayama2013", "GABA before spikes within 5 um shrinks; spread below 15 um", "signs", "p < 0.001",
        "qualitative", "hayama2013", _gaba),
    Row(47, "ucar2021", "gain of release lasts", "> 20 min", "above 40 % of its peak", "published", "ucar2021", _push),
]  # fmt: skip
