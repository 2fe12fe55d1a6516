"""Parts of a page that people write which are written anew: between two marks, so that a test can hold them equal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edgelpr.data.writing import write_file
from edgelpr.errors import DataError, EdgelprError, UsageError


class MarkedPart(NamedTuple):
    """What lies between a mark and its end."""

    said: re.Match[str]
    """The mark, with the groups of what it says."""

    start: int
    """Where the part begins in the page."""

    end: int
    """Where it ends."""


Written = Callable[[re.Match[str]], str]
"""What belongs behind a mark: whole lines of Markdown."""


@dataclass(frozen=True)
class Marks:
    """The marks of one writer: ``<!-- WRITER WHAT -->`` and ``<!-- end of WRITER -->``, each on a line of its own."""

    writer: str
    """The command that writes."""

    what: str
    """Regular expression of what a mark says, in groups."""

    forms: tuple[str, ...]
    """How that looks, for messages."""

    @property
    def end(self) -> str:
        """Where what is written ends."""
        return f"<!-- end of {self.writer} -->"

    def parts(self, text: str) -> list[MarkedPart]:
        """Each marked part of a page, in order.

        Raises:
            DataError: a mark that says something else, or that has no end before the next.
        """
        begun = list(re.finditer(rf"^<!-- {re.escape(self.writer)}\b.*$", text, re.MULTILINE))
        limits = [line.start() for line in begun[1:]] + [len(text)]
        return [self._part(text, line, limit) for line, limit in zip(begun, limits)]

    def filled(self, text: str, written: Written) -> str:
        """A page with every marked part written anew.

        Raises:
            DataError: as by ``parts``, and whatever ``written`` raises.
        """
        for part in reversed(self.parts(text)):
            text = text[: part.start] + written(part.said) + text[part.end :]
        return text

    def write_into(self, page: Path, written: Written) -> int:
        """Write the marked parts of a page anew.

        Returns:
            How many there are.

        Raises:
            UsageError: the page cannot be read, or has no mark.
            DataError: as by ``parts``, or the page cannot be written; and whatever ``written`` raises, with the page's name.
        """
        try:
            text = page.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"{page}: cannot be read ({error}); expected a page of Markdown") from error
        try:
            count = len(self.parts(text))
            new = self.filled(text, written)
        except EdgelprError as error:
            raise type(error)(f"{page}: {error}") from error
        if not count:
            raise UsageError(f"{page}: has no mark; put {self._form(self.forms[0])} and '{self.end}' on lines of their own")
        if new != text:
            write_file(page, new.encode("utf-8"))
        return count

    def _part(self, text: str, line: re.Match[str], limit: int) -> MarkedPart:
        said = re.compile(rf"<!-- {re.escape(self.writer)} {self.what} -->\n").match(text, line.start())
        if said is None:  # it would stay as it is, and nobody would notice
            expected = ", or ".join(map(self._form, self.forms))
            raise DataError(f"the mark {line[0]!r} is not understood; expected {expected}, and a line below it")
        end = text.find(self.end, said.end(), limit)
        if end < 0:
            raise DataError(f"the mark {line[0]!r} has no end; expected a line {self.end!r} below it")
        return MarkedPart(said, said.end(), end)

    def _form(self, what: str) -> str:
        return f"'<!-- {self.writer} {what} -->'"
