"""The folder of a run: what it holds, when it may be written, and what the run says of itself."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from spinula.core.errors import InvalidInputError, OutputExistsError, UsageError
from spinula.core.files import write_text
from spinula.faces import console

# What commands write, so that --force removes these and nothing of the user's.
_OURS = (
    "table.csv", "table.csv.json", "report.html", "numbers.json", "fitted.toml", "comparison.csv", "tables", "partial",
    "run.json", "spines.csv", "events.csv", "changes.csv", "history.csv", "log.jsonl", "network.npz", "model.pt",
    "rows.json", "points.csv", "claims.json", "atlas.svg", "placement.svg", "cases", "verdicts.csv",
    "policy.npz", "compared.csv",
)  # fmt: skip


def open_folder(out: Path, *, force: bool, resume: bool = False) -> Path:
    """Make the folder of a run; refuse one that holds anything, unless told to replace it or to go on.

    With ``force`` the files of the last run are removed first, so that none of them can pass for the new run's.

    Raises
    ------
    OutputExistsError
        If the folder holds something, and neither ``force`` nor a run to ``resume`` allows writing there.
    UsageError
        If ``out`` is a file.
    """
    if force and resume:
        raise typer.BadParameter("--resume goes on, --force starts again: give one", param_hint="--resume")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file.\n  Give a folder; it is made if it does not exist.")
    if out.exists() and any(out.iterdir()) and not force:
        begun = (out / "partial").exists()
        if not resume:
            if begun:
                console.say(f"{out} holds a run that was not finished: --resume goes on with it")
            raise OutputExistsError(out)
        if not begun and not (out / "run.json").exists():
            raise OutputExistsError(out)
    for name in _OURS if force else ():
        path = out / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    return out


def stored(folder: Path, key: str) -> Any:
    """Return what the run in a folder says of itself under a key; None if there is no run."""
    path = folder / "run.json"
    return json.loads(path.read_text(encoding="utf-8")).get(key) if path.exists() else None


def check_same(folder: Path, fingerprint: str) -> None:
    """Refuse to go on with a folder that holds another run.

    Raises
    ------
    InvalidInputError
        If it does: going on would replace it.
    """
    if (folder / "run.json").exists() and stored(folder, "fingerprint") != fingerprint:
        raise InvalidInputError(
            f"{folder} holds another run.\n  Resume with the same arguments and seed, or start again with --force."
        )


def is_finished(folder: Path, fingerprint: str, product: str) -> bool:
    """Tell whether the run to be resumed has ended already.

    Raises
    ------
    InvalidInputError
        If the folder holds another run: going on would replace it.
    """
    check_same(folder, fingerprint)
    done = (
        stored(folder, "fingerprint") == fingerprint
        and (folder / product).exists()
        and not (folder / "partial").exists()
    )
    if done:
        console.say("finished already; nothing to do")
    return done


def mark(content: dict[str, Any]) -> str:
    """Return a short hash of what a run was asked to do, to tell it from another when it is resumed."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


def write_provenance(folder: Path, command: str, *, seed: int, content: dict[str, Any]) -> dict[str, Any]:
    """Write run.json: version, command line, seed, libraries and what the command adds; return it.

    It holds no date, so that the same run gives the same bytes.
    """
    from spinula import __version__

    line = ["spinula", *sys.argv[1:]]
    if not any(part == "--seed" or part.startswith("--seed=") for part in line):
        line += ["--seed", str(seed)]
    libraries = {name: version(name) for name in ("numpy", "scipy", "pandas", "numba")}
    run = console.plain(
        {
            "schema_version": console.SCHEMA_VERSION, "spinula": __version__, "command": command, "seed": seed,
            "command_line": shlex.join(line), "python": sys.version.split()[0], "libraries": libraries, **content,
        }
    )  # fmt: skip
    write_text(folder / "run.json", json.dumps(run, indent=2) + "\n")
    return run
