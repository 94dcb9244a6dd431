"""The report of a training run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from spinula.core.files import write_text
from spinula.faces import training_figures as figures
from spinula.faces.report.page import draw, environment, papers, records
from spinula.studies.training import Plan, Trained


def write_training_report(path: Path, plan: Plan, trained: Trained, run: dict[str, Any]) -> None:
    """Write the report of a network that was trained."""
    history, network = trained.history, trained.network
    layers = [network.connections(layer) for layer in range(len(network.stores))]
    inputs = int(network.flat.widths[0])
    drawn = [
        draw(lambda ax: figures.learning_curve(ax, history, scored="test"), "Accuracy by epoch"),
        draw(lambda ax: figures.turnover_by_epoch(ax, history), "Turnover ratio by epoch"),
        draw(lambda ax: figures.weight_sizes(ax, [weights for _, _, weights in layers]), "Sizes by layer"),
        draw(lambda ax: figures.connection_map(ax, layers[0][1], inputs), "Connections of each input"),
    ]
    columns = {"epoch": "epoch", "loss": "loss", "train_accuracy": "training accuracy", "accuracy": "test accuracy",
               "eliminated": "eliminated", "turnover_ratio": "turnover ratio",
               "connections": "connections"}  # fmt: skip
    widths = network.flat.widths.tolist()
    possible = sum(a * b for a, b in pairwise(widths))
    page = environment().get_template("training.html.j2").render(
        title=f"{plan.rule.name} on {run['data']}", plan=plan, run=run, figures=drawn, widths=widths,
        connections=int(history["connections"].iloc[-1]), possible=possible, history=records(history, columns),
        accuracy=float(history["accuracy"].iloc[-1]), papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)
