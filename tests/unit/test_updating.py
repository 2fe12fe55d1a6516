"""Changing an existing bundle: the old one stays whole until the new one is complete."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sample_approvals import add_int8, approval_of

from edgelpr.bundle import assembling, updating
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import record_accuracy, record_approvals
from edgelpr.bundle.updating import update_bundle
from edgelpr.bundle.writing import write_bundle
from edgelpr.errors import BundleError

ENTRY = {"precision": "fp32", "backend": "onnxruntime", "data_sha256": "abc", "rectify": False}


@pytest.fixture
def opened(bundle: Path) -> Bundle:
    (bundle / "engines" / "orin").mkdir(parents=True)
    (bundle / "engines" / "orin" / "int8.engine").write_bytes(b"built here")
    return Bundle.open(bundle)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_added_replaced_and_removed(opened, tmp_path):
    source = tmp_path / "record.json"
    source.write_text("{}")
    first = update_bundle(opened, opened.manifest, {"calibration.json": source, "notes/a.txt": b"a"})
    second = update_bundle(first, first.manifest, {"calibration.json": b"[]"}, remove=["notes/a.txt"])
    assert Bundle.open(opened.path) == second
    assert second.file("calibration.json").read_bytes() == b"[]"
    assert second.file("fp32.onnx").stat().st_nlink == 1
    assert sorted(snapshot(opened.path)) == ["calibration.json", "engines/orin/int8.engine", "fp32.onnx", "manifest.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["record.json", "tiny.elpr"]


def test_a_graph_is_added(opened):
    updated = add_int8(opened)
    assert updated.graph("int8").made_for == "cpu"
    assert updated.graph("fp32") == opened.graph("fp32")


def test_what_was_recorded_meanwhile_is_kept(opened):
    record_accuracy(opened, ENTRY)
    approval = approval_of(opened.file("fp32.onnx").read_bytes(), "fp32")
    record_approvals(opened, [approval])
    manifest = update_bundle(opened, replace(opened.manifest, notes={"new": 1}), {}).manifest
    assert (manifest.accuracy, manifest.approvals, manifest.notes) == ((ENTRY,), (approval,), {"new": 1})


def test_a_disk_without_hard_links_copies(opened, monkeypatch):
    monkeypatch.setattr(os, "link", failing(OSError(errno.EPERM, "Operation not permitted")))
    assert update_bundle(opened, opened.manifest, {"new.bin": b"x"}).manifest.files["new.bin"].bytes == 1


def test_through_a_link_the_folder_behind_it_changes(opened, tmp_path):
    link = tmp_path / "link.elpr"
    link.symlink_to(opened.path, target_is_directory=True)
    updated = update_bundle(Bundle.open(link), opened.manifest, {"new.bin": b"x"})
    assert link.is_symlink() and updated.path == link
    assert (opened.path / "new.bin").read_bytes() == b"x"


def test_permissions_of_the_folder_stay(opened):
    opened.path.chmod(0o775)
    update_bundle(opened, opened.manifest, {"new.bin": b"x"})
    assert opened.path.stat().st_mode & 0o777 == 0o775


def test_a_bundle_that_is_another_one_by_now_is_not_touched(opened, tiny_manifest):
    write_bundle(opened.path, tiny_manifest(), {"fp32.onnx": b"another network"}, overwrite=True)
    before = snapshot(opened.path.parent)
    with pytest.raises(BundleError, match="exported anew or changed .* run the command again"):
        update_bundle(opened, opened.manifest, {"new.bin": b"x"})
    assert snapshot(opened.path.parent) == before


def test_a_file_altered_while_the_new_bundle_is_built_is_noticed(opened, monkeypatch):
    def altered(source: Path, path: Path) -> None:
        path.write_bytes(b"altered")

    monkeypatch.setattr(os, "link", altered)
    before = snapshot(opened.path.parent)
    with pytest.raises(BundleError, match=r"fp32\.onnx: was altered"):
        update_bundle(opened, opened.manifest, {"new.bin": b"x"})
    assert snapshot(opened.path.parent) == before


@pytest.mark.parametrize(
    ("contents", "remove", "words"),
    [
        ({"../x": b""}, (), "leaves the bundle"),
        ({"engines/x": b""}, (), "reserved"),
        ({"x": Path("gone.bin")}, (), r"gone\.bin: no such file"),
        ({}, ("gone.bin",), r"has no file 'gone\.bin' to remove; files: fp32\.onnx"),
        ({}, ("fp32.onnx",), "fp32 graph 'fp32.onnx' is not among the files"),
    ],
)
def test_a_mistake_changes_nothing(opened, contents, remove, words):
    before = snapshot(opened.path.parent)
    with pytest.raises(BundleError, match=words):
        update_bundle(opened, opened.manifest, contents, remove)
    assert snapshot(opened.path.parent) == before


def failing(error: BaseException):
    def fail(*_):
        raise error

    return fail


def failing_at_call(number: int, error: BaseException, action):
    calls = iter(range(1, 100))

    def act(*arguments):
        if next(calls) == number:
            raise error
        return action(*arguments)

    return act


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("error", "expected"), [(FULL, BundleError), (KeyboardInterrupt(), KeyboardInterrupt)])
@pytest.mark.parametrize("step", ["fsync", "write", "sync", "open", "engines", "rename away", "rename in"])
def test_whatever_fails_the_old_bundle_stays_whole(opened, monkeypatch, error, expected, step):
    before = snapshot(opened.path.parent)
    if step == "fsync":
        monkeypatch.setattr(os, "fsync", failing(error))
    elif step == "write":
        monkeypatch.setattr(assembling, "write_file", failing_at_call(2, error, assembling.write_file))
    elif step == "sync":
        monkeypatch.setattr(assembling, "sync_folder", failing(error))
    elif step == "open":
        monkeypatch.setattr(Bundle, "open", failing_at_call(2, error, Bundle.open))
    else:
        number = {"engines": 1, "rename away": 2, "rename in": 3}[step]
        fails = failing_at_call(number, error, Path.rename)
        monkeypatch.setattr(Path, "rename", lambda self, target: fails(self, target))
    with pytest.raises(expected) as caught:
        update_bundle(opened, opened.manifest, {"new.bin": b"x"})
    monkeypatch.undo()
    if expected is BundleError:
        assert "tiny.elpr: could not be changed (No space left on device) and was left whole" in str(caught.value)
    assert snapshot(opened.path.parent) == before
    assert [path.name for path in opened.path.parent.iterdir()] == ["tiny.elpr"]
    assert Bundle.open(opened.path) == opened


def test_a_read_only_bundle_is_said_to_be_one(opened, monkeypatch):
    monkeypatch.setattr(updating.os, "access", lambda *_: False)
    before = snapshot(opened.path.parent)
    with pytest.raises(BundleError, match="could not be changed .the folder is read-only. and was left whole"):
        update_bundle(opened, opened.manifest, {"new.bin": b"x"})
    assert snapshot(opened.path.parent) == before


KILLED = """
import os, shutil, sys
from pathlib import Path
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.updating import update_bundle

rename, left = Path.rename, int(sys.argv[2])

def dying(self, target):
    global left
    if left == 0:
        os._exit(9)
    left -= 1
    return rename(self, target)

Path.rename = dying
shutil.rmtree = lambda *_, **__: os._exit(9)
bundle = Bundle.open(sys.argv[1])
update_bundle(bundle, bundle.manifest, {"new.bin": b"x"})
"""


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_a_killed_process_leaves_a_whole_bundle(opened, renames):
    """Killed before the first rename (engines), the second (the old bundle away), the third (the new one in) or after."""
    killed = subprocess.run([sys.executable, "-c", KILLED, str(opened.path), str(renames)], check=False)
    assert killed.returncode == 9
    old, new = {"fp32.onnx"}, {"fp32.onnx", "new.bin"}
    if renames == 2:  # no bundle has the name at that moment; the old one lies beside
        (beside,) = opened.path.parent.glob(".tiny.elpr.*.old")
        assert not opened.path.exists() and set(Bundle.open(beside).manifest.files) == old
    else:
        assert set(Bundle.open(opened.path).manifest.files) == (new if renames == 3 else old)
