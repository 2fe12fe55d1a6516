"""Times on the GPU by events and by TensorRT's profiler, on the stand-ins: each piece of work takes a millisecond of theirs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from doubles.cuda import FakeCuda
from doubles.executing import freed_late, living
from doubles.surfaces import VERSIONS
from sample_engines import open_sample

from edgelpr.errors import BackendError, DeviceError
from edgelpr.runtime.executing.timing import medians_of, time_parts

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")


def batch_of(paint, count=3):
    return np.stack([paint(str(number)) for number in range(count)])


@pytest.mark.parametrize("version", VERSIONS)
def test_parts_are_told_apart(tiny_bundle, paint, version):
    sample = open_sample(tiny_bundle, version, batches=(1, 4, 8))
    times = sample.runner.gpu_times(batch_of(paint))
    # One copy in, one execution, three copies out: classes, probabilities and maps.
    assert {name: times[name] for name in ("copy_in", "compute", "copy_out")} == {"copy_in": 1, "compute": 1, "copy_out": 3}
    assert times["enqueue"] >= 0
    sample.runner.close()
    assert sample.cuda.leaks() == () and living(sample.module) == freed_late(sample.module) == []


def test_computing_is_launched_as_in_reading(tiny_bundle, paint):
    for options, captures in (({}, 1), ({"has_graphs": False}, 0)):
        sample = open_sample(tiny_bundle, cuda=FakeCuda(**options))
        sample.runner.run(batch_of(paint))
        before = sample.cuda.counts.copy()
        assert sample.runner.gpu_times(batch_of(paint))["compute"] == 1
        called = sample.cuda.counts - before
        assert (called["begin_capture"], called["destroy_graph"]) == (captures, captures)
        assert called["create_event"] == called["destroy_event"] == 4
        sample.runner.close()
        assert sample.cuda.leaks() == ()


def test_nothing_is_copied_in_shared_memory(tiny_bundle, paint):
    sample = open_sample(tiny_bundle, cuda=FakeCuda(integrated=True))
    assert set(sample.runner.gpu_times(batch_of(paint))) == {"enqueue", "compute"}
    sample.runner.close()


def test_the_lane_reads_on_afterwards(tiny_bundle, paint):
    sample = open_sample(tiny_bundle)
    expected = sample.runner.run(batch_of(paint)).classes
    before = sample.cuda.counts.copy()
    sample.runner.gpu_times(batch_of(paint))
    np.testing.assert_array_equal(sample.runner.run(batch_of(paint)).classes, expected)
    assert (sample.cuda.counts - before)["create_stream"] == 0
    sample.runner.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_layers_are_heard_from_tensorrt(tiny_bundle, paint, version):
    sample = open_sample(tiny_bundle, version)
    layers = sample.runner.layer_times(5, batch_of(paint))
    expected: Counter[str] = Counter()  # the stand-in's n-th layer takes n hundredths; two of one name are one layer in parts
    for number, node in enumerate(onnx.load(tiny_bundle.file("fp32.onnx")).graph.node, 1):
        expected[node.name or node.op_type] += number
    assert {name: round(100 * time) for name, time in layers.items()} == dict(expected) and len(layers) > 3
    before = sample.cuda.counts.copy()
    sample.runner.run(batch_of(paint))
    assert (sample.cuda.counts - before)["create_stream"] == 1  # a context that listens is slow for good: its lane is gone
    sample.runner.close()
    assert sample.cuda.leaks() == () and living(sample.module) == freed_late(sample.module) == []


def test_a_failure_leaves_nothing_behind(tiny_bundle, paint):
    for calls in range(1, 40):
        sample = open_sample(tiny_bundle)
        sample.cuda.fail_in(calls)
        try:
            sample.runner.gpu_times(batch_of(paint))
            failed = False
        except (BackendError, DeviceError):
            failed = True
        sample.cuda.fail_in(0)
        sample.runner.close()
        assert sample.cuda.leaks() == ()
        if not failed and calls > 25:
            break
    else:
        pytest.fail("the last call was never reached")


def test_a_closed_runner_is_refused(tiny_bundle, paint):
    sample = open_sample(tiny_bundle)
    sample.runner.close()
    with pytest.raises(BackendError, match="was closed"):
        sample.runner.gpu_times(batch_of(paint))
    with pytest.raises(BackendError, match="was closed"):
        sample.runner.layer_times(1, batch_of(paint))


def test_events_go_even_where_a_part_fails():
    cuda = FakeCuda()
    stream = cuda.create_stream()

    def broken() -> None:
        raise BackendError("out of order")

    with pytest.raises(BackendError):
        time_parts(cuda, stream, {"copy_in": lambda: None, "compute": broken})
    cuda.synchronise(stream)
    cuda.destroy_stream(stream)
    assert cuda.leaks() == ()


def test_medians_are_of_the_passes_in_which_a_layer_was_heard():
    assert medians_of([{"a": 1.0, "b": 5.0}, {"a": 3.0}, {"a": 2.0}]) == {"a": 2.0, "b": 5.0}
