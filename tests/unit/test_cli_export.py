"""`edgelpr export` from the command line."""

from __future__ import annotations

import json

import cv2
import pytest
from sample_networks import DIGITS, SMALL, noise_crops, small_network

from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.main import run
from edgelpr.export.options import REWRITES
from edgelpr.models import hpa
from edgelpr.models.checkpoint import save_checkpoint


@pytest.fixture(autouse=True)
def small_architecture(monkeypatch):
    monkeypatch.setitem(hpa.ARCHITECTURES, SMALL.name, SMALL)


@pytest.fixture
def checkpoint(tmp_path):
    save_checkpoint(tmp_path / "small.safetensors", small_network(DIGITS))
    return str(tmp_path / "small.safetensors")


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "crops"
    folder.mkdir()
    for number, crop in enumerate(noise_crops(3)):
        cv2.imwrite(str(folder / f"{number}.png"), crop)
    (folder / "broken.jpg").write_text("no image")
    return str(folder)


def test_text_report(tmp_path, checkpoint, capsys):
    output = str(tmp_path / "a.elpr")
    assert run(["export", checkpoint, "-o", output, "--opset", "17"]) == 0
    printed = capsys.readouterr()
    for expected in (
        "16 rendered crops",
        "grey-fold",
        "native-fusion",
        "decode",
        "graph",
        "multiply-adds",
        "nodes",
        "fp32.onnx",
    ):
        assert expected in printed.out
    assert f"Next: edgelpr read {output} IMAGE..." in printed.err


def test_json_report_with_real_crops(tmp_path, checkpoint, images, capsys):
    output = str(tmp_path / "a.elpr")
    arguments = ["--opset", "17", "--no-rewrite", "decode", "--no-maps", "--with-weights", "--images", images, "--json"]
    assert run(["export", checkpoint, "-o", output, *arguments]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    rewrites = [name for name in REWRITES if name != "decode"]
    assert report["graph"]["rewrites"] == rewrites
    assert report["graph"]["outputs"] == ["logits"]
    assert [check["name"] for check in report["parity"]] == [*rewrites, "graph"]
    assert set(report["files"]) == {"fp32.onnx", "weights.safetensors"}
    assert "Left out: " in printed.err
    assert "broken.jpg" in printed.err


def test_plain_is_the_network_as_published(tmp_path, checkpoint, capsys):
    arguments = ["--plain", "--opset", "17", "--no-simplify", "--json"]
    assert run(["export", checkpoint, "-o", str(tmp_path / "a.elpr"), *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["multiply_adds_before"] == report["multiply_adds_after"]
    assert report["simplification"]["outcome"] == "off"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--plain", "--rewrite", "decode"], 2, "exclude each other"),
        (["--opset", "21"], 2, "opset 21 is not supported"),
        (["--rewrite", "other"], 2, "other"),
        (["--plate-format", "aolp"], 1, "'aolp' differs from it"),
    ],
)
def test_mistakes(tmp_path, checkpoint, capsys, arguments, code, message):
    assert run(["export", checkpoint, "-o", str(tmp_path / "a.elpr"), *arguments]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a.elpr").exists()


def test_an_unknown_checkpoint(tmp_path, capsys):
    assert run(["export", "no-such-weights", "-o", str(tmp_path / "a.elpr")]) == 1
    assert "no-such-weights: no such file" in capsys.readouterr().err


def test_a_pattern_goes_into_the_bundle_only_when_asked_for(tmp_path, checkpoint, images, capsys):
    pattern = tmp_path / "even.yaml"
    pattern.write_text('name: even\nplate_format: digits\ncovers: even numbers\npattern: ["02468", "02468", "02468", ""]\n')
    plain = ["--opset", "17", "--no-simplify", "--no-maps", "--json"]
    assert run(["export", checkpoint, "-o", str(tmp_path / "a.elpr"), *plain]) == 0
    assert Bundle.open(tmp_path / "a.elpr").manifest.plate_format.pattern is None
    assert run(["export", checkpoint, "-o", str(tmp_path / "b.elpr"), "--pattern", str(pattern), *plain]) == 0
    assert "Pattern 'even': even numbers" in capsys.readouterr().err
    assert Bundle.open(tmp_path / "b.elpr").manifest.plate_format.pattern == ("02468", "02468", "02468", "")
    (tmp_path / "crops" / "broken.jpg").unlink()
    assert run(["read", str(tmp_path / "b.elpr"), images, "--json"]) == 0
    plates = [json.loads(line)["plate"] for line in capsys.readouterr().out.splitlines()]
    assert len(plates) == 3 and all(len(plate) <= 3 and set(plate) <= set("02468") for plate in plates)
    assert run(["export", checkpoint, "-o", str(tmp_path / "c.elpr"), "--pattern", "cn"]) == 1
    assert "pattern 'cn' is for the plate format 'cn', and this is 'digits'" in capsys.readouterr().err
