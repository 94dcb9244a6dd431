"""Train an agent in a world for ``spinula train WORLD``: progress, files, and what came out."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer

from spinula.faces import console, folder

_SOURCES = ["barto1983", "sutton2018", "yagishita2014", "iino2020", "towers2024"]
_MORE = {"opal": ["collins2014"], "q": ["watkins1992"], "MinAtar": ["young2019"]}


@dataclass(frozen=True)
class Wanted:
    """The options of ``spinula train`` that a world takes.

    Attributes
    ----------
    world : str
    kind : str, the rule
    steps, episodes : int or None, how long; None: the world's usual
    pairs : list of str, numbers of the rule as NAME=VALUE
    intrinsic : bool, whether spines live by themselves
    out : Path or None
    seed : int or None
    resume, force, as_json : bool
    """

    world: str
    kind: str
    steps: int | None
    episodes: int | None
    pairs: list[str]
    intrinsic: bool
    out: Path | None
    seed: int | None
    resume: bool
    force: bool
    as_json: bool


def train_agent(wanted: Wanted) -> None:
    """Train, evaluate over 100 episodes, write policy.npz, history.csv, numbers.json, report.html and run.json."""
    from spinula.studies.agents.training import settings
    from spinula.studies.agents.worlds import known, open_world

    found = known(wanted.world)
    name = "-".join(["train", found.name.replace("/", "-"), *([wanted.kind] if wanted.kind != "spine" else [])])
    target = wanted.out or Path("out") / name
    # All that can be refused is refused before the folder is opened: --force deletes the run that is there.
    plan = _plan(wanted, found, 0)
    open_world(found.name)
    folder.open_folder(target, force=wanted.force, resume=wanted.resume)
    kept = folder.stored(target, "seed") if wanted.resume and wanted.seed is None else wanted.seed
    plan = replace(plan, seed=console.choose_seed(kept))
    mark = folder.mark({"plan": plan.as_dict(), "settings": settings(plan)})
    if not (wanted.resume and folder.is_finished(target, mark, "report.html")):
        _run(plan, target, mark)
    _tell(target, wanted.as_json, plan)


def _plan(wanted: Wanted, found: Any, seed: int) -> Any:
    from spinula.studies.agents.training import Plan

    # So many steps that episodes decide, if they were given alone.
    steps = wanted.steps or (found.steps if wanted.episodes is None else wanted.episodes * found.limit)
    plan = Plan(found.name, steps, seed, wanted.kind, rule=_numbers(wanted.pairs, found.rule), episodes=wanted.episodes,
                intrinsic=_lively() if wanted.intrinsic else None)  # fmt: skip
    plan.check()
    return plan


def _lively() -> dict[str, Any]:
    from spinula.engines.agents import IntrinsicDynamics

    return IntrinsicDynamics().model_dump()


def _numbers(pairs: list[str], rule: Any) -> dict[str, Any]:
    """Return NAME=VALUE pairs as numbers (or words) of the rule, checked by it."""
    from pydantic import ValidationError

    from spinula.core.errors import InvalidInputError, UnknownNameError

    known, changes = rule.model_dump(), {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name not in known:
            raise UnknownNameError("number of the rule", name, known)
        changes[name] = value if isinstance(known[name], str) else _number(pair, value)
    try:
        type(rule)(**{**known, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(f"--set {first['loc'][0]}: {first['msg']}.\n  See the bounds of SpineRule.") from None
    return changes


def _number(pair: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise typer.BadParameter(f"{pair} is not NAME=NUMBER", param_hint="--set") from None


def _run(plan: Any, target: Path, mark: str) -> None:
    import pandas as pd

    from spinula.core.files import write_text
    from spinula.faces.agents.report import write_agent_report
    from spinula.studies.agents.policies import save_policy
    from spinula.studies.agents.training import settings, train

    partial = target / "partial"
    folder.check_same(target, mark)
    partial.mkdir(exist_ok=True)
    sources = [*_SOURCES, *_MORE.get(plan.kind, []), *_MORE.get(plan.world.partition("/")[0], [])]
    content = {"plan": plan.as_dict(), "fingerprint": mark, "sources": sources, "world_libraries": versions()}
    run = folder.write_provenance(target, "train", seed=plan.seed, content=content)
    rows, agent = [], None
    with console.progress(plan.rows, "train") as move:
        for row, latest in train(plan, checkpoint=partial / "agent.npz"):
            rows.append(row)
            agent = latest
            write_text(target / "history.csv", pd.DataFrame(rows).to_csv(index=False))
            move(len(rows), f"{row['steps']} steps: return {row['return']:.4g}")
    save_policy(target / "policy.npz", plan, agent)
    result = _evaluated(plan, agent)
    write_text(target / "numbers.json", json.dumps(console.plain(result), indent=1))
    run = {**run, "taken": rows[-1]["steps"], "played": rows[-1]["episodes"]}
    write_agent_report(target / "report.html", plan, pd.DataFrame(rows), result, run, settings(plan))
    shutil.rmtree(partial)


def versions() -> dict[str, str]:
    """Return the versions of the libraries that worlds come from, of those that are installed."""
    found = {}
    for name in ("gymnasium", "minatar"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _evaluated(plan: Any, agent: Any) -> dict[str, Any]:
    import numpy as np

    from spinula.measures.intervals import bootstrap
    from spinula.studies.agents.cases import exact
    from spinula.studies.agents.training import evaluate
    from spinula.studies.agents.worlds import open_world

    world = open_world(plan.world, changed=plan.changed)
    found = evaluate(agent, world)
    sums = np.column_stack([found, np.ones(len(found))])
    low, high = bootstrap(sums, lambda drawn: drawn[..., 0] / drawn[..., 1], replicates=4000, seed=0)
    return {
        "mean": float(found.mean()),
        "low": float(low),
        "high": float(high),
        "episodes": len(found),
        **exact(agent, world),
    }


def _tell(target: Path, as_json: bool, plan: Any) -> None:
    """Print what came out, from the files of the run."""
    import pandas as pd

    result = json.loads((target / "numbers.json").read_text(encoding="utf-8"))
    if as_json:
        history = pd.read_csv(target / "history.csv")
        console.print_json("train", world=plan.world, seed=plan.seed, out=target, **result,
                           history=history.to_dict("records"))  # fmt: skip
        return
    best = f", best possible {result['best']:.4g}, by the table {result['earned']:.4g}" if "best" in result else ""
    typer.echo(f"return {result['mean']:.4g} [{result['low']:.4g}, {result['high']:.4g}] over "
               f"{result['episodes']} episodes{best}")  # fmt: skip
    typer.echo(target / "report.html")
