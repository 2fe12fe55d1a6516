"""What a check found, and what it counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelpr.types import FindingKind, FindingLevel, PartRole


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or that may be."""

    level: FindingLevel
    """``error``: a figure or a training would be wrong with it. ``warning``: to be looked at."""

    kind: FindingKind
    """What it is, for machines."""

    files: tuple[Path, ...]
    """The images it is about, all of them; empty where it is about none in particular."""

    what: str
    """What was found."""

    remedy: str
    """What to do about it."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        files = [str(file) for file in self.files]
        return {"level": self.level, "kind": self.kind, "files": files, "what": self.what, "remedy": self.remedy}


@dataclass(frozen=True)
class Side:
    """Widths or heights of crops in pixels."""

    smallest: int
    """Of all crops."""

    median: int
    """Of all crops; the upper one of two in the middle."""

    largest: int
    """Of all crops."""

    @classmethod
    def of(cls, values: Iterable[int]) -> Side | None:
        """The summary of some sides; None without any."""
        ordered = sorted(values)
        return cls(ordered[0], ordered[len(ordered) // 2], ordered[-1]) if ordered else None

    def to_dict(self) -> dict[str, int]:
        """Plain values for JSON."""
        return {"smallest": self.smallest, "median": self.median, "largest": self.largest}


@dataclass(frozen=True)
class PartSummary:
    """What a part holds: one split of one set of labels."""

    name: str
    """The split, after the name of its set where there are several."""

    role: PartRole | None
    """Whether it trains or is held out; None where its name says neither."""

    crops: int
    """Labelled crops, those that cannot be read included."""

    plates: int
    """Different plates among them."""

    unreadable: int
    """Crops whose image cannot be used."""

    width: Side | None
    """Of the crops that can be read."""

    height: Side | None
    """Of the crops that can be read."""

    characters: Mapping[str, int]
    """How often each character stands on the plates, the most frequent first."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "role": self.role,
            "crops": self.crops,
            "plates": self.plates,
            "unreadable": self.unreadable,
            "width": self.width and self.width.to_dict(),
            "height": self.height and self.height.to_dict(),
            "characters": dict(self.characters),
        }


@dataclass(frozen=True)
class DataReport:
    """The outcome of a check."""

    parts: tuple[PartSummary, ...]
    """In the order of the labels."""

    findings: tuple[Finding, ...]
    """Errors first."""

    @property
    def crops(self) -> int:
        """How many labelled crops were looked at."""
        return sum(part.crops for part in self.parts)

    def count(self, level: FindingLevel) -> int:
        """How many findings of a level."""
        return sum(finding.level == level for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "crops": self.crops,
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "parts": [part.to_dict() for part in self.parts],
            "findings": [finding.to_dict() for finding in self.findings],
        }
