"""Kernels of TensorRT-RTX: compiled before they are captured, kept for later processes, and never a reason to fail."""

from __future__ import annotations

import shutil

import pytest
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt, freed_late, living
from doubles.surfaces import RTX, TENSORRT
from sample_engines import REBUILD, install, machinery_of, plan_of, store

from edgelpr.bundle.bundle import Bundle
from edgelpr.engines.keepsakes import forget, kernels_of, marker_of
from edgelpr.engines.placing import cache_folder
from edgelpr.runtime.backends.registry import load_backend
from edgelpr.runtime.backends.tensorrt_rtx.kernels import KernelFile
from edgelpr.runtime.executing.engine import Engine
from edgelpr.runtime.recognizer import Recognizer

pytest.importorskip("onnxruntime")


@pytest.fixture
def opened(bundle) -> Bundle:
    found = Bundle.open(bundle)
    store(found, plan_of(found, RTX), RTX)
    return found


def compiled(bundle: Bundle, paint, monkeypatch, name: str = "NVIDIA RTX") -> tuple[list[int], list[str]]:
    """Read once as a process of its own would: which batch sizes were compiled, and what was noted."""
    cuda, notes = FakeCuda(name=name), []
    module = executing_tensorrt(RTX, cuda)
    install(monkeypatch, machinery_of(module, cuda))
    with Recognizer.open(bundle, "tensorrt-rtx", batch_size=4, note=notes.append) as recognizer:
        assert recognizer.read([paint("12")] * 3)[2].plate == "12"
    assert living(module) == freed_late(module) == []
    assert cuda.leaks() == ()
    return module._compiled, notes


def kept() -> list:
    return sorted((cache_folder() / "kernels").glob("*"))


def test_they_are_compiled_once_for_all_processes(opened, paint, monkeypatch):
    before = sorted(opened.path.rglob("*"))
    assert compiled(opened, paint, monkeypatch) == ([1, 4], [])
    assert compiled(opened, paint, monkeypatch) == ([], [])
    assert len(kept()) == 1
    assert sorted(opened.path.rglob("*")) == before  # reading changes no bundle


def test_a_process_that_is_killed_has_kept_them(opened, paint, monkeypatch):
    cuda = FakeCuda()
    module = executing_tensorrt(RTX, cuda)
    install(monkeypatch, machinery_of(module, cuda))
    recognizer = Recognizer.open(opened, "tensorrt-rtx", batch_size=4)
    (file,) = kept()
    first = file.read_bytes()  # of the batch that proves the engine
    recognizer.warmup()
    warm = file.read_bytes()
    assert first != warm and module._compiled == [1, 2, 4]
    recognizer.close()
    assert file.read_bytes() == warm
    assert compiled(opened, paint, monkeypatch, cuda.facts.name) == ([], [])


def test_a_closed_one_keeps_nothing_more(opened, paint, monkeypatch):
    cuda = FakeCuda()
    module = executing_tensorrt(RTX, cuda)
    install(monkeypatch, machinery_of(module, cuda))
    runner = load_backend("tensorrt-rtx", opened, "fp32", None)
    runner.close()
    (file,) = kept()
    file.unlink()
    runner.keep()
    assert kept() == [] and living(module) == freed_late(module) == []


def test_they_are_written_only_when_something_is_new(opened, paint, monkeypatch):
    written = []
    original = KernelFile.write
    monkeypatch.setattr(KernelFile, "write", lambda self, kernels: (written.append(kernels), original(self, kernels)))
    for _ in range(3):
        compiled(opened, paint, monkeypatch)
    assert len(written) == 2  # of the first batch, and when it was closed


def test_they_go_with_the_plan(opened, paint, monkeypatch):
    compiled(opened, paint, monkeypatch)
    compiled(opened, paint, monkeypatch, "NVIDIA GeForce")
    other = kept()[0].with_name(f"{'0' * 16}-NVIDIA-RTX.kernels")
    other.write_bytes(b"of another plan")
    store(opened, plan_of(opened, RTX, gpu="the same, built anew"), RTX)
    assert kept() == [other]


def test_what_is_kept_of_a_plan_is_removed_and_nothing_else(tmp_path):
    plan, outside = "a" * 64, tmp_path / "outside"
    outside.write_bytes(b"")
    marker, kernels = marker_of(plan), kernels_of(plan, "NVIDIA RTX")
    linked, folder = kernels_of(plan, "a link"), kernels_of(plan, "a folder")
    for path in (marker, kernels, marker_of("b" * 64), kernels_of("b" * 64, "NVIDIA RTX")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    linked.symlink_to(outside)
    folder.mkdir()
    forget(plan)
    assert not marker.exists() and not kernels.exists() and outside.exists()
    assert linked.is_symlink() and folder.is_dir()
    assert marker_of("b" * 64).exists() and kernels_of("b" * 64, "NVIDIA RTX").exists()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / kernels.name).write_bytes(b"")
    shutil.rmtree(kernels.parent)
    kernels.parent.symlink_to(tmp_path / "elsewhere")
    forget(plan)
    assert (tmp_path / "elsewhere" / kernels.name).exists()


def test_each_gpu_has_its_own(opened, paint, monkeypatch):
    for name in ("NVIDIA RTX", "NVIDIA GeForce"):
        assert compiled(opened, paint, monkeypatch, name) == ([1, 4], [])
    assert len(kept()) == 2


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-1], lambda content: content[:-1] + b"!"])
def test_a_damaged_file_costs_a_note(opened, paint, monkeypatch, damage):
    compiled(opened, paint, monkeypatch)
    (file,) = kept()
    file.write_bytes(damage(file.read_bytes()))
    sizes, notes = compiled(opened, paint, monkeypatch)
    assert sizes == [1, 4]
    assert [f"kernels {file}: damaged" in note for note in notes] == [True]
    assert compiled(opened, paint, monkeypatch) == ([], [])


def test_kernels_of_another_gpu_cost_a_note(opened, paint, monkeypatch):
    compiled(opened, paint, monkeypatch)
    compiled(opened, paint, monkeypatch, "NVIDIA GeForce")
    first, other = kept()
    first.write_bytes(other.read_bytes())
    other.write_bytes(first.read_bytes())
    results = [compiled(opened, paint, monkeypatch, name) for name in ("NVIDIA RTX", "NVIDIA GeForce")]
    assert sorted((sizes, len(notes)) for sizes, notes in results) == [([], 0), ([1, 4], 1)]


def test_a_cache_that_cannot_be_written_costs_a_note(opened, paint, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("EDGELPR_CACHE", str(tmp_path / "file"))
    sizes, notes = compiled(opened, paint, monkeypatch)
    assert sizes == [1, 4]
    assert any("cannot be written" in note for note in notes)


@pytest.mark.parametrize("version", TENSORRT)
def test_other_engines_bring_their_kernels(opened, version, tmp_path):
    cuda = FakeCuda()
    file = KernelFile(tmp_path / "x.kernels")
    plan, graph = plan_of(opened, version), opened.graph("fp32", "tensorrt")
    engine = Engine(executing_tensorrt(version, cuda), plan, graph, "x.plan", REBUILD, False, file)
    engine.close()
    assert not file.path.exists()
