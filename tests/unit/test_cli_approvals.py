"""Commands and precisions that are not approved: `read` refuses unless told, `eval` measures and says so."""

from __future__ import annotations

import json

import cv2
import pytest
from sample_approvals import add_int8, approval_of

from edgelpr.bundle.recording import record_approvals
from edgelpr.cli.main import run

pytest.importorskip("onnxruntime")


@pytest.fixture
def int8(make_bundle, tmp_path):
    """A bundle with an int8 graph that was never verified."""
    return add_int8(make_bundle(tmp_path / "mine.elpr"))


@pytest.fixture
def labels(paint, tmp_path):
    (tmp_path / "1234.png").write_bytes(cv2.imencode(".png", paint("1234"))[1].tobytes())
    (tmp_path / "labels.csv").write_text("image,plate\n1234.png,1234\n", encoding="utf-8")
    return tmp_path / "labels.csv"


def test_read_refuses_unless_told(int8, labels, capsys):
    chosen = ["read", str(int8.path), str(labels.with_name("1234.png")), "--precision", "int8", "--json"]
    assert run(chosen) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"Error: {int8.path}: int8 (int8-cpu.onnx) was never verified on onnxruntime")
    assert "--allow-unapproved" in printed.err
    assert run([*chosen, "--allow-unapproved"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["plate"], result["precision"]) == ("1234", "int8")


def test_eval_measures_and_says_what_is_not_approved(int8, labels, capsys):
    chosen = ["eval", str(int8.path), str(labels), "--precision", "int8", "--json"]
    assert run(chosen) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["plate_accuracy"] == 1
    assert "Not approved: " in printed.err and "was never verified on onnxruntime" in printed.err
    record_approvals(int8, [approval_of(int8.file("int8-cpu.onnx").read_bytes(), "int8", portable=True)])
    assert run(chosen) == 0
    assert "Not approved" not in capsys.readouterr().err
