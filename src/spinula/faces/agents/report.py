"""The page of an agent that was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from spinula.core.files import write_text
from spinula.faces.agents.figures import draw_history
from spinula.faces.report.page import draw, environment, papers, records
from spinula.studies.agents.training import Plan

_COLUMNS = {
    "steps": "steps", "episodes": "episodes", "return": "return", "length": "steps of an episode",
    "burst": "burst [rewards]", "dip": "dip [rewards]", "d1": "D1 [um3]", "d2": "D2 [um3]", "eliminated": "eliminated",
}  # fmt: skip
GOALS = {"CartPole-v1": 475.0}


def write_agent_report(
    path: Path, plan: Plan, history: pd.DataFrame, result: dict[str, Any], run: dict[str, Any], rule: dict[str, Any]
) -> None:
    """Write the page; ``result`` is what the evaluation found, ``rule`` the numbers of the agent's rule."""
    best = result.get("best")
    goal = best if best is not None else GOALS.get(plan.world)
    name = "best possible" if best is not None else "goal"
    figure = draw(
        lambda ax: draw_history(ax, history, goal=goal, goal_name=name),
        "Dopamine, volumes of D1 and D2 spines, and returns while the agent learns", width=7.0, height=5.8,
    )  # fmt: skip
    shown = history.iloc[:: max(1, len(history) // 20)]
    page = environment().get_template("agent.html.j2").render(
        title=f"{plan.world}, {plan.kind}", plan=plan, figure=figure, result=result, history=records(shown, _COLUMNS),
        run=run, rule=rule, papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)
