"""The manifest of a bundle: understood whole, or refused with a reason."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from bundle_editing import edit
from sample_approvals import approval_of

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.manifest import Approval, FileRecord, Graph, Manifest
from edgelpr.errors import BundleError


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 9999, b'{"schema": 1, "schema": 1}', b'{"name": 1}', b'{"schema": true}'],
)
def test_a_manifest_that_is_none(bundle, content):
    (bundle / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Bundle.open(bundle)


def test_a_manifest_of_monstrous_size(bundle):
    with (bundle / "manifest.json").open("ab") as stream:
        stream.write(b" " * (5 << 20))
    with pytest.raises(BundleError, match="larger than 4 MiB"):
        Bundle.open(bundle)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "1" + 30 * "0", "1" + 5000 * "0"])
def test_numbers_that_are_not_finite(bundle, number):
    path = bundle / "manifest.json"
    path.write_text(path.read_text("utf-8").replace('"parity": {}', f'"parity": {{"fp32": {number}}}'), encoding="utf-8")
    with pytest.raises(BundleError, match=r"manifest\.json: not valid JSON"):
        Bundle.open(bundle)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("approvals", lambda value: [approval_of(b"a graph", "int8").to_dict()]),
        ("architecture", lambda value: "hpa-resnet18"),
        ("classifier", lambda value: "separate"),
        ("plate_format", lambda value: value | {"alphabet": "012345678"}),
        ("graphs", lambda value: [value[0] | {"multiply_adds": 1}]),
        ("digest", lambda value: "0" * 64),
    ],
)
def test_an_alteration_by_hand(bundle, key, change):
    plain = json.loads((bundle / "manifest.json").read_text("utf-8"))
    edit(bundle, **{key: change(plain[key])})
    with pytest.raises(BundleError, match=r"manifest\.json: was altered by hand.*export again"):
        Bundle.open(bundle)


def test_names_and_notes_may_be_changed(bundle):
    edit(bundle, name="the gate's", notes={"put up": "in May"})
    assert Bundle.open(bundle).manifest.name == "the gate's"


def test_a_manifest_round_trips(tiny_bundle):
    manifest = tiny_bundle.manifest
    plain = json.loads(manifest.to_json())
    assert Manifest.from_dict(plain) == manifest
    assert next(iter(plain)) == "schema"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("name", 5, "expected a text"),
        ("classifier", "mine", "shared, separate"),
        ("plate_format", {"name": "x"}, "missing key alphabet"),
        ("plate_format", {"name": "x", "alphabet": "0011", "positions": 4}, "more than once"),
        ("preprocessing", {"height": 50}, "expected height, width"),
        ("preprocessing", {"height": 32, "width": 160, "colour": "grey", "resize": "area-or-linear"}, "contradicts"),
        ("graphs", {}, "expected a list"),
        ("graphs", [{"file": "x"}], "graph 1: missing key precision"),
        ("files", [], "expected an object"),
        ("files", {"fp32.onnx": {"sha256": "../x", "bytes": 1}}, "64 hexadecimal"),
        ("files", {"fp32.onnx": {"sha256": "0" * 64, "bytes": -1}}, "0 or more"),
        ("files", {"fp32.onnx": {"sha256": "0" * 64, "bytes": True}}, "whole number"),
        ("files", {}, "is not among the files"),
        ("accuracy", [1], "expected an object"),
        ("approvals", {}, "expected a list"),
        ("approvals", [{"precision": "int8"}], "approval 1: missing key backend"),
        ("hook", "import os", "unknown key hook"),
    ],
)
def test_a_manifest_with_a_mistake(bundle, key, value, words):
    edit(bundle, **{key: value})
    with pytest.raises(BundleError, match=words):
        Bundle.open(bundle)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("precision", "fp64", "fp32, fp16, int8"),
        ("opset", "20", "whole number"),
        ("rewrites", ["magic"], "grey-fold"),
        ("rewrites", [], "outputs are"),
        ("input_dtype", "float32", "contradicts"),
        ("input_shape", [None, 1, 50, 160], "input shape"),
        ("input_shape", [1, 50, 160], "input shape"),
        ("input_shape", [None, 32, 160], "plate format's are"),
        ("outputs", ["classes"], "outputs are"),
        ("outputs", ["maps", "classes", "probabilities"], "outputs are"),
        ("made_for", "me", "any, cpu, tensorrt"),
    ],
)
def test_a_graph_with_a_mistake(tiny_bundle, key, value, words):
    plain = tiny_bundle.manifest.to_dict()
    plain["graphs"][0][key] = value
    with pytest.raises(BundleError, match=words):
        Manifest.from_dict(plain)


def test_a_graph_without_decoding_takes_planes(tiny_manifest):
    graph = tiny_manifest(decode=False).graphs[0]
    assert (graph.channels, graph.height_width) == (1, (50, 160))
    assert Graph.from_dict(graph.to_dict()) == graph


def graphs_for(manifest: Manifest, *kinds: tuple[str, str]) -> tuple[Graph, ...]:
    (graph,) = manifest.graphs
    return tuple(
        replace(graph, file=f"{precision}-{made}.onnx", precision=precision, made_for=made) for precision, made in kinds
    )


def test_one_graph_for_a_precision_and_an_engine(tiny_manifest):
    graphs = graphs_for(tiny_manifest(), ("int8", "cpu"), ("int8", "tensorrt"))
    assert tiny_manifest(graphs=graphs).precisions == ("int8",)
    with pytest.raises(BundleError, match="two graphs of one kind .int8 for cpu, int8 for cpu"):
        tiny_manifest(graphs=graphs[:1] * 2)


@pytest.mark.parametrize(
    ("backend", "wanted"),
    [("onnxruntime", "int8-cpu.onnx"), ("tensorrt", "int8-tensorrt.onnx"), ("tensorrt-rtx", "int8-tensorrt.onnx")],
)
def test_a_backend_takes_the_graph_made_for_it(tiny_manifest, backend, wanted):
    kinds = [("int8", "any"), ("int8", "tensorrt"), ("int8", "cpu"), ("fp16", "any")]
    manifest = tiny_manifest(graphs=graphs_for(tiny_manifest(), *kinds))
    assert manifest.graph("int8", backend).file == wanted
    assert manifest.graph("fp16", backend).file == "fp16-any.onnx"
    assert manifest.graph("fp32", backend) is None
    others = [graph for graph in manifest.graphs if graph.file not in (wanted, "int8-any.onnx")]
    assert tiny_manifest(graphs=tuple(others)).graph("int8", backend) is None


def test_the_torch_backend_runs_no_graph(tiny_manifest):
    assert tiny_manifest().graph("fp32", "torch") is None


# Approvals


def test_an_approval_round_trips():
    approval = approval_of(b"a graph", "int8", loss_points=0.5, loss_interval=(-0.25, 1.0))
    assert Approval.from_dict(json.loads(json.dumps(approval.to_dict()))) == approval
    with_whole_numbers = approval.to_dict() | {"loss_points": 1, "loss_interval": [0, 2]}
    assert Approval.from_dict(with_whole_numbers).loss_interval == (0.0, 2.0)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("precision", "fp8", "fp32, fp16, int8"),
        ("backend", 1, "expected a text"),
        ("graph_sha256", "abc", "64 hexadecimal digits"),
        ("data_sha256", None, "64 hexadecimal digits"),
        ("approved", 1, "true or false"),
        ("portable", "yes", "true or false"),
        ("plates", True, "whole number"),
        ("plates", 0, "at least one plate"),
        ("correct", 101, "no more right than read"),
        ("correct_fp32", -1, "no more right than read"),
        ("loss_points", "0.1", "finite number"),
        ("loss_points", float("nan"), "finite number"),
        ("loss_interval", [0.1], "expected 2"),
        ("loss_interval", [1, 0], "low to high"),
        ("max_loss", -0.1, "0 or more"),
        ("by", "me", "unknown key by"),
    ],
)
def test_an_approval_with_a_mistake(key, value, words):
    with pytest.raises(BundleError, match=words):
        Approval.from_dict(approval_of(b"a graph", "int8").to_dict() | {key: value})


def test_an_approval_holds_for_its_file_and_backend_only(tiny_manifest):
    graphs = graphs_for(tiny_manifest(), ("int8", "cpu"), ("int8", "tensorrt"))
    files = {graph.file: FileRecord(hashlib.sha256(graph.file.encode()).hexdigest(), 1) for graph in graphs}
    approval = approval_of(b"int8-cpu.onnx", "int8")
    manifest = tiny_manifest(graphs=graphs, files=files, approvals=(approval,))
    assert manifest.verdicts("int8", "onnxruntime") == (approval,)
    assert manifest.verdicts("int8", "tensorrt") == manifest.verdicts("fp16", "onnxruntime") == ()
    changed = replace(manifest, files=files | {"int8-cpu.onnx": files["int8-tensorrt.onnx"]})
    assert changed.verdicts("int8", "onnxruntime") == ()
    assert (manifest.standing_approvals, changed.standing_approvals) == ((approval,), ())


def test_one_approval_a_precision_and_backend(tiny_manifest):
    approval = approval_of(b"a graph", "int8")
    with pytest.raises(BundleError, match="two approvals of one kind .int8 on onnxruntime"):
        tiny_manifest(approvals=(approval, replace(approval, approved=False)))
