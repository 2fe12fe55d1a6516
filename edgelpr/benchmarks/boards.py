"""Boards and GPUs as data: peak rates, with where they come from (``benchmarks/suites/boards.json``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.roofline import Rates
from edgelpr.errors import DataError, UsageError

_PACKAGE = Path(__file__).resolve().parents[1]
_FILE = Path("benchmarks", "suites", "boards.json")


@dataclass(frozen=True)
class Board:
    """What a board or a GPU can do at most.

    Raises:
        DataError: a rate that is not a number above 0.
    """

    name: str
    """On the command line: ``orin-nano``."""

    title: str
    """For people."""

    matches: tuple[str, ...]
    """What a device that is this one has in its name."""

    compute_capability: str
    """Of its GPU."""

    fp32_tflops: float
    """10^12 dense fp32 operations a second, a multiply-add being two."""

    gigabytes_per_second: float
    """10^9 bytes a second of its memory."""

    published: str | None
    """The figure that it is advertised with; nothing is computed from it."""

    dla: int
    """Deep-learning accelerators."""

    launch_microseconds: float | None
    """What one more kernel costs; None where it was not measured."""

    source: str
    """Where the figures come from."""

    def __post_init__(self) -> None:
        given = (self.fp32_tflops, self.gigabytes_per_second, self.launch_microseconds)
        if not all(value is None or (isinstance(value, (int, float)) and isfinite(value) and value > 0) for value in given):
            raise DataError(f"board '{self.name}': rates are {given}; expected numbers above 0")

    @property
    def rates(self) -> Rates:
        """Its peak rates in fp32."""
        return Rates(self.fp32_tflops * 1e12, self.gigabytes_per_second * 1e9, f"{self.title}: {self.source}")


def load_boards(path: Path | None = None) -> Mapping[str, Board]:
    """Every board by its name.

    Args:
        path: a file of your own, laid out like ``benchmarks/suites/boards.json``, which is the default.

    Raises:
        DataError: the file cannot be read, or has other keys.
    """
    path = path or _found()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        boards = [_board(values) for values in content["boards"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        keys = ", ".join(field.name for field in fields(Board))
        raise DataError(f"{path}: expected 'boards', a list of objects with the keys {keys} ({error})") from error
    return {board.name: board for board in boards}


def find_board(name: str, boards: Mapping[str, Board] | None = None) -> Board:
    """A board by its name on the command line.

    Raises:
        UsageError: an unknown name; the message lists the names there are.
    """
    known = load_boards() if boards is None else boards
    if name not in known:
        raise UsageError(f"board '{name}' is unknown; choose one of {', '.join(known)}")
    return known[name]


def match_board(device_names: Sequence[str], boards: Mapping[str, Board] | None = None) -> Board | None:
    """The board that a device is by what it calls itself; None where it is none of them, or could be several."""
    known = load_boards() if boards is None else boards
    found = {
        board.name: board
        for board in known.values()
        if any(part.lower() in name.lower() for part in board.matches for name in device_names)
    }
    return next(iter(found.values())) if len(found) == 1 else None


def _found() -> Path:
    """In the package of an installed wheel, else in the repository."""
    inside = _PACKAGE / _FILE
    return inside if inside.is_file() else _PACKAGE.parent / _FILE


def _board(values: Mapping[str, Any]) -> Board:
    names = {field.name for field in fields(Board)}
    if set(values) != names:
        raise ValueError(f"a board with the keys {sorted(values)}")
    return Board(**{**values, "matches": tuple(values["matches"])})
