"""``train``: a truly sparse network, by any rule, on a data set of images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder


def train(
    data: str = typer.Option("digits", help="digits, mnist or fashion."),
    rule: str = typer.Option("spine", help="spine, deep_r, rigl, sparse_evolutionary, static, ... (`spinula list`)."),
    density: float = typer.Option(0.05, help="Share of possible connections that exist.", min=1e-6, max=1.0),
    hidden: list[int] = typer.Option([300, 100], "--hidden", help="Width of a hidden layer; may be repeated."),
    epochs: int = typer.Option(15, help="How often all data are seen.", min=1),
    batch: int = typer.Option(128, help="Samples per step.", min=1),
    rate: float = typer.Option(None, help="Learning rate; the rule's, if not given.", min=0.0),
    set_: list[str] = typer.Option([], "--set", help="A number of the law: shrinkage=3e-3. May be repeated."),
    files: Path = typer.Option(None, "--files", help="Folder with the files of the data set."),
    out: Path = typer.Option(None, "--out", help="Folder for report.html, history.csv, network.npz and run.json."),
    seed: int = typer.Option(None, help="Same seed, same bytes; drawn and stored if not given.", min=0),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Train a sparse network whose connections come and go like spines."""
    import numba
    import numpy as np

    from spinula.core.files import replacing, write_text
    from spinula.engines.sparse.rules import rule as named
    from spinula.faces.report.training import write_training_report
    from spinula.studies.training import Plan, load_data
    from spinula.studies.training import train as run_training

    chosen = _changed(named(rule), rate, set_)
    loaded = load_data(data, folder=files)
    target = folder.open_folder(out or Path("out") / f"train-{data}-{rule}", force=force)
    seed = console.choose_seed(seed)
    plan = Plan(chosen, density, tuple(hidden), epochs, batch, seed)
    sources = ["kasai2021", "mocanu2018", "bellec2018", "evci2020"]
    run = folder.write_provenance(target, "train", seed=seed,
                                  content={"data": data, "plan": plan.as_dict(), "sources": sources})  # fmt: skip
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    trained = None
    with console.progress(epochs, "train") as move:
        for row, latest in run_training(plan, loaded):
            trained = latest
            move(row["epoch"], f"epoch {row['epoch']}: {100 * row['accuracy']:.2f} %")
    assert trained is not None
    write_text(target / "history.csv", trained.history.to_csv(index=False))
    parts: dict[str, Any] = {"widths": trained.network.flat.widths, "bias": trained.network.flat.bias}
    for layer in range(len(trained.network.stores)):
        parts.update(
            zip((f"row{layer}", f"col{layer}", f"weight{layer}"), trained.network.connections(layer), strict=True)
        )
    with replacing(target / "network.npz") as temporary:
        np.savez(temporary, **parts)
    write_training_report(target / "report.html", plan, trained, run)
    last = trained.history.iloc[-1]
    if as_json:
        console.print_json("train", seed=seed, out=target, accuracy=float(last["accuracy"]),
                           history=trained.history.to_dict("records"))  # fmt: skip
        return
    typer.echo(f"test accuracy {100 * last['accuracy']:.2f} % with {int(last['connections'])} connections")
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
