"""Do agents of spines reach what their worlds allow, and what other rules reach with the same features and steps?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spinula.measures.intervals import mean_interval
from spinula.studies.agents.cases import run_training
from spinula.studies.agents.training import KINDS, Plan
from spinula.studies.agents.worlds import WORLDS
from spinula.studies.memory.study import Case, Claim, Finding, Found, Options, Panel, Study, curve

_SOLVED, _SHARE = 475.0, 0.95
_LABELS = {
    "spine": "spines", "spine_saturating": "spines, saturating", "linear": "linear actor-critic", "opal": "OpAL",
    "q": "Q-learning", "sarsa": "SARSA",
}  # fmt: skip
_TRIAL, _PEER_SEEDS = 20_000, 3
_LONG = ("MinAtar/Breakout-v1",)
# Settings were tried with seeds from 1 on: these are others.
_FRESH = 100
Results = list[tuple[Case, Found]]


def cases(options: Options) -> list[Case]:
    """Return every kind of agent in every world that it can live in, over seeds."""
    made = []
    for world in WORLDS.values():
        if world.name == "Bandit":
            continue
        for kind in KINDS:
            if kind in ("q", "sarsa") and not world.tabular:
                continue
            if kind == "spine_saturating" and world.name in _LONG:
                continue
            for first in options.series(world.seeds if kind == "spine" else min(world.seeds, _PEER_SEEDS)):
                seed = first + _FRESH
                plan = Plan(world.name, _TRIAL if options.trial else world.steps, seed, kind)
                name = f"{world.name.replace('/', ' ')}, {kind}, {seed}"
                made.append({"name": name, "seed": seed, "world": world.name, "kind": kind, "plan": plan.as_dict()})
    return made


def _of(results: Results, world: str, kind: str) -> list[Found]:
    return [found for case, found in results if (case["world"], case["kind"]) == (world, kind)]


def scores(results: Results, world: str, kind: str) -> np.ndarray:
    """Return one number per seed: the exact return where it is known, else the mean of 100 episodes."""
    return np.array([found.get("earned", found["return"]) for found in _of(results, world, kind)])


def claim(text: str, found: str, passed: bool, seeds: int) -> Claim:
    """Return a claim over seeds; one seed has no interval and bears nothing out."""
    return Claim(text, found, passed) if seeds > 1 else Claim(text, f"{found}: too few seeds", False)


def table(results: Results) -> pd.DataFrame:
    """Return the comparison: world, agent, seeds, return with interval, best possible, steps, seconds."""
    rows = []
    for world in WORLDS:
        for kind in KINDS:
            found = _of(results, world, kind)
            if not found:
                continue
            value, low, high = mean_interval(scores(results, world, kind))
            rows.append({
                "world": world, "agent": _LABELS[kind], "seeds": len(found), "return": value, "low": low, "high": high,
                "worst": scores(results, world, kind).min(), "episodes": np.mean([one["return"] for one in found]),
                "best": found[0].get("best", float("nan")), "steps": np.mean([one["taken"] for one in found]),
                "seconds": np.mean([one["seconds"] for one in found]),
            })  # fmt: skip
    return pd.DataFrame(rows)


def conclude(results: Results) -> Finding:
    """Judge the goals of each world."""
    made = [_pole(results, "spine"), _pole(results, "spine_saturating")]
    for world in ("FrozenLake-v1", "Taxi-v4"):
        made.append(_near_the_best(results, world))
    made.append(_bricks(results))
    panels = [_panel(results, world) for world in WORLDS if _of(results, world, "spine")]
    return Finding(panels, [one for one in made if one is not None])


def _pole(results: Results, kind: str) -> Claim | None:
    found = scores(results, "CartPole-v1", kind)
    if not len(found):
        return None
    solved = int((found >= _SOLVED).sum())
    wanted = -(-9 * len(found) // 10)  # nine tenths, rounded up
    text = (
        f"{_LABELS[kind].capitalize()} solve CartPole (mean of 100 episodes at least 475) in at least {wanted} of "
        f"{len(found)} seeds."
    )
    return claim(text, f"{solved} of {len(found)}; mean {found.mean():.1f}, worst {found.min():.1f}",
                 solved >= wanted, len(found))  # fmt: skip


def _near_the_best(results: Results, world: str) -> Claim | None:
    found = _of(results, world, "spine")
    if not found:
        return None
    value, low, high = mean_interval(scores(results, world, "spine"))
    best = found[0]["best"]
    return claim(
        f"In {world} spines come within 5 % of the best policy's return, on average over seeds.",
        f"{value:.3f} [{low:.3f}, {high:.3f}] of {best:.3f}", value >= best - (1.0 - _SHARE) * abs(best), len(found),
    )  # fmt: skip


def _bricks(results: Results) -> Claim | None:
    world = "MinAtar/Breakout-v1"
    ours, theirs = scores(results, world, "spine"), scores(results, world, "linear")
    if not len(ours) or len(ours) != len(theirs):
        return None
    gained, low, high = mean_interval(ours - theirs)
    return claim("In Breakout spines and the linear actor-critic are equal, as one agent apart from rounding must be: "
                 "spines lose less than a tenth of its return.",
                 f"{ours.mean():.2f} against {theirs.mean():.2f}; difference {gained:.2f} [{low:.2f}, {high:.2f}]",
                 low > -0.1 * theirs.mean(), len(ours))  # fmt: skip


def _panel(results: Results, world: str) -> Panel:
    curves = []
    for kind in KINDS:
        found = _of(results, world, kind)
        if found:
            grid = np.linspace(0.0, min(one["steps"][-1] for one in found), 41)[1:]
            runs = np.array([np.interp(grid, one["steps"], one["returns"]) for one in found])
            spread = np.array([mean_interval(column) for column in runs.T])
            curves.append(curve(_LABELS[kind], grid / 1000, spread[:, 0], spread[:, 1], spread[:, 2]))
    return Panel(f"{world} while learning", "steps of the world (thousands)", "return of an episode", pd.concat(curves))


STUDY = Study(
    name="agents",
    title="Agents of spines beside the usual rules",
    question="How well do D1 and D2 spines play, and what do other rules reach with the same features and steps?",
    model="Each agent has the features and the steps of its world, and rates that fall linearly to 2 %. After training "
    "it takes its likeliest action for 100 episodes; where the world's transitions are known as a table, the return of "
    "these actions and the best possible one within the time limit are computed instead.\n\nThe linear actor-critic "
    "is the same rule with signed weights: without rounding it would be the same agent as linear spines. OpAL's Go and "
    "NoGo weights change by error times weight. None but the spines was tuned.",
    sources=("barto1983", "sutton2018", "collins2014", "watkins1992", "young2019", "towers2024"),
    cases=cases,
    run=run_training,
    conclude=conclude,
)
