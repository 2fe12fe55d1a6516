"""Running an engine on stand-ins that refuse every wrong address, size, order and lifetime: it reads what the CPU reads."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt, freed_late, living
from doubles.surfaces import VERSIONS
from sample_engines import open_sample

from edgelpr.errors import BackendError, DeviceError, ImageError
from edgelpr.runtime.executing.lane import Lane
from edgelpr.runtime.executing.sizes import batch_sizes, filled_up
from edgelpr.runtime.recognizer import Recognizer

onnxruntime = pytest.importorskip("onnxruntime")

DEVICES = {
    "discrete": {},
    "integrated": {"integrated": True},
    "without graphs": {"has_graphs": False},
}


@pytest.fixture(scope="module")
def logits_bundle(make_bundle, tmp_path_factory):
    """Its graph takes scaled planes and returns class scores."""
    return make_bundle(tmp_path_factory.mktemp("logits") / "logits.elpr", decode=False)


@pytest.fixture
def sample(tiny_bundle):
    opened = open_sample(tiny_bundle)
    yield opened
    opened.runner.close()
    assert opened.cuda.leaks() == ()


def plates(results) -> list[str]:
    return [result.plate for result in results]


def assert_all_freed(sample) -> None:
    assert sample.cuda.leaks() == ()
    assert sample.cuda.closed
    assert living(sample.module) == freed_late(sample.module) == []


# The same readings


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("graph", ["decode", "logits"])
def test_it_reads_what_the_cpu_reads(tiny_bundle, logits_bundle, paint, version, device, graph):
    bundle = tiny_bundle if graph == "decode" else logits_bundle
    crops = [paint(str(number * 37 % 10000), 40 + number % 30, 150 + number) for number in range(37)]
    with Recognizer.open(bundle, threads=1) as recognizer:
        expected = recognizer.read(crops)
        maps = recognizer.maps(crops[5])
    sample = open_sample(bundle, version, FakeCuda(**DEVICES[device]), batches=(1, 4, 8))
    with sample.recognizer() as recognizer:
        for found, wanted in zip(recognizer.read(crops), expected, strict=True):
            assert (found.plate, found.confidence) == (wanted.plate, pytest.approx(wanted.confidence, abs=1e-6))
            assert found.characters[0].box == pytest.approx(wanted.characters[0].box)
        assert recognizer.read(crops[3]).plate == expected[3].plate
        np.testing.assert_allclose(recognizer.maps(crops[5]), maps, atol=1e-6)
    assert_all_freed(sample)


def test_what_is_in_use_is_said(tiny_bundle):
    for options, words in (
        ({}, "CUDA graphs, pinned memory"),
        ({"integrated": True}, "CUDA graphs, shared memory"),
        ({"has_graphs": False}, "no CUDA graphs (pycuda has none), pinned memory"),
    ):
        sample = open_sample(tiny_bundle, cuda=FakeCuda(**options), batches=(1, 2, 8))
        with sample.recognizer() as recognizer:
            assert recognizer.description == f"tensorrt 10.3.0 Orin (nvgpu), batches of 1 to 8, {words}"
            assert (recognizer.backend, recognizer.device) == ("tensorrt", "a GPU")


# Batches


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 33])
def test_a_batch_of_any_size(tiny_bundle, paint, count):
    sample = open_sample(tiny_bundle, batches=(4, 4, 8))
    batch = np.stack([paint(str(number)) for number in range(count)])
    raw = sample.runner.run(batch)
    assert [sample.bundle.manifest.plate_format.decode(row.tolist()) for row in raw.classes] == [str(n) for n in range(count)]
    assert raw.probabilities.shape == (count, 4)
    assert raw.maps.shape == (count, 4, 7, 20)
    sample.runner.close()


def test_batches_no_longer_than_the_profile_are_drawn(tiny_bundle, paint):
    with open_sample(tiny_bundle, batches=(1, 2, 4)).recognizer(batch_size=16) as recognizer:
        drawn = []
        stream = recognizer.stream(drawn.append(number) or paint(str(number)) for number in range(20))
        assert next(stream).plate == "0"
        assert len(drawn) == 8


def test_each_size_is_captured_once_and_launched_as_one_graph(sample, paint):
    sample.runner.run(np.stack([paint("12")] * 5))
    before = sample.cuda.counts.copy()
    for _ in range(3):
        sample.runner.run(np.stack([paint("34")] * 5))
    called = sample.cuda.counts - before
    assert called["launch"] == 3
    assert (called["begin_capture"], called["copy_in"], called["enqueue"]) == (0, 0, 0)


def test_nothing_is_copied_in_shared_memory(tiny_bundle, paint):
    sample = open_sample(tiny_bundle, cuda=FakeCuda(integrated=True))
    sample.runner.run(np.stack([paint("12")] * 5))
    sample.runner.close()
    assert (sample.cuda.counts["copy_in"], sample.cuda.counts["copy_out"]) == (0, 0)


@pytest.mark.parametrize("device", DEVICES)
def test_nothing_is_allocated_after_the_warm_up(tiny_bundle, paint, device):
    sample = open_sample(tiny_bundle, cuda=FakeCuda(**DEVICES[device]))
    with sample.recognizer(batch_size=4) as recognizer:
        recognizer.warmup()
        before, contexts = sample.cuda.counts.copy(), living(sample.module)
        for plate in ("1", "23"):
            assert recognizer.read(paint(plate)).plate == plate
            assert plates(recognizer.read([paint(plate)] * 16)) == [plate] * 16
        assert not sample.cuda.created_since(before)
        assert living(sample.module) == contexts


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("profile", [(1, 1, 32), (3, 4, 11)])
def test_nothing_is_allocated_after_the_warm_up_whatever_the_size(tiny_bundle, paint, version, profile):
    sample = open_sample(tiny_bundle, version, batches=profile)
    largest = profile[-1]
    with sample.recognizer(batch_size=largest) as recognizer:
        recognizer.warmup()
        before, contexts = sample.cuda.counts.copy(), living(sample.module)
        for count in range(1, largest + 1):
            wanted = [str(number + count) for number in range(count)]
            assert plates(recognizer.read([paint(plate) for plate in wanted])) == wanted
            assert plates(recognizer.stream([paint("7")] * (largest + count))) == ["7"] * (largest + count)
        assert not sample.cuda.created_since(before)
        assert living(sample.module) == contexts
    assert_all_freed(sample)


def test_the_first_batch_of_another_thread_allocates_and_its_second_does_not(sample, paint):
    recognizer = sample.recognizer(batch_size=4)
    recognizer.warmup()
    held = [sample.runner.slot() for _ in range(2)]  # the lanes of the warm-up, in use by others
    created = []
    for _ in range(2):
        before = sample.cuda.counts.copy()
        recognizer.read([paint("1")] * 3)
        created.append(sample.cuda.created_since(before))
    assert created[0] and not created[1]
    for slot in held:
        slot.release()


@pytest.mark.parametrize(
    ("smallest", "largest", "usual", "sizes"),
    [
        (1, 32, None, (1, 2, 4, 8, 16, 32)),
        (1, 32, 24, (1, 2, 4, 8, 16, 24, 32)),
        (3, 11, 64, (3, 4, 8, 11)),
        (4, 4, 1, (4,)),
        (1, 1, None, (1,)),
    ],
)
def test_sizes_of_batches(smallest, largest, usual, sizes):
    assert batch_sizes(smallest, largest, usual) == sizes
    for count in range(1, largest + 1):
        assert filled_up(count, sizes) == min(size for size in sizes if size >= count)


@pytest.mark.parametrize("refusal", ["not capturable", "begin_capture", "end_capture"])
def test_where_capturing_is_refused_batches_are_enqueued(tiny_bundle, paint, monkeypatch, refusal):
    cuda = FakeCuda()
    module = executing_tensorrt("1.7.1.116", cuda)
    ends = cuda.end_capture

    def refuse(stream: int) -> None:
        if refusal == "end_capture":
            cuda.destroy_graph(ends(stream))
        raise DeviceError("operation not supported")

    if refusal == "not capturable":
        module._capturable = False
    else:
        monkeypatch.setattr(cuda, refusal, refuse)
    sample = open_sample(tiny_bundle, "1.7.1.116", cuda, module=module)
    reason = "this engine cannot be captured" if refusal == "not capturable" else "operation not supported"
    assert f"no CUDA graphs ({reason}" in sample.runner.description.replace("capturing failed: ", "")
    for plate in ("1", "2", "3"):
        assert sample.runner.run(paint(plate)[None]).classes[0, 0] == int(plate)
    assert sample.cuda.counts["launch"] == 0
    sample.runner.close()
    assert_all_freed(sample)


# Streams


def test_two_batches_are_in_flight(sample, paint):
    recognizer = sample.recognizer(batch_size=4)
    recognizer.warmup()
    drawn = []
    stream = recognizer.stream(drawn.append(number) or paint(str(number)) for number in range(30))
    assert drawn == []
    assert next(stream).plate == "0"
    assert len(drawn) == 8
    assert [result.plate for result in stream] == [str(number) for number in range(1, 30)]


def test_the_next_batch_is_prepared_while_one_is_computed(sample, paint, monkeypatch):
    recognizer = sample.recognizer(batch_size=2)
    recognizer.warmup()
    events = []
    launch, synchronise = sample.cuda.launch, sample.cuda.synchronise
    monkeypatch.setattr(sample.cuda, "launch", lambda *arguments: (events.append("start"), launch(*arguments))[1])
    monkeypatch.setattr(sample.cuda, "synchronise", lambda stream: (events.append("wait"), synchronise(stream))[1])
    assert len(list(recognizer.stream([paint("1")] * 8))) == 8
    assert events == ["start", "start", "wait", "start", "wait", "start", "wait", "wait"]


def test_errors_keep_their_places(sample, paint):
    crops = [None if number % 3 == 1 else paint(str(number)) for number in range(40)] + [None] * 9
    results = list(sample.recognizer(batch_size=4).stream(crops))
    for number, result in enumerate(results):
        if crops[number] is None:
            assert isinstance(result, ImageError) and str(result).startswith(f"image {number + 1}:")
        else:
            assert result.plate == str(number)
    assert len(results) == 49


def test_crops_are_resized_straight_into_the_memory_that_the_gpu_reads(sample, paint):
    slot = sample.runner.slot()
    (pixels,) = slot.inputs
    start = pixels.ctypes.data
    end = start + pixels.nbytes
    recognizer, where = sample.recognizer(), []
    original = type(recognizer._preprocessing).apply

    class Watching:
        height, width = recognizer._preprocessing.height, recognizer._preprocessing.width

        def apply(self, image, out):
            where.append(out.ctypes.data)
            result = original(recognizer._preprocessing, image, out)
            assert result.ctypes.data == out.ctypes.data
            return result

    slot.release()
    sizes = ((50, 160), (24, 94), (120, 400))
    crops = [np.repeat(paint("12", *size)[:, :, None], colours, axis=2) for size in sizes for colours in (1, 3)]
    preprocessing, recognizer._preprocessing = recognizer._preprocessing, Watching()
    for crop in crops:
        assert recognizer.read(crop).plate == "12"
    recognizer._preprocessing = preprocessing
    assert where == [start] * len(crops)
    assert end > start


def test_a_stream_that_is_left_gives_its_memory_back(sample, paint):
    recognizer = sample.recognizer(batch_size=4)
    recognizer.warmup()
    before = sample.cuda.counts.copy()
    for _ in range(5):
        stream = recognizer.stream(paint("1") for _ in range(100))
        next(stream)
        stream.close()
    assert not sample.cuda.created_since(before)


def test_an_error_of_the_source_comes_after_what_was_read_and_gives_memory_back(sample, paint):
    def camera():
        for _ in range(6):
            yield paint("1")
        raise RuntimeError("camera unplugged")

    recognizer = sample.recognizer(batch_size=4)
    recognizer.warmup()
    before = sample.cuda.counts.copy()
    for _ in range(3):
        stream = recognizer.stream(camera())
        assert plates(next(stream) for _ in range(4)) == ["1"] * 4  # what was under way comes first
        with pytest.raises(RuntimeError, match="camera unplugged"):
            next(stream)
    assert not sample.cuda.created_since(before)


# Threads, closing, forks


def test_threads_share_one_engine_in_lanes_of_their_own(sample, paint):
    recognizer = sample.recognizer(batch_size=4)
    together = threading.Barrier(6)

    def work(seed: int) -> bool:
        wanted = [str(number) for number in np.random.default_rng(seed).integers(0, 10000, 30)]
        together.wait()
        return plates(recognizer.read(paint(plate) for plate in wanted)) == wanted

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))
    assert 1 <= sample.cuda.counts["create_stream"] <= 12


def test_threads_that_end_leave_no_lanes_behind(sample, paint):
    for _ in range(5):
        thread = threading.Thread(target=lambda: sample.runner.run(paint("1")[None]))
        thread.start()
        thread.join()
    assert sample.cuda.counts["create_stream"] == 1


def test_closing_while_others_read(tiny_bundle, paint):
    sample = open_sample(tiny_bundle)
    recognizer, image = sample.recognizer(batch_size=4), paint("77")

    def read_on(reading: threading.Event) -> None:
        while True:
            assert plates(recognizer.read([image] * 9)) == ["77"] * 9
            reading.set()

    def work(reading: threading.Event) -> None:
        with pytest.raises(BackendError, match="closed"):
            read_on(reading)

    events = [threading.Event() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(work, event) for event in events]
        assert all(event.wait(60) for event in events)
        recognizer.close()
        for future in futures:
            future.result(timeout=60)
    del futures
    assert_all_freed(sample)


def test_a_lane_that_comes_back_while_idle_ones_are_freed(tiny_bundle, monkeypatch):
    sample = open_sample(tiny_bundle)
    held, idle = sample.runner.slot(), sample.runner.slot()
    idle.release()
    original = Lane.close

    def close(lane: Lane) -> None:
        if lane is not held._lane:
            held.release()
        original(lane)

    monkeypatch.setattr(Lane, "close", close)
    sample.runner.close()
    assert_all_freed(sample)


def test_a_batch_under_way_is_finished_after_close(tiny_bundle, paint):
    sample = open_sample(tiny_bundle)
    recognizer = sample.recognizer(batch_size=2)
    stream = recognizer.stream([paint("1"), paint("2"), paint("3"), paint("4"), paint("5")])
    assert next(stream).plate == "1"
    recognizer.close()
    assert sample.cuda.leaks()
    assert [next(stream).plate for _ in range(3)] == ["2", "3", "4"]
    with pytest.raises(BackendError, match="closed; open the bundle again"):
        next(stream)
    assert_all_freed(sample)


def test_closed(tiny_bundle, paint):
    sample = open_sample(tiny_bundle)
    sample.runner.close()
    sample.runner.close()
    assert_all_freed(sample)
    with pytest.raises(BackendError, match="tensorrt backend was closed"):
        sample.runner.run(paint("1")[None])


def test_two_recognisers(tiny_bundle, paint):
    cuda = FakeCuda()
    first, other = open_sample(tiny_bundle, cuda=cuda), open_sample(tiny_bundle, cuda=FakeCuda(name="other"))
    for sample, plate in ((first, "1"), (other, "2"), (first, "3"), (other, "4")):
        assert sample.recognizer().read(paint(plate)).plate == plate
    first.runner.close()
    assert other.recognizer().read(paint("5")).plate == "5"
    other.runner.close()
    assert first.cuda.leaks() == other.cuda.leaks() == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_is_refused_and_touches_nothing(sample, paint):
    held = sample.runner.slot()
    before = sample.cuda.counts.copy()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with pytest.raises(DeviceError, match="before a fork, which CUDA does not survive"):
                sample.runner.run(paint("1")[None])
            with pytest.raises(DeviceError, match="before a fork"):
                held.submit(1)
            held.release()
            sample.runner.close()
            code = 0 if sample.cuda.counts == before else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    held.release()
    assert sample.runner.run(paint("7")[None]).classes[0, 0] == 7


# What fails


@pytest.mark.parametrize("room", [0, 1, 2, 3, 4])
def test_out_of_device_memory_leaves_nothing_behind(tiny_bundle, room):
    sizes = [32 * 8000, 32 * 16, 32 * 16, 32 * 4 * 140 * 4, 4096]
    cuda = FakeCuda(total_bytes=sum(sizes[:room]) + 100)
    with pytest.raises(DeviceError, match="out of memory: .* of device memory"):
        open_sample(tiny_bundle, cuda=cuda)
    assert cuda.leaks() == ()
    assert cuda.closed


def test_out_of_memory_for_another_thread_leaves_the_first_alone(tiny_bundle, paint):
    one = 32 * 8000 + 32 * 16 * 2 + 32 * 4 * 140 * 4 + 4096
    sample = open_sample(tiny_bundle, cuda=FakeCuda(total_bytes=one * 3 // 2))
    held = sample.runner.slot()
    with pytest.raises(DeviceError, match="out of memory"):
        sample.runner.slot()
    held.release()
    assert sample.runner.run(paint("5")[None]).classes[0, 0] == 5
    sample.runner.close()
    assert_all_freed(sample)


def test_every_call_of_the_driver_may_fail_once(tiny_bundle, paint):
    refused = 0
    for calls in range(1, 60):
        cuda = FakeCuda()
        cuda.fail_in(calls)
        try:
            sample = open_sample(tiny_bundle, cuda=cuda, batches=(1, 2, 4))
            try:
                assert sample.runner.run(paint("8")[None]).classes[0, 0] == 8
            finally:
                sample.runner.close()
        except DeviceError:
            refused += 1
        assert cuda.leaks() == (), calls
        assert cuda.closed
    assert refused > 20


def test_a_failed_batch_says_what_tensorrt_said_and_the_next_one_works(sample, paint):
    sample.module._failures = 1
    with pytest.raises(BackendError, match=r"x\.engine: failed on a batch of 4 .*an illegal memory access"):
        sample.runner.run(np.stack([paint("1")] * 3))
    assert sample.runner.run(np.stack([paint("2")] * 3)).classes[0, 0] == 2
