"""The charts of a report, each from plain numbers; None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from edgelpr.benchmarks.report.document import Chart
from edgelpr.benchmarks.report.svg import HEIGHT, Axis, Drawing, Point

_T = TypeVar("_T")

_MOST_SERIES = 8
_STEPS = 200
_ALL = 100.5
"""Per cent, with a little room for the dot."""

_BINS = 40
_ROW = 20
_MARGINS = 66
_LAYERS = 40


def distribution_chart(samples: Mapping[str, Sequence[float]]) -> Chart | None:
    """For each thing timed the share of its calls that took no longer: the whole distribution, no outlier dropped.

    Args:
        samples: milliseconds, by name.
    """
    shown = _first(samples)
    if not shown:
        return None
    everything = [value for values in shown.values() for value in values]
    across = Axis.around("milliseconds", everything, logarithmic=min(everything) > 0)
    drawing = Drawing(across, Axis("share of calls", 0.0, 1.0), "Latency distributions")
    for number, values in enumerate(shown.values()):
        drawing.line(_cumulative(values), number)
    drawing.legend(list(shown))
    return Chart(drawing.finish(), f"Share of calls that took no longer than so many milliseconds{_rest(samples)}")


def histogram_chart(name: str, samples: Sequence[float]) -> Chart | None:
    """How often each latency was seen.

    Args:
        name: what was timed.
        samples: milliseconds.
    """
    if len(samples) < 2 or min(samples) == max(samples):
        return None
    counts, edges = np.histogram(np.asarray(samples), bins=_BINS)
    across = Axis.around("milliseconds", edges.tolist())
    drawing = Drawing(across, Axis("calls", 0.0, float(counts.max()) * 1.05), f"Histogram of {name}", HEIGHT // 2 + 60)
    outline: list[Point] = [(float(edges[0]), 0.0)]
    for count, left, right in zip(counts, edges[:-1], edges[1:]):
        outline += [(float(left), float(count)), (float(right), float(count))]
    drawing.line([*outline, (float(edges[-1]), 0.0)])
    return Chart(drawing.finish(), f"{name}: {len(samples)} calls")


def throughput_chart(series: Mapping[str, Sequence[Point]]) -> Chart | None:
    """Plates a second against the batch.

    Args:
        series: (batch, plates a second) by name.
    """
    shown = _first({name: sorted(point for point in points if point[0] > 0) for name, points in series.items()})
    if not shown or len({batch for points in shown.values() for batch, _ in points}) < 2:
        return None
    points = [point for each in shown.values() for point in each]
    across = Axis.around("crops a batch", [batch for batch, _ in points], logarithmic=True)
    drawing = Drawing(across, Axis.around("plates a second", [speed for _, speed in points], zero=True), "Throughput")
    for number, each in enumerate(shown.values()):
        drawing.line(each, number)
        for point in each:
            drawing.dot(point, number)
    drawing.legend(list(shown))
    return Chart(drawing.finish(), f"Throughput against batch{_rest(series)}")


def accuracy_chart(points: Mapping[str, Point]) -> Chart | None:
    """Accuracy against speed, a dot a model and precision.

    Args:
        points: (median milliseconds, whole plates right in per cent) by name.
    """
    if not points:
        return None
    times, shares = ([point[axis] for point in points.values()] for axis in (0, 1))
    around = Axis.around("whole plates right, per cent", shares)
    up = Axis(around.title, around.low, max(min(around.high, _ALL), max(shares)))
    drawing = Drawing(Axis.around("median milliseconds a call, single stream", times, zero=True), up, "Accuracy by speed")
    _numbered(drawing, points)
    return Chart(drawing.finish(), "Accuracy against speed: up and to the left is better")


def layer_chart(name: str, milliseconds: Sequence[tuple[str, float]]) -> Chart | None:
    """The time each layer takes, longest first.

    Args:
        name: of the run.
        milliseconds: layer and time; two layers may have one name.
    """
    longest = sorted(milliseconds, key=lambda item: -item[1])[:_LAYERS]
    if not longest or longest[0][1] <= 0:
        return None
    height = _MARGINS + _ROW * len(longest)
    drawing = Drawing(Axis("milliseconds", 0.0, longest[0][1] * 1.05), Axis("", 0.0, 1.0), f"Layers of {name}", height)
    for row, (layer, value) in enumerate(longest):
        drawing.bar(row, len(longest), value, f"{layer}  {value:.4f} ms")
    rest = f"; the {len(longest)} longest of {len(milliseconds)}" if len(milliseconds) > len(longest) else ""
    return Chart(drawing.finish(), f"{name}: milliseconds a layer{rest}")


def roofline_chart(flops: float, bytes_per_second: float, points: Mapping[str, Point]) -> Chart | None:
    """The roof of a device, and the networks below it.

    Args:
        flops: peak, floating-point operations a second.
        bytes_per_second: of its memory.
        points: (operations a byte, operations a second reached) by name.
    """
    if not points or flops <= 0 or bytes_per_second <= 0:
        return None
    ridge = flops / bytes_per_second
    sides = [ridge / 8, ridge * 8, *(intensity for intensity, _ in points.values())]
    across = Axis.around("operations a byte of memory traffic", sides, logarithmic=True)
    reached = [speed / 1e9 for _, speed in points.values()]
    up = Axis.around("G operations a second", [*reached, flops / 1e9, across.low * bytes_per_second / 1e9], logarithmic=True)
    drawing = Drawing(across, up, "Roofline")
    roof = [(x, min(flops, x * bytes_per_second) / 1e9) for x in (across.low, ridge, across.high)]
    drawing.line(roof, 5)
    _numbered(drawing, {name: (intensity, speed / 1e9) for name, (intensity, speed) in points.items()})
    return Chart(drawing.finish(), "Roofline: what the device could do at most, and what was reached")


def _numbered(drawing: Drawing, points: Mapping[str, Point]) -> None:
    """Dots with numbers, and the names that belong to them below: names beside dots would lie on each other."""
    for number, point in enumerate(points.values()):
        drawing.dot(point, number, str(number + 1))
    drawing.legend([f"{number}  {name}" for number, name in enumerate(points, 1)])


def _cumulative(values: Sequence[float]) -> list[Point]:
    shares = np.linspace(0.0, 1.0, min(_STEPS, max(len(values), 2)))
    return list(zip(np.quantile(np.asarray(values), shares).tolist(), shares.tolist()))


def _first(series: Mapping[str, Sequence[_T]]) -> dict[str, Sequence[_T]]:
    return dict([(name, each) for name, each in series.items() if len(each)][:_MOST_SERIES])


def _rest(series: Mapping[str, Sequence[_T]]) -> str:
    return f"; the first {_MOST_SERIES} of {len(series)}" if len(series) > _MOST_SERIES else ""
