"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgelpr.atomic import sync_folder, write_atomically


def test_a_file_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.bin"
    for content in (b"first", b"", b"second"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "plain").write_bytes(b"")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_temporary_file_may_lie_elsewhere_and_nobody_need_wait(tmp_path, monkeypatch):
    (tmp_path / "inside").mkdir()
    places = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: (places.append(self.parent), replace(self, target))[1])
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("waited for the disk"))
    write_atomically(tmp_path / "inside" / "a.bin", b"x", beside=tmp_path, sync=False)
    assert places == [tmp_path]
    assert (tmp_path / "inside" / "a.bin").read_bytes() == b"x"


def test_the_longest_name_is_no_trouble(tmp_path):
    path = tmp_path / ("沪" * 85)  # 255 bytes, the most that usual file systems take
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, failure, step, existing):
    path = tmp_path / "a.bin"
    if existing:
        path.write_bytes(b"old")

    def fail(*_):
        raise failure

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with pytest.raises(type(failure)):
        write_atomically(path, b"new")
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == ([b"old"] if existing else [])


@pytest.mark.parametrize("place", ["absent/a.bin", "file/a.bin"])
def test_a_folder_that_is_none(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="No such file|Not a directory"):
        write_atomically(tmp_path / place, b"x")


def test_a_file_system_that_cannot_sync_folders(tmp_path, monkeypatch):
    def refuse(code):
        def fail(*_):
            raise OSError(code, os.strerror(code))

        return fail

    monkeypatch.setattr(os, "fsync", refuse(errno.EINVAL))
    sync_folder(tmp_path)
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        sync_folder(tmp_path)
