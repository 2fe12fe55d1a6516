"""Tables of a result inside pages that people write: between two marks, so that a test can hold them equal."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.fusion.tables import TABLES, available
from edgelpr.data.writing import write_file
from edgelpr.errors import DataError, UsageError

END = "<!-- end of benchmarks/tracks.py -->"
"""Where what is written ends."""

_PART = re.compile(r"(<!-- benchmarks/tracks\.py (\S+) (\S+) -->\n)(.*?)(?=<!-- )", re.DOTALL)


def read_tracks_result(path: Path) -> dict[str, Any]:
    """A result of the benchmark.

    Raises:
        DataError: it cannot be read, or is of another benchmark.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); expected a result of benchmarks/tracks.py") from error
    if not isinstance(result, dict) or result.get("benchmark") != "tracks" or "parts" not in result:
        raise DataError(f"{path}: is no result of benchmarks/tracks.py; expected one")
    return result


def tables_of(result: dict[str, Any], names: Sequence[str] = ()) -> str:
    """Tables as Markdown, by default all that the result has the figures for.

    Raises:
        UsageError: no table of that name, or the result lacks its figures.
    """
    there = available(result)
    wanted = list(names) or there
    for name in wanted:
        if name not in there:
            known = ", ".join(there) or "none"
            what = "was not measured" if name in TABLES else "is none of the tables"
            raise UsageError(f"table '{name}' {what}; this result has: {known}")
    return "\n\n".join(TABLES[name](result) for name in wanted) + "\n"


def filled(text: str, folder: Path) -> str:
    """A page with every marked part written anew.

    A part begins with ``<!-- benchmarks/tracks.py RESULT TABLE -->`` and ends with ``END``, each on a line of its own.

    Args:
        text: of the page.
        folder: that the names of results are relative to.

    Raises:
        DataError: a mark without an end, or a result that cannot be read.
        UsageError: a table that is not there.
    """

    def written(match: re.Match[str]) -> str:
        if not text.startswith(END, match.end()):
            raise DataError(f"the mark {match[1].strip()!r} has no end; expected a line {END!r} below it")
        return match[1] + tables_of(read_tracks_result(folder / match[2]), [match[3]])

    begun = len(re.findall(r"<!-- benchmarks/tracks\.py ", text))
    found, count = _PART.subn(written, text)
    if count != begun:
        raise DataError(
            f"{begun - count} marks cannot be read; expected '<!-- benchmarks/tracks.py RESULT TABLE -->' and {END!r}"
        )
    return found


def write_into(page: Path) -> None:
    """Write the marked parts of a page anew.

    Raises:
        UsageError: the page cannot be read or has no mark, or a table is not there.
        DataError: a mark without an end, a result that cannot be read, or the page cannot be written.
    """
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{page}: cannot be read ({error}); expected a page of Markdown") from error
    if "<!-- benchmarks/tracks.py " not in text:
        raise UsageError(
            f"{page}: has no mark; put '<!-- benchmarks/tracks.py RESULT TABLE -->' and '{END}' on lines of their own"
        )
    new = filled(text, page.parent)
    if new != text:
        write_file(page, new.encode("utf-8"))
