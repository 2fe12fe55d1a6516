"""A square of axes for small charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edgelpr.data.lettering import Colour, Lettering
from edgelpr.preprocessing.images import Image

SIDE = 360
"""Width and height of the axes in pixels."""

MARGIN = 70
"""Room around them, for captions."""

BLACK: Colour = (0, 0, 0)
BLUE: Colour = (180, 110, 40)
RED: Colour = (40, 40, 200)

Point = tuple[float, float]
"""Across and up, in values of the axes."""

_GREY, _BAR = (190, 190, 190), (235, 205, 170)
_LETTERS, _STEPS = 13, 5


@dataclass(frozen=True)
class Axis:
    """The values along one side; what lies outside is drawn at its ends."""

    low: float = 0.0
    """At the left or lower end."""

    high: float = 1.0
    """At the other end; above ``low``."""

    percent: bool = False
    """Whether values are written as percentages."""

    def share(self, value: float) -> float:
        """Where a value lies along the axis, 0 to 1."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def at(self, share: float) -> float:
        """The value that lies there."""
        return self.low + share * (self.high - self.low)

    def write(self, value: float) -> str:
        """A value for people."""
        return f"{value:.0%}" if self.percent else f"{round(value, 9):.3g}"


_SHARES = Axis(percent=True)
_UNIT = Axis()


class Panel:
    """Draws into a square of a sheet.

    Args:
        sheet: (H, W, 3) BGR, uint8, at least ``MARGIN`` + ``SIDE`` + ``MARGIN`` high.
        lettering: writes the captions.
        left: pixel of the left edge of the axes.
        across: values from left to right.
        up: values from bottom to top.
    """

    def __init__(self, sheet: Image, lettering: Lettering, left: int, across: Axis = _SHARES, up: Axis = _UNIT) -> None:
        self.across, self.up = across, up
        self._sheet, self._lettering, self._left = sheet, lettering, left

    def place(self, point: Point) -> tuple[int, int]:
        """Pixel of a point."""
        across, up = point
        return self._left + round(self.across.share(across) * SIDE), MARGIN + SIDE - round(self.up.share(up) * SIDE)

    def axes(self, title: str, across: str, up: str) -> None:
        """Frame, ticks and captions."""
        for step in range(_STEPS + 1):
            x, y = self.across.at(step / _STEPS), self.up.at(step / _STEPS)
            cv2.line(self._sheet, self.place((x, self.up.low)), self.place((x, self.up.high)), _GREY, 1)
            cv2.line(self._sheet, self.place((self.across.low, y)), self.place((self.across.high, y)), _GREY, 1)
            column, bottom = self.place((x, self.up.low))
            self.write(self.across.write(x), (column - 12, bottom + 8))
            self.write(self.up.write(y), (self._left - 38, self.place((self.across.low, y))[1] - 6))
        self.write(title, (self._left, MARGIN - 48))
        self.write(up, (self._left, MARGIN - 24))
        self.write(across, (self._left, MARGIN + SIDE + 32))

    def lines(self, points: Sequence[Point], colour: Colour, thickness: int = 1) -> None:
        """A line through points."""
        pixels = np.array([self.place(point) for point in points], dtype=np.int32)
        cv2.polylines(self._sheet, [pixels], False, colour, thickness, cv2.LINE_AA)

    def bar(self, left: float, right: float, height: float) -> None:
        """A filled column from the lower end."""
        (x0, y1), (x1, y0) = self.place((left, self.up.low)), self.place((right, height))
        cv2.rectangle(self._sheet, (x0 + 1, y0), (x1 - 1, y1), _BAR, -1)

    def mark(self, point: Point) -> None:
        """A dot."""
        cv2.circle(self._sheet, self.place(point), 5, RED, -1, cv2.LINE_AA)

    def write(self, text: str, place: tuple[int, int]) -> None:
        """Small text at a pixel."""
        self._lettering.draw(self._sheet, text, place, _LETTERS, BLACK)
