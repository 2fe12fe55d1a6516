"""The manifest of a bundle: understood whole, or refused with a reason."""

from __future__ import annotations

import json

import pytest
from bundle_editing import edit

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.manifest import Graph, Manifest
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


def test_one_graph_a_precision(tiny_manifest):
    graphs = tiny_manifest().graphs * 2
    with pytest.raises(BundleError, match="two graphs of one precision"):
        tiny_manifest(graphs=graphs)
