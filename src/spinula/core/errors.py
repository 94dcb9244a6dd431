"""Every error that spinula raises on purpose, in one tree.

    SpinulaError                     exit code of the command line
    |-- UsageError                   2   the call itself is wrong
    |   |-- UnknownNameError             a name that does not exist; says what is near
    |   `-- OutputExistsError            refuses to overwrite
    |-- InvalidInputError            3   data or configuration is wrong
    |   |-- ConfigError                  a TOML file: file, line, key
    |   |-- TableError                   a spine table: file, row, column, cause, cure
    |   |-- OutOfRangeError              a number outside its bounds
    |   `-- StepTooLargeError            a time step that the scheme cannot take
    |-- NotConvergedError            4   an estimate that must not be used
    `-- MissingExtraError            5   an optional library is absent

Warnings that a user should act on are SpinulaWarning.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class SpinulaError(Exception):
    """The root: ``except SpinulaError`` catches everything that spinula raises on purpose."""

    exit_code = 1


class UsageError(SpinulaError):
    """The call is wrong, whatever the data."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that does not exist, with the nearest names that do.

    Examples
    --------
    >>> print(UnknownNameError("preset", "fragil_x", ["fragile_x"], see="spinula list"))
    no preset called 'fragil_x'.
      Did you mean 'fragile_x'?  See `spinula list`.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, see: str = "") -> None:
        known = sorted(known)
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
        super().__init__(f"no {kind} called {name!r}.\n  {hint}" + (f"  See `{see}`." if see else ""))


class OutputExistsError(UsageError):
    """The output is there already and overwriting was not asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already.\n  Give --force to replace it, or another --out.")


class InvalidInputError(SpinulaError):
    """Data or configuration that cannot be used."""

    exit_code = 3


class ConfigError(InvalidInputError):
    """A TOML file that says something impossible: names file, line and key."""

    def __init__(self, file: str | Path, key: str, problem: str, *, line: int | None = None, cure: str = "") -> None:
        self.file, self.key, self.line = str(file), key, line
        place = f"{file}:{line}" if line else str(file)
        super().__init__(f"{place}: {key}: {problem}" + (f"\n  {cure}" if cure else ""))


class TableError(InvalidInputError):
    """A spine table that cannot be used: names file, row, column, cause and cure."""

    def __init__(
        self, problem: str, *, file: str = "table", row: int | None = None, column: str = "", cure: str = ""
    ) -> None:
        self.file, self.row, self.column, self.problem, self.cure = file, row, column, problem, cure
        place = file + (f", row {row}" if row is not None else "") + (f", column {column!r}" if column else "")
        super().__init__(f"{place}: {problem}" + (f"\n  {cure}" if cure else ""))


class OutOfRangeError(InvalidInputError):
    """A number outside the bounds that its meaning sets."""

    def __init__(self, name: str, value: float, wanted: str) -> None:
        super().__init__(f"{name} = {value:g}: {wanted}.")


class StepTooLargeError(InvalidInputError):
    """A time step that the scheme cannot take without leaving the law."""

    def __init__(self, dt: float, largest: float) -> None:
        super().__init__(f"dt = {dt:g} day is too large for this law.\n  Use dt <= {largest:.3g} day.")


class NotConvergedError(SpinulaError):
    """An optimiser stopped before an answer; the numbers must not be used."""

    exit_code = 4


class MissingExtraError(SpinulaError):
    """An optional library is not installed; says which extra brings it."""

    exit_code = 5

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"this needs {library}.\n  pip install 'spinula[{extra}]'")


class SpinulaWarning(UserWarning):
    """Something that a user should act on, though the run goes on."""
