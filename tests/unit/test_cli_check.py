"""``edgelpr check``: exit codes, text, JSON."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from edgelpr.cli.main import run


@pytest.fixture
def labels(tmp_path):
    """Four crops: one picture trains and tests, one file is broken."""
    for number, seed in enumerate((1, 1, 2, 3)):
        blocks = np.random.default_rng(seed).integers(0, 256, (6, 12, 3), dtype=np.uint8)
        content = cv2.imencode(".png", cv2.resize(blocks, (160, 48)))[1].tobytes()
        (tmp_path / f"{number}.png").write_bytes(content if number < 3 else b"broken")
    lines = ["0.png,AB1,train", "1.png,AB1,test", "2.png,CD2,calibrate", "3.png,EF3,train"]
    (tmp_path / "labels.csv").write_text("image,plate,split\n" + "\n".join(lines))
    return tmp_path / "labels.csv"


def test_errors_end_with_exit_code_1(labels, capsys):
    assert run(["check", str(labels), "--plate-format", "latin"]) == 1
    printed = capsys.readouterr()
    assert "error: unreadable (1)" in printed.out
    assert "3.png: not an image" in printed.out
    assert "error: same picture (1)\n  the same picture of AB1 trains and is held out" in printed.out
    assert "warning: absent character (1)" in printed.out
    assert "2 errors, 2 warnings" in printed.out
    assert "To do: " in printed.out
    assert "Correct the errors" in printed.err


def test_warnings_alone_end_with_0_and_the_next_step(labels, capsys):
    arguments = ["check", str(labels), "--plate-format", "latin", "--split"]
    assert run([*arguments, "calibrate", "--split", "test"]) == 0
    printed = capsys.readouterr()
    assert "0 errors, 0 warnings" in printed.out
    assert [line.split()[:3] for line in printed.out.splitlines()[1:3]] == [["test", "1", "1"], ["calibrate", "1", "1"]]
    assert "Next: edgelpr eval BUNDLE" in printed.err


def test_json_is_as_promised(labels, capsys):
    assert run(["check", str(labels), "--plate-format", "latin", "--json"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert set(values) == {"crops", "errors", "warnings", "parts", "findings"}
    assert (values["crops"], values["errors"], values["warnings"]) == (4, 2, 2)
    assert set(values["parts"][0]) == {"name", "role", "crops", "plates", "unreadable", "width", "height", "characters"}
    assert values["parts"][0]["characters"] == {"A": 1, "B": 1, "1": 1, "E": 1, "F": 1, "3": 1}
    assert set(values["findings"][0]) == {"level", "kind", "files", "what", "remedy"}
    kinds = [finding["kind"] for finding in values["findings"]]
    assert kinds == ["unreadable", "same-picture", "shared-plate", "absent-character"]


def test_two_sets(labels, tmp_path, capsys):
    for name, image in (("train", "0.png"), ("test", "1.png")):
        (tmp_path / f"{name}.csv").write_text(f"image,plate\n{image},AB1\n")
    assert run(["check", str(tmp_path / "train.csv"), str(tmp_path / "test.csv"), "--plate-format", "latin"]) == 1
    assert "(in 'train' and 'test')" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["labels.csv"], 2, "--plate-format is missing"),
        (["labels.csv", "--plate-format", "nowhere"], 1, "nowhere"),
        (["absent", "--plate-format", "cn"], 1, "absent: no such file or folder"),
        (["labels.csv", "--plate-format", "cn", "--split", "val"], 1, "no plate of the split 'val'"),
        (["--plate-format", "cn"], 2, "Missing argument"),
    ],
)
def test_mistakes_of_the_user(labels, monkeypatch, capsys, arguments, code, message):
    monkeypatch.chdir(labels.parent)
    assert run(["check", *arguments]) == code
    assert message in capsys.readouterr().err
