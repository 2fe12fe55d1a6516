"""What reading a crop returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Box: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the crop: left, top, right, bottom edges, 0 to its width and height."""


@dataclass(frozen=True)
class CharacterReading:
    """One character of a plate."""

    text: str
    """The character."""

    confidence: float
    """Probability of the character at its position, 0 to 1."""

    box: Box | None
    """Where its HPA map has its mass; None when the graph returns no maps or the map is empty."""


@dataclass(frozen=True)
class Reading:
    """One plate."""

    plate: str
    """Its text, positions without a character left out."""

    confidence: float
    """Product over all positions, those without a character included, of the winning probabilities, 0 to 1."""

    characters: tuple[CharacterReading, ...]
    """The characters of ``plate``, in order."""

    seconds: float
    """This crop's share of its batch's time for resizing and network; reading files is not in it."""
