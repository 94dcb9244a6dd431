"""How the command line speaks: data on stdout, messages on stderr, progress, seeds, JSON, exit codes."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from spinula.studies.memory.study import Claim

SCHEMA_VERSION = 1


def _width(stream: Any) -> int | None:
    """Return a width for what is read by a program: a pipe has none of its own, and 80 columns fold tables."""
    return None if stream.isatty() or "COLUMNS" in os.environ else 160


data = Console(soft_wrap=False, highlight=False, width=_width(sys.stdout))
messages = Console(stderr=True, highlight=False, width=_width(sys.stderr))


def say(text: str) -> None:
    """Tell the user something, on stderr."""
    messages.print(text, markup=False, soft_wrap=True)


def choose_seed(seed: int | None) -> int:
    """Return the seed, drawing one if none was given; it is always printed."""
    from spinula.core.streams import draw_seed

    chosen = draw_seed() if seed is None else seed
    say(f"seed {chosen}" + ("  (drawn; give --seed to repeat this run)" if seed is None else ""))
    return chosen


def print_json(command: str, **content: Any) -> None:
    """Print one JSON document with a schema version; NaN becomes null."""
    document = {"schema_version": SCHEMA_VERSION, "command": command, **content}
    typer.echo(json.dumps(plain(document), indent=2))


def plain(value: Any) -> Any:
    """Return a value with everything JSON does not know made plain: NumPy numbers, NaN, paths, tuples."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def table(title: str, columns: list[str]) -> Table:
    """Return an empty table in the house style."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def claims(title: str, found: Iterable[Claim]) -> None:
    """Print claims, what was found on each, and whether it holds."""
    from rich.markup import escape

    shown = table(title, ["claim", "found", ""])
    for claim in found:
        verdict = "[green]pass[/]" if claim.passed else "[red bold]FAIL[/]"
        shown.add_row(escape(("control: " if claim.control else "") + claim.text), escape(claim.found), verdict)
    data.print(shown)


@contextmanager
def progress(total: int | None, title: str) -> Iterator[Any]:
    """Yield a function that moves a progress bar (on stderr) to a step and names it."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description:<32}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=messages, transient=True, disable=not messages.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=total)

        def move(done: float, step: str = "") -> None:
            bar.update(task, completed=done, description=step or title)

        yield move
