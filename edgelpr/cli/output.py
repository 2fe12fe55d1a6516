"""What commands print: tables for people, JSON for machines, notes on stderr."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def json_option(function: _F) -> _F:
    """Add ``--json``; the command receives it as ``as_json: bool``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of text.")(function)


def print_json(value: object) -> None:
    """Print plain values (dict, list, text, number, None) as one indented JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2))


def print_json_line(value: object) -> None:
    """Print plain values as one line of JSON, for commands that answer line by line."""
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print columns that line up, wide (Chinese) characters included.

    Args:
        header: a title a column.
        rows: the cells, as many as titles in each row.
        right: titles of the columns aligned to the right, those of numbers.
    """
    table = [header, *rows]
    widths = [max(display_width(cell) for cell in column) for column in zip(*table, strict=True)]
    for cells in table:
        line = "  ".join(pad(cell, width, title in right) for cell, width, title in zip(cells, widths, header, strict=True))
        click.echo(line.rstrip())


def display_width(text: str) -> int:
    """Columns that a text takes in a terminal: two for a wide character."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def pad(text: str, width: int, right: bool = False) -> str:
    """A text with as many spaces as make it that wide in a terminal.

    Args:
        text: left as it is where it is wider.
        width: in columns.
        right: whether the spaces stand before it.
    """
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def note(message: str) -> None:
    """Say on stderr what is going on, so that stdout stays clean for results."""
    click.echo(message, err=True)


def warn_of(what: str, lines: Sequence[str], rest: str, most: int = 10) -> None:
    """List on stderr what is wrong; nothing where nothing is.

    Args:
        what: a heading.
        lines: one for each thing.
        rest: where to find those beyond ``most``.
        most: how many are listed.
    """
    if not lines:
        return
    note(f"Warning: {what} ({len(lines)}):")
    for line in lines[:most]:
        note(f"  {line}")
    if len(lines) > most:
        note(f"  and {len(lines) - most} more ({rest})")


def next_command(command: str) -> None:
    """Name the step that usually follows, on stderr."""
    note(f"Next: {command}")
