"""A picture of how far confidences can be trusted: reliability by confidence, and risk by coverage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edgelpr.data.lettering import Colour, Lettering, find_lettering
from edgelpr.data.writing import write_image
from edgelpr.preprocessing.images import Image
from edgelpr.training.reliability import BINS
from edgelpr.training.scores import Evaluation

_SIDE, _MARGIN, _LETTERS = 360, 70, 13
_PAPER = 255
_BLACK, _GREY, _BLUE, _RED = (0, 0, 0), (190, 190, 190), (180, 110, 40), (40, 40, 200)

Point = tuple[float, float]
"""Across and up, both from 0 to 1."""


class _Panel:
    """A square of axes; ``highest`` is the value at its upper edge."""

    def __init__(self, sheet: Image, lettering: Lettering, left: int, highest: float = 1.0) -> None:
        self._sheet, self._lettering, self._left, self._highest = sheet, lettering, left, highest

    def place(self, point: Point) -> tuple[int, int]:
        """Pixel of a point."""
        across, up = point
        return self._left + round(across * _SIDE), _MARGIN + _SIDE - round(min(1.0, up / self._highest) * _SIDE)

    def axes(self, title: str, across: str, up: str) -> None:
        """Frame, ticks and captions."""
        for step in range(6):
            share = step / 5
            cv2.line(self._sheet, self.place((share, 0)), self.place((share, self._highest)), _GREY, 1)
            cv2.line(self._sheet, self.place((0, share * self._highest)), self.place((1, share * self._highest)), _GREY, 1)
            x, y = self.place((share, 0))
            self.write(f"{share:.0%}", (x - 12, y + 8))
            self.write(f"{share * self._highest:.3g}", (self._left - 38, self.place((0, share * self._highest))[1] - 6))
        self.write(title, (self._left, _MARGIN - 48))
        self.write(up, (self._left, _MARGIN - 24))
        self.write(across, (self._left, _MARGIN + _SIDE + 32))

    def lines(self, points: Sequence[Point], colour: Colour, thickness: int = 1) -> None:
        """A line through points."""
        pixels = np.array([self.place(point) for point in points], dtype=np.int32)
        cv2.polylines(self._sheet, [pixels], False, colour, thickness, cv2.LINE_AA)

    def bar(self, left: float, right: float, height: float) -> None:
        """A filled column."""
        (x0, y1), (x1, y0) = self.place((left, 0)), self.place((right, height))
        cv2.rectangle(self._sheet, (x0 + 1, y0), (x1 - 1, y1), (235, 205, 170), -1)

    def mark(self, point: Point) -> None:
        """A dot."""
        cv2.circle(self._sheet, self.place(point), 5, _RED, -1, cv2.LINE_AA)

    def write(self, text: str, place: tuple[int, int]) -> None:
        """Small text at a pixel."""
        self._lettering.draw(self._sheet, text, place, _LETTERS, _BLACK)


def write_reliability_chart(path: Path, evaluation: Evaluation) -> None:
    """Draw accuracy by confidence with 95 % intervals, and the share of mistakes by the share of plates accepted.

    Args:
        path: where, ending in .png or .jpg.
        evaluation: what was measured; without any reading only the axes are drawn.

    Raises:
        DataError: the file cannot be written.
    """
    lettering = find_lettering()
    sheet = np.full((_SIDE + 2 * _MARGIN, 2 * _SIDE + 3 * _MARGIN, 3), _PAPER, dtype=np.uint8)
    reliability = evaluation.reliability
    left = _Panel(sheet, lettering, _MARGIN)
    error = "-" if reliability is None else f"{reliability.expected_calibration_error:.2%}"
    left.axes(f"Reliability of {evaluation.plates} plates, calibration error {error}", "confidence", "share right")
    for each in () if reliability is None else reliability.bins:
        number = min(int(each.confidence * BINS), BINS - 1)
        left.bar(number / BINS, (number + 1) / BINS, each.accuracy)
    left.lines([(0, 0), (1, 1)], _BLACK)
    for each in () if reliability is None else reliability.bins:
        left.lines([(each.confidence, end) for end in each.interval], _BLUE, 2)
        left.mark((each.confidence, each.accuracy))
    _draw_risk(sheet, lettering, evaluation)
    write_image(path, sheet)


def _draw_risk(sheet: Image, lettering: Lettering, evaluation: Evaluation) -> None:
    curve, acceptance = evaluation.risk_by_coverage, evaluation.acceptance
    highest = max([0.02, *(risk for _, risk in curve)])
    panel = _Panel(sheet, lettering, _SIDE + 2 * _MARGIN, highest)
    panel.axes("Risk by coverage; dot: 99 % precision", "share of plates accepted", "share wrong of those accepted")
    if curve:
        panel.lines(curve, _BLUE, 2)
    if acceptance.accepted:
        panel.mark((acceptance.coverage, 1 - acceptance.correct / acceptance.accepted))
