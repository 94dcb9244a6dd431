"""``train``: a truly sparse network, by any rule, on images or on a text; or an agent in a world."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import typer

from spinula.faces import console, folder

# Epochs, batch and density where they are not given.
_USUAL = {"mlp": (15, 128, 0.05), "cnn": (5, 64, 0.1), "transformer": (3, 16, 0.1)}
_SOURCES = ["kasai2021", "mocanu2018", "bellec2018", "evci2020"]


def train(
    world: str = typer.Argument(None, help="Train an agent there instead of a network: CartPole-v1, FrozenLake-v1, "
                                "Taxi-v4 or MinAtar/Breakout-v1."),
    data: str = typer.Option(None, help="digits, mnist, fashion or text; digits (transformer: text) if not given."),
    model: str = typer.Option("mlp", help="mlp (without PyTorch), cnn or transformer."),
    rule: str = typer.Option("spine", help="spine, deep_r, rigl, sparse_evolutionary, static, ... (`spinula list`); of "
                             "agents: spine, spine_saturating, linear, opal, q or sarsa."),
    density: float = typer.Option(None, help="Share of possible connections that exist; 0.05, and 0.1 for cnn and "
                                  "transformer, if not given.", min=1e-6, max=1.0),
    hidden: list[int] = typer.Option([], "--hidden", help="Width of a hidden layer, [300, 100] if not given; may be "
                                     "repeated, for mlp."),
    context: int = typer.Option(64, help="Characters that a transformer sees.", min=2),
    width: int = typer.Option(128, help="Width of a transformer, a multiple of 4.", min=4),
    depth: int = typer.Option(2, help="Blocks of a transformer.", min=1),
    epochs: int = typer.Option(None, help="How often all data are seen; 15 for mlp, 5 for cnn, 3 for transformer, if "
                               "not given.", min=1),
    batch: int = typer.Option(None, help="Samples per step; 128, 64 or 16, if not given.", min=1),
    rate: float = typer.Option(None, help="Learning rate; the rule's, if not given.", min=0.0),
    set_: list[str] = typer.Option([], "--set", help="A number of the law: shrinkage=3e-3. May be repeated."),
    steps: int = typer.Option(None, help="Agents: steps of the world; its usual number, if not given.", min=1),
    episodes: int = typer.Option(None, help="Agents: episodes to train for, or fewer if --steps end first.", min=1),
    intrinsic: bool = typer.Option(False, "--intrinsic", help="Agents: spines also fluctuate, come and go."),
    files: Path = typer.Option(None, "--files", help="Folder of the data set's files; for text, a file in UTF-8."),
    out: Path = typer.Option(None, "--out", help="Folder for report.html, history.csv, log.jsonl, network.npz, ..."),
    table: bool = typer.Option(False, "--table", help="Write the first layer as a spine table, for `spinula fit`."),
    seed: int = typer.Option(None, help="Same seed, same bytes; drawn and stored if not given.", min=0),
    resume: bool = typer.Option(False, help="Go on with a run that was killed."),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:  # fmt: skip
    """Train a sparse network whose connections come and go like spines, or an agent that learns by D1 and D2 spines."""
    given = {"--data": data, "--density": density, "--hidden": hidden, "--epochs": epochs, "--batch": batch,
             "--rate": rate, "--files": files, "--table": table, "--model": model != "mlp"}  # fmt: skip
    if world is not None:
        from spinula.faces.agents.running import Wanted, train_agent

        _refuse([name for name, value in given.items() if value], "an agent takes none; its numbers are --set")
        train_agent(Wanted(world, rule, steps, episodes, set_, intrinsic, out, seed, resume, force, as_json))
        return
    only = {"--steps": steps, "--episodes": episodes, "--intrinsic": intrinsic}
    _refuse([name for name, value in only.items() if value], "only an agent takes it: name its world first")
    if model not in _USUAL:
        from spinula.core.errors import UnknownNameError

        raise UnknownNameError("model", model, _USUAL)
    data = data or ("text" if model == "transformer" else "digits")
    usual = _USUAL[model]
    chosen = _changed(_rule(rule, model, density or usual[2]), rate, set_)
    loaded = _load(data, files)
    target = out or Path("out") / "-".join(["train", data, *([model] if model != "mlp" else []), rule])
    target = folder.open_folder(target, force=force, resume=resume)
    seed = console.choose_seed(folder.stored(target, "seed") if resume and seed is None else seed)
    common = {"rule": chosen, "density": density or usual[2], "epochs": epochs or usual[0],
              "batch": batch or usual[1], "seed": seed}  # fmt: skip
    plan = _plan(model, common, tuple(hidden), {"context": context, "width": width, "depth": depth})
    _run(plan, loaded, target, resume=resume, record=table)
    _tell(target, as_json, seed)


def _refuse(options: list[str], why: str) -> None:
    """Refuse options that belong to the other kind of training."""
    if options:
        raise typer.BadParameter(why, param_hint=options[0])


def _rule(name: str, model: str, density: float) -> Any:
    if model == "mlp":
        from spinula.engines.sparse.rules import rule

        return rule(name, density)
    from spinula.studies.training.torch_models import model_rule

    return model_rule(name, model)


def _load(name: str, files: Path | None) -> Any:
    from spinula.studies.training.data import load_data, load_text

    return load_text(files) if name == "text" else load_data(name, folder=files)


def _plan(model: str, common: dict[str, Any], hidden: tuple[int, ...], sizes: dict[str, int]) -> Any:
    """Return the plan of a perceptron or of a model of PyTorch."""
    if model == "mlp":
        from spinula.studies.training import Plan

        return Plan(hidden=hidden or (300, 100), **common)
    if hidden:
        raise typer.BadParameter(f"the model {model} has no hidden layers of your own; mlp has", param_hint="--hidden")
    from spinula.studies.training.torch_models import ModelPlan

    return ModelPlan(model, **common, **(sizes if model == "transformer" else {}))


def _run(plan: Any, data: Any, target: Path, *, resume: bool, record: bool) -> None:
    """Train, and write everything that comes of it, row by row; nothing if it is there already."""
    import numba

    from spinula.core.files import write_text
    from spinula.faces.report.training import write_training_report
    from spinula.studies.training import train as train_perceptron
    from spinula.studies.training.following import Journal, fingerprint
    from spinula.studies.training.torch_models import ModelPlan, train_model

    named = {"data": data.name, "table": record, "plan": plan.as_dict()}
    mark = fingerprint(named, data.codes if hasattr(data, "codes") else data.labels)
    if resume and folder.is_finished(target, mark, "report.html"):
        return
    journal = Journal(target, mark, resume=resume)
    run = folder.write_provenance(target, "train", seed=plan.seed,
                                  content={**named, "fingerprint": mark, "sources": _SOURCES})  # fmt: skip
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    train = train_model if isinstance(plan, ModelPlan) else train_perceptron
    rows, trained, log = [], None, _Log(target / "log.jsonl", resume)
    with console.progress(plan.epochs, "train") as move:
        for row, latest in train(plan, data, record=record, journal=journal):
            trained = latest
            rows.append(row)
            log.add(row, again=row["epoch"] <= journal.restored)
            write_text(target / "history.csv", _csv(rows))
            move(row["epoch"], f"epoch {row['epoch']}: {_result(row)}")
    assert trained is not None
    if trained.table is not None:
        trained.table.write(target / "table.csv")
    _write_network(target, trained)
    write_training_report(target / "report.html", plan, trained, {**run, "entropy": getattr(data, "entropy", None)})
    journal.close()


def _csv(rows: list[dict[str, Any]]) -> str:
    import pandas as pd

    return pd.DataFrame(rows).to_csv(index=False)


def _result(row: dict[str, Any]) -> str:
    """Return what a row of the history says of the data that were held out."""
    return f"{row['bits']:.3f} bits per character" if "bits" in row else f"{100 * row['accuracy']:.2f} %"


class _Log:
    """One line of JSON per epoch, as it comes: the row, and how many seconds it took."""

    def __init__(self, path: Path, resume: bool) -> None:
        lines = path.read_text(encoding="utf-8").splitlines() if resume and path.exists() else []
        self.path, self.lines, self.begun = path, lines, perf_counter()

    def add(self, row: dict[str, Any], *, again: bool) -> None:
        """Add a row, unless the run that is resumed had logged it; without its time if that is not known any more."""
        from spinula.core.files import write_text

        now = perf_counter()
        if row["epoch"] > len(self.lines):
            line = {**row, "seconds": None if again else round(now - self.begun, 3)}
            self.lines.append(json.dumps(console.plain(line)))
            write_text(self.path, "\n".join(self.lines) + "\n")
        self.begun = now


def _write_network(target: Path, trained: Any) -> None:
    """Write the connections of all sparse layers, and for a model of PyTorch its state_dict."""
    import numpy as np

    from spinula.core.files import replacing

    parts: dict[str, Any] = {"layers": np.array([layer.name for layer in trained.layers])}
    for number, layer in enumerate(trained.layers):
        parts.update({f"row{number}": layer.rows, f"col{number}": layer.cols, f"weight{number}": layer.weights,
                      f"shape{number}": np.array(layer.shape)})  # fmt: skip
    if hasattr(trained.network, "flat"):
        parts.update(widths=trained.network.flat.widths, bias=trained.network.flat.bias)
    else:
        from spinula.studies.training.torch_models import save_model

        with replacing(target / "model.pt") as temporary:
            save_model(trained.network, temporary)
    with replacing(target / "network.npz") as temporary:
        np.savez(temporary, **parts)


def _tell(target: Path, as_json: bool, seed: int) -> None:
    """Print what came out, from the files of the run."""
    import pandas as pd

    history = pd.read_csv(target / "history.csv")
    last = history.iloc[-1].to_dict()
    if as_json:
        result = {name: last[name] for name in ("accuracy", "bits") if name in last}
        console.print_json("train", seed=seed, out=target, **result, history=history.to_dict("records"))
        return
    having = f"with {int(last['connections'])} connections" if "connections" in last else "with all connections"
    typer.echo(f"{'held out' if 'bits' in last else 'test accuracy'} {_result(last)} {having}")
    typer.echo(target / "report.html")


def _changed(rule: Any, rate: float | None, pairs: list[str]) -> Any:
    """Return a rule with another learning rate and other numbers of its law."""
    from pydantic import ValidationError

    from spinula.core.errors import ConfigError

    changes = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key not in type(rule.law).model_fields:
            known = ", ".join(type(rule.law).model_fields)
            raise ConfigError("--set", key, "unknown key", cure=f"Known keys: {known}.")
        try:
            changes[key] = float(value)
        except ValueError:
            raise typer.BadParameter(f"{pair!r} is not KEY=NUMBER", param_hint="--set") from None
    try:
        law = type(rule.law).model_validate({**rule.law.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError("--set", ".".join(map(str, first["loc"])), first["msg"]) from None
    return replace(rule, law=law, rate=rule.rate if rate is None else rate)
