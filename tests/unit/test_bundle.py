"""Bundles: written whole or not at all, and refused when anything about them is not as it was written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from bundle_editing import edit

from edgelpr.bundle import assembling, files
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.files import check_relative
from edgelpr.bundle.manifest import SCHEMA, FileRecord, Manifest
from edgelpr.bundle.writing import write_bundle
from edgelpr.errors import BundleError

KEYS_OF_SCHEMA_1 = ("architecture", "classifier", "plate_format", "preprocessing", "graphs")


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# Opening


def test_a_bundle_opens(bundle, tiny_format):
    opened = Bundle.open(str(bundle))
    assert opened.path == bundle
    assert opened.manifest.plate_format == tiny_format
    assert opened.manifest.precisions == ("fp32",)
    assert opened.file("fp32.onnx") == bundle / "fp32.onnx"
    assert opened.graph("fp32").outputs == ("classes", "probabilities", "maps")


def test_a_bundle_opens_through_a_link_and_from_a_read_only_folder(bundle, tmp_path):
    (tmp_path / "link.elpr").symlink_to(bundle, target_is_directory=True)
    bundle.chmod(0o555)
    try:
        assert Bundle.open(tmp_path / "link.elpr").manifest.name == "tiny"
    finally:
        bundle.chmod(0o755)


def test_absent_precisions_and_files_list_what_is_there(tiny_bundle):
    with pytest.raises(BundleError, match="no int8 graph for onnxruntime; graphs present: fp32 for any; 'edgelpr calibrate'"):
        tiny_bundle.graph("int8")
    with pytest.raises(BundleError, match=r"no file 'weights\.safetensors'; files present: fp32\.onnx"):
        tiny_bundle.file("weights.safetensors")


def test_engines_are_outside_the_manifest(bundle):
    (bundle / "engines" / "orin").mkdir(parents=True)
    (bundle / "engines" / "orin" / "int8.engine").write_bytes(b"built here")
    assert Bundle.open(bundle).manifest.name == "tiny"


def test_what_is_no_bundle_is_named(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"graph")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    for name, words in {
        "gone.elpr": "no such bundle",
        "net.onnx": "is an ONNX file, not a bundle",
        "notes.txt": "is a file, not a bundle",
        "folder": r"a folder without manifest\.json",
    }.items():
        with pytest.raises(BundleError, match=f"{name}: .*{words}.*edgelpr export"):
            Bundle.open(tmp_path / name)


def test_a_missing_file(bundle):
    (bundle / "fp32.onnx").unlink()
    with pytest.raises(BundleError, match=r"fp32\.onnx: is missing .*copy the bundle again"):
        Bundle.open(bundle)


def test_a_file_cut_short(bundle):
    os.truncate(bundle / "fp32.onnx", 100)
    with pytest.raises(BundleError, match=r"fp32\.onnx: was altered or cut short: 100 bytes"):
        Bundle.open(bundle)


def test_an_altered_file_of_the_same_size(bundle):
    content = bytearray((bundle / "fp32.onnx").read_bytes())
    content[-1] ^= 1
    (bundle / "fp32.onnx").write_bytes(content)
    with pytest.raises(BundleError, match=r"fp32\.onnx: was altered: .*export it again"):
        Bundle.open(bundle)


@pytest.mark.parametrize("extra", ["run.py", "sub/engines/x", ".hidden"])
def test_an_extra_file(bundle, extra):
    (bundle / extra).parent.mkdir(parents=True, exist_ok=True)
    (bundle / extra).write_text("x")
    with pytest.raises(BundleError, match=r"is not in the bundle's manifest; remove it") as caught:
        Bundle.open(bundle)
    assert str(bundle / extra) in str(caught.value)


@pytest.mark.parametrize("name", ["fp32.onnx", "engines", "manifest.json", "surplus"])
def test_a_link_out_of_the_folder(bundle, tmp_path, name):
    outside = tmp_path / "outside"
    if (bundle / name).exists():
        (bundle / name).rename(outside)
    else:
        outside.mkdir()
    (bundle / name).symlink_to(outside)
    with pytest.raises(BundleError, match=f"{name}: is a link that leads out of the bundle"):
        Bundle.open(bundle)


def test_a_link_in_a_circle_and_a_pipe_do_not_hang(bundle):
    (bundle / "loop").symlink_to(bundle / "loop")
    with pytest.raises(BundleError, match="loop"):
        Bundle.open(bundle)
    (bundle / "loop").unlink()
    os.mkfifo(bundle / "pipe")
    with pytest.raises(BundleError, match="pipe: is neither a file nor a folder"):
        Bundle.open(bundle)


def test_a_newer_schema_says_to_upgrade(bundle):
    edit(bundle, schema=SCHEMA + 1, something_new=[])
    with pytest.raises(BundleError, match=r"schema 4 is newer than 3.*upgrade edgelpr"):
        Bundle.open(bundle)


@pytest.mark.parametrize(
    "path",
    ["../fp32.onnx", "/etc/passwd", "a/../../b", "..\\b", "a\\b", "C:/b", "", "a//b", "./a", "a/", "a\nb", "a\0b", "engines/x"],
)
def test_a_path_that_leaves_the_folder(bundle, path):
    record = {"sha256": "0" * 64, "bytes": 0}
    edit(bundle, files={path: record})
    with pytest.raises(BundleError, match=r"manifest\.json: file path"):
        Bundle.open(bundle)


def test_the_manifest_does_not_list_itself():
    with pytest.raises(BundleError, match="reserved"):
        check_relative("manifest.json", "here")
    assert check_relative("calibration/manifest.json", "here") == "calibration/manifest.json"


# Writing


def test_what_is_written_is_hashed_and_readable_by_others(make_bundle, tmp_path):
    bundle = make_bundle(tmp_path / "new.elpr", notes={"by": "test"})
    assert Bundle.open(bundle.path) == bundle
    assert bundle.manifest.files == {"fp32.onnx": FileRecord(*files.hash_file(bundle.path / "fp32.onnx"))}
    assert names(tmp_path) == ["new.elpr"]
    plain = tmp_path / "plain"
    plain.mkdir()
    assert bundle.path.stat().st_mode == plain.stat().st_mode


def test_files_are_copied_into_folders(tiny_manifest, tiny_graph, tmp_path):
    source = tmp_path / "record.json"
    source.write_text("{}")
    contents = {"fp32.onnx": tiny_graph(), "calibration/record.json": source}
    bundle = write_bundle(tmp_path / "new.elpr", tiny_manifest(), contents)
    assert bundle.file("calibration/record.json").read_text() == "{}"


def test_an_existing_destination_is_kept(make_bundle, bundle):
    before = snapshot(bundle)
    with pytest.raises(BundleError, match="already exists"):
        make_bundle(bundle, notes={"new": True})
    assert snapshot(bundle) == before


def test_overwriting_replaces_a_bundle(tiny_manifest, tiny_graph, bundle):
    contents = {"fp32.onnx": tiny_graph(), "new.bin": b"new"}
    write_bundle(bundle, tiny_manifest(), contents, overwrite=True)
    assert sorted(snapshot(bundle)) == ["fp32.onnx", "manifest.json", "new.bin"]
    assert names(bundle.parent) == ["tiny.elpr"]


def test_overwriting_replaces_a_damaged_and_a_newer_bundle(tiny_manifest, tiny_graph, bundle):
    (bundle / "fp32.onnx").write_bytes(b"damaged")
    edit(bundle, schema=9)
    write_bundle(bundle, tiny_manifest(), {"fp32.onnx": tiny_graph()}, overwrite=True)
    assert Bundle.open(bundle).manifest.schema == SCHEMA


@pytest.mark.parametrize("kind", ["file", "empty", "photos", "web app", "bundle with thesis", "link"])
def test_what_is_no_bundle_is_never_deleted(tiny_manifest, tiny_graph, bundle, tmp_path, kind):
    target = tmp_path / "precious"
    if kind == "file":
        target.write_text("thesis")
    elif kind == "bundle with thesis":
        bundle.rename(target)
        (target / "thesis.txt").write_text("thesis")
    elif kind == "link":
        target.symlink_to(bundle)
    else:
        target.mkdir()
        if kind == "photos":
            (target / "a.jpg").write_bytes(b"photo")
        elif kind == "web app":
            (target / "manifest.json").write_text('{"name": "app", "icons": []}')
    before = snapshot(tmp_path)
    with pytest.raises(BundleError, match="precious"):
        write_bundle(target, tiny_manifest(), {"fp32.onnx": tiny_graph()}, overwrite=True)
    assert snapshot(tmp_path) == before
    assert target.exists()


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def ctrl_c(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("failure", "expected"), [(full_disk, BundleError), (ctrl_c, KeyboardInterrupt)])
@pytest.mark.parametrize(
    ("step", "existing"),
    [
        *[(step, existing) for step in ("fsync", "write", "sync_folder", "open", "rename") for existing in (False, True)],
        ("second rename", True),  # a new bundle takes one rename
    ],
)
def test_a_failed_write_leaves_nothing_and_keeps_what_was_there(
    tiny_manifest, tiny_graph, bundle, monkeypatch, failure, expected, step, existing
):
    if not existing:
        shutil.rmtree(bundle)
    before = snapshot(bundle.parent)
    contents = {"fp32.onnx": tiny_graph(), "later.bin": b"x"}
    fail_at(step, failure, monkeypatch)
    with pytest.raises(expected):
        write_bundle(bundle, tiny_manifest(), contents, overwrite=existing)
    monkeypatch.undo()
    assert snapshot(bundle.parent) == before
    assert names(bundle.parent) == (["tiny.elpr"] if existing else [])


def fail_at(step: str, failure, monkeypatch) -> None:
    if step == "fsync":
        monkeypatch.setattr(os, "fsync", failure)
    elif step == "write":
        monkeypatch.setattr(assembling, "write_file", second_time(failure, assembling.write_file))
    elif step == "sync_folder":
        monkeypatch.setattr(assembling, "sync_folder", failure)
    elif step == "open":
        monkeypatch.setattr(assembling.Bundle, "open", failure)
    else:
        fails = second_time(failure, Path.rename) if step == "second rename" else first_time(failure, Path.rename)
        monkeypatch.setattr(Path, "rename", lambda self, target: fails(self, target))


def first_time(failure, action):
    calls = iter([failure])
    return lambda *arguments: next(calls, action)(*arguments)


def second_time(failure, action):
    calls = iter([action, failure])
    return lambda *arguments: next(calls, action)(*arguments)


def test_a_full_disk_says_so(tiny_manifest, tiny_graph, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(BundleError, match=r"new\.elpr: could not be written \(No space left on device\)"):
        write_bundle(tmp_path / "new.elpr", tiny_manifest(), {"fp32.onnx": tiny_graph()})


def test_a_value_that_json_cannot_hold(tiny_manifest, tiny_graph, tmp_path):
    for value in (float("nan"), {1, 2}):
        with pytest.raises(BundleError, match="plain, finite values"):
            write_bundle(tmp_path / "new.elpr", tiny_manifest(parity={"worst": value}), {"fp32.onnx": tiny_graph()})
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({}, "is not among the files"),
        ({"../x": b""}, "leaves the bundle"),
        ({"manifest.json": b""}, "reserved"),
        ({"fp32.onnx": Path("gone.onnx")}, r"gone\.onnx: no such file"),
    ],
)
def test_contents_with_a_mistake(tiny_manifest, tmp_path, contents, words):
    with pytest.raises(BundleError, match=words):
        write_bundle(tmp_path / "new.elpr", tiny_manifest(), contents)
    assert names(tmp_path) == []


def test_the_parent_folder_must_exist(tiny_manifest, tmp_path):
    with pytest.raises(BundleError, match="parent folder does not exist"):
        write_bundle(tmp_path / "gone" / "new.elpr", tiny_manifest(), {})


def test_a_field_with_a_default_that_an_older_version_left_out_keeps_the_digest(tiny_manifest):
    """The digest is over the values as written: a manifest of an older version stays valid when fields are added."""
    values = tiny_manifest(True, True).to_dict()
    del values["plate_format"]["rows"]
    decisive = {key: values[key] for key in (*KEYS_OF_SCHEMA_1, "approvals")}
    values["digest"] = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode("ascii")).hexdigest()
    assert Manifest.from_dict(values).plate_format.rows == 1
