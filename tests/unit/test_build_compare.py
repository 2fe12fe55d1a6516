"""What int8 gains over fp16 on the device that builds: timed where both engines are there, and never a reason to fail."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sample_reduced import calibrated
from test_verify_engines import Board, of_precision, on_dla, remove

from edgelpr.cli import build_compare
from edgelpr.cli.main import run
from edgelpr.runtime.backends.tensorrt.runner import TensorRtRunner

pytest.importorskip("onnx")


@pytest.fixture
def board(monkeypatch):
    monkeypatch.setattr(build_compare, "SECONDS", 0.01)
    return Board(monkeypatch)


@pytest.fixture
def path(tiny_manifest, tmp_path):
    """Of a bundle with fp32, fp16 and int8."""
    return calibrated(tmp_path / "small.elpr", tiny_manifest(maps=False)).path


def build(path, precision: str, capsys, *more: str) -> str:
    capsys.readouterr()
    assert run(["build", str(path), "--precision", precision, *more]) == 0
    return capsys.readouterr().err


def slow_in(monkeypatch, precision: str, factor: int) -> None:
    """The engine of a precision computes each batch several times."""
    original = TensorRtRunner.run
    files = {"int8": "int8-", "fp16": "fp16-"}

    def slow(self, *inputs):
        times = factor if files[precision] in self._engine.where else 1
        return [original(self, *inputs) for _ in range(times)][-1]

    monkeypatch.setattr(TensorRtRunner, "run", slow)


@pytest.mark.parametrize(("slower", "warned"), [("fp16", False), ("int8", True)])
@pytest.mark.parametrize("order", [("fp16", "int8"), ("int8", "fp16")])
def test_what_int8_gains_is_said_once_both_are_there(path, board, monkeypatch, capsys, slower, warned, order):
    slow_in(monkeypatch, slower, 4)
    assert "times as fast" not in build(path, order[0], capsys)
    said = build(path, order[1], capsys)
    (ratio,) = re.findall(r"int8 is ([\d.]+) times as fast as fp16 here \(network only: [\d.]+ and [\d.]+ ms a batch\)", said)
    assert (float(ratio) < 1) is warned
    assert ("Warning: int8 is" in said and "prefer fp16" in said) is warned
    assert "times as fast" not in build(path, order[1], capsys)  # nothing was built
    assert board.cuda.leaks() == ()


def test_other_builds_time_nothing(path, board, monkeypatch, capsys):
    monkeypatch.setattr(build_compare, "_times", lambda *asked: pytest.fail("timed"))
    for precision in ("int8", "fp32"):
        assert "times as fast" not in build(path, precision, capsys)


def test_an_engine_that_cannot_be_timed_fails_no_build(path, board, capsys):
    build(path, "fp16", capsys)
    (plan,) = (path / "engines").glob("fp16-*.plan")
    plan.write_bytes(b"!" * plan.stat().st_size)
    said = build(path, "int8", capsys)
    assert re.search(r"^fp16 and int8 were not compared: .*is damaged", said, re.M)
    assert "Next: edgelpr verify" in said
    assert board.cuda.leaks() == ()


def test_the_usual_batch_is_timed(path, board, monkeypatch, capsys):
    sizes, original = set(), TensorRtRunner.run
    monkeypatch.setattr(TensorRtRunner, "run", lambda self, *inputs: sizes.add(len(inputs[0])) or original(self, *inputs))
    build(path, "fp16", capsys)
    build(path, "int8", capsys, "--batch", "1,3,4")
    assert sizes == {3}


def test_one_that_would_read_that_batch_in_parts_is_not_compared(path, board, monkeypatch, capsys):
    monkeypatch.setattr(build_compare, "_times", lambda *asked: pytest.fail("timed"))
    build(path, "fp16", capsys, "--batch", "1,1,2")
    build(path, "int8", capsys, "--batch", "1,8,32")


def test_one_on_a_dla_is_not_compared_with_one_on_the_gpu(path, board, monkeypatch, capsys):
    monkeypatch.setattr(build_compare, "_times", lambda *asked: pytest.fail("timed"))
    build(path, "fp16", capsys)
    gpu = of_precision(path, "fp16")
    on_dla(gpu)
    remove(gpu)
    build(path, "int8", capsys)


def test_tracks_are_grey_frames_that_are_there(tiny_manifest):
    class Tracks:
        frames, height_width = 5, (48, 96)

    frames, present = build_compare._batch(Tracks(), 2)
    assert (frames.shape, present.shape, present.dtype) == ((2, 5, 48, 96), (2, 5), np.uint8)
    assert (frames == 128).all() and present.all()
