"""The CUDA stand-in finds the mistakes that a GPU may let pass: a test of the runtime that passes on it means something."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
import pytest
from doubles.cuda import FakeCuda

from edgelpr.errors import DeviceError

SIZE = 100


@pytest.fixture
def fake():
    return FakeCuda(1 << 20)


@pytest.fixture
def stream(fake):
    return fake.create_stream()


@pytest.fixture
def pinned(fake):
    return fake.allocate_pinned(SIZE)


@pytest.fixture
def inside(fake):
    return fake.allocate(SIZE)


def caught(text):
    return pytest.raises(AssertionError, match=text)


# Addresses


def test_an_overrun(fake, stream, pinned, inside):
    with caught("overrun: 101 bytes from byte 0"):
        fake.copy_in(inside, pinned.address, SIZE + 1, stream)
    with caught("overrun: 90 bytes from byte 20"):
        fake.copy_in(inside, pinned.address + 20, 90, stream)


def test_pageable_host_memory(fake, stream, inside):
    pageable = np.zeros(SIZE, np.uint8)
    with caught("pageable"):
        fake.copy_in(inside, pageable.ctypes.data, SIZE, stream)


def test_an_address_for_the_other_side(fake, stream, pinned, inside):
    with caught("for the device, not the host"):
        fake.copy_in(inside, inside, SIZE, stream)
    mapped = fake.allocate_pinned(SIZE, mapped=True)
    with caught("for the device, not the host"):
        fake.copy_out(mapped.device_address, inside, SIZE, stream)
    with caught("for the host, not the device"):
        fake.enqueue(stream, lambda: None, reads=[(pinned.address, SIZE)])


def test_use_after_free(fake, stream, pinned, inside):
    fake.free(inside)
    with caught("use after free"):
        fake.copy_in(inside, pinned.address, SIZE, stream)
    assert fake.allocate(SIZE) != inside


def test_a_view_of_freed_memory_holds_rubbish(fake, pinned):
    pinned.array[:] = 1
    fake.free_pinned(pinned)
    assert (pinned.array == 0xDD).all()


def test_double_free_and_what_was_never_allocated(fake, pinned, inside):
    fake.free(inside)
    with caught("double free"):
        fake.free(inside)
    with caught("where nothing was allocated"):
        fake.free(1234)
    with caught("freed as device"):
        fake.free(pinned.address)


def test_new_memory_is_not_zero(fake, stream, pinned, inside):
    fake.copy_out(pinned.address, inside, SIZE, stream)
    fake.synchronise(stream)
    assert (pinned.array == 0xCD).all()


# Order


def test_nothing_has_run_before_a_synchronise(fake, stream, pinned, inside):
    target = fake.allocate_pinned(SIZE)
    pinned.array[:], target.array[:] = 1, 0
    fake.copy_in(inside, pinned.address, SIZE, stream)
    fake.copy_out(target.address, inside, SIZE, stream)
    fake.synchronise(fake.create_stream())
    assert not target.array.any()
    fake.synchronise(stream)
    assert target.array.all()


def test_an_input_that_is_changed_too_early(fake, stream, pinned, inside):
    fake.copy_in(inside, pinned.address, SIZE, stream)
    pinned.array[:] = 7
    with caught("changed before the copy in .* a synchronise is missing"):
        fake.synchronise(stream)


def test_a_mapped_input_that_is_changed_too_early(fake, stream):
    mapped = fake.allocate_pinned(SIZE, mapped=True)
    fake.enqueue(stream, lambda: None, reads=[(mapped.device_address, SIZE)])
    mapped.array[:] = 7
    with caught("changed before the execution"):
        fake.synchronise(stream)


def test_memory_that_is_freed_too_early(fake, stream, pinned, inside):
    fake.copy_in(inside, pinned.address, SIZE, stream)
    for release in (lambda: fake.free(inside), lambda: fake.free_pinned(pinned)):
        with caught("freed before copy in has run"):
            release()
    with caught("destroyed before its work has run"):
        fake.destroy_stream(stream)


def test_two_streams_that_share_bytes_without_an_event(fake, stream, pinned, inside):
    other, event = fake.create_stream(), fake.create_event()
    fake.copy_in(inside, pinned.address, SIZE, stream)
    with caught("race: the copy out in one stream and the copy in in another"):
        fake.copy_out(fake.allocate_pinned(SIZE).address, inside, SIZE, other)
    fake.record(event, stream)
    fake.wait(other, event)
    fake.copy_out(fake.allocate_pinned(SIZE).address, inside, SIZE, other)


def test_an_event_before_the_work_does_not_order_it(fake, stream, pinned, inside):
    other, event = fake.create_stream(), fake.create_event()
    fake.record(event, stream)
    fake.copy_in(inside, pinned.address, SIZE, stream)
    fake.wait(other, event)
    with caught("race"):
        fake.copy_out(fake.allocate_pinned(SIZE).address, inside, SIZE, other)


def test_an_event_that_was_never_recorded(fake, stream):
    with caught("never recorded"):
        fake.wait(stream, fake.create_event())


# Queued functions


def test_a_queued_function_sees_what_the_stream_did_before_it(fake, stream, pinned, inside):
    def double():
        fake.write(inside, bytes(2 * value for value in fake.read(inside, SIZE)))

    pinned.array[:] = 21
    fake.copy_in(inside, pinned.address, SIZE, stream)
    fake.enqueue(stream, double, reads=[(inside, SIZE)], writes=[(inside, SIZE)])
    fake.copy_out(pinned.address, inside, SIZE, stream)
    fake.synchronise(stream)
    assert (pinned.array == 42).all()


def test_device_memory_is_out_of_reach_outside_a_stream(fake, inside):
    with caught("outside a stream"):
        fake.read(inside, SIZE)
    with caught("outside a stream"):
        fake.write(inside, b"x")


def test_a_queued_function_is_held_to_its_bounds(fake, stream, inside):
    fake.enqueue(stream, lambda: fake.read(inside, SIZE + 1))
    with caught("overrun"):
        fake.synchronise(stream)


# Graphs


def capture(fake, stream, pinned, inside):
    fake.begin_capture(stream)
    fake.copy_in(inside, pinned.address, SIZE, stream)
    return fake.end_capture(stream)


def test_a_graph_whose_memory_is_gone(fake, stream, pinned, inside):
    graph = capture(fake, stream, pinned, inside)
    fake.free(inside)
    with caught("a graph is launched that uses .* after it was freed"):
        fake.launch(graph, stream)


def test_an_input_that_is_changed_before_its_graph_has_run(fake, stream, pinned, inside):
    fake.launch(capture(fake, stream, pinned, inside), stream)
    pinned.array[:] = 7
    with caught("changed before"):
        fake.synchronise(stream)


def test_what_a_capture_forbids(fake, stream, pinned, inside):
    fake.begin_capture(stream)
    forbidden = [
        lambda: fake.allocate(1),
        lambda: fake.free(inside),
        lambda: fake.synchronise(stream),
        lambda: fake.create_stream(),
        lambda: fake.begin_capture(stream),
    ]
    for call in forbidden:
        with caught("while this thread captures"):
            call()


def test_a_graph_that_was_destroyed(fake, stream, pinned, inside):
    graph = capture(fake, stream, pinned, inside)
    fake.destroy_graph(graph)
    with caught("no graph that is alive"):
        fake.launch(graph, stream)


def test_a_queued_function_runs_at_each_launch(fake, stream):
    runs = []
    fake.begin_capture(stream)
    fake.enqueue(stream, lambda: runs.append(1))
    graph = fake.end_capture(stream)
    for _ in range(3):
        fake.launch(graph, stream)
    fake.synchronise(stream)
    assert len(runs) == 3


# Threads, failures, counting


def test_a_thread_without_a_context(fake):
    said = []

    def work():
        try:
            fake.memory()
        except AssertionError as error:
            said.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "activate() is missing" in said[0]


def test_another_device_is_current(fake):
    FakeCuda(index=1)
    with caught("no context is current"):
        fake.memory()
    fake.activate()
    fake.memory()


def test_memory_runs_out_and_comes_back(fake):
    half = fake.allocate(1 << 19)
    with pytest.raises(DeviceError, match=r"0\.6 MiB of device memory were asked for, 0\.5 MiB of 1\.0 MiB are free"):
        fake.allocate(600 << 10)
    fake.free(half)
    fake.allocate(600 << 10)


def test_pinned_memory_is_the_devices_where_it_is_integrated():
    fake = FakeCuda(1 << 20, integrated=True)
    with pytest.raises(DeviceError, match="page-locked"):
        fake.allocate_pinned(2 << 20)
    FakeCuda(1 << 20).allocate_pinned(2 << 20)


def test_a_call_can_be_made_to_fail_once(fake):
    fake.fail_in(2)
    fake.create_stream()
    with pytest.raises(DeviceError, match="as the test asked"):
        fake.create_stream()
    fake.create_stream()


def test_leaks_are_listed_by_kind(fake, stream, pinned, inside):
    graph, event = capture(fake, stream, pinned, inside), fake.create_event()
    assert [leak.split()[0] for leak in fake.leaks()] == ["pinned", "device", "stream", "event", "graph"]
    fake.destroy_graph(graph)
    fake.destroy_event(event)
    fake.destroy_stream(stream)
    fake.free(inside)
    fake.free_pinned(pinned)
    assert fake.leaks() == ()


def test_calls_are_counted(fake, stream, pinned, inside):
    before = Counter(fake.counts)
    fake.copy_in(inside, pinned.address, SIZE, stream)
    fake.synchronise(stream)
    assert fake.counts - before == {"copy_in": 1, "synchronise": 1} and not fake.created_since(before)
    fake.create_event()
    assert fake.created_since(before) == {"create_event": 1}
