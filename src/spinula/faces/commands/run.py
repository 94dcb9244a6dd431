"""``run``: whatever ships with spinula and can be run by name, or a file of the same kind."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import typer

from spinula.faces.runs.asked import Asked

# The kinds, in the order in which they claim a name; a protocol takes every other file.
_KINDS = ("runs.disorder", "parallels.running", "reward.running", "silver.running", "runs.protocol")


def run(
    name: str = typer.Argument(
        help="A protocol, an experiment of rewards (`spinula list`), a TOML, `disorder` or `parallels`."
    ),
    detail: str = typer.Argument(
        None, help="After `disorder`: conditions joined by +; after `parallels`: one of them."
    ),
    out: Path = typer.Option(None, "--out", help="Folder for report.html, tables and run.json; else out/NAME."),
    replicates: int = typer.Option(None, help="Dendrites or animals per condition; the file's, if not given.", min=1),
    seed: int = typer.Option(None, help="Same seed, same bytes; drawn and stored if not given.", min=0),
    jobs: int = typer.Option(1, help="Processes, for kinds that are made of cases.", min=1),
    resume: bool = typer.Option(False, help="Go on with a run that was killed."),
    claims: bool = typer.Option(False, "--claims", help="Experiments of rewards: judge the claims of their study."),
    fast: bool = typer.Option(False, "--fast", help="Parallels: smaller problems, minutes rather than an hour."),
    report: bool = typer.Option(False, "--report", help="Parallels: write the page with their figures."),
    force: bool = typer.Option(False, help="Replace what is in --out."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Run an experiment on a dendrite, or on animals that learn from reward, and compare it with what was published."""
    kind = _kind(name)
    given = {"second word": detail is not None, "--claims": claims, "--jobs": jobs > 1, "--fast": fast,
             "--report": report}  # fmt: skip
    extras = frozenset(option for option, there in given.items() if there)
    for option in sorted(extras - kind.TAKES):
        _refuse(name, kind, option)
    kind.run(Asked(name, detail, out, replicates, seed, resume, force, as_json, extras, jobs))


def _kinds() -> list[ModuleType]:
    return [import_module(f"spinula.faces.{place}") for place in _KINDS]


def _kind(name: str) -> ModuleType:
    """Return the kind that claims a name."""
    from spinula.core.errors import UnknownNameError

    kinds = _kinds()
    for kind in kinds:
        if kind.owns(name):
            return kind
    known = [one for kind in kinds for one in kind.names()]
    raise UnknownNameError("run", name, known, see="spinula list")


def _refuse(name: str, kind: ModuleType, option: str) -> None:
    """Say which option a kind does not take, and what does."""
    from spinula.core.errors import UsageError

    takers = [one for other in _kinds() if option in other.TAKES for one in other.names()]
    cure = f"These take it: {', '.join(takers)}." if takers else "Leave it out."
    raise UsageError(f"{name} is a {kind.WHAT}, which takes no {option}.\n  {cure}")
