"""Read delimited text as people save it: any line end, UTF-8 or Windows-1252, comma, semicolon, tab, decimal comma."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import pandas as pd

from spinula.core.errors import TableError


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

    Raises
    ------
    TableError
        As :func:`read_text`, or if rows have different numbers of columns.
    """
    text = read_text(path)
    lines = text.split("\n")
    header = lines[0]
    separator = max((";", "\t", ","), key=header.count)
    if header.count(separator) == 0:
        separator = r"\s+"
    # A decimal comma can only be where the comma does not separate.
    body = "\n".join(lines[1:50])
    decimal = "," if separator != "," and re.search(r"\d,\d", body) and not re.search(r"\d\.\d", body) else "."
    try:
        return pd.read_csv(io.StringIO(text), sep=separator, decimal=decimal, skipinitialspace=True, low_memory=False)
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        where = int(found.group(2)) - 1 if found else None
        problem = f"has {found.group(3)} fields where the header has {found.group(1)}" if found else str(error)
        raise TableError(problem, file=str(path), row=where, cure="Quote text that contains the separator.") from None
