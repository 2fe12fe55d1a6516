"""A picture of how far confidences can be trusted: reliability by confidence, and risk by coverage."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgelpr.data.lettering import Lettering, find_lettering
from edgelpr.data.panel import BLACK, BLUE, MARGIN, SIDE, Axis, Panel
from edgelpr.data.writing import write_image
from edgelpr.preprocessing.images import Image
from edgelpr.training.reliability import BINS
from edgelpr.training.scores import Evaluation

_PAPER = 255


def write_reliability_chart(path: Path, evaluation: Evaluation) -> None:
    """Draw accuracy by confidence with 95 % intervals, and the share of mistakes by the share of plates accepted.

    Args:
        path: where, ending in .png or .jpg.
        evaluation: what was measured; without any reading only the axes are drawn.

    Raises:
        DataError: the file cannot be written.
    """
    lettering = find_lettering()
    sheet = np.full((SIDE + 2 * MARGIN, 2 * SIDE + 3 * MARGIN, 3), _PAPER, dtype=np.uint8)
    reliability = evaluation.reliability
    left = Panel(sheet, lettering, MARGIN)
    error = "-" if reliability is None else f"{reliability.expected_calibration_error:.2%}"
    left.axes(f"Reliability of {evaluation.plates} plates, calibration error {error}", "confidence", "share right")
    for each in () if reliability is None else reliability.bins:
        number = min(int(each.confidence * BINS), BINS - 1)
        left.bar(number / BINS, (number + 1) / BINS, each.accuracy)
    left.lines([(0, 0), (1, 1)], BLACK)
    for each in () if reliability is None else reliability.bins:
        left.lines([(each.confidence, end) for end in each.interval], BLUE, 2)
        left.mark((each.confidence, each.accuracy))
    _draw_risk(sheet, lettering, evaluation)
    write_image(path, sheet)


def _draw_risk(sheet: Image, lettering: Lettering, evaluation: Evaluation) -> None:
    curve, acceptance = evaluation.risk_by_coverage, evaluation.acceptance
    highest = max([0.02, *(risk for _, risk in curve)])
    panel = Panel(sheet, lettering, SIDE + 2 * MARGIN, up=Axis(high=highest))
    panel.axes("Risk by coverage; dot: 99 % precision", "share of plates accepted", "share wrong of those accepted")
    if curve:
        panel.lines(curve, BLUE, 2)
    if acceptance.accepted:
        panel.mark((acceptance.coverage, 1 - acceptance.correct / acceptance.accepted))
