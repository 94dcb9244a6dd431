"""TOML in and out; errors point at the file, the line and the key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from spinula.core.errors import ConfigError
from spinula.core.files import write_text

Model = TypeVar("Model", bound=BaseModel)

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""^\s*([A-Za-z0-9_\-."']+)\s*=""")


def line_of(text: str, key: Sequence[str | int]) -> int | None:
    """Return the line (from 1) on which a key, or the nearest table above it, is written.

    Examples
    --------
    >>> line_of("[law.noise_slope]\\nvalue = 0.2\\n", ["law", "noise_slope", "value"])
    2
    """
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str | int, ...], int] = {}
    prefix: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            path = tuple(part.strip(" \"'") for part in header.group(2).split("."))
            if header.group(1) == "[[":
                counts[path] = counts.get(path, -1) + 1
                path = (*path, counts[path])
            prefix = path
            lines.setdefault(prefix, number)
        elif entry := _KEY.match(line):
            path = (*prefix, *(part.strip("\"'") for part in entry.group(1).split(".")))
            lines.setdefault(path, number)
    wanted = tuple(key)
    while wanted:
        if wanted in lines:
            return lines[wanted]
        wanted = wanted[:-1]
    return None


class Written(Protocol):
    """Something that was read from a TOML file, which it keeps."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def text(self) -> str:
        """What is written in it."""
        ...


def mistake(written: Written, key: Sequence[str | int], problem: str, cure: str = "") -> ConfigError:
    """Return an error that points to the line of a key in the file that something was read from."""
    dotted = ".".join(str(part) for part in key)
    return ConfigError(written.path, dotted, problem, line=line_of(written.text, key), cure=cure)


def read_toml(path: str | Path) -> tuple[dict[str, Any], str]:
    """Read a TOML file into a dict, and return its text beside it (for line numbers in later errors).

    Raises
    ------
    ConfigError
        If the file is absent, is not UTF-8 text or is not TOML.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(path, "file", "no such file", cure="Check the path.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(path, "file", f"is not UTF-8 text ({error.reason})", cure="Save it as UTF-8.") from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise ConfigError(path, "syntax", str(error), line=int(found.group(1)) if found else None) from None


def validate(model: type[Model], data: dict[str, Any], *, file: str | Path, text: str, at: Sequence[str] = ()) -> Model:
    """Build a pydantic model from TOML data; the first mistake becomes a ConfigError with its line.

    Raises
    ------
    ConfigError
        If a key is unknown (the nearest known key is named), missing, of the wrong type or out of bounds.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # A misspelt key is both unknown and missing; the unknown one says more.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        inner = [part for part in first["loc"] if not isinstance(part, str) or not part.startswith("function-")]
        key = [*at, *inner]
        problem, cure = first["msg"].removeprefix("Value error, "), ""
        if first["type"] == "extra_forbidden":
            known = _fields_at(model, inner[:-1])
            near = get_close_matches(str(inner[-1]), known, n=1, cutoff=0.5)
            problem = "unknown key"
            cure = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
        elif first["type"] == "missing":
            problem = "is missing"
        elif "input" in first and not isinstance(first["input"], dict):
            problem += f" (got {first['input']!r})"
        dotted = ".".join(str(part) for part in key)
        raise ConfigError(file, dotted, problem, line=line_of(text, key), cure=cure) from None


def _fields_at(model: type[BaseModel], key: Sequence[str | int]) -> list[str]:
    """Return the field names of the model that a key leads to."""
    for part in key:
        if isinstance(part, int):
            continue  # the place in a list of tables: its model was found with the list
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if get_origin(inner) is list:
            inner = get_args(inner)[0]
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def load_toml(path: str | Path, model: type[Model]) -> Model:
    """Read a TOML file into a pydantic model.

    Raises
    ------
    ConfigError
        As :func:`read_toml` and :func:`validate`.
    """
    data, text = read_toml(path)
    return validate(model, data, file=path, text=text)


def write_toml(path: str | Path, data: dict[str, Any], *, heading: str = "") -> None:
    """Write a dict as TOML, whole or not at all."""
    import tomli_w

    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    write_text(path, comment + tomli_w.dumps(data))
