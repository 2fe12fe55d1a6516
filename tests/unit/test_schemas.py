"""Bundles of older schemas open, protected by the digest they were written with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundle_editing import edit
from sample_approvals import approval_of

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import record_accuracy
from edgelpr.bundle.schemas import SCHEMA
from edgelpr.errors import BundleError

GRAPH = b"a graph"
# Written by edgelpr 0.1.0 before schema 2, character by character but for the line breaks.
SCHEMA_1 = """
{"schema": 1, "edgelpr_version": "0.1.0", "name": "tiny", "architecture": "hpa-nano", "classifier": "shared",
"plate_format": {"name": "tiny", "alphabet": "0123456789", "positions": 4, "void": true, "rows": 1},
"preprocessing": {"height": 50, "width": 160, "colour": "grey", "resize": "area-or-linear"},
"graphs": [{"file": "fp32.onnx", "precision": "fp32", "opset": 17, "rewrites": ["grey-fold", "decode"],
"input_name": "crops", "input_dtype": "uint8", "input_shape": [null, 50, 160], "outputs": ["classes", "probabilities"],
"multiply_adds": 8000}],
"files": {"fp32.onnx": {"sha256": "170df6144b15bdf1dced878e45ebdb2dac95d0b1a3bc68459434bbbd88681157", "bytes": 7}},
"accuracy": [{"precision": "fp32", "plate_accuracy": 0.75}], "parity": {}, "notes": {"by": "an older edgelpr"},
"digest": "1d165bbab79441ae968fbef080966911d7aab09c7f00115f75572692d05ec706"}
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old.elpr"
    folder.mkdir()
    (folder / "fp32.onnx").write_bytes(GRAPH)
    (folder / "manifest.json").write_text(SCHEMA_1, encoding="utf-8")
    return folder


def test_a_bundle_of_schema_1_opens(old: Path) -> None:
    manifest = Bundle.open(old).manifest
    assert (manifest.schema, manifest.approvals, manifest.graphs[0].made_for) == (1, (), "any")
    assert manifest.graph("fp32", "onnxruntime") == manifest.graphs[0]


@pytest.mark.parametrize("key", ["made_for", "multiply_adds", "architecture"])
def test_its_digest_is_checked_over_what_was_written(old: Path, key: str) -> None:
    plain = json.loads(SCHEMA_1)
    changes = {"made_for": "cpu", "multiply_adds": 1}
    edit(old, **({"graphs": [plain["graphs"][0] | {key: changes[key]}]} if key in changes else {key: "hpa-resnet18"}))
    with pytest.raises(BundleError, match="was altered by hand"):
        Bundle.open(old)


def test_it_cannot_hold_approvals_that_no_digest_protects(old: Path) -> None:
    edit(old, approvals=[approval_of(GRAPH, "fp32").to_dict()])
    with pytest.raises(BundleError, match="unknown key approvals"):
        Bundle.open(old)


def test_what_changes_it_writes_the_newest_schema(old: Path) -> None:
    entry = {"precision": "fp32", "backend": "onnxruntime", "data_sha256": "abc", "rectify": False}
    recorded = record_accuracy(Bundle.open(old), entry)
    assert recorded.manifest.schema == SCHEMA
    assert Bundle.open(old) == recorded
    assert len(recorded.manifest.accuracy) == 2


def test_approvals_are_not_optional_in_schema_2(bundle: Path) -> None:
    path = bundle / "manifest.json"
    plain = json.loads(path.read_text("utf-8"))
    del plain["approvals"]
    path.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(BundleError, match="missing key approvals"):
        Bundle.open(bundle)
