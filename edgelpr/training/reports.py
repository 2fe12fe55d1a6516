"""What an evaluation leaves behind: a CSV of every plate and a sheet of the failures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgelpr.data.fitting import fit_into
from edgelpr.data.lettering import Lettering, find_lettering
from edgelpr.data.writing import write_file, write_image
from edgelpr.errors import ImageError
from edgelpr.preprocessing.images import Image
from edgelpr.training.scores import Evaluation, PlateScore

_COLUMNS = 5
_MAX_CELLS = 500
_CELL_WIDTH, _PICTURE_HEIGHT, _CELL_HEIGHT = 260, 80, 160
_MARGIN, _LETTERS = 8, 14
_PAPER = 245
_BLACK, _GREY, _RED = (0, 0, 0), (110, 110, 110), (30, 30, 200)


def write_plates_csv(path: Path, evaluation: Evaluation) -> None:
    """Write one line a plate: image, plate, split, read, correct (1 or 0), confidence, seconds, error.

    The file is UTF-8 and can be given as labels again if the images are named absolutely.

    Raises:
        DataError: the file cannot be written.
    """
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image", "plate", "split", "read", "correct", "confidence", "seconds", "error"])
    for score in evaluation.scores:
        table.writerow(_row(score))
    write_file(path, text.getvalue().encode("utf-8"))


def _row(score: PlateScore) -> list[str]:
    seconds = "" if score.seconds is None else f"{score.seconds:.6f}"
    label = [str(score.crop.path), score.crop.plate, score.crop.split or ""]
    return [*label, score.read, str(int(score.correct)), f"{score.confidence:.6f}", seconds, score.error or ""]


def write_failure_sheet(path: Path, evaluation: Evaluation, rectify: bool = False) -> str | None:
    """Write a picture of the plates that were not read right, the surest mistakes first, 500 at most.

    Args:
        path: where, ending in .png or .jpg.
        evaluation: what was measured.
        rectify: show plates straightened, as they were read.

    Returns:
        What the lettering could not write, for the user; None if it wrote everything.

    Raises:
        DataError: the file cannot be written.
    """
    lettering = find_lettering()
    failures = sorted(evaluation.failures, key=lambda score: -score.confidence)
    rows = -(-min(len(failures), _MAX_CELLS) // _COLUMNS)
    heading = _LETTERS + 3 * _MARGIN
    sheet = np.full((heading + rows * _CELL_HEIGHT, _COLUMNS * _CELL_WIDTH, 3), _PAPER, dtype=np.uint8)
    lettering.draw(sheet, _title(evaluation, failures), (_MARGIN, _MARGIN), _LETTERS, _BLACK)
    for number, score in enumerate(failures[:_MAX_CELLS]):
        top, left = heading + number // _COLUMNS * _CELL_HEIGHT, number % _COLUMNS * _CELL_WIDTH
        _draw_cell(sheet[top : top + _CELL_HEIGHT, left : left + _CELL_WIDTH], score, lettering, rectify)
    write_image(path, sheet)
    return lettering.limits


def _title(evaluation: Evaluation, failures: Sequence[PlateScore]) -> str:
    shown = f", the first {_MAX_CELLS} shown" if len(failures) > _MAX_CELLS else ""
    return f"{len(failures)} of {evaluation.plates} plates not read right{shown}"


def _draw_cell(cell: Image, score: PlateScore, lettering: Lettering, rectify: bool) -> None:
    try:
        picture = fit_into(score.crop.load(rectify), _CELL_WIDTH - 2 * _MARGIN, _PICTURE_HEIGHT)
    except ImageError:  # listed with its reason by the evaluation
        lettering.draw(cell, "no usable image", (_MARGIN, _PICTURE_HEIGHT // 2), _LETTERS, _RED)
    else:
        height, width = picture.shape[:2]
        cell[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width] = picture
    line = _PICTURE_HEIGHT + 2 * _MARGIN
    read = f"read {score.read}  {score.confidence:.2f}" if score.error is None else "not read"
    lettering.draw(cell, f"true {score.crop.plate}", (_MARGIN, line), _LETTERS, _BLACK)
    lettering.draw(cell, read, (_MARGIN, line + _LETTERS + _MARGIN), _LETTERS, _RED)
    lettering.draw(cell, score.crop.path.name[-34:], (_MARGIN, line + 2 * (_LETTERS + _MARGIN)), 10, _GREY)
