"""``edgelpr eval``: figures, reports, and labels with mistakes."""

from __future__ import annotations

import csv
import json

import cv2
import pytest
import stub_engine
from stub_engine import PLATES, draw_crop

from edgelpr.cli.main import run


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    stub_engine.install(monkeypatch)


@pytest.fixture
def labels(tmp_path):
    """Six plates: four read right, one not, one that is no image."""
    lines = ["image,plate,split"]
    for number in range(6):
        draw_crop(tmp_path / f"{number}.png", number % 4)
        lines.append(f"{number}.png,{PLATES[number % 4] if number != 1 else '京B67899'},{'test' if number < 3 else 'train'}")
    (tmp_path / "5.png").write_bytes(b"broken")
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "labels.csv"


def test_json_is_as_promised(labels, capsys):
    assert run(["eval", "stub.elpr", str(labels), "--json"]) == 0
    printed = capsys.readouterr()
    values = json.loads(printed.out)
    assert set(values) == {
        "plates", "plate_accuracy", "plate_accuracy_interval", "plate_accuracy_without_chinese", "character_accuracy",
        "precision", "backend", "seconds_per_plate", "data_sha256", "expected_calibration_error", "adaptive_calibration_error",
        "accuracy_at_99_precision", "threshold_at_99_precision", "precision_interval_at_threshold",
    }  # fmt: skip
    assert (values["plates"], values["plate_accuracy"]) == (6, 4 / 6)
    assert (values["precision"], values["backend"]) == ("fp32", "onnxruntime")
    assert 0 < values["plate_accuracy_interval"][0] < 4 / 6 < values["plate_accuracy_interval"][1] < 1
    assert len(values["data_sha256"]) == 64
    assert "files that could not be read, counted as wrong (1)" in printed.err
    assert "5.png: not an image" in printed.err


def test_text_split_and_worst_confusions(labels, capsys):
    assert run(["eval", "stub.elpr", str(labels), "--split", "test"]) == 0
    printed = capsys.readouterr()
    assert "plates                                3" in printed.out
    assert "66.67%" in printed.out
    assert "none: no threshold reaches it" in printed.out
    assert "20.77% to 93.85%" in printed.out
    assert printed.out.splitlines()[-1].split() == ["9", "0", "1"]
    assert "--sheet failures.png" in printed.err
    assert run(["eval", "stub.elpr", str(labels), "--split", "val"]) == 1
    assert "splits found: test, train" in capsys.readouterr().err


def test_reports(labels, tmp_path, capsys):
    table, sheet = tmp_path / "out" / "plates.csv", tmp_path / "out" / "failures.png"
    assert run(["eval", "stub.elpr", str(labels), "--csv", str(table), "--sheet", str(sheet)]) == 0
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert [row["correct"] for row in rows] == ["1", "0", "1", "1", "1", "0"]
    assert cv2.imread(str(sheet)).shape == (38 + 160, 1300, 3)
    assert sorted(path.name for path in table.parent.iterdir()) == ["failures.png", "plates.csv"]


def test_confidences_are_judged(labels, tmp_path, capsys):
    chart = tmp_path / "out" / "reliability.png"
    labels.write_text("image,plate\n0.png,皖A12345\n1.png,京B67890\n", encoding="utf-8")
    assert run(["eval", "stub.elpr", str(labels), "--reliability", str(chart)]) == 0
    printed = capsys.readouterr()
    assert "56.95% in bins of equal width, 56.95% in bins of equal mass" in printed.out  # all right, with 0.9 ** 8
    assert "100.00% of all plates, confidence >= 0.430467" in printed.out
    assert "2 of 2 on these plates, which chose the threshold: check it on others" in printed.out
    assert cv2.imread(str(chart)).shape == (500, 930, 3)
    assert f"Wrote {chart}" in printed.err


def test_a_report_that_cannot_be_written(labels, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(["eval", "stub.elpr", str(labels), "--csv", str(tmp_path / "file" / "plates.csv")]) == 1
    printed = capsys.readouterr()
    assert "plates.csv: cannot be written" in printed.err
    assert "66.67%" in printed.out  # the figures are not lost


def test_labels_with_mistakes(labels, capsys):
    labels.write_text("image,plate\n0.png,皖A12345\n9.png,皖A12345\n1.png,\n", encoding="utf-8")
    assert run(["eval", "stub.elpr", str(labels)]) == 1
    errors = capsys.readouterr().err
    assert f"Error: {labels}: 2 mistakes in the labels" in errors
    assert "line 3: " in errors
    assert "9.png does not exist" in errors
    assert "line 4: no plate for 1.png" in errors


def test_labels_beyond_the_alphabet(labels, capsys):
    labels.write_text("image,plate\n0.png,皖A12345\n1.png,b-67890\n", encoding="utf-8")
    assert run(["eval", "stub.elpr", str(labels), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["plate_accuracy"] == 0.5
    assert "labels beyond the plate format, counted as wrong (1)" in printed.err
    assert "outside the alphabet of 'cn'" in printed.err


def test_folder_formats(tmp_path, capsys):
    for plate, number in (("皖A12345", 0), ("京B67890", 1)):
        draw_crop(tmp_path / "named" / f"{plate}_1.png", number)
    assert run(["eval", "stub.elpr", str(tmp_path / "named"), "--format", "names", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plate_accuracy"] == 1
    assert run(["eval", "stub.elpr", str(tmp_path / "named")]) == 1
    assert "--format names" in capsys.readouterr().err


@pytest.fixture
def recorded(monkeypatch):
    """What ``--record`` would write, one entry a call."""
    entries = []
    monkeypatch.setattr("edgelpr.bundle.recording.record_accuracy", lambda bundle, entry: entries.append(dict(entry)))
    return entries


def test_a_record_names_the_data_and_how_they_were_read(labels, tmp_path, recorded, monkeypatch):
    named = draw_crop(tmp_path / "named" / "皖A12345_1.png").parent
    assert run(["eval", "stub.elpr", str(labels), "--split", "test", "--record", "--json"]) == 0
    assert run(["eval", "stub.elpr", str(named), "--format", "names", "--rectify", "--record", "--json"]) == 0
    monkeypatch.chdir(named)
    assert run(["eval", "stub.elpr", ".", "--format", "names", "--record", "--json"]) == 0
    found = [tuple(entry[key] for key in ("data", "format", "split", "rectify")) for entry in recorded]
    assert found == [(tmp_path.name, "csv", "test", False), ("named", "names", None, True), ("named", "names", None, False)]
    assert {"plates", "plate_accuracy", "precision", "backend", "data_sha256"} <= set(recorded[0])


def test_the_next_command_repeats_the_choices(labels, capsys):
    assert run(["eval", "stub.elpr", str(labels), "--split", "test", "--rectify"]) == 0
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("Next: "))
    chosen = "--format csv --split test --rectify --backend onnxruntime --precision fp32 --sheet failures.png"
    assert chosen in line


def test_interrupt(labels, capsys, monkeypatch):
    def interrupt(self, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr(stub_engine.StubEngine, "run", interrupt)
    assert run(["eval", "stub.elpr", str(labels), "--csv", str(labels.with_name("plates.csv"))]) == 130
    assert not labels.with_name("plates.csv").exists()
    assert "Interrupted" in capsys.readouterr().err
