"""Read delimited text as people save it: any line end, UTF-8 or Windows-1252, comma, semicolon, tab, decimal comma."""

from __future__ import annotations

import gzip
import io
import re
import warnings
from itertools import pairwise
from pathlib import Path

import pandas as pd

from spinula.core.errors import TableError

_MAP_MANAGER = re.compile(r"\w+=[^;]*;\w+=[^;]*;")


def read_text(path: Path) -> str:
    """Return a file's text with plain line ends.

    Raises
    ------
    TableError
        If the file is absent, empty, or is not text.
    """
    if not path.exists():
        raise TableError("no such file", file=str(path), cure="Check the path.")
    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise TableError(f"is not a complete gzip file ({error})", file=str(path), cure="Copy it again.") from None
    if b"\x00" in raw[:4096]:
        raise TableError("is a binary file, not text", file=str(path), cure="Export it as CSV, or as .npy or .parquet.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise TableError("is empty", file=str(path), cure="Check the export.")
    return text


def read_frame(path: Path) -> pd.DataFrame:
    """Return a delimited file as a frame; the separator and the decimal mark are found from the text.

    The index holds the rows of the file as a spreadsheet counts them; ``attrs["headless"]`` says that row 1 is data.

    Raises
    ------
    TableError
        As :func:`read_text`, or if rows have different numbers of columns.
    """
    text = read_text(path)
    lines = text.split("\n")
    header = lines[0]
    if _MAP_MANAGER.match(header):
        raise TableError(
            "is Map Manager's own text (a line of key=value;, then stacked blocks), not a table", file=str(path),
            cure="Export one row per spine and session, with the track of each spine as spine_id.",
        )  # fmt: skip
    separator = max((";", "\t", ","), key=header.count)
    if header.count(separator) == 0:
        separator = r"\s+"
    # A decimal comma can only be where the comma does not separate.
    body = "\n".join(lines[1:50])
    decimal = "," if separator != "," and re.search(r"\d,\d", body) and not re.search(r"\d\.\d", body) else "."
    headless = _headless(header.split(separator) if separator != r"\s+" else header.split(), decimal)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text), sep=separator, decimal=decimal, skipinitialspace=True, low_memory=False,
                header=None if headless else "infer", index_col=False,
            )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        where = int(found.group(2)) if found else None
        problem = f"has {found.group(3)} fields where the header has {found.group(1)}" if found else str(error)
        if isinstance(error, pd.errors.ParserWarning):
            problem = "rows have more fields than the header"
        raise TableError(problem, file=str(path), row=where, cure="Quote text that contains the separator.") from None
    frame.index = pd.RangeIndex(1 if headless else 2, len(frame) + (1 if headless else 2))
    frame.attrs["headless"] = headless
    return frame


def _headless(fields: list[str], decimal: str) -> bool:
    """Whether the first line holds values: all of them numbers that could not be the days of a header."""
    try:
        numbers = [float(field.strip().strip('"').replace(decimal, ".") or "nan") for field in fields]
    except ValueError:
        return False
    if all(number != number for number in numbers):
        return False
    rising = all(a < b for a, b in pairwise(numbers))
    return not (rising and (numbers[0] == 0 or all(number == int(number) for number in numbers)))
