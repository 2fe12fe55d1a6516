"""`edgelpr inspect` on a bundle of known content."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import pytest
from sample_approvals import approval_of
from sample_stored import store

from edgelpr import __version__
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import Graph
from edgelpr.bundle.manifest import Manifest
from edgelpr.bundle.updating import update_bundle
from edgelpr.bundle.writing import write_bundle
from edgelpr.cli.main import run
from edgelpr.engines.auditing.audit import EngineAudit
from edgelpr.engines.auditing.layers import PRECISIONS
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


def test_a_bundle_of_fp32_alone_says_nothing_of_approvals(bundle, capsys):
    assert run(["inspect", str(bundle)]) == 0
    text = capsys.readouterr().out
    assert "any engine" in text
    assert "pprov" not in text and "verified" not in text


@pytest.fixture
def reduced(bundle):
    """With fp16 approved, int8 for a CPU refused, int8 for TensorRT never verified, and a verdict on a former fp16 file."""
    opened = Bundle.open(bundle)
    (graph,) = opened.manifest.graphs
    contents = {"fp16.onnx": b"half", "int8-cpu.onnx": b"U8S8", "int8.onnx": b"symmetric"}
    graphs = (
        graph,
        replace(graph, file="fp16.onnx", precision="fp16"),
        replace(graph, file="int8-cpu.onnx", precision="int8", made_for="cpu"),
        replace(graph, file="int8.onnx", precision="int8", made_for="tensorrt"),
    )
    verdicts = (
        approval_of(b"half", "fp16", portable=True, runtime="an engine"),
        approval_of(b"U8S8", "int8", approved=False, correct=91, loss_points=8.0, loss_interval=(2.25, 14.0)),
    )
    return update_bundle(opened, replace(opened.manifest, graphs=graphs, approvals=verdicts), contents)


def test_approvals_in_words(reduced, capsys):
    assert run(["inspect", str(reduced.path)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for graph in ("fp16.onnx fp16 any engine 20", "int8-cpu.onnx int8 onnxruntime on a CPU 20", "int8.onnx int8 tensorrt 20"):
        assert any(line.startswith(graph) for line in lines)
    half, int8 = (line for line in lines if line.startswith(("fp16 onnxruntime ", "int8 onnxruntime ")))
    assert half == "fp16 onnxruntime yes 1.00 0.00 to 2.50 1.5 98 99 100 dddddddddddd any an engine"
    assert int8.startswith("int8 onnxruntime no 8.00 2.25 to 14.00 1.5 91 99 100 dddddddddddd like x86-64 avx512-vnni ")
    assert "fp16 on onnxruntime, CPU: approved" in lines and "int8 on onnxruntime, CPU: not approved" in lines
    run_next = f"Run: edgelpr verify {reduced.path} --data LABELS.csv --backend tensorrt --precision int8 --build"
    assert f"Never verified, so refused by the runtime: int8 (int8.onnx). {run_next}" in lines


def test_a_verdict_on_a_former_file_is_void(reduced, capsys):
    manifest = replace(reduced.manifest, approvals=(approval_of(b"former", "fp16"),))
    (reduced.path / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    assert run(["inspect", str(reduced.path)]) == 0
    printed = capsys.readouterr().out
    assert "void: the graph has changed" in printed
    assert "fp16 (fp16.onnx), int8 (int8-cpu.onnx), int8 (int8.onnx). Run" in printed


def test_json_is_the_manifest_and_the_engines(bundle, capsys):
    assert run(["inspect", str(bundle), "--json"]) == 0
    written = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == written | {"engines": [], "engine_strays": []}


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


def test_engines_and_what_is_none(tiny_bundle, tmp_path, capsys):
    path = tmp_path / "board.elpr"
    shutil.copytree(tiny_bundle.path, path)
    bundle = Bundle.open(path)
    audit = EngineAudit("inspector", 9, dict.fromkeys(PRECISIONS, 0) | {"fp32": 9}, 1, 4, "fp32", 5, 5, 0, 3 << 20)
    kept = store(bundle, audit=audit, notes=("DLA left out",))
    store(bundle, b"another plan", precision="fp16", graph_sha256="f" * 64)
    (path / "engines" / "alone.plan").write_bytes(b"no record")
    assert run(["inspect", str(path)]) == 0
    out, err = capsys.readouterr()
    rows = {line.split()[0]: " ".join(line.split()) for line in out.splitlines() if line.count(".plan") == 1 and "  " in line}
    assert rows[kept.path.name].endswith("2025-01-31T12:00:00Z yes") and "TensorRT 10.3.0 on Orin" in rows[kept.path.name]
    assert any(row.endswith("no: build it again") for row in rows.values())
    assert "5 of 5 convolutions and matrix products in fp32; 9 layers (9 fp32), 4 fused, 1 reformats; 3" in out
    assert "note: DLA left out" in out and "not audited" in out
    assert "alone.plan: has no record" in err
    assert run(["inspect", str(path), "--json"]) == 0
    engines = json.loads(capsys.readouterr().out)["engines"]
    assert {engine["precision"] for engine in engines} == {"fp32", "fp16"}
    assert next(each for each in engines if each["precision"] == "fp32")["audit"]["device_memory_bytes"] == 3 << 20
