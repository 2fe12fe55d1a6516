"""`edgelpr inspect` on a bundle of known content."""

from __future__ import annotations

import hashlib
import json

import pytest

from edgelpr import __version__
from edgelpr.bundle.graph import Graph
from edgelpr.bundle.manifest import Manifest
from edgelpr.bundle.writing import write_bundle
from edgelpr.cli.main import run
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing

CONTENT = b"not parsed by inspect"
PLATES = PlateFormat("taxi", "京津0123456789", 7, void=True)


@pytest.fixture
def bundle(tmp_path):
    graph = Graph(
        file="fp32.onnx",
        precision="fp32",
        opset=20,
        rewrites=("grey-fold", "decode"),
        input_name="crops",
        input_dtype="uint8",
        input_shape=(None, 50, 160),
        outputs=("classes", "probabilities", "maps"),
        multiply_adds=42_100_000,
    )
    manifest = Manifest(
        edgelpr_version=__version__,
        name="taxi-nano",
        architecture="hpa-nano",
        classifier="shared",
        plate_format=PLATES,
        preprocessing=Preprocessing.of(PLATES),
        graphs=(graph,),
        accuracy=({"data": "captures", "plates": 12, "plate_accuracy": 0.75},),
        parity={"fp32": {"strings_equal": 16, "largest_difference": 1.25e-7}},
    )
    return write_bundle(tmp_path / "taxi.elpr", manifest, {"fp32.onnx": CONTENT}).path


def test_text_names_everything_a_user_needs(bundle, capsys):
    assert run(["inspect", str(bundle)]) == 0
    captured = capsys.readouterr()
    wanted = [
        "taxi-nano, written by edgelpr",
        "hpa-nano, shared classifier",
        "taxi: up to 7 characters of 12, 1 row",
        "京津0123456789",
        "grey, 50x160 (height x width)",
        "crops uint8 Nx50x160",
        "classes, probabilities, maps",
        "42.1 M",
        "grey-fold, decode",
        "fp32: strings equal 16, largest difference 1.25e-07",
        "plate accuracy: 0.75",
        hashlib.sha256(CONTENT).hexdigest(),
    ]
    assert [text for text in wanted if text not in captured.out] == []
    assert captured.err == f"Next: edgelpr read {bundle} IMAGE...\n"


def test_json_is_the_manifest(bundle, capsys):
    assert run(["inspect", str(bundle), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))


def test_an_altered_file_is_named_and_fails(bundle, capsys):
    (bundle / "fp32.onnx").write_bytes(CONTENT[::-1])
    assert run(["inspect", str(bundle)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"Error: {bundle / 'fp32.onnx'}: was altered")


@pytest.mark.parametrize("name", ["absent.elpr", "file.elpr", "empty.elpr"])
def test_what_is_not_a_bundle_is_refused(tmp_path, capsys, name):
    (tmp_path / "file.elpr").write_bytes(b"x")
    (tmp_path / "empty.elpr").mkdir()
    assert run(["inspect", str(tmp_path / name)]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {tmp_path / name}: ")
