"""Engines in a bundle or in the cache: whole, found by what they are for, never loaded unchecked."""

from __future__ import annotations

import dataclasses
import os
import shutil

import pytest
from sample_stored import ORIN, record_of, store

from edgelpr import atomic
from edgelpr.bundle.bundle import Bundle
from edgelpr.engines import placing
from edgelpr.engines.finding import find_engine
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.placing import cache_folder, engine_folders, writable_folder
from edgelpr.engines.storing import engines_of, read_plan, strays, write_engine
from edgelpr.errors import BuildError, EngineError

THOR = dataclasses.replace(ORIN, gpu="Thor", compute_capabilities=("sm110",))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGELPR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def opened(bundle):
    return Bundle.open(bundle)


@pytest.fixture
def read_only(monkeypatch):
    """As for a user without rights; to root, who runs tests in containers, no mode is read-only."""
    monkeypatch.setattr(placing, "_can_take", lambda folder: False)


def test_an_engine_is_found_again_and_the_bundle_still_opens(opened):
    stored = store(opened)
    again = Bundle.open(opened.path)
    assert find_engine(again, ORIN, "fp32", batch=32) == stored
    assert read_plan(stored) == b"a plan"
    assert stored.path.parent == opened.path / "engines"


def test_an_engine_survives_an_update_of_the_bundle(opened, tmp_path):
    stored = store(opened)
    moved = Bundle.open(shutil.move(opened.path, tmp_path / "other.elpr"))
    assert find_engine(moved, ORIN, "fp32").record == stored.record


def test_engines_of_a_read_only_bundle_go_to_the_cache(opened, read_only):
    stored = store(opened)
    assert stored.path.parent == cache_folder() / "engines" / opened.manifest.digest
    assert find_engine(opened, ORIN, "fp32") == stored
    assert not (opened.path / "engines").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="to root no folder is read-only")
def test_a_folder_without_rights_counts_as_read_only(opened):
    opened.path.chmod(0o555)
    try:
        assert writable_folder(opened) == engine_folders(opened)[1]
    finally:
        opened.path.chmod(0o755)


def test_the_cache_is_where_the_variables_say(monkeypatch, tmp_path):
    monkeypatch.delenv("EDGELPR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "edgelpr"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "edgelpr"


def test_no_place_at_all_is_said(opened, read_only, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EDGELPR_CACHE", str(tmp_path / "file"))
    with pytest.raises(EngineError, match="EDGELPR_CACHE"):
        store(opened)


def test_none_there(opened):
    with pytest.raises(EngineError) as caught:
        find_engine(opened, ORIN, "fp32", batch=64)
    assert "no fp32 engine for TensorRT 10.3.0 on Orin (sm87)" in str(caught.value)
    assert str(caught.value).endswith("tiny.elpr --precision fp32 --batch 1,1,64")


def test_the_one_there_does_not_fit(opened):
    stored = store(opened)
    with pytest.raises(EngineError, match=r"built for Orin \(sm87\), here Thor \(sm110\)") as caught:
        find_engine(opened, THOR, "fp32")
    assert str(stored.path) in str(caught.value)


def test_several_there_and_none_fits(opened):
    store(opened)
    store(opened, b"another", options=BuildOptions(batches=(1, 1, 1)))
    with pytest.raises(EngineError) as caught:
        find_engine(opened, THOR, "fp32", batch=2)
    assert str(caught.value).count(".plan (") == 2 and "batch: built for 1 to 1" in str(caught.value)


def test_of_those_that_fit_the_newest_counts(opened):
    old = store(opened, options=BuildOptions(level=1))
    new = store(opened, b"another", built="2025-02-01T00:00:00Z")
    assert find_engine(opened, ORIN, "fp32") == new
    assert find_engine(opened, ORIN, "fp32", options=BuildOptions(level=1)) == old
    with pytest.raises(EngineError, match="--level 5"):
        find_engine(opened, ORIN, "fp32", options=BuildOptions(level=5))


def test_a_new_build_of_the_same_kind_replaces_the_old_one(opened):
    store(opened)
    new = store(opened, b"another")
    assert engines_of(opened) == (new,)
    assert sorted(path.suffix for path in new.path.parent.iterdir()) == [".json", ".plan"]


def test_a_plan_without_a_record_is_no_engine(opened):
    stored = store(opened)
    stored.path.with_suffix(".json").unlink()
    assert engines_of(opened) == () and "has no record" in strays(opened)[0]
    with pytest.raises(EngineError, match="has no record"):
        find_engine(opened, ORIN, "fp32")


def test_a_damaged_record_and_one_without_a_plan_are_named(opened):
    stored = store(opened)
    stored.path.with_suffix(".json").write_text("{", encoding="utf-8")
    assert "not valid JSON" in strays(opened)[0]
    stored.path.unlink()
    assert engines_of(opened) == () and "is gone" in strays(opened)[0]


@pytest.mark.parametrize("content", [b"", b"a pla", b"a plan!", b"b plan"])
def test_a_plan_that_changed_is_not_handed_out(opened, content):
    stored = store(opened)
    stored.path.write_bytes(content)
    with pytest.raises(EngineError, match=r"is damaged.*edgelpr build x"):
        read_plan(stored, "edgelpr build x")


def test_a_link_is_no_plan(opened, tmp_path):
    stored = store(opened)
    stored.path.rename(tmp_path / "elsewhere")
    stored.path.symlink_to(tmp_path / "elsewhere")
    assert engines_of(opened) == ()
    with pytest.raises(EngineError, match="regular file"):
        read_plan(stored)


def test_a_record_of_another_plan_is_not_written(opened):
    with pytest.raises(BuildError, match="another plan"):
        write_engine(opened, b"b plan", record_of(opened, b"a plan"))
    assert not (opened.path / "engines").exists()


@pytest.mark.parametrize("failing", [1, 2], ids=["plan", "record"])
@pytest.mark.parametrize(
    ("trouble", "seen"), [(OSError(28, "No space left on device"), BuildError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_whatever_fails_nothing_stays(opened, monkeypatch, failing, trouble, seen):
    calls, sync = [], os.fsync

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == failing * 2 - 1:  # a file, then its folder
            raise trouble
        sync(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    with pytest.raises(seen):
        store(opened)
    assert list((opened.path / "engines").iterdir()) == []
    monkeypatch.undo()
    assert Bundle.open(opened.path).manifest == opened.manifest


def test_a_name_cannot_leave_the_folder(opened):
    stored = store(opened, target=dataclasses.replace(ORIN, tensorrt_version="../../10", gpu="/etc"))
    assert stored.path.parent == opened.path / "engines"
