"""Do spines that fluctuate, return to rest and are replaced help an agent whose world has changed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spinula.engines.agents import IntrinsicDynamics
from spinula.measures.intervals import mean_interval
from spinula.studies.agents.cases import run_reversal
from spinula.studies.agents.comparison import Results, claim
from spinula.studies.agents.training import Plan
from spinula.studies.memory.study import Case, Finding, Options, Panel, Study, curve

# Rates per step of the world. What fluctuates is far slower than what dopamine does in an episode.
_SLOW = IntrinsicDynamics(
    recovery_rate=2e-5, noise_slope=2e-4, noise_floor=0.0, size_min=0.095, size_new=0.1, every=500
)
_QUICK = _SLOW.model_copy(update={"recovery_rate": 2e-4, "noise_slope": 1e-3, "every": 50})


@dataclass(frozen=True)
class Change:
    """What is changed, for how long agents learn before and after it, and how their spines live.

    The pole's actions are exchanged, the holes of the lake move, the best arm of the bandit becomes the worst.
    """

    before: int
    after: int
    dynamics: IntrinsicDynamics
    rules: tuple[str, ...] = ("linear",)


WORLDS = {
    "Bandit": Change(5000, 5000, _QUICK, ("linear", "saturating")),
    "FrozenLake-v1": Change(30_000, 30_000, _SLOW),
    "CartPole-v1": Change(20_000, 20_000, _SLOW),
}
_PARTS: dict[str, dict[str, Any] | None] = {
    "off": None,
    "all of it": {},
    "drift alone": {"temperature": 0.0, "turnover": False},
    "fluctuation alone": {"recovery_rate": 0.0, "turnover": False},
    # Nothing comes down to the threshold without a fluctuation: the part above is this one's control.
    "fluctuation and turnover": {"recovery_rate": 0.0},
}
_KINDS = {"linear": "spine", "saturating": "spine_saturating"}
_SEEDS = 20


def cases(options: Options) -> list[Case]:
    """Return every part of the intrinsic dynamics in every world and with both rules of enlargement, over seeds."""
    made = []
    for world, change in WORLDS.items():
        for rule in change.rules:
            for part, less in _PARTS.items():
                lively = None if less is None else {**change.dynamics.model_dump(), **less}
                for seed in options.series(_SEEDS):
                    steps = [5000, 5000] if options.trial else [change.before, change.after]
                    plan = Plan(world, steps[1], seed, _KINDS[rule], intrinsic=lively, rows=40)
                    made.append({"name": f"{world}, {rule}, {part}, {seed}", "seed": seed, "world": world, "rule": rule,
                                 "part": part, "before": steps[0], "plan": plan.as_dict()})  # fmt: skip
    return made


def _values(results: Results, world: str, rule: str, part: str, name: str = "recovered") -> np.ndarray:
    return np.array([found[name] for case, found in results
                     if (case["world"], case["rule"], case["part"]) == (world, rule, part)])  # fmt: skip


def table(results: Results) -> pd.DataFrame:
    """Return by world, rule and part: returns before and after the change, and the gain over none, with intervals."""
    rows = []
    for world, change in WORLDS.items():
        for rule in change.rules:
            plain = _values(results, world, rule, "off")
            for part in _PARTS:
                mine = _values(results, world, rule, part)
                if not len(mine):
                    continue
                gain = mean_interval(mine - plain)
                rows.append({
                    "world": world, "enlargement": rule, "intrinsic": part, "seeds": len(mine),
                    "before": _values(results, world, rule, part, "before").mean(), "after": mine.mean(),
                    "last": _values(results, world, rule, part, "last").mean(), "gain": gain[0], "low": gain[1],
                    "high": gain[2], "d1": _values(results, world, rule, part, "d1").mean(),
                    "d2": _values(results, world, rule, part, "d2").mean(),
                    "eliminated": _values(results, world, rule, part, "eliminated").mean(),
                })  # fmt: skip
    return pd.DataFrame(rows)


def conclude(results: Results) -> Finding:
    """Judge, world by world, whether intrinsic dynamics make agents recover faster, and which part does it."""
    rows = table(results)
    claims = []
    for (world, rule), part in rows.groupby(["world", "enlargement"], sort=False):
        whole = part[part["intrinsic"] == "all of it"].iloc[0]
        others = "; ".join(f"{row.intrinsic} {row.gain:.3g} [{row.low:.3g}, {row.high:.3g}]"
                           for row in part.itertuples() if row.intrinsic not in ("off", "all of it"))  # fmt: skip
        claims.append(claim(
            f"After the change of {world}, {rule} spines with intrinsic dynamics earn more than without.",
            f"gain {whole.gain:.3g} [{whole.low:.3g}, {whole.high:.3g}]; {others}",
            bool(whole.low > 0.0), int(whole.seeds),
        ))  # fmt: skip
    return Finding([_panel(results, world, rule) for world in WORLDS for rule in WORLDS[world].rules], claims)


def _panel(results: Results, world: str, rule: str) -> Panel:
    curves = []
    for part in _PARTS:
        runs = [found for case, found in results
                if (case["world"], case["rule"], case["part"]) == (world, rule, part)]  # fmt: skip
        grid = np.linspace(0.0, min(one["steps"][-1] for one in runs), 31)[1:]
        returns = np.array([np.interp(grid, one["steps"], one["returns"]) for one in runs])
        spread = np.array([mean_interval(column) for column in returns.T])
        curves.append(curve(f"intrinsic: {part}", grid / 1000, spread[:, 0], spread[:, 1], spread[:, 2]))
    title = f"{world} after the change, {rule} enlargement"
    return Panel(title, "steps since the change (thousands)", "return of an episode", pd.concat(curves))


STUDY = Study(
    name="agents-reversal",
    title="Intrinsic dynamics of spines after a change of the world",
    question="Do agents whose spines live by themselves recover faster when the world changes?",
    model="Agents are trained with constant rates; then the actions of the pole are exchanged, the holes of the lake "
    "move, or the best arm becomes the worst, and they learn on. What counts is the mean return over the time after "
    "the change, against the agent of the same seed without intrinsic dynamics. Parts of the dynamics are left out "
    "one by one.",
    sources=("yasumatsu2008", "barto1983", "towers2024"),
    cases=cases,
    run=run_reversal,
    conclude=conclude,
)
