"""Finding trained weights by name: in a folder of the user's, in the package, in a clone of the repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgelpr.errors import CheckpointError, UsageError

Place = Literal["folder", "package", "repository"]
"""Where weights were found; ``folder`` is one that the user named."""

VARIABLE = "EDGELPR_WEIGHTS"
"""Environment variable that names the user's folder."""

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Weights:
    """A checkpoint that has a name: ``NAME/NAME.safetensors``."""

    name: str
    """What the command line takes instead of a path."""

    path: Path
    """The checkpoint."""

    place: Place
    """Where it was found."""

    card: Path | None
    """``card.json`` beside it: data, recipe and accuracy; None when there is none."""


def find_weights(folder: Path | None = None) -> list[Weights]:
    """All weights by name; of two with one name the first counts, in the order of ``Place``.

    Args:
        folder: the user's; by default the one that ``EDGELPR_WEIGHTS`` names, if any.

    Raises:
        UsageError: the user's folder does not exist.
    """
    found: dict[str, Weights] = {}
    for place, where in _places(folder):
        for path in sorted(where.glob("*/*.safetensors")):
            name = path.parent.name
            if path.stem == name and name not in found:
                card = path.with_name("card.json")
                found[name] = Weights(name, path, place, card if card.is_file() else None)
    return list(found.values())


def resolve_checkpoint(name_or_path: str | Path, folder: Path | None = None) -> Path:
    """The file that a user means by a path or by the name of weights.

    Args:
        name_or_path: an existing file wins over a name.
        folder: as in ``find_weights``.

    Raises:
        CheckpointError: neither a file nor a name; the message lists the names there are.
        UsageError: the user's folder does not exist.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    names = {weights.name: weights.path for weights in find_weights(folder)}
    if str(name_or_path) not in names:
        known = ", ".join(names) or "none were found"
        raise CheckpointError(
            f"{name_or_path}: no such file, and no weights of that name; names: {known}. "
            f"'edgelpr models' lists them; set {VARIABLE} to search a folder of your own"
        )
    return names[str(name_or_path)]


def _places(folder: Path | None) -> Iterator[tuple[Place, Path]]:
    named = folder if folder is not None else os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_dir():
            raise UsageError(f"{named}: no such folder; it was named as the place of weights (--weights or {VARIABLE})")
        yield "folder", Path(named)
    yield "package", _PACKAGE / "weights"
    if (_PACKAGE.parent / "setup.cfg").is_file():  # a clone, not site-packages
        yield "repository", _PACKAGE.parent / "weights"
