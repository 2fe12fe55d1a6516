"""Tables of a result of ``benchmarks/tracks.py`` inside pages that people write."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.fusion.tables import TABLES, available
from edgelpr.benchmarks.marks import Marks
from edgelpr.errors import DataError, UsageError

_MARKS = Marks("benchmarks/tracks.py", r"(\S+) (\S+)", ("RESULT TABLE",))

END = _MARKS.end
"""Where what is written ends."""


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
        DataError: a mark that is not understood or has no end, or a result that cannot be read.
        UsageError: a table that is not there.
    """
    return _MARKS.filled(text, lambda said: _written(said, folder))


def write_into(page: Path) -> int:
    """Write the marked parts of a page anew.

    Returns:
        How many there are.

    Raises:
        UsageError: the page cannot be read or has no mark, or a table is not there.
        DataError: a mark without an end, a result that cannot be read, or the page cannot be written.
    """
    return _MARKS.write_into(page, lambda said: _written(said, page.parent))


def _written(said: re.Match[str], folder: Path) -> str:
    return tables_of(read_tracks_result(folder / said[1]), [said[2]])
