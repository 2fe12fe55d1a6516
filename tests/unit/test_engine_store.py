"""Engines in a bundle or in the cache: whole, found by what they are for, never loaded unchecked."""

from __future__ import annotations

import dataclasses
import os
import shutil

import pytest
from sample_approvals import approval_of
from sample_stored import ORIN, record_of, store

from edgelpr import atomic
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.manifest import FileRecord
from edgelpr.engines import placing
from edgelpr.engines.finding import find_engines, first_sound
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.placing import cache_folder, engine_folders, writable_folder
from edgelpr.engines.storing import StoredEngine, damage_of, engines_of, read_plan, strays, write_engine
from edgelpr.errors import BuildError, EngineError, UsageError

THOR = dataclasses.replace(ORIN, gpu="Thor", compute_capabilities=("sm110",), board="Jetson AGX Thor", multiprocessors=20)


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


def first(*asked, **more) -> StoredEngine:
    return find_engines(*asked, **more)[0]


def test_an_engine_is_found_again_and_the_bundle_still_opens(opened):
    stored = store(opened)
    again = Bundle.open(opened.path)
    assert first(again, ORIN, "fp32", batch=32) == stored
    assert read_plan(stored) == b"a plan"
    assert stored.path.parent == opened.path / "engines"


def test_an_engine_survives_an_update_of_the_bundle(opened, tmp_path):
    stored = store(opened)
    moved = Bundle.open(shutil.move(opened.path, tmp_path / "other.elpr"))
    assert first(moved, ORIN, "fp32").record == stored.record


def test_engines_of_a_read_only_bundle_go_to_the_cache(opened, read_only):
    stored = store(opened)
    assert stored.path.parent.parent == cache_folder() / "engines"
    assert first(opened, ORIN, "fp32") == stored
    assert not (opened.path / "engines").exists()


def test_a_cached_engine_outlives_verdicts_and_other_precisions(opened, read_only):
    stored, manifest = store(opened), opened.manifest
    verdict = approval_of(opened.file("fp32.onnx").read_bytes(), "fp32")
    fp16 = dataclasses.replace(manifest.graphs[0], precision="fp16", file="fp16.onnx")
    files = {**manifest.files, "fp16.onnx": FileRecord("1" * 64, 1)}
    changed = dataclasses.replace(manifest, approvals=(verdict,), graphs=(*manifest.graphs, fp16), files=files)
    assert changed.digest != manifest.digest
    assert first(Bundle(opened.path, changed), ORIN, "fp32") == stored
    other = dataclasses.replace(manifest, files={"fp32.onnx": FileRecord("2" * 64, 1)})
    assert engines_of(Bundle(opened.path, other)) == ()


def test_an_engine_on_a_dla_is_taken_only_where_it_is_alone(opened):
    on_dla = store(opened, b"on a DLA", options=BuildOptions(dla_core=0), built="2025-02-01T00:00:00Z")
    assert first(opened, ORIN, "fp32") == on_dla
    on_gpu = store(opened)
    assert engines_of(opened) == (on_dla, on_gpu)
    assert find_engines(opened, ORIN, "fp32") == (on_gpu,)
    assert first(opened, ORIN, "fp32", options=BuildOptions(dla_core=0)) == on_dla


@pytest.fixture
def in_fp16(opened):
    """A bundle whose one graph is in fp16, as a DLA wants it."""
    graphs = (dataclasses.replace(opened.manifest.graphs[0], precision="fp16"),)
    return Bundle(opened.path, dataclasses.replace(opened.manifest, graphs=graphs))


def test_an_engine_on_a_dla_is_taken_where_it_is_asked_for(in_fp16):
    on_gpu = store(in_fp16, precision="fp16")
    on_dla = [
        store(in_fp16, plan, precision="fp16", options=BuildOptions(dla_core=core)) for core, plan in enumerate([b"0", b"1"])
    ]
    assert find_engines(in_fp16, ORIN, "fp16") == (on_gpu,)
    assert [find_engines(in_fp16, ORIN, "fp16", dla=core) for core in range(2)] == [(engine,) for engine in on_dla]
    with pytest.raises(EngineError, match="no fp16 engine for .* on DLA 2 of Orin.*") as caught:
        find_engines(in_fp16, ORIN, "fp16", dla=2)
    assert "DLA: built for the GPU alone, here core 2 is asked for" in str(caught.value)
    assert "DLA: built for core 0, here core 2 is asked for" in str(caught.value)
    assert str(caught.value).endswith("--precision fp16 --batch 1,1,1 --dla 2")


