"""A picture of what each layer costs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgelpr.benchmarks.bisecting.bisection import Bisection
from edgelpr.benchmarks.bisecting.sensitivity import Sensitivity
from edgelpr.data.lettering import Colour, Lettering, find_lettering
from edgelpr.data.panel import BLACK, BLUE, RED
from edgelpr.data.writing import write_image
from edgelpr.preprocessing.images import Image

_LETTERS, _ROW, _BAR, _MARGIN, _BARS, _FIGURES = 12, 34, 11, 20, 460, 90
_GREY, _PALE = (150, 150, 150), (235, 205, 170)
_HEAD = 92


def write_bisection_chart(path: Path, bisection: Bisection) -> None:
    """Draw two bars a layer, kept ones in red: the shift it causes alone, and below it what keeping it gains.

    Args:
        path: where, ending in .png or .jpg.
        bisection: what was found.

    Raises:
        DataError: the file cannot be written.
    """
    lettering, rows = find_lettering(), bisection.sensitivities
    names = max(lettering.width(_name(bisection, each), _LETTERS) for each in rows)
    left = 2 * _MARGIN + names
    width = max(left + _BARS + _FIGURES, lettering.width(_title(bisection), _LETTERS) + 2 * _MARGIN)
    sheet = np.full((_HEAD + len(rows) * _ROW + _MARGIN, width, 3), 255, dtype=np.uint8)
    lettering.draw(sheet, _title(bisection), (_MARGIN, _MARGIN), _LETTERS, BLACK)
    legend = "upper bar: shift of probability by this layer alone; lower bar: what keeping it gains; red: kept"
    lettering.draw(sheet, legend, (_MARGIN, _MARGIN + 26), _LETTERS, _GREY)
    longest = max(max(each.alone.shift, each.gain) for each in rows) or 1.0
    for number, each in enumerate(rows):
        top = _HEAD + number * _ROW
        kept = bisection.kept_of(each.layer) > 0
        lettering.draw(sheet, _name(bisection, each), (_MARGIN, top + 5), _LETTERS, RED if kept else BLACK)
        _bar(sheet, lettering, (left, top), each.alone.shift, longest, RED if kept else BLUE)
        _bar(sheet, lettering, (left, top + _BAR + 2), each.gain, longest, _PALE)
    write_image(path, sheet)


def _bar(sheet: Image, lettering: Lettering, corner: tuple[int, int], value: float, longest: float, colour: Colour) -> None:
    x, y = corner
    end = x + round(max(value, 0.0) / longest * _BARS)
    cv2.rectangle(sheet, (x, y), (max(end, x + 1), y + _BAR), colour, -1)
    lettering.draw(sheet, f"{value:.5f}", (end + 6, y + 1), _LETTERS - 3, BLACK)


def _title(bisection: Bisection) -> str:
    found = {
        "passes": "passes as it is",
        "found": f"{len(bisection.kept)} of {len(bisection.layers)} layers kept",
        "not enough": "no set of layers passes",
    }[bisection.outcome]
    return f"{bisection.file}: {found}; each layer measured on {bisection.ranked_on} plates"


def _name(bisection: Bisection, each: Sensitivity) -> str:
    kept, count = bisection.kept_of(each.layer), len(each.layer.nodes)
    return f"{each.layer.name} ({kept} of {count} kept)" if 0 < kept < count else each.layer.name
