"""Choosing and loading an engine: an honest choice, clear refusals, and the torch reference."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from edgelpr.bundle.writing import write_bundle
from edgelpr.errors import ApprovalError, BackendError, BundleError, MissingDependencyError, UsageError
from edgelpr.runtime.backends.onnxruntime.runner import OnnxRuntimeRunner
from edgelpr.runtime.recognizer import Recognizer

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def recognizer(tiny_bundle):
    with Recognizer.open(tiny_bundle, threads=1) as opened:
        yield opened


def test_what_is_in_use_is_said(tiny_bundle):
    with Recognizer.open(str(tiny_bundle.path), threads=1) as recognizer:
        assert (recognizer.backend, recognizer.precision) == ("onnxruntime", "fp32")
        assert recognizer.description == f"onnxruntime {onnxruntime.__version__} CPUExecutionProvider, 1 thread"
        assert recognizer.plate_format == tiny_bundle.manifest.plate_format
    with Recognizer.open(tiny_bundle, threads=2) as recognizer:
        assert recognizer.description.endswith(", 2 threads")
        assert recognizer.read(np.zeros((50, 160), np.uint8)).plate == "0000"


def test_a_graph_that_returns_logits_reads_the_same(recognizer, make_bundle, paint, tmp_path):
    images = [paint(plate) for plate in ("1", "23", "4567", "89")]
    with Recognizer.open(make_bundle(tmp_path / "logits.elpr", decode=False)) as other:
        for one, two in zip(recognizer.read(images), other.read(images)):
            assert one.plate == two.plate
            assert one.confidence == pytest.approx(two.confidence, abs=1e-5)
            assert one.characters[0].box == pytest.approx(two.characters[0].box, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"precision": "int8"}, BundleError, "no int8 graph for onnxruntime; graphs present: fp32 for any"),
        ({"precision": "int8", "backend": "torch"}, BackendError, "fp32 and, on a GPU, in fp16"),
        ({"precision": "fp16", "backend": "torch"}, ApprovalError, "edgelpr eval"),
        ({"precision": "fp64"}, UsageError, "fp32, fp16, int8"),
        ({"backend": "openvino"}, UsageError, "onnxruntime, torch"),
        ({"backend": "torch"}, BundleError, r"has no weights\.safetensors"),
        ({"threads": 0}, UsageError, "1 or more"),
        ({"threads": True}, UsageError, "1 or more"),
        ({"batch_size": 0}, UsageError, "1 to 256"),
        ({"batch_size": 257}, UsageError, "1 to 256"),
    ],
)
def test_arguments_that_cannot_be_met(tiny_bundle, arguments, error, words):
    with pytest.raises(error, match=words):
        Recognizer.open(tiny_bundle, **arguments)


def test_onnxruntime_missing(tiny_bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match="pip install onnxruntime"):
        Recognizer.open(tiny_bundle)


def test_onnxruntime_damaged(tiny_bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace())
    with pytest.raises(BackendError, match="installed but empty"):
        Recognizer.open(tiny_bundle)


def test_a_graph_that_is_none(tiny_manifest, tmp_path):
    bundle = write_bundle(tmp_path / "x.elpr", tiny_manifest(), {"fp32.onnx": b"not a graph"})
    with pytest.raises(BackendError, match=r"fp32\.onnx: onnxruntime .* refuses the graph"):
        Recognizer.open(bundle)


def test_a_graph_that_contradicts_the_manifest(tiny_manifest, tiny_graph, tmp_path):
    bundle = write_bundle(tmp_path / "x.elpr", tiny_manifest(), {"fp32.onnx": tiny_graph(maps=False)})
    with pytest.raises(BundleError, match=r"the graph takes .* the manifest says .* Export the bundle again"):
        Recognizer.open(bundle)


@pytest.mark.parametrize("output", ["classes", "probabilities", "maps"])
def test_a_graph_of_a_lower_precision_returns_the_same_types(tiny_manifest, tiny_graph, tmp_path, output):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(tiny_graph())
    (value,) = (value for value in model.graph.output if value.name == output)
    kind = onnx.TensorProto.INT64 if output == "classes" else onnx.TensorProto.FLOAT16
    value.type.tensor_type.elem_type = kind
    (node,) = (node for node in model.graph.node if output in node.output)
    node.output[0] = f"{output}_inside"
    model.graph.node.append(onnx.helper.make_node("Cast", [f"{output}_inside"], [output], to=kind))
    bundle = write_bundle(tmp_path / "x.elpr", tiny_manifest(), {"fp32.onnx": model.SerializeToString()})
    with pytest.raises(BundleError, match=r"returns .*tensor\((int64|float16)\).*the manifest says"):
        Recognizer.open(bundle)


def test_a_graph_that_fails_while_running(tiny_bundle):
    class Session:
        def run(self, *_):
            raise RuntimeError("out of memory")

    runner = OnnxRuntimeRunner(Session(), tiny_bundle.graph("fp32"), None, "broken")
    with pytest.raises(BackendError, match=r"fp32\.onnx: onnxruntime failed on a batch of 3 \(out of memory\)"):
        runner.run(np.zeros((3, 50, 160), np.uint8))


def test_threads_do_not_survive_a_fork(tiny_bundle, monkeypatch):
    with Recognizer.open(tiny_bundle, threads=2) as recognizer:
        monkeypatch.setattr("os.getpid", lambda: -1)
        with pytest.raises(BackendError, match="before a fork"):
            recognizer.read(np.zeros((50, 160), np.uint8))


def cuda_runtime(starts: bool):
    """The installed ONNX Runtime, dressed as the build for CUDA."""

    class Session(onnxruntime.InferenceSession):
        def __init__(self, path, options, providers, **keywords):
            self.asked = providers
            super().__init__(path, options, providers=["CPUExecutionProvider"], **keywords)

        def get_providers(self):
            return self.asked if starts else ["CPUExecutionProvider"]

    names = ("SessionOptions", "ExecutionMode", "__version__")
    shared = {name: getattr(onnxruntime, name) for name in names}
    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return SimpleNamespace(InferenceSession=Session, get_available_providers=lambda: available, **shared)


def test_cuda_is_used_when_present_and_named(tiny_bundle, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", cuda_runtime(starts=True))
    with Recognizer.open(tiny_bundle, threads=1) as recognizer:
        assert "CUDAExecutionProvider" in recognizer.description


def test_cuda_that_does_not_start_is_an_error_not_a_fall_back(tiny_bundle, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", cuda_runtime(starts=False))
    with pytest.raises(BackendError, match=r"did not start; .*CUDA_VISIBLE_DEVICES=-1"):
        Recognizer.open(tiny_bundle)


def test_hidden_devices_ask_for_the_cpu(tiny_bundle, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setitem(sys.modules, "onnxruntime", cuda_runtime(starts=False))
    with Recognizer.open(tiny_bundle) as recognizer:
        assert "CPUExecutionProvider" in recognizer.description


# The torch backend


@pytest.fixture(scope="module")
def torch_bundle(tiny_format, tiny_manifest, tiny_graph, tmp_path_factory):
    torch = pytest.importorskip("torch")
    from edgelpr.models.checkpoint import save_checkpoint
    from edgelpr.models.hpa import create

    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("torch")
    network = create("hpa-nano", tiny_format).eval()
    save_checkpoint(folder / "weights.safetensors", network)
    contents = {"fp32.onnx": tiny_graph(), "weights.safetensors": folder / "weights.safetensors"}
    return network, write_bundle(folder / "x.elpr", tiny_manifest(), contents)


def test_the_torch_backend_is_the_network_itself(torch_bundle):
    import torch

    network, bundle = torch_bundle
    image = np.random.default_rng(2).integers(0, 256, (50, 160), dtype=np.uint8)
    with torch.no_grad():
        output = network(torch.from_numpy(image).float().div(255).expand(1, 3, -1, -1))
    best = output.logits.softmax(-1).max(-1)
    threads = torch.get_num_threads()
    try:
        with Recognizer.open(bundle, backend="torch", threads=1) as recognizer:
            reading, maps = recognizer.read(image), recognizer.maps(image)
            assert recognizer.description == f"torch {torch.__version__} CPU, 1 thread"
    finally:
        torch.set_num_threads(threads)
    assert reading.plate == bundle.manifest.plate_format.decode(best.indices[0].tolist())
    assert reading.confidence == pytest.approx(best.values.prod().item(), abs=1e-6)
    assert np.allclose(maps, output.position[0, :-1].numpy(), atol=1e-6)


def test_torch_missing(torch_bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match="torch"):
        Recognizer.open(torch_bundle[1], backend="torch")


def test_weights_of_another_network_are_refused(torch_bundle, tiny_manifest, tiny_graph, tmp_path):
    from edgelpr.plates.format import PlateFormat
    from edgelpr.preprocessing.crop import Preprocessing

    other = PlateFormat("other", "0123456789", positions=5)
    manifest = tiny_manifest(plate_format=other, preprocessing=Preprocessing.of(other))
    contents = {"fp32.onnx": tiny_graph(), "weights.safetensors": torch_bundle[1].file("weights.safetensors")}
    bundle = write_bundle(tmp_path / "x.elpr", manifest, contents)
    with pytest.raises(BundleError, match="does not fit the bundle"):
        Recognizer.open(bundle, backend="torch")
