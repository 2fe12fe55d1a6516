"""A measured accuracy in a bundle's manifest."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import record_accuracy
from edgelpr.bundle.writing import write_bundle
from edgelpr.errors import BundleError


@pytest.fixture
def bundle(make_bundle: Callable[[Path], Bundle], tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "mine.elpr")


def _entry(value: float, data: str = "abc", rectify: bool = False) -> dict[str, Any]:
    key = {"precision": "fp32", "backend": "onnxruntime", "data_sha256": data, "rectify": rectify}
    return key | {"plate_accuracy": value}


def test_a_figure_is_added_and_a_newer_one_replaces_it(bundle: Bundle) -> None:
    twice = record_accuracy(record_accuracy(bundle, _entry(0.5)), _entry(0.7, data="other"))
    record_accuracy(record_accuracy(twice, _entry(0.8, rectify=True)), _entry(0.9))
    found = [(entry["data_sha256"], entry["plate_accuracy"]) for entry in Bundle.open(bundle.path).manifest.accuracy]
    assert found == [("other", 0.7), ("abc", 0.8), ("abc", 0.9)]
    assert [path.name for path in bundle.path.parent.iterdir()] == ["mine.elpr"]


def test_what_others_recorded_meanwhile_is_kept(bundle: Bundle) -> None:
    record_accuracy(bundle, _entry(0.5))
    record_accuracy(bundle, _entry(0.7, data="other"))  # opened before the first was recorded
    assert [entry["plate_accuracy"] for entry in Bundle.open(bundle.path).manifest.accuracy] == [0.5, 0.7]


@pytest.mark.parametrize("change", ["graph file", "manifest"])
def test_a_bundle_that_was_replaced_meanwhile_is_not_touched(bundle: Bundle, tiny_manifest: Any, change: str) -> None:
    manifest, graph = tiny_manifest(), bundle.file("fp32.onnx").read_bytes()
    if change == "manifest":
        manifest = replace(manifest, architecture="hpa-resnet18")
    else:
        graph += b"\n"
    write_bundle(bundle.path, manifest, {"fp32.onnx": graph}, overwrite=True)
    with pytest.raises(BundleError, match="exported anew .* run the command again"):
        record_accuracy(bundle, _entry(0.5))
    assert Bundle.open(bundle.path).manifest.accuracy == ()


def test_a_full_disk_leaves_the_former_manifest(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match="could not be recorded .No space left"):
        record_accuracy(bundle, _entry(0.5))
    assert Bundle.open(bundle.path).manifest.accuracy == bundle.manifest.accuracy
    assert [path.name for path in bundle.path.parent.iterdir()] == ["mine.elpr"]


def test_an_accuracy_without_its_data_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="without data_sha256, rectify"):
        record_accuracy(bundle, {"precision": "fp32", "backend": "onnxruntime"})
