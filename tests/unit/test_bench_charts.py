"""Charts of reports: axes, ticks and places."""

from __future__ import annotations

import re

import pytest

from edgelpr.benchmarks.report.charts import distribution_chart, layer_chart, roofline_chart, throughput_chart
from edgelpr.benchmarks.report.svg import Axis, Drawing


def test_charts_without_figures_are_not_drawn() -> None:
    assert distribution_chart({}) is None and throughput_chart({"one batch": [(1.0, 5.0)]}) is None
    assert layer_chart("none", []) is None and roofline_chart(1e9, 1e9, {}) is None


@pytest.mark.parametrize(("low", "high", "logarithmic"), [(0, 0, False), (2, 1, False), (0, 1, True), (float("nan"), 1, False)])
def test_an_axis_has_two_ends(low, high, logarithmic) -> None:
    with pytest.raises(ValueError, match="axis"):
        Axis("x", low, high, logarithmic)


def test_ticks_are_round_and_within() -> None:
    assert Axis("x", 0, 1).ticks() == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert Axis("x", 0.9, 60, logarithmic=True).ticks() == [1, 2, 5, 10, 20, 50]


def test_a_drawing_places_what_is_measured() -> None:
    drawing = Drawing(Axis("x", 0, 10), Axis("y", 0, 10), "d")
    drawing.dot((0, 0))
    drawing.dot((10, 10))
    low, high = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawing.finish())
    assert float(low[0]) < float(high[0]) and float(low[1]) > float(high[1])  # upwards is less in SVG
