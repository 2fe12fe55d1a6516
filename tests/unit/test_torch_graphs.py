"""fp16 by PyTorch in CUDA graphs, on a stand-in for ``torch.cuda``: it reads what the network reads in float16."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'export'")

import torch
from doubles.torch_cuda import FakeTorch
from sample_networks import DIGITS, noise_crops, small_network

from edgelpr.bundle.writing import write_bundle
from edgelpr.errors import ApprovalError, BackendError, BundleError, DeviceError, UsageError
from edgelpr.preprocessing.crop import scale
from edgelpr.runtime.backends.timed import LayeredBackend, TimedBackend
from edgelpr.runtime.backends.torch import loader
from edgelpr.runtime.backends.torch.graph_runner import LARGEST, TorchGraphRunner, check_cuda
from edgelpr.runtime.decoding import decode_logits
from edgelpr.runtime.recognizer import Recognizer


@pytest.fixture
def fake():
    return FakeTorch()


@pytest.fixture
def runner(fake):
    opened = TorchGraphRunner(fake, fake.adopt(small_network(DIGITS)), None)
    yield opened
    opened.close()


def crops_of(count):
    height, width = DIGITS.height_width
    return np.random.default_rng(0).integers(0, 256, (count, height, width), dtype=np.uint8)


def in_half(batch):
    network = small_network(DIGITS).eval().half()
    with torch.inference_mode():
        output = network(torch.from_numpy(scale(batch)).half())
    return output.logits.float().numpy(), output.position[:, :-1].float().numpy()


@pytest.mark.parametrize("count", [1, 2, 3, 8, 11])
def test_it_reads_what_the_network_reads(runner, count):
    batch = crops_of(count)
    raw = runner.run(batch)
    logits, maps = in_half(batch)
    classes, probabilities = decode_logits(logits)
    np.testing.assert_allclose(raw.probabilities, probabilities, atol=2e-3)
    np.testing.assert_allclose(raw.maps, maps, atol=2e-3)
    sure = np.sort(logits, -1)[..., -1] - np.sort(logits, -1)[..., -2] > 0.01
    assert (raw.classes == classes)[sure].all() and raw.classes.shape == (count, DIGITS.positions)


def test_each_size_is_captured_once(runner, fake):
    for count in (3, 4, 3, 4, 1):
        runner.run(crops_of(count))
    assert [graph.replays for graph in fake.cuda.graphs] == [2, 4]  # opening runs one crop; three are filled up to four
    first, second = crops_of(4), crops_of(4)[::-1].copy()
    one, other = runner.run(first), runner.run(second)
    np.testing.assert_array_equal(one.classes, other.classes[::-1])  # the input is read anew at each replay


def test_longer_batches_are_read_in_parts(runner, fake):
    batch = crops_of(LARGEST + 2)
    raw = runner.run(batch)
    assert raw.classes.shape == (LARGEST + 2, DIGITS.positions)
    np.testing.assert_array_equal(raw.classes[LARGEST:], runner.run(batch[LARGEST:]).classes)


def test_outputs_belong_to_the_caller(runner):
    raw = runner.run(crops_of(2))
    kept = raw.probabilities.copy()
    runner.run(255 - crops_of(2))
    np.testing.assert_array_equal(raw.probabilities, kept)


def test_threads_take_turns(runner):
    batches = [crops_of(2)[::step] for step in (1, -1)] * 4
    expected = [runner.run(batch).classes for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(lambda batch: runner.run(batch).classes, batches), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_it_says_what_computes(runner):
    assert runner.description == f"torch {torch.__version__} Stand-in GPU, float16, CUDA graphs, batches of 1 to 64"
    assert runner.device == f"Stand-in GPU, torch {torch.__version__}" and runner.engine_sha256 is None


def test_parts_are_timed_between_events(runner):
    assert isinstance(runner, TimedBackend) and not isinstance(runner, LayeredBackend)
    times = runner.gpu_times(crops_of(2))
    # The stand-in's clock: a millisecond for each event, and one for the replay.
    assert {name: times[name] for name in ("copy_in", "compute", "copy_out")} == {"copy_in": 1, "compute": 2, "copy_out": 1}
    assert times["enqueue"] > 0


def test_what_pytorch_refuses_is_said_in_one_line(fake):
    fake.cuda.refuse = "operation not permitted when stream is capturing\nCUDA kernel errors might be asynchronous"
    with pytest.raises(
        BackendError, match=r"failed on a batch of 1 \(operation not permitted when stream is capturing"
    ) as caught:
        TorchGraphRunner(fake, fake.adopt(small_network(DIGITS)), None)
    assert "\n" not in str(caught.value)


def test_closed_and_forked(fake):
    runner = TorchGraphRunner(fake, fake.adopt(small_network(DIGITS)), None)
    runner._process = os.getpid() + 1
    lock, runner._lock = runner._lock, None  # a thread of the parent may hold it, which the child does not have
    for call in (runner.run, runner.gpu_times):
        with pytest.raises(DeviceError, match="before a fork"):
            call(crops_of(1))
    runner._lock = lock
    runner.close()  # in the child: nothing
    runner._process = os.getpid()
    runner.close()
    runner.close()
    with pytest.raises(BackendError, match="was closed"):
        runner.run(crops_of(1))


def test_without_a_gpu_the_reason_is_said():
    with pytest.raises(DeviceError, match="was built without CUDA; install a build for CUDA"):
        check_cuda(FakeTorch(available=False, built_for=None))
    with pytest.raises(DeviceError, match=r"\(CUDA 12\.8\) sees no GPU; check the driver"):
        check_cuda(FakeTorch(available=False))
    check_cuda(FakeTorch())


@pytest.fixture(scope="module")
def bundle(tiny_format, tiny_manifest, tiny_graph, tmp_path_factory):
    """With the weights of a small network."""
    from edgelpr.models.checkpoint import save_checkpoint
    from edgelpr.models.hpa import create

    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("torch")
    save_checkpoint(folder / "weights.safetensors", create("hpa-nano", tiny_format).eval())
    contents = {"fp32.onnx": tiny_graph(), "weights.safetensors": folder / "weights.safetensors"}
    return write_bundle(folder / "x.elpr", tiny_manifest(), contents)


def test_a_recogniser_reads_with_it(bundle, fake, monkeypatch):
    monkeypatch.setattr(loader, "require", lambda *arguments: fake)
    network = loader._network
    monkeypatch.setattr(loader, "_network", lambda opened: fake.adopt(network(opened)))
    with Recognizer.open(bundle, "torch", "fp16", allow_unapproved=True, batch_size=4) as recognizer:
        recognizer.warmup()
        captured = len(fake.cuda.graphs)
        crops = list(noise_crops(6))
        readings = recognizer.read(crops)
        assert len(readings) == 6 and recognizer.precision == "fp16"
        assert len(fake.cuda.graphs) == captured + 1  # the last two crops


def test_bench_opens_it_without_threads_and_with_events(bundle, fake, monkeypatch):
    from edgelpr.benchmarks.bench.opening import open_reader

    monkeypatch.setattr(loader, "require", lambda *arguments: fake)
    network = loader._network
    monkeypatch.setattr(loader, "_network", lambda opened: fake.adopt(network(opened)))
    reader = open_reader(bundle, "torch", "fp16", None, 2)
    assert (reader.backend, reader.precision, reader.threads) == ("torch", "fp16", None)
    prepared = reader.prepare(reader.network_input(noise_crops(2)))
    assert reader.gpu_ms(prepared)["compute"] == 2 and reader.layer_ms(prepared, 1) is None
    reader.close()


def test_bench_paper_times_it_on_a_gpu(fake, monkeypatch, tmp_path):
    from edgelpr.benchmarks.paper_table import subjects
    from edgelpr.benchmarks.paper_table.bundles import PLAIN
    from edgelpr.benchmarks.paper_table.sources import Source
    from edgelpr.benchmarks.paper_table.subject import READING, Wanted

    told: list[str] = []
    source = Source("hpa-resnet18", "stand-in", lambda: fake.adopt(small_network(DIGITS)))
    (subject,) = subjects.subjects_of(source, Wanted(("torch",), ("fp16",), 1, "cuda"), tmp_path, told.append)
    assert subject.model.name == "stand-in, as published, in a CUDA graph" and subject.scenarios == READING
    assert told == []  # what was timed before is never opened, and need not be exported
    monkeypatch.setattr(subjects, "torch", fake)
    reader = subject.open()
    assert told == [f"stand-in: exporting, {PLAIN}"]
    assert len(reader.read(list(noise_crops(2)))) == 2
    reader.close()


def test_it_is_used_only_where_that_is_asked_for(bundle):
    with pytest.raises(ApprovalError, match=r"rules on graph files only.*edgelpr eval.*--allow-unapproved"):
        Recognizer.open(bundle, "torch", "fp16")
    with pytest.raises(DeviceError, match="was built without CUDA|sees no GPU"):
        Recognizer.open(bundle, "torch", "fp16", allow_unapproved=True)


@pytest.mark.parametrize(
    ("precision", "threads", "error", "message"),
    [
        ("int8", None, BackendError, "not in int8"),
        ("fp16", 2, UsageError, "threads are for what computes on the processor"),
    ],
)
def test_what_it_does_not_do(bundle, precision, threads, error, message):
    with pytest.raises(error, match=message):
        loader.load(bundle, precision, threads)


def test_a_bundle_without_weights(tiny_bundle):
    with pytest.raises(BundleError, match="--with-weights"):
        loader.load(tiny_bundle, "fp16", None)
