"""Opening an engine: the driver first, then its record, then its hash, and only then TensorRT; nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import cv2
import pytest
from doubles.cuda import FakeCuda
from doubles.surfaces import VERSIONS
from sample_engines import Bundled, plan_of, store

from edgelpr.cuda.probing import probe
from edgelpr.engines.modules import NAMES
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.storing import engines_of
from edgelpr.errors import BackendError, BundleError, DeviceError, EngineError, MissingDependencyError, UsageError

pytest.importorskip("onnxruntime")


@pytest.fixture
def bundled(bundle, monkeypatch):
    return Bundled(bundle, "10.3.0", monkeypatch)


# What works


@pytest.mark.parametrize("version", VERSIONS)
def test_an_engine_that_fits_is_used(bundle, paint, monkeypatch, version):
    bundled = Bundled(bundle, version, monkeypatch)
    store(bundled.bundle, plan_of(bundled.bundle, version), version)
    with bundled.open() as recognizer:
        assert (recognizer.backend, recognizer.device) == (
            bundled.backend,
            f"Orin (nvgpu) (8 SMs), {NAMES[bundled.backend]} {version}",
        )
        assert recognizer.description.startswith(f"{bundled.backend} {version} Orin (nvgpu), batches of 1 to 32, CUDA graphs")
        assert [reading.plate for reading in recognizer.read([paint("12"), paint("3456")] * 20)] == ["12", "3456"] * 20
    bundled.assert_untouched()
    assert bundled.cuda.closed


@pytest.mark.parametrize("version", VERSIONS)
def test_an_engine_is_built_once_where_none_fits(bundle, paint, monkeypatch, version):
    bundled, reports, notes = Bundled(bundle, version, monkeypatch), [], []
    report = lambda done, total: reports.append((done, total))  # noqa: E731
    with bundled.open(build=True, progress=report, note=notes.append) as recognizer:
        assert recognizer.read(paint("89")).plate == "89"
    assert len(bundled.module._bench.builds) == 1
    assert len(engines_of(bundled.bundle)) == 1
    assert (reports[-1:] == [(1000, 1000)]) == (version != "8.6.1")  # which reports nothing
    again = Bundled(bundle, version, monkeypatch)
    with again.open(build=True) as recognizer:
        assert recognizer.read(paint("89")).plate == "89"
    assert again.module._bench.builds == []


def test_an_engine_is_built_for_the_batches_that_will_be_read(bundled):
    with bundled.open(build=True, batch_size=100):
        assert engines_of(bundled.bundle)[0].record.options.batches == (1, 1, 100)


def test_longer_batches_than_the_engine_takes_are_read_in_parts(bundled, paint):
    options = BuildOptions(batches=(1, 2, 4))
    store(bundled.bundle, plan_of(bundled.bundle, "10.3.0", (1, 2, 4)), options=options)
    with bundled.open(batch_size=64) as recognizer:
        assert "batches of 1 to 4" in recognizer.description
        assert len({reading.plate for reading in recognizer.read(paint(str(number)) for number in range(50))}) == 50


# What is refused before TensorRT sees it


def test_without_a_driver_tensorrt_is_not_touched(bundle, monkeypatch):
    bundled = Bundled(bundle, "10.3.0", monkeypatch, problem="no NVIDIA driver; install it")
    store(bundled.bundle, plan_of(bundled.bundle, "10.3.0"))
    for options in ({}, {"build": True}):
        with pytest.raises(DeviceError, match="no NVIDIA driver; install it"):
            bundled.open(**options)
    bundled.assert_untouched()


@pytest.mark.parametrize("backend", ["tensorrt", "tensorrt-rtx"])
@pytest.mark.parametrize("more", [[], ["--build"]])
def test_a_machine_without_a_driver_ends_in_one_line(bundle, paint, tmp_path, backend, more):
    if probe().problem is None:
        pytest.skip("a driver answers here")
    image = tmp_path / "crop.png"
    image.write_bytes(cv2.imencode(".png", paint("1"))[1].tobytes())
    command = [sys.executable, "-m", "edgelpr", "read", str(bundle), str(image), "--backend", backend, *more]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "driver" in result.stderr


def test_no_such_gpu(bundled):
    with pytest.raises(DeviceError, match=r"no GPU number 3; the driver shows 0 \(Orin \(nvgpu\)\)"):
        bundled.open(device=3)


def test_tensorrt_missing(bundled):
    with pytest.raises(MissingDependencyError, match="tensorrt-rtx is not installed"):
        bundled.open(backend="tensorrt-rtx")


def test_no_engine_says_how_to_build_one(bundled):
    with pytest.raises(EngineError, match=r"no fp32 engine for TensorRT 10\.3\.0 on Orin .* Build one: edgelpr build .*"):
        bundled.open()
    bundled.assert_untouched()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"gpu": "NVIDIA GeForce RTX 4090", "sm": "sm89", "multiprocessors": 128},
            r"GPU: built for NVIDIA GeForce RTX 4090 \(sm89, 128 SMs\), here Orin",
        ),
        ({"version": "10.2.0"}, r"version: built for TensorRT 10\.2\.0, here TensorRT 10\.3\.0"),
        ({"precision": "fp16"}, "built for fp16, here fp32"),
        ({"graph_sha256": "0" * 64}, "network: built for graph 000000000000, here graph"),
    ],
)
def test_an_engine_of_something_else_is_refused_with_both_sides(bundled, changes, words):
    store(bundled.bundle, plan_of(bundled.bundle, "10.3.0"), **changes)
    with pytest.raises(EngineError, match=f"{words}.*edgelpr build"):
        bundled.open()
    bundled.assert_untouched()


@pytest.mark.parametrize("damage", [lambda plan: plan[:-1], lambda plan: plan[:-1] + b"!", lambda plan: b""])
def test_a_damaged_plan_is_refused_by_its_hash(bundled, damage):
    stored = store(bundled.bundle, plan_of(bundled.bundle, "10.3.0"))
    damaged = damage(stored.path.read_bytes())
    stored.path.write_bytes(damaged)
    with pytest.raises(EngineError, match=r"is damaged.* (Build it again|Build one): edgelpr build "):
        bundled.open()
    bundled.assert_untouched()
    assert bundled.cuda.closed == (len(damaged) == stored.record.plan_bytes)  # of another size, it is refused before that


def test_a_precision_that_the_bundle_lacks(bundled):
    with pytest.raises(BundleError, match="no fp16 graph for tensorrt"):
        bundled.open(precision="fp16", allow_unapproved=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threads": 2}, "threads are for backends that compute on the processor; leave them out with 'tensorrt'"),
        ({"backend": "onnxruntime", "build": True}, "building engines .* not for 'onnxruntime'"),
        ({"backend": "torch", "device": 1}, "choosing a GPU .* not for 'torch'"),
    ],
)
def test_options_that_a_backend_has_no_use_for(bundled, options, words):
    with pytest.raises(UsageError, match=words):
        bundled.open(**options)


# What TensorRT refuses


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["no plan", "of another version", "of another GPU"])
def test_what_tensorrt_does_not_load(bundle, monkeypatch, version, kind):
    bundled = Bundled(bundle, version, monkeypatch)
    plan = {
        "no plan": b"no plan at all",
        "of another version": plan_of(bundled.bundle, "9.9", backend=bundled.backend),
        "of another GPU": plan_of(bundled.bundle, version, compute_capability="sm99"),
    }[kind]
    store(bundled.bundle, plan, version)
    words = r"cannot load the plan \(.*Error Code .*\): it is damaged, or .* Build it again: edgelpr build .*"
    with pytest.raises(EngineError, match=words) as caught:
        bundled.open()
    bundled.assert_untouched()  # although the exception still holds every frame
    assert bundled.cuda.closed
    assert caught.value.__traceback__ is not None


def test_an_engine_that_contradicts_the_manifest(bundled, make_bundle, tmp_path):
    other = make_bundle(tmp_path / "other.elpr", maps=False)
    store(bundled.bundle, plan_of(other, "10.3.0"))
    words = r"the engine takes crops .* and returns .*; the manifest says .*, maps\. .* build it again"
    with pytest.raises(EngineError, match=words) as caught:
        bundled.open()
    bundled.assert_untouched()  # although the exception still holds every frame
    assert caught.value.__traceback__ is not None


def test_out_of_memory_while_opening(bundle, monkeypatch):
    bundled = Bundled(bundle, "10.3.0", monkeypatch, FakeCuda(total_bytes=300_000))
    store(bundled.bundle, plan_of(bundled.bundle, "10.3.0"))
    with pytest.raises(DeviceError, match="out of memory") as caught:
        bundled.open()
    bundled.assert_untouched()  # although the exception still holds every frame
    assert bundled.cuda.closed
    assert caught.value.__traceback__ is not None


def test_an_engine_that_fails_on_its_first_batch(bundled):
    store(bundled.bundle, plan_of(bundled.bundle, "10.3.0"))
    bundled.module._failures = 1
    with pytest.raises(BackendError, match="failed on a batch of 1 .*an illegal memory access") as caught:
        bundled.open()
    bundled.assert_untouched()  # although the exception still holds every frame
    assert bundled.cuda.closed
    assert caught.value.__traceback__ is not None


def test_an_engine_whose_batches_are_fixed(bundled, paint):
    record = replace(BuildOptions(), batches=(4, 4, 4))
    store(bundled.bundle, plan_of(bundled.bundle, "10.3.0", (4, 4, 4)), options=record)
    with bundled.open() as recognizer:
        assert [reading.plate for reading in recognizer.read(paint(str(number)) for number in range(6))] == list("012345")