def test_a_dla_is_refused_where_there_can_be_none(opened, in_fp16):
    with pytest.raises(UsageError, match="choose --precision fp16 or int8"):
        find_engines(opened, ORIN, "fp32", dla=0)
    with pytest.raises(UsageError, match="leave --dla out"):
        find_engines(in_fp16, dataclasses.replace(ORIN, backend="tensorrt-rtx"), "fp16", dla=0)


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
        first(opened, ORIN, "fp32", batch=64)
    assert "no fp32 engine for TensorRT 10.3.0 on Orin (sm87, Jetson Orin Nano, 8 SMs)" in str(caught.value)
    assert str(caught.value).endswith("tiny.elpr --precision fp32 --batch 1,1,64")


def test_the_one_there_does_not_fit(opened):
    stored = store(opened)
    with pytest.raises(
        EngineError, match=r"built for Orin \(sm87, Jetson Orin Nano, 8 SMs\), here Thor \(sm110, Jetson AGX Thor, 20 SMs\)"
    ) as caught:
        first(opened, THOR, "fp32")
    assert str(stored.path) in str(caught.value)


def test_several_there_and_none_fits(opened):
    store(opened)
    store(opened, b"another", options=BuildOptions(batches=(1, 1, 1)))
    with pytest.raises(EngineError) as caught:
        first(opened, THOR, "fp32", batch=2)
    assert str(caught.value).count(".plan (") == 2 and "batch: built for 1 to 1" in str(caught.value)


def test_of_those_that_fit_the_newest_counts(opened):
    old = store(opened, options=BuildOptions(level=1))
    new = store(opened, b"another", built="2025-02-01T00:00:00Z")
    assert find_engines(opened, ORIN, "fp32") == (new, old)
    assert first(opened, ORIN, "fp32", options=BuildOptions(level=1)) == old
    with pytest.raises(EngineError, match="--level 5"):
        first(opened, ORIN, "fp32", options=BuildOptions(level=5))


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
        first(opened, ORIN, "fp32")


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


@pytest.mark.parametrize("content", [b"", b"a pla", b"a plan!"])
def test_a_plan_of_another_size_is_no_engine_and_is_named(opened, content):
    stored = store(opened)
    stored.path.write_bytes(content)
    assert engines_of(opened) == ()
    assert strays(opened) == (f"{stored.path}: is damaged: {len(content)} bytes, its record says 6; build it again",)
    with pytest.raises(EngineError, match=r"no fp32 engine for .*is damaged: .*Build one: edgelpr build"):
        first(opened, ORIN, "fp32")


def test_a_plan_whose_content_changed_is_found_by_reading_it(opened):
    stored = store(opened)
    assert damage_of(stored) is None
    stored.path.write_bytes(b"b plan")
    assert engines_of(opened) == (stored,) and strays(opened) == ()
    damage = f"{stored.path}: is damaged: its content does not match the hash in its record"
    assert damage_of(stored) == damage
    damaged, said = [], []
    assert first_sound(find_engines(opened, ORIN, "fp32"), damaged, said.append) is None
    assert first_sound(find_engines(opened, ORIN, "fp32"), damaged, said.append) is None
    assert (damaged, said) == ([stored], [f"{damage}; it is not used"])


def test_a_new_build_removes_a_damaged_one_of_its_kind(opened):
    old = store(opened)
    old.path.write_bytes(b"cut")
    new = store(opened, b"another")
    assert engines_of(opened) == (new,) and strays(opened) == () and not old.path.exists()


def test_a_name_that_would_steer_a_terminal_is_never_shown(opened):
    stored = store(opened)
    for suffix in (".plan", ".json"):
        stored.path.with_suffix(suffix).rename(stored.path.with_name(f"\x1b[2J{suffix}"))
    assert engines_of(opened) == ()
    assert all(reason.isprintable() and "cannot be shown" in reason for reason in strays(opened)) and len(strays(opened)) == 2


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
