"""A result's charts as SVG files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgelpr.benchmarks.report.svg import Axis, Drawing
from edgelpr.data.writing import write_file

Result = Mapping[str, Any]

_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg" style="background:#ffffff"'


def write_charts(folder: Path, result: Result) -> list[Path]:
    """Every chart that a result has the figures for.

    Args:
        folder: made when it is absent.
        result: as the benchmark writes it.

    Returns:
        The files.

    Raises:
        DataError: a file cannot be written.
    """
    parts, charts = result["parts"], {}
    if "frames" in parts:
        charts["frames"] = frames_chart(parts["frames"])
    if "rendered" in parts:
        charts["reliability"] = reliability_chart(parts["rendered"]["reliability"], "rendered tracks")
        if parts["rendered"]["quality"] is not None:
            charts["quality"] = quality_chart(parts["rendered"]["quality"])
    for measured in parts.get("real", {}).get("sets", ()):
        name = measured["set"]["data"]
        charts[f"reliability-{name}"] = reliability_chart(measured["reliability"], f"tracks from crops of {name}")
    for name, drawn in charts.items():
        content = drawn.replace("<svg ", f"<svg {_NAMESPACE} ", 1)
        write_file(folder / f"{name}.svg", (content + "\n").encode("utf-8"))
    return [folder / f"{name}.svg" for name in charts]


def frames_chart(frames: Mapping[str, Any]) -> str:
    """Accuracy by the number of frames, with 95 % intervals."""
    curves = {"the first frames": frames["first"]}
    if frames["best"] is not None:
        curves["the best frames of five by their scores"] = frames["best"]
    ends = [100 * end for curve in curves.values() for point in curve for end in point["interval"]]
    drawing = Drawing(Axis("frames", 0.7, 5.3), Axis.around("whole plates right, per cent", ends), "Accuracy by frames")
    for number, curve in enumerate(curves.values()):
        drawing.line([(point["frames"], 100 * point["accuracy"]) for point in curve], number)
        for point in curve:
            drawing.line([(point["frames"], 100 * end) for end in point["interval"]], number)
            drawing.dot((point["frames"], 100 * point["accuracy"]), number)
    drawing.legend(list(curves))
    return drawing.finish()


def reliability_chart(reliability: Mapping[str, Any], name: str) -> str:
    """Share right by confidence, with 95 % intervals; on the diagonal the confidence means what it says."""
    title = f"Reliability on {name}"
    drawing = Drawing(Axis("confidence", 0.0, 1.0), Axis("share of plates right", 0.0, 1.0), title)
    drawing.line([(0, 0), (1, 1)], 5)
    for each in reliability["bins"]:
        drawing.line([(each["confidence"], end) for end in each["interval"]])
        drawing.dot((each["confidence"], each["accuracy"]))
    return drawing.finish()


def quality_chart(quality: Mapping[str, Any]) -> str:
    """Scores by labels: the darker, the more frames; on a logarithmic scale."""
    cells = np.array(quality["cells_by_label_and_score"], dtype=np.float64)
    title = f"Score by true quality, {quality['frames']} frames"
    drawing = Drawing(Axis("true quality", 0.0, 1.0), Axis("IQ-STAN's score", 0.0, 1.0), title)
    side, most = 1 / len(cells), np.log1p(cells.max())
    for across, up in np.argwhere(cells > 0).tolist():
        corner, opposite = (across * side, up * side), ((across + 1) * side, (up + 1) * side)
        drawing.cell(corner, opposite, float(np.log1p(cells[across, up]) / most))
    drawing.line([(0, 0), (1, 1)], 5)
    return drawing.finish()
