"""Tables of results inside a page that people write: between two marks, so that a test can hold them equal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from edgelpr.benchmarks.report.composing import compose
from edgelpr.benchmarks.report.document import Table
from edgelpr.benchmarks.report.markdown import render_part
from edgelpr.benchmarks.report.naming import NamedResult
from edgelpr.benchmarks.report.writing import read_named
from edgelpr.data.writing import write_file
from edgelpr.errors import DataError, UsageError

END = "<!-- end of edgelpr bench report -->"
"""Where what is written ends."""

SHOWN = ("Beside the papers", "Single stream", "Offline", "Accuracy and speed")
"""Titles of the sections of a report whose tables a page may have."""

_LIKE_A_START = re.compile(r"^<!-- edgelpr bench report\b.*$", re.MULTILINE)
_START = re.compile(r"<!-- edgelpr bench report ([^\s:]+(?: [^\s:]+)*)(?:: ([^\n]+))? -->\n")


class Mark(NamedTuple):
    """A part of a page that is written anew."""

    results: tuple[str, ...]
    """Names of result files."""

    sections: tuple[str, ...]
    """Titles of the sections whose tables it has, among ``SHOWN``."""

    start: int
    """Where what is between the marks begins."""

    end: int
    """Where it ends."""


def tables_of(results: Sequence[NamedResult], sections: Sequence[str] = SHOWN) -> str:
    """Tables of a report as Markdown.

    Args:
        results: what they say.
        sections: titles of those that are wanted; one without figures is left out.
    """
    document = compose(results)
    parts = [part for each in document.sections if each.title in sections for part in each.parts if isinstance(part, Table)]
    return "\n".join(render_part(part) for part in parts)


def marked(text: str) -> Iterator[Mark]:
    """Each pair of marks in a page.

    Raises:
        DataError: a mark that begins and does not end, names a section that there is not, or is not written as one.
    """
    for line in _LIKE_A_START.finditer(text):
        if _START.match(text, line.start()) is None:  # it would stay as it is, and nobody would notice
            raise DataError(
                f"the mark {line[0]!r} is not understood; expected '<!-- edgelpr bench report RESULT.json -->', or "
                "'<!-- edgelpr bench report RESULT.json: Single stream, Offline -->'"
            )
    for match in _START.finditer(text):
        end = text.find(END, match.end())
        following = _START.search(text, match.end())
        if end < 0 or (following is not None and following.start() < end):
            raise DataError(f"the mark {match[0].strip()!r} has no end; expected a line {END!r} below it")
        sections = SHOWN if match[2] is None else tuple(match[2].split(", "))
        unknown = [title for title in sections if title not in SHOWN]
        if unknown:
            raise DataError(f"the mark {match[0].strip()!r} names {unknown[0]!r}; expected, after a colon, {', '.join(SHOWN)}")
        yield Mark(tuple(match[1].split()), sections, match.end(), end)


def filled(text: str, folder: Path) -> str:
    """A page with every marked part written anew from the results that its mark names.

    Args:
        text: of the page.
        folder: that the names of results are relative to.

    Raises:
        DataError: a mark that ``marked`` refuses, or a result that cannot be read.
    """
    for mark in reversed(list(marked(text))):
        results = read_named([folder / name for name in mark.results])
        text = text[: mark.start] + tables_of(results, mark.sections) + text[mark.end :]
    return text


def write_into(page: Path) -> int:
    """Write the marked parts of a page anew.

    Returns:
        How many there are.

    Raises:
        UsageError: the page cannot be read, or has no mark.
        DataError: a mark without an end, a result that cannot be read, or the page cannot be written.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{page}: cannot be read ({error}); expected a page of Markdown") from error
    try:
        count = len(list(marked(text)))
        new = filled(text, page.parent)
    except DataError as error:
        raise DataError(f"{page}: {error}") from error
    if not count:
        raise UsageError(
            f"{page}: has no mark; put '<!-- edgelpr bench report RESULT.json -->' and '{END}' on lines of their own"
        )
    if new != text:
        write_file(page, new.encode("utf-8"))
    return count
