"""The report of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from spinula.core.files import write_text
from spinula.faces import training_figures as figures
from spinula.faces.report.page import draw, environment, papers, records
from spinula.studies.training import Plan, Trained
from spinula.studies.training.torch_models import ModelPlan

_COLUMNS = {
    "epoch": "epoch", "loss": "loss [nat]", "train_accuracy": "training accuracy", "accuracy": "accuracy, held out",
    "bits": "bits per character, held out", "formed": "formed", "eliminated": "eliminated",
    "turnover_ratio": "turnover ratio", "connections": "connections", "size_median": "median size",
}  # fmt: skip
_DESIGNS = {"cnn": "convolutional network", "transformer": "character-level Transformer", "mlp": "perceptron"}


def write_training_report(path: Path, plan: Plan | ModelPlan, trained: Trained, run: dict[str, Any]) -> None:
    """Write the report of a network that was trained; ``run`` may hold the ``entropy`` of a text's characters."""
    history, layers = trained.history, trained.layers
    sites = sum(layer.shape[0] * layer.shape[1] for layer in layers)
    model = plan.model if isinstance(plan, ModelPlan) else "mlp"
    page = environment().get_template("training.html.j2").render(
        title=f"{_DESIGNS[model]}, {plan.rule.name}, on {run['data']}", plan=plan, run=run,
        design=_design(plan, layers), figures=_figures(plan, trained, run), layers=layers, sites=sites,
        history=records(history, _COLUMNS), connections=sum(len(layer.rows) for layer in layers),
        last=history.iloc[-1].to_dict(),
        rule=_rule(plan), entropy=run.get("entropy"), papers=papers(run["sources"]),
    )  # fmt: skip
    write_text(path, page)


def _design(plan: Plan | ModelPlan, layers: list[Any]) -> str:
    """Return the sizes of a network in words."""
    if not isinstance(plan, ModelPlan):
        return " – ".join(map(str, [layers[0].shape[1], *(layer.shape[0] for layer in layers)]))
    if plan.model == "transformer":
        return f"{plan.depth} blocks of width {plan.width}, {plan.context} characters of context"
    return f"two convolutions, one hidden layer of {plan.hidden}"


def _rule(plan: Plan | ModelPlan) -> dict[str, Any]:
    """Return the rule's numbers; of a model of PyTorch only those that it uses."""
    found = plan.rule.describe()
    if isinstance(plan, ModelPlan):
        kept = ("name", "rate", *(("candidates", "signed") if plan.rule.continuous else ()), "law")
        return {"optimiser": "Adam", **{key: found[key] for key in kept}}
    return found


def _figures(plan: Plan | ModelPlan, trained: Trained, run: dict[str, Any]) -> list[Markup]:
    """Return what is drawn: of a network without sparse layers only how it learnt."""
    history, layers = trained.history, trained.layers
    reads, model = "bits" in history, plan.model if isinstance(plan, ModelPlan) else "mlp"
    scored = "held out" if reads else "test"
    drawn = [draw(lambda ax: figures.learning_curve(ax, history, scored=scored), "Accuracy by epoch")]
    drawn.append(
        draw(lambda ax: figures.loss_curve(ax, history, scored=scored, unit="bit" if reads else "nat",
                                           entropy=run.get("entropy")), "Loss by epoch")
    )  # fmt: skip
    if not layers:
        return drawn
    if plan.rule.name == "static":
        new = None
    else:
        new = plan.rule.law.size_new if plan.rule.continuous else None
        drawn += [
            draw(lambda ax: figures.births_and_deaths(ax, history), "Connections formed and eliminated by epoch"),
            draw(lambda ax: figures.turnover_by_epoch(ax, history), "Turnover ratio by epoch"),
        ]
    shown = layers[-1] if model == "cnn" else layers[0]
    inputs = shown.shape[1]
    weights = {layer.name: layer.weights for layer in layers}
    drawn += [
        draw(lambda ax: figures.weight_sizes(ax, weights, size_new=new), "Sizes by layer at the end"),
        draw(lambda ax: figures.size_by_epoch(ax, history), "Sizes by epoch"),
        draw(lambda ax: figures.connection_map(ax, shown.cols, inputs, name=shown.name,
                                               picture=_picture(model, inputs)), "Connections of each input"),
    ]  # fmt: skip
    return drawn


def _picture(model: str, inputs: int) -> tuple[int, int, int] | None:
    """Return (channels, rows, columns) if a layer looks at a picture."""
    channels = {"mlp": 1, "cnn": 32}.get(model)
    side = round((inputs / channels) ** 0.5) if channels else 0
    return (channels, side, side) if channels and channels * side * side == inputs else None
