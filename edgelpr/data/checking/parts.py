"""Parts of data: which train, and which are held out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelpr.data.labelled import LabelledCrop
from edgelpr.types import PartRole

_WORDS: dict[str, PartRole] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "val", "valid", "validation", "eval", "dev"), "held out"),
}


@dataclass(frozen=True)
class LabelSet:
    """Labelled plates that were read from one place."""

    name: str
    """What to call it in findings."""

    crops: tuple[LabelledCrop, ...]
    """What ``read_labels`` gave."""


@dataclass(frozen=True)
class Part:
    """One split of one set; plates without a split are a part of their own."""

    name: str
    """The split, after the name of its set where there are several."""

    role: PartRole | None
    """By the words in the split's name, or in its set's where there is no split; None where they say nothing."""


def parts_of(sets: Sequence[LabelSet]) -> list[tuple[LabelledCrop, Part]]:
    """Every crop with its part, in the order of the sets."""
    made: dict[tuple[int, str | None], Part] = {}
    pairs = []
    for number, labels in enumerate(sets):
        for crop in labels.crops:
            key = number, crop.split
            if key not in made:
                made[key] = _part(labels.name, crop.split, len(sets) > 1)
            pairs.append((crop, made[key]))
    return pairs


def names_of_sets(places: Sequence[Path]) -> list[str]:
    """Short names of the places labels were read from, different from each other.

    A CSV called ``labels.csv`` goes by its folder; where two names would be the same, the path as given stays.
    """
    short = [_short(place) for place in places]
    return [str(place) if short.count(name) > 1 else name for place, name in zip(places, short)]


def _short(place: Path) -> str:
    path = place.absolute()
    return path.parent.name if path.name.lower() == "labels.csv" else path.stem if path.is_file() else path.name


def _part(name: str, split: str | None, several: bool) -> Part:
    role = _role(name if split is None else split)
    if split is None:
        return Part(name, role)
    return Part(f"{name}: {split}" if several else split, role)


def _role(name: str) -> PartRole | None:
    roles = {_WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in _WORDS}
    return roles.pop() if len(roles) == 1 else None
