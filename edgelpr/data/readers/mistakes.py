"""Reporting what is wrong with a set of labels, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgelpr.errors import DataError

_SHOWN = 10


def refuse(path: Path, mistakes: Sequence[str]) -> None:
    """Raise if there is any mistake.

    Args:
        path: the file or folder with the labels.
        mistakes: one text each, with its line or file.

    Raises:
        DataError: naming the first ten mistakes and how many there are.
    """
    if not mistakes:
        return
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    rest = [f"and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
    raise DataError("\n  ".join([f"{path}: {count} in the labels; correct or remove them:", *mistakes[:_SHOWN], *rest]))
