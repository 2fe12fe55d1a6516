"""Measuring a recogniser: what counts as right, and what is told about the rest."""

from __future__ import annotations

import csv
import json

import cv2
import pytest
from stub_engine import CN, PLATES, draw_crop, stub_recognizer

from edgelpr.data.labels import LabelledCrop, read_labels
from edgelpr.data.lettering import OpenCvLettering
from edgelpr.errors import DataError
from edgelpr.plates.patterns import load_pattern
from edgelpr.training.alignment import align, correct_characters, without_chinese
from edgelpr.training.evaluation import evaluate
from edgelpr.training.reports import write_failure_sheet, write_plates_csv
from edgelpr.training.statistics import wilson_interval


def labelled(folder, pairs):
    """Crops that the stub reads as PLATES[number], labelled with any text."""
    return [LabelledCrop(draw_crop(folder / f"{n:03}.png", number), plate) for n, (number, plate) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("true", "read", "pairs", "right"),
    [
        ("ABC", "ABC", [("A", "A"), ("B", "B"), ("C", "C")], 3),
        ("ABC", "AXC", [("A", "A"), ("B", "X"), ("C", "C")], 2),
        ("ABCD", "BCDA", [("A", "B"), ("B", "C"), ("C", "D"), ("D", "A")], 0),
        ("ABCD", "ACD", [("A", "A"), ("B", ""), ("C", "C"), ("D", "D")], 3),
        ("ABC", "ABXC", [("A", "A"), ("B", "B"), ("", "X"), ("C", "C")], 2),
        ("AB", "", [("A", ""), ("B", "")], 0),
        ("A", "BCDE", None, 0),
    ],
)
def test_alignment(true, read, pairs, right):
    assert pairs is None or align(true, read) == pairs
    assert correct_characters(true, read) == right


def test_plates_without_their_chinese_character():
    assert [without_chinese(plate) for plate in ("皖A12345", "EF1452", "皖", "")] == ["A12345", "EF1452", "", ""]


def test_figures(tmp_path):
    crops = labelled(tmp_path, [(0, "皖A12345"), (0, "京A12345"), (1, "京B67899"), (2, "沪C1111D")])
    evaluation = evaluate(stub_recognizer(), crops)
    assert (evaluation.plates, evaluation.correct) == (4, 2)
    assert evaluation.plate_accuracy == 0.5
    assert evaluation.plate_accuracy_interval == wilson_interval(2, 4)
    assert evaluation.plate_accuracy_without_chinese == 0.75
    assert evaluation.character_accuracy == 26 / 28
    assert [(c.true, c.read, c.count) for c in evaluation.confusions()] == [("9", "0", 1), ("京", "皖", 1)]
    assert [score.crop.plate for score in evaluation.failures] == ["京A12345", "京B67899"]
    assert evaluation.seconds_per_plate > 0


def test_json_keys_are_those_promised(tmp_path):
    values = evaluate(stub_recognizer(), labelled(tmp_path, [(0, PLATES[0])])).to_dict()
    assert list(values) == [
        "plates", "plate_accuracy", "plate_accuracy_interval", "plate_accuracy_without_chinese", "character_accuracy",
        "precision", "backend", "seconds_per_plate", "data_sha256", "expected_calibration_error", "adaptive_calibration_error",
        "accuracy_at_99_precision", "threshold_at_99_precision", "precision_interval_at_threshold",
    ]  # fmt: skip
    assert json.loads(json.dumps(values))["plate_accuracy_interval"][1] == 1.0


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_files_that_cannot_be_read_count_as_wrong_and_keep_their_place(tmp_path, batch_size):
    crops = labelled(tmp_path, [(n % 4, PLATES[n % 4]) for n in range(12)])
    broken = (0, 4, 5, 11)
    for number in broken:
        crops[number].path.write_bytes(b"not an image")
    seen = []
    evaluation = evaluate(stub_recognizer(batch_size), crops, progress=lambda done, total: seen.append((done, total)))
    assert [score.crop for score in evaluation.scores] == crops
    assert [score.correct for score in evaluation.scores] == [n not in broken for n in range(12)]
    assert [score.crop.path.name for score in evaluation.unreadable] == [f"{n:03}.png" for n in broken]
    assert evaluation.plate_accuracy == evaluation.plate_accuracy_without_chinese == 8 / 12
    assert evaluation.confusions() == ()
    assert seen == [(n, 12) for n in range(1, 13)]


def test_nothing_readable(tmp_path):
    crops = labelled(tmp_path, [(0, PLATES[0])])
    crops[0].path.unlink()
    values = evaluate(stub_recognizer(), crops).to_dict()
    assert (values["plate_accuracy"], values["character_accuracy"], values["seconds_per_plate"]) == (0, 0, None)
    assert (values["expected_calibration_error"], values["threshold_at_99_precision"]) == (None, None)


def test_labels_beyond_the_format_are_told_and_count_as_wrong(tmp_path):
    crops = labelled(tmp_path, [(0, "皖a12345"), (0, "皖A123456789"), (0, PLATES[0])])
    evaluation = evaluate(stub_recognizer(), crops, plate_format=CN)
    assert evaluation.correct == 1
    assert len(evaluation.warnings) == 2
    assert "000.png" in evaluation.warnings[0]
    assert "outside the alphabet" in evaluation.warnings[0]


def test_labels_that_break_the_pattern_are_told(tmp_path):
    narrow = load_pattern("cn").apply(CN)
    evaluation = evaluate(stub_recognizer(), labelled(tmp_path, [(0, "皖112345"), (0, PLATES[0])]), plate_format=narrow)
    assert len(evaluation.warnings) == 1
    assert "000.png: plate '皖112345' does not follow the pattern of 'cn'" in evaluation.warnings[0]


def test_no_plates():
    with pytest.raises(DataError, match="no plates"):
        evaluate(stub_recognizer(), [])


def test_csv_of_plates_can_be_labels_again(tmp_path):
    crops = labelled(tmp_path, [(0, PLATES[0]), (0, "京A12345")])
    crops[1].path.write_bytes(b"broken, with a comma")
    path = tmp_path / "out" / "plates.csv"
    write_plates_csv(path, evaluate(stub_recognizer(), crops))
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [(row["plate"], row["read"], row["correct"]) for row in rows] == [(PLATES[0], PLATES[0], "1"), ("京A12345", "", "0")]
    assert "not an image" in rows[1]["error"]
    assert [crop.plate for crop in read_labels(path)] == [PLATES[0], "京A12345"]


def test_sheet_of_failures(tmp_path, monkeypatch):
    crops = labelled(tmp_path, [(0, "京A12345")] * 6 + [(0, PLATES[0])])
    crops[5].path.write_bytes(b"")
    evaluation = evaluate(stub_recognizer(), crops)
    assert write_failure_sheet(tmp_path / "sheet.png", evaluation) is None
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (38 + 2 * 160, 5 * 260, 3)
    assert (sheet[38 + 8 : 38 + 70, 20:240] == 5).all()  # the first crop, enlarged
    assert (sheet[38 + 170 :, 260:] == 245).all()  # five a row: nothing after the sixth
    monkeypatch.setattr("edgelpr.training.reports.find_lettering", OpenCvLettering)
    assert "pip install pillow" in write_failure_sheet(tmp_path / "plain.png", evaluation)
    with pytest.raises(DataError, match=r"\.xyz"):
        write_failure_sheet(tmp_path / "sheet.xyz", evaluation)
