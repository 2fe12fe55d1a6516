"""Rows of a CSV, with the columns found whatever their case and order."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgelpr.errors import DataError

Row = Mapping[str, "str | None"]
"""Cells by column; None as a value where a row is short, as a key where it is too long."""


def read_rows(
    path: Path, columns: Mapping[str, Sequence[str]], header: str, encodings: Sequence[str] = ("utf-8-sig",)
) -> list[tuple[int, Row]]:
    """Line number and cells of each row.

    Args:
        path: comma-separated text with a header; case and blanks in column names do not count.
        columns: each column that must be there, with the names it may have; rows come with the first of them.
        header: the header that is expected, for messages.
        encodings: tried one after the other.

    Raises:
        DataError: not text in any of the encodings, empty, not a CSV, or a column is missing.
    """
    text = _decode(path, encodings)
    if not text.strip():
        raise DataError(f"{path}: the file is empty; expected a CSV with the header {header.partition('[')[0]}")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or []]
        reader.fieldnames = _renamed(names, columns)
        missing = [column for column in columns if column not in reader.fieldnames]
        if missing:
            found = f"expected the header {header}, found '{','.join(names)}'"
            raise DataError(f"{path}, line 1: no column '{missing[0]}'; {found}")
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.reader.line_num}: not a valid CSV ({error})") from error


def as_line(row: Row) -> str:
    """The cells of a row as they stand in the file, for messages."""
    cells: list[str] = []
    for cell in row.values():  # those beyond the header are a list
        cells += cell if isinstance(cell, list) else [cell or ""]
    return ",".join(cells)


def _renamed(names: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    first = {alias: column for column, aliases in columns.items() for alias in (column, *aliases)}
    return [first.get(name, name) for name in names]


def _decode(path: Path, encodings: Sequence[str]) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    reasons = []
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            reasons.append(f"{error.reason} at byte {error.start}")
    raise DataError(f"{path}: not UTF-8 text ({reasons[0]}); save the CSV as UTF-8")
