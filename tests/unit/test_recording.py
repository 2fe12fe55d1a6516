"""A measured accuracy in a bundle's manifest."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgelpr.bundle import recording
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import record_accuracy
from edgelpr.errors import BundleError


@pytest.fixture
def bundle(make_bundle: Callable[[Path], Bundle], tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "mine.elpr")


def _entry(value: float, data: str = "abc") -> dict[str, Any]:
    return {"precision": "fp32", "backend": "onnxruntime", "data_sha256": data, "plate_accuracy": value}


def test_a_figure_is_added_and_a_newer_one_replaces_it(bundle: Bundle) -> None:
    twice = record_accuracy(record_accuracy(bundle, _entry(0.5)), _entry(0.7, data="other"))
    record_accuracy(twice, _entry(0.9))
    found = [(entry["data_sha256"], entry["plate_accuracy"]) for entry in Bundle.open(bundle.path).manifest.accuracy]
    assert found == [("other", 0.7), ("abc", 0.9)]
    assert not list(bundle.path.parent.glob(".*manifest"))


def test_a_full_disk_leaves_the_former_manifest(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        path.write_bytes(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recording, "write_file", full)
    with pytest.raises(BundleError, match="could not be recorded .No space left"):
        record_accuracy(bundle, _entry(0.5))
    assert Bundle.open(bundle.path).manifest.accuracy == bundle.manifest.accuracy
    assert not list(bundle.path.parent.glob(".*manifest"))


def test_an_accuracy_without_its_data_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="without data_sha256"):
        record_accuracy(bundle, {"precision": "fp32", "backend": "onnxruntime"})
