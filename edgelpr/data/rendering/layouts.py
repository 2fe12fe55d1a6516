"""The face of a plate: where its characters stand, in millimetres, its colours, and what else is printed on it."""

from __future__ import annotations

from dataclasses import dataclass

from edgelpr.types import MarkShape

Cell = tuple[float, float, float, float]
"""Left, top, width, height of a character in millimetres."""

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""


@dataclass(frozen=True)
class Mark:
    """Something printed on a plate that is not one of its characters."""

    shape: MarkShape
    """What is drawn into the box."""

    box: Cell
    """Where, in millimetres."""

    colour: Colour | None = None
    """None for the colour of the characters."""

    text: str = ""
    """For ``text``: letters that share the width of the box; those the glyphs lack are left out."""

    often: float = 1.0
    """Share of plates that carry it, 0 to 1."""


@dataclass(frozen=True)
class Layout:
    """The face of one plate."""

    name: str
    """Type, for example ``blue``."""

    size: tuple[int, int]
    """Width and height in millimetres."""

    cells: tuple[Cell, ...]
    """One a character, in reading order."""

    paper: Colour
    """Background."""

    ink: Colour
    """Characters."""

    style: str = "140"
    """Glyph style, for sources that have several."""

    styles: tuple[str, ...] = ()
    """Glyph style of each character where they differ, as on two-row plates; empty: ``style`` for all."""

    marks: tuple[Mark, ...] = ()
    """Dots, dashes, bands and small print, in the order in which they are printed, before the characters."""

    fade: Colour | None = None
    """Background at the top edge, running into ``paper`` at the bottom."""

    tints: tuple[tuple[int, Colour], ...] = ()
    """Characters of another colour: index and colour."""

    border: tuple[float, float] | None = None
    """Inset and width of the line around the plate in millimetres; None for a random one on most plates."""

    night: float = 0.07
    """Share of pictures taken in infrared, 0 to 1."""

    shrunk: float = 0.05
    """Of the crops that are resampled, the share brought to 94x24 pixels whatever their shape, 0 to 1."""

    def style_of(self, index: int) -> str:
        """Glyph style of a character."""
        return self.styles[index] if self.styles else self.style
