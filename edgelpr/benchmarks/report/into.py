"""Tables of results inside a page that people write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from edgelpr.benchmarks.marks import Marks
from edgelpr.benchmarks.report.composing import compose
from edgelpr.benchmarks.report.document import Table
from edgelpr.benchmarks.report.markdown import render_part
from edgelpr.benchmarks.report.naming import NamedResult
from edgelpr.benchmarks.report.writing import read_named
from edgelpr.errors import DataError

SHOWN = ("Beside the papers", "Single stream", "Offline", "Accuracy and speed")
"""Titles of the sections of a report whose tables a page may have."""

_MARKS = Marks(
    "edgelpr bench report",
    r"([^\s:]+(?: [^\s:]+)*)(?:: ([^\n]+))?",
    ("RESULT.json", "RESULT.json: Single stream, Offline"),
)

END = _MARKS.end
"""Where what is written ends."""


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
    for part in _MARKS.parts(text):
        yield Mark(*_named(part.said), part.start, part.end)


def filled(text: str, folder: Path) -> str:
    """A page with every marked part written anew from the results that its mark names.

    Args:
        text: of the page.
        folder: that the names of results are relative to.

    Raises:
        DataError: a mark that ``marked`` refuses, or a result that cannot be read.
    """
    return _MARKS.filled(text, lambda said: _written(said, folder))


def write_into(page: Path) -> int:
    """Write the marked parts of a page anew.

    Returns:
        How many there are.

    Raises:
        UsageError: the page cannot be read, or has no mark.
        DataError: a mark without an end, a result that cannot be read, or the page cannot be written.
    """
    return _MARKS.write_into(page, lambda said: _written(said, page.parent))


def _written(said: re.Match[str], folder: Path) -> str:
    results, sections = _named(said)
    return tables_of(read_named([folder / name for name in results]), sections)


def _named(said: re.Match[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Results and sections that a mark names."""
    sections = SHOWN if said[2] is None else tuple(said[2].split(", "))
    unknown = [title for title in sections if title not in SHOWN]
    if unknown:
        raise DataError(f"the mark {said[0].strip()!r} names {unknown[0]!r}; expected, after a colon, {', '.join(SHOWN)}")
    return tuple(said[1].split()), sections
