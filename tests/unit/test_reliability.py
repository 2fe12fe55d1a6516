"""Whether confidences can be trusted, and what a threshold lets through."""

from __future__ import annotations

import cv2
import pytest
from stub_engine import PLATES, draw_crop, stub_recognizer

from edgelpr.data.labels import LabelledCrop
from edgelpr.errors import DataError
from edgelpr.training.acceptance import accept_at_precision, risk_by_coverage
from edgelpr.training.evaluation import evaluate
from edgelpr.training.reliability import measure_reliability
from edgelpr.training.reliability_chart import write_reliability_chart


def test_calibration_error_by_hand():
    confidences, correct = [0.15, 0.25, 0.9, 0.8], [False, True, True, True]
    found = measure_reliability(confidences, correct, bins=2)
    assert [(each.plates, each.correct) for each in found.bins] == [(2, 1), (2, 2)]
    assert found.expected_calibration_error == pytest.approx((2 * abs(0.2 - 0.5) + 2 * abs(0.85 - 1)) / 4)
    assert found.brier_score == pytest.approx((0.15**2 + 0.75**2 + 0.1**2 + 0.2**2) / 4)
    assert [each.gap for each in found.bins] == pytest.approx([-0.3, -0.15])


def test_bins_of_equal_mass_follow_the_readings():
    confidences = [0.90 + 0.001 * number for number in range(60)]
    found = measure_reliability(confidences, [True] * 60, bins=4)
    assert [each.plates for each in found.bins] == [60]  # equal width sees one bin
    assert [each.plates for each in found.equal_mass_bins] == [15, 15, 15, 15]
    assert found.adaptive_calibration_error == pytest.approx(1 - sum(confidences) / 60)


def test_equal_confidences_share_a_bin_whatever_is_right():
    found = measure_reliability([0.7] * 10, [True] * 7 + [False] * 3, bins=5)
    assert [each.plates for each in found.equal_mass_bins] == [10]
    assert found.expected_calibration_error == found.adaptive_calibration_error == pytest.approx(0, abs=1e-12)


def test_perfect_confidence_and_its_opposite():
    assert measure_reliability([1.0, 0.0], [True, False]).expected_calibration_error == 0
    assert measure_reliability([1.0, 0.0], [False, True]).expected_calibration_error == 1
    assert measure_reliability([1.0], [True]).bins[0].interval[0] < 0.3  # one plate shows little


def test_the_lowest_threshold_that_keeps_the_precision():
    confidences = [0.99, 0.9, 0.8, 0.7, 0.6]
    found = accept_at_precision(confidences, [True, False, True, True, False], 6, precision=0.75)
    assert (found.threshold, found.accepted, found.correct) == (0.7, 4, 3)  # though 0.9 alone falls short
    assert (found.coverage, found.accuracy) == (4 / 6, 3 / 6)
    strict = accept_at_precision(confidences, [True, False, True, True, False], 6)
    assert (strict.threshold, strict.accepted) == (0.99, 1)
    assert strict.precision_interval is not None and strict.precision_interval[0] < 0.25


def test_exactly_99_in_100_is_enough():
    for hundreds in (1, 2, 3, 7):
        correct = [True] * 99 * hundreds + [False] * hundreds
        assert accept_at_precision([0.5] * len(correct), correct, len(correct)).accepted == len(correct)


def test_equal_confidences_are_accepted_together():
    found = accept_at_precision([0.9, 0.9, 0.8], [True, False, True], 3, precision=0.9)
    assert (found.threshold, found.accepted, found.accuracy, found.precision_interval) == (None, 0, 0.0, None)
    curve = risk_by_coverage([0.9, 0.9, 0.8], [True, False, True], 3)
    assert [value for point in curve for value in point] == pytest.approx([2 / 3, 1 / 2, 1, 1 / 3])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: measure_reliability([], []),
        lambda: measure_reliability([0.5], [True, False]),
        lambda: accept_at_precision([0.5], [], 1),
        lambda: accept_at_precision([0.5, 0.6], [True, True], 1),
        lambda: accept_at_precision([], [], 0),
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        wrong()


@pytest.fixture
def evaluation(tmp_path):
    """Three plates read right, one wrong, one that is no image; the stub's confidence is always 0.9 ** 8."""
    labels = [PLATES[0]] * 3 + ["京A12345", PLATES[0]]
    crops = [LabelledCrop(draw_crop(tmp_path / f"{number}.png"), plate) for number, plate in enumerate(labels)]
    crops[4].path.write_bytes(b"broken")
    return evaluate(stub_recognizer(), crops)


def test_an_evaluation_judges_only_the_readings_there_are(evaluation):
    assert evaluation.reliability.expected_calibration_error == pytest.approx(0.75 - 0.9**8, abs=1e-5)
    assert (evaluation.acceptance.threshold, evaluation.acceptance.plates) == (None, 5)
    values = evaluation.to_dict()
    assert values["accuracy_at_99_precision"] == 0 and values["precision_interval_at_threshold"] is None


def test_the_chart_shows_the_bar_and_the_dot(evaluation, tmp_path):
    write_reliability_chart(tmp_path / "chart.png", evaluation)
    chart = cv2.imread(str(tmp_path / "chart.png"))
    assert chart.shape == (500, 930, 3)
    x, y = 70 + round(0.9**8 * 360), 70 + 360 - round(0.75 * 360)
    assert chart[y, x].tolist() == [40, 40, 200]  # accuracy over confidence
    assert (chart[y + 60 : y + 80, x - 4 : x - 2] == (235, 205, 170)).any()  # the bar below it
    with pytest.raises(DataError, match=r"\.xyz"):
        write_reliability_chart(tmp_path / "chart.xyz", evaluation)
