"""What every ``CudaDevice`` does: the stand-in, both adapters on stand-ins, and both adapters on a GPU.

A test file subclasses ``CudaContract`` with a fixture ``device``, open and empty, which closes it and looks for leaks.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from edgelpr.errors import DeviceError

SIZE = 1000


@contextmanager
def buffers(device, mapped=False):
    """Two page-locked buffers, one on the device and a stream, given back at the end."""
    first, second = (device.allocate_pinned(SIZE, mapped) for _ in range(2))
    inside, stream = device.allocate(SIZE), device.create_stream()
    yield first, second, inside, stream
    device.synchronise(stream)
    device.destroy_stream(stream)
    device.free(inside)
    for pinned in (second, first):
        device.free_pinned(pinned)


def pattern(seed):
    return np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)


def round_trip(device, seed):
    """What comes back of bytes that went through the device."""
    with buffers(device) as (source, target, inside, stream):
        source.array[:] = pattern(seed)
        device.copy_in(inside, source.address, SIZE, stream)
        device.copy_out(target.address, inside, SIZE, stream)
        device.synchronise(stream)
        return target.array.copy()


def in_child(function):
    """What a function says in a forked process: the message of its DeviceError, or something else."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            function()
            text = "no error"
        except DeviceError as error:
            text = str(error)
        except BaseException as error:
            text = f"not a DeviceError: {error!r}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


class CudaContract:
    """Tests that a fixture ``device`` is put through."""

    def test_it_says_what_it_is(self, device):
        assert device.facts.name and device.facts.total_bytes > 0
        assert device.bindings in ("cuda-bindings", "pycuda")

    def test_bytes_come_back_from_the_device(self, device):
        assert np.array_equal(round_trip(device, 1), pattern(1))

    def test_a_copy_may_begin_and_end_inside_a_buffer(self, device):
        with buffers(device) as (source, target, inside, stream):
            source.array[:], target.array[:] = pattern(1), 0
            device.copy_in(inside + 10, source.address + 20, 100, stream)
            device.copy_out(target.address + 30, inside + 10, 100, stream)
            device.synchronise(stream)
            assert np.array_equal(target.array[30:130], pattern(1)[20:120])
            assert not target.array[:30].any() and not target.array[130:].any()

    def test_pinned_memory_is_a_writable_view_on_its_address(self, device):
        pinned = device.allocate_pinned(SIZE)
        assert pinned.device_address is None
        assert (pinned.array.shape, pinned.array.dtype, pinned.array.ctypes.data) == ((SIZE,), np.uint8, pinned.address)
        pinned.array[:] = 1
        device.free_pinned(pinned)

    def test_the_device_sees_mapped_memory_where_it_is(self, device):
        with buffers(device, mapped=True) as (source, target, _, stream):
            assert source.device_address is not None
            source.array[:] = pattern(2)
            device.copy_out(target.address, source.device_address, SIZE, stream)
            device.synchronise(stream)
            assert np.array_equal(target.array, pattern(2))

    def test_a_stream_keeps_its_order(self, device):
        with buffers(device) as (source, target, inside, stream):
            source.array[:] = 1
            device.copy_in(inside, source.address, SIZE, stream)
            device.copy_out(target.address, inside, SIZE, stream)
            device.copy_in(inside, target.address, SIZE, stream)
            device.copy_out(source.address, inside, SIZE, stream)
            device.synchronise(stream)
            assert (source.array == 1).all()

    def test_a_stream_waits_for_an_event_of_another(self, device):
        other, event = device.create_stream(), device.create_event()
        with buffers(device) as (source, target, inside, stream):
            source.array[:] = pattern(3)
            device.copy_in(inside, source.address, SIZE, stream)
            device.record(event, stream)
            device.wait(other, event)
            device.copy_out(target.address, inside, SIZE, other)
            device.synchronise(other)
            assert np.array_equal(target.array, pattern(3))
        device.destroy_event(event)
        device.destroy_stream(other)

    def test_time_passes_between_two_events(self, device):
        start, end = device.create_event(), device.create_event()
        with buffers(device) as (source, _, inside, stream):
            device.record(start, stream)
            device.copy_in(inside, source.address, SIZE, stream)
            device.record(end, stream)
            assert device.elapsed_ms(start, end) > 0
        for event in (start, end):
            device.destroy_event(event)

    def test_out_of_memory_says_how_much_there_is(self, device):
        with pytest.raises(DeviceError, match=r"out of memory: .* MiB of device memory .* MiB of .* MiB are free\. Close"):
            device.allocate(device.facts.total_bytes + 1)
        assert np.array_equal(round_trip(device, 6), pattern(6))

    def test_memory_is_told(self, device):
        free, total = device.memory()
        assert 0 < free <= total

    def test_each_thread_uses_its_own_stream(self, device):
        results = {}

        def work(seed):
            device.activate()
            results[seed] = [round_trip(device, seed + number) for number in range(5)]

        threads = [threading.Thread(target=work, args=(seed,)) for seed in (10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [10, 20]
        assert all(np.array_equal(found, pattern(seed + i)) for seed in results for i, found in enumerate(results[seed]))

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_it_is_refused_after_a_fork(self, device):
        for call in (device.memory, device.create_stream, lambda: device.allocate(1), device.activate):
            assert "before a fork" in in_child(call)
        assert in_child(device.close) == "no error"
        assert np.array_equal(round_trip(device, 7), pattern(7))

    def test_closed_it_is_refused_and_may_be_closed_again(self, device):
        device.close()
        device.close()
        for call in (device.memory, device.activate, device.create_event, lambda: device.allocate(1), lambda: device.free(1)):
            with pytest.raises(DeviceError, match="closed"):
                call()


class GraphContract(CudaContract):
    """And with CUDA graphs."""

    def test_it_has_graphs(self, device):
        assert device.has_graphs

    def test_a_graph_runs_again_on_what_its_buffers_hold_then(self, device):
        with buffers(device) as (source, target, inside, stream):
            target.array[:] = 0
            device.begin_capture(stream)
            device.copy_in(inside, source.address, SIZE, stream)
            device.copy_out(target.address, inside, SIZE, stream)
            graph = device.end_capture(stream)
            device.synchronise(stream)
            assert not target.array.any()
            for seed in (4, 5):
                source.array[:] = pattern(seed)
                device.launch(graph, stream)
                device.synchronise(stream)
                assert np.array_equal(target.array, pattern(seed))
            device.destroy_graph(graph)

    def test_another_thread_may_allocate_while_this_one_captures(self, device):
        def allocate():
            device.activate()
            device.free(device.allocate(SIZE))

        stream = device.create_stream()
        device.begin_capture(stream)
        thread = threading.Thread(target=allocate)
        thread.start()
        thread.join()
        device.destroy_graph(device.end_capture(stream))
        device.destroy_stream(stream)


class GraphlessContract(CudaContract):
    """And without."""

    def test_without_graphs_a_capture_is_refused(self, device):
        stream = device.create_stream()
        assert not device.has_graphs
        with pytest.raises(DeviceError, match="no CUDA graphs"):
            device.begin_capture(stream)
        device.destroy_stream(stream)
