"""What a report says, before it is a page: sections of text, tables and charts, all of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EMPTY = "–"
"""What stands in a cell that nothing was measured for."""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    """Plain text; renderers escape it."""

    warning: bool = False
    """Whether it says that a figure is not to be trusted."""


@dataclass(frozen=True)
class Table:
    """Columns under titles.

    Raises:
        ValueError: a row of another length than the header.
    """

    header: tuple[str, ...]
    """A title a column."""

    rows: tuple[tuple[str, ...], ...]
    """Cells; an empty one is ``EMPTY``."""

    right: tuple[str, ...] = ()
    """Titles of the columns of numbers."""

    caption: str = ""
    """What the table is about."""

    def __post_init__(self) -> None:
        lengths = {len(row) for row in self.rows} - {len(self.header)}
        if lengths:
            raise ValueError(f"rows of {sorted(lengths)} cells under {len(self.header)} titles")


@dataclass(frozen=True)
class Chart:
    """A drawing, and the words for those who cannot see it."""

    svg: str
    """An ``<svg>`` element whose texts are escaped already; ``svg.Drawing`` makes it."""

    caption: str
    """What it shows."""


Part = Text | Table | Chart
"""What a section is made of."""


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    """The heading."""

    parts: tuple[Part, ...]
    """In reading order."""


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    """At the top."""

    sections: tuple[Section, ...]
    """In reading order."""


def section(title: str, parts: Sequence[Part | None]) -> Section | None:
    """A section of the parts that there are; None where there is none."""
    there = tuple(part for part in parts if part is not None)
    return Section(title, there) if there else None


def cell(value: float | int | None, digits: int = 2) -> str:
    """A number as a cell; ``EMPTY`` where there is none."""
    return EMPTY if value is None else f"{value:,.{digits}f}"
