"""From a bundle to what is timed: the very same engine for the network alone and end to end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sample_bench import MILLISECOND, SPAN, SteppingClock
from sample_engines import open_sample

from edgelpr.benchmarks.bench import opening
from edgelpr.benchmarks.bench.assembling import Subject
from edgelpr.benchmarks.bench.crops import rotation_of
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.opening import model_of, open_reader
from edgelpr.benchmarks.bench.profiling import profile
from edgelpr.errors import UsageError
from edgelpr.runtime import choosing
from edgelpr.runtime.backends.onnxruntime import loader as ort_loader
from edgelpr.runtime.backends.onnxruntime.loader import default_threads
from edgelpr.runtime.executing.use import EngineUse

pytest.importorskip("onnxruntime")


@pytest.fixture
def rotation(paint):
    """Crops that the tiny network reads."""
    return rotation_of([paint(plate) for plate in ("12", "345", "6789", "01")], "painted")


def test_onnx_runtime_reads_what_is_timed(tiny_bundle, rotation):
    reader = open_reader(tiny_bundle, "onnxruntime", "fp32", None, 2)
    assert reader.threads == default_threads()
    inputs = reader.prepare(reader.network_input(rotation.images[:2]))
    assert reader.run_network(inputs).classes.shape == (2, 4)
    assert reader.read(rotation.images[:1]) == ["12"]
    assert reader.read(rotation.images) == ["12", "345", "6789", "01"]
    assert (reader.engine_sha256, reader.gpu_ms(inputs)) == (None, None)
    reader.close()


def test_a_model_is_named_by_the_hash_of_its_graph(tiny_bundle):
    model = model_of(tiny_bundle, "onnxruntime", "fp32", parameters=7)
    assert model.graph_sha256 == tiny_bundle.manifest.files["fp32.onnx"].sha256
    assert (model.name, model.plate_format, model.multiply_adds, model.parameters) == ("tiny", "tiny", 8000, 7)
    assert model_of(tiny_bundle, "torch", "fp32").graph_sha256 is None  # this bundle has no weights


def test_an_engine_on_a_gpu_is_named_by_its_hash_and_its_copies_are_said(tiny_bundle, rotation, monkeypatch, tmp_path):
    pytest.importorskip("onnx", reason="the stand-in for TensorRT runs graphs")
    runner = open_sample(tiny_bundle).runner
    monkeypatch.setattr(opening, "load_backend", lambda *arguments: runner)
    reader = open_reader(tiny_bundle, "tensorrt", "fp32", None, 4, EngineUse(batch=4))
    assert reader.threads is None
    measurement = Measurement(SPAN, Surroundings(SteppingClock(10 * MILLISECOND), tmp_path))
    subject = Subject(reader, model_of(tiny_bundle, "tensorrt", "fp32"), rotation, 4)
    network = measurement.measure(subject, "offline", "network only")
    whole = measurement.measure(subject, "single-stream", "end to end")
    reader.close()
    # Warm, and between events: one copy in, one execution, three copies out, each a millisecond of the stand-in's.
    assert {name: network.gpu_ms[name] for name in ("copy_in", "compute", "copy_out")} == {
        "copy_in": 1.0,
        "compute": 1.0,
        "copy_out": 3.0,
    }
    assert any("copy_out takes 3.000 ms" in line for line in network.warnings)
    assert network.model.engine_sha256 == runner.engine_sha256 == "0" * 64
    assert network.device == runner.device != "CPU"
    assert "copies to and from the GPU are included" in network.warnings[0]
    assert not any("copies" in line for line in whole.warnings)
    assert (network.transfers, whole.transfers) == ("included", None)


def test_layers_of_an_engine_are_those_that_tensorrt_tells(tiny_bundle, rotation, monkeypatch):
    pytest.importorskip("onnx", reason="the stand-in for TensorRT runs graphs")
    sample = open_sample(tiny_bundle)
    monkeypatch.setattr(opening, "load_backend", lambda *arguments: sample.runner)
    reader = open_reader(tiny_bundle, "tensorrt", "fp32", None, 1, EngineUse())
    found = profile(tiny_bundle, reader, "fp32", reader.network_input(rotation.images[:1]))
    assert (found.backend, found.batch) == ("tensorrt", 1) and {layer.operator for layer in found.layers} == {""}
    assert len(found.layers) > 3 and min(layer.microseconds for layer in found.layers) >= 10
    reader.close()
    assert sample.cuda.leaks() == ()


def test_an_engine_that_tells_nothing_is_refused(tiny_bundle, rotation):
    reader = open_reader(tiny_bundle, "onnxruntime", "fp32", 1, 1)
    reader.backend = "tensorrt"
    with pytest.raises(UsageError, match="does not tell its layers' times"):
        profile(tiny_bundle, reader, "fp32", reader.network_input(rotation.images[:1]))
    reader.close()


def test_what_is_profiled_runs_where_the_timed_session_runs(tiny_bundle, rotation, monkeypatch):
    asked = []
    providers = ort_loader._providers
    monkeypatch.setattr(ort_loader, "_providers", lambda runtime: asked.append(1) or providers(runtime))
    reader = open_reader(tiny_bundle, "onnxruntime", "fp32", 1, 1)
    profile(tiny_bundle, reader, "fp32", reader.network_input(rotation.images[:1]))
    assert len(asked) == 2  # one rule for both
    reader.close()


def test_auto_says_what_it_took_before_anything_is_opened(tiny_bundle, monkeypatch):
    choice = SimpleNamespace(backend="onnxruntime", lines=("Backend: onnxruntime", "  tensorrt: no driver"))
    monkeypatch.setattr(choosing, "_chosen", lambda *arguments: (choice, None))
    said = []
    reader = open_reader(tiny_bundle, "auto", "fp32", 1, 1, EngineUse(device=3, note=said.append))
    assert said == list(choice.lines)
    assert (reader.backend, reader.threads) == ("onnxruntime", 1)
    reader.close()
