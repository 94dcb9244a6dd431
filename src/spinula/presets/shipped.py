"""The TOML files that ship with spinula (sets, protocols, experiments, conditions): their names and paths."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from spinula.core.errors import UnknownNameError


def shipped_names(folder: str) -> list[str]:
    """Return the names of the files of a folder, in order.

    Examples
    --------
    >>> "neocortex_adult" in shipped_names("sets")
    True
    """
    return sorted(path.name.removesuffix(".toml") for path in _at(folder).iterdir() if path.name.endswith(".toml"))


def shipped_path(kind: str, folder: str, name: str | Path) -> Path:
    """Return the path of a file by its name in a folder; a path that ends in ``.toml`` is returned as it is.

    Raises
    ------
    UnknownNameError
        If the folder has no file of that name; ``kind`` says what it would have been.
    """
    if str(name).endswith(".toml"):
        return Path(name)
    path = _at(folder) / f"{name}.toml"
    if not path.exists():
        raise UnknownNameError(kind, str(name), shipped_names(folder), see="spinula list")
    return path


def _at(folder: str) -> Path:
    return Path(str(files("spinula.presets").joinpath(folder)))
