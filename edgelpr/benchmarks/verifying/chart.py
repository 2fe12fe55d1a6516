"""A picture of what each precision loses and gains: plates against speed."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from pathlib import Path

import numpy as np

from edgelpr.benchmarks.verifying.result import PrecisionResult
from edgelpr.benchmarks.verifying.verdict import counted
from edgelpr.data.lettering import find_lettering
from edgelpr.data.panel import BLACK, BLUE, MARGIN, RED, SIDE, Axis, Panel
from edgelpr.data.writing import write_image
from edgelpr.errors import DataError

_STEPS = 5
_PAPER = 255
_TITLE_ROOM = 60
_LETTERS, _LINE = 13, 18
_BESIDE = (9, -16)
"""Where a name begins, from its dot."""


def write_verification_chart(path: Path, results: Sequence[PrecisionResult]) -> None:
    """Draw the loss with its 95 % interval over the speed, a dot a precision, and the gate as a line.

    Args:
        path: where, ending in .png or .jpg.
        results: fp32 first; those without a time are left out.

    Raises:
        DataError: no time was taken, or the file cannot be written.
    """
    timed = [(result, result.speed_ratio) for result in results if result.speed_ratio is not None]
    if not timed:
        raise DataError(f"{path}: no time was taken, so there is no speed to draw; verify with timing")
    lettering = find_lettering()
    sheet = np.full((SIDE + 2 * MARGIN, SIDE + 2 * MARGIN + _TITLE_ROOM, 3), _PAPER, dtype=np.uint8)
    gate = results[0].max_loss
    ends = [end for result, _ in timed for end in result.loss_interval]
    panel = Panel(sheet, lettering, MARGIN, _axis([0, *(ratio for _, ratio in timed)]), _axis([0, gate, *ends]))
    title = f"Loss by speed, {counted(results[0].evaluation.plates)}; blue: 95 % interval"
    panel.axes(title, "times as fast as fp32", "plates lost, in points of accuracy")
    panel.lines([(panel.across.low, gate), (panel.across.high, gate)], RED)
    names = [f"{gate:g} allowed", *(result.subject.name for result, _ in timed)]
    for result, ratio in timed:
        panel.lines([(ratio, end) for end in result.loss_interval], BLUE, 2)
        panel.mark((ratio, result.loss_points))
    dots = [panel.place((panel.across.high, gate)), *(panel.place((ratio, result.loss_points)) for result, ratio in timed)]
    for name, place in zip(names, _places(dots, [lettering.width(name, _LETTERS) for name in names])):
        lettering.draw(sheet, name, place, _LETTERS, BLACK)
    write_image(path, sheet)


def _places(dots: Sequence[tuple[int, int]], widths: Sequence[int]) -> list[tuple[int, int]]:
    """Where each name is written, its upper left corner: beside its dot, or further down where another name is there."""
    taken: list[tuple[int, int, int]] = []
    for (x, y), width in zip(dots, widths):
        left, top = x + _BESIDE[0], y + _BESIDE[1]
        while any(left < other + wide and other < left + width and abs(top - above) < _LINE for other, above, wide in taken):
            top += _LINE
        taken.append((left, top, width))
    return [(left, top) for left, top, _ in taken]


def _axis(values: Sequence[float]) -> Axis:
    """An axis that holds all values, in five steps of a tenth or a multiple of it."""
    low, high = min(values), max(values)
    step = max(0.1, ceil((high - low) / _STEPS * 10) / 10)
    start = floor(low / step) * step
    while start + _STEPS * step < high:
        step += 0.1
        start = floor(low / step) * step
    return Axis(round(start, 6), round(start + _STEPS * step, 6))
