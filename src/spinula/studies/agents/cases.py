"""One case of the studies of agents: train, evaluate, perhaps change the world and train on."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from spinula.studies.agents.optimum import Transitions
from spinula.studies.agents.training import Plan, evaluate, train
from spinula.studies.agents.worlds import World, open_world
from spinula.studies.memory.study import Case, Found, Keeper


def plan_of(case: Case) -> Plan:
    """Return the plan that a case holds."""
    return Plan(**case["plan"])


def run_training(case: Case, keeper: Keeper) -> Found:
    """Train an agent and evaluate it over 100 episodes, and by the table of transitions where there is one."""
    plan, begun = plan_of(case), perf_counter()
    rows, agent = _trained(plan, None, keeper)
    seconds = perf_counter() - begun
    world = open_world(plan.world)
    found = evaluate(agent, world)
    return {
        "return": float(found.mean()), "seconds": seconds, "taken": rows[-1]["steps"], **exact(agent, world),
        "steps": [row["steps"] for row in rows], "returns": [row["return"] for row in rows],
    }  # fmt: skip


def run_reversal(case: Case, keeper: Keeper) -> Found:
    """Train, change the world, train on with the same rates; return the returns before and after the change."""
    plan = plan_of(case)
    before, agent = _trained(replace(plan, steps=case["before"], anneal=False), None, keeper)
    after, agent = _trained(replace(plan, changed=True, anneal=False), agent, keeper)
    return {
        "before": float(np.mean([row["return"] for row in before[-5:]])),
        "steps": [row["steps"] for row in after], "returns": [row["return"] for row in after],
        "recovered": float(np.mean([row["return"] for row in after])),
        "last": float(np.mean([row["return"] for row in after[-5:]])),
        "d1": after[-1]["d1"], "d2": after[-1]["d2"], "grown": before[-1]["d1"], "eliminated": after[-1]["eliminated"],
    }  # fmt: skip


def _trained(plan: Plan, agent: Any, keeper: Keeper) -> tuple[list[dict[str, float]], Any]:
    rows = []
    for row, latest in train(plan, agent=agent):
        rows.append(row)
        agent = latest
        keeper.tell(min(row["steps"] / plan.steps, 1.0))
    return rows, agent


def exact(agent: Any, world: World) -> Found:
    """Return what the likeliest actions earn by the table of transitions, and what is possible; {} without a table."""
    if not world.known.tabular:
        return {}
    table, horizon = Transitions(world.environment), world.known.limit
    policy = np.array([world.order[agent.act(state)] for state in range(len(table.start))])
    return {"earned": table.earned(policy, horizon), "best": table.best(horizon)}
