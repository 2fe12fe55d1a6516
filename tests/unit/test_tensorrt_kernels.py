"""Kernels of TensorRT-RTX: compiled before they are captured, kept for later processes, and never a reason to fail."""

from __future__ import annotations

import pytest
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt, freed_late, living
from doubles.surfaces import RTX, TENSORRT
from sample_engines import REBUILD, install, machinery_of, plan_of, store

from edgelpr.bundle.bundle import Bundle
from edgelpr.engines.placing import cache_folder
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


def test_they_are_written_only_when_something_is_new(opened, paint, monkeypatch):
    written = []
    original = KernelFile.write
    monkeypatch.setattr(KernelFile, "write", lambda self, kernels: (written.append(kernels), original(self, kernels)))
    for _ in range(3):
        compiled(opened, paint, monkeypatch)
    assert len(written) == 1


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
