"""Which images a user means: files, folders, patterns and lists."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelpr.errors import DataError

STDIN = "-"
"""An argument that stands for a list of files on standard input."""


@dataclass(frozen=True)
class Wanted:
    """Something the user asked to be read."""

    path: Path
    """A file; or what was asked for, if nothing is there."""

    problem: str | None = None
    """Why there is nothing to read."""


def wanted_images(arguments: Sequence[str], list_file: str | None = None) -> list[Wanted]:
    """Every image once, in the order asked for; folders are searched to the bottom, sorted.

    Args:
        arguments: files, folders, patterns (``*``, ``?``, ``**``), or ``-`` for a list on standard input.
        list_file: a file with one path a line (or separated by NUL), ``-`` for standard input.

    Raises:
        DataError: the list cannot be read, or there is not one image.
    """
    found: dict[Path, Wanted] = {}
    names = [] if list_file is None else _listed(list_file)
    for item in _expanded(arguments):
        found.setdefault(item.path, item)
    for item in (item for name in names for item in _files(Path(name))):
        found.setdefault(item.path, item)
    items = list(found.values())
    if all(item.problem for item in items):
        reasons = "; ".join(f"{item.path}: {item.problem}" for item in items) or "nothing was named that is a file"
        expected = "image files, folders that hold some, or patterns such as 'crops/*.jpg'"
        raise DataError(f"no image found ({reasons}); expected {expected}")
    return items


def _expanded(arguments: Iterable[str]) -> Iterator[Wanted]:
    for argument in arguments:
        if argument == STDIN:
            yield from (item for name in _listed(STDIN) for item in _files(Path(name)))
        elif glob.has_magic(argument) and not os.path.lexists(argument):
            yield from _matches(argument)
        else:
            yield from _files(Path(argument))


def _matches(pattern: str) -> Iterator[Wanted]:
    paths = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207 - may be absolute
    if not paths:
        yield Wanted(Path(pattern), "no file matches this pattern")
    for path in paths:
        if path.is_file() or "**" not in pattern:  # ** names the folders on the way too
            yield from _files(path)


def _files(path: Path) -> Iterator[Wanted]:
    if not path.is_dir():
        yield Wanted(path)
        return
    from edgelpr.data.folders import find_images

    images = [Wanted(image) for image in find_images(path)]
    yield from images or [Wanted(path, "no image in this folder or below it")]


def _listed(list_file: str) -> list[str]:
    if list_file == STDIN:
        content = sys.stdin.buffer.read()
    else:
        try:
            content = Path(list_file).read_bytes()
        except OSError as error:
            raise DataError(f"{list_file}: the list of images cannot be read ({error.strerror or error})") from error
    text = os.fsdecode(content.removeprefix(b"\xef\xbb\xbf"))
    return [name for name in (text.split("\0") if "\0" in text else text.splitlines()) if name.strip()]
