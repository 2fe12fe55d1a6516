"""An engine is built once, whole, and only where none fits."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt
from sample_stored import ORIN_FACTS, fake_build, rtx_machine, store

from edgelpr.bundle.bundle import Bundle
from edgelpr.engines import finding
from edgelpr.engines.building import BuiltPlan
from edgelpr.engines.ensuring import ensure_engine
from edgelpr.engines.locking import locked
from edgelpr.engines.machine import Machine
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.storing import damage_of, engines_of, read_plan
from edgelpr.engines.target import Target
from edgelpr.errors import BuildError, BundleError, UsageError

FOR_86 = BuildOptions(targets=("sm86",))


@pytest.fixture
def opened(bundle):
    return Bundle.open(bundle)


def test_built_once_then_found(opened):
    calls, notes = [], []

    def build(module, backend, request, *more):
        calls.append(request)
        return fake_build(module, backend, request, *more)

    first = ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=build, note=notes.append)
    assert ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=build) == first
    assert len(calls) == 1 and notes == ["a note"]
    assert calls[0].opset == 17 and calls[0].where.endswith("fp32.onnx")
    record = first.record
    assert (record.target.gpu, record.target.compute_capabilities, record.notes) == ("", ("sm86",), ("a note",))
    assert record.options == FOR_86 and record.driver_version is None
    assert b"FAKEPLAN" in read_plan(first)


def test_other_options_or_force_build_again(opened):
    first = ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build)
    other = BuildOptions(targets=("sm86",), batches=(1, 2, 4))
    second = ensure_engine(opened, "fp32", other, machine=rtx_machine(), build=fake_build)
    assert first.path != second.path and len(engines_of(opened)) == 2
    forced = ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build, force=True)
    assert forced.path == first.path and len(engines_of(opened)) == 2


def test_with_a_gpu_the_real_builder_the_inspector_and_the_timing_cache_are_used(opened):
    module = executing_tensorrt("10.3.0", FakeCuda())
    machine = Machine(module, "tensorrt", ORIN_FACTS, 4 << 30, "R36.4.3")
    stored = ensure_engine(opened, "fp32", None, machine=machine, batch=40)
    assert stored.record.options.batches == (1, 1, 40)
    assert stored.record.target.l4t == "R36.4.3" and stored.record.driver_version == 12060
    assert stored.record.audit is not None and stored.record.audit.source == "inspector"
    assert len(list(stored.path.parent.glob("*.timing"))) == 1
    assert ensure_engine(opened, "fp32", None, machine=machine, batch=8) == stored  # any that fits


def test_without_a_gpu_and_targets_nothing_is_built(opened):
    with pytest.raises(UsageError, match="--target sm86"):
        ensure_engine(opened, "fp32", None, machine=rtx_machine(), build=fake_build)


def test_a_graph_that_changed_meanwhile_is_not_built(opened):
    path = opened.file("fp32.onnx")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BundleError, match="altered"):
        ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build)


@pytest.mark.parametrize("trouble", [BuildError("no memory"), KeyboardInterrupt()])
def test_a_build_that_fails_leaves_nothing_and_holds_nobody_up(opened, trouble):
    def build(*arguments, **more):
        raise trouble

    with pytest.raises(type(trouble)):
        ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=build)
    assert engines_of(opened) == () and not list((opened.path / "engines").glob("*.p*"))
    ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build)


def slow_build(started, *arguments, **more) -> BuiltPlan:
    started.set()
    time.sleep(0.4)
    return fake_build(*arguments, **more)


def ask(path, started, results):
    """One of two processes that want the same engine."""
    notes = []
    stored = ensure_engine(
        Bundle.open(path),
        "fp32",
        FOR_86,
        machine=rtx_machine(),
        build=lambda *arguments, **more: slow_build(started, *arguments, **more),
        note=notes.append,
    )
    results.put((str(stored.path), notes))


def test_two_processes_build_once(bundle):
    context = multiprocessing.get_context("fork")
    results, started = context.Queue(), context.Event()
    first = context.Process(target=ask, args=(bundle, started, results))
    first.start()
    assert started.wait(20)
    second = context.Process(target=ask, args=(bundle, context.Event(), results))
    second.start()
    answers = [results.get(timeout=20) for _ in range(2)]
    first.join()
    second.join()
    assert len({path for path, _ in answers}) == 1
    builder, waiter = sorted((notes for _, notes in answers), key=len)
    assert builder == ["a note"]
    assert "waiting" in waiter[0] and "has built" in waiter[1] and "a note" not in waiter


def hold(path, held):
    """Take the lock and never give it back."""
    with locked(Path(path)):
        held.set()
        time.sleep(60)


def test_a_process_that_dies_releases_the_lock(tmp_path):
    context = multiprocessing.get_context("fork")
    held, waits = context.Event(), []
    process = context.Process(target=hold, args=(tmp_path / "lock", held))
    process.start()
    assert held.wait(20)

    def kill():
        waits.append(1)
        process.kill()

    with locked(tmp_path / "lock", kill):
        assert waits == [1]
    process.join()


def test_a_lock_that_no_file_system_gives_costs_a_note(opened, monkeypatch):
    def refuse(*arguments):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(os, "open", refuse)
    notes = []
    with pytest.raises(BuildError):
        ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=_fails, note=notes.append)
    assert "No locks available" in notes[0]


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system follows every link")
def test_a_lock_that_is_a_link_is_not_followed(opened, tmp_path):
    (opened.path / "engines").mkdir()
    (opened.path / "engines" / ".lock").symlink_to(tmp_path / "outside")
    notes = []
    ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build, note=notes.append)
    assert not (tmp_path / "outside").exists()
    assert "cannot be locked" in notes[0]


@pytest.mark.parametrize("content", [b"a p", b"no such plan"], ids=["cut", "altered"])
def test_a_damaged_engine_is_built_anew_with_a_note(opened, content):
    first = ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build)
    whole = first.path.read_bytes()
    first.path.write_bytes(content if len(content) < 4 else content.ljust(len(whole))[: len(whole)])
    notes = []
    again = ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build, note=notes.append)
    assert again.path == first.path and read_plan(again) == whole
    if len(content) >= 4:  # its size says nothing, so only who builds looks
        assert "does not match the hash in its record; it is not used" in notes[0] and len(notes) == 2


def test_another_sound_engine_is_taken_before_one_is_built(opened):
    target = Target("tensorrt-rtx", "1.7.1.116", "", ("sm86",), None)
    sound = store(opened, b"a plan", target)
    newer = store(opened, b"b plan", target, built="2025-02-01T00:00:00Z", options=BuildOptions(batches=(1, 1, 64)))
    newer.path.write_bytes(b"c plan")
    machine = replace(rtx_machine(), facts=replace(ORIN_FACTS, name="a card", compute_capability=(8, 6), integrated=False))
    notes = []
    assert ensure_engine(opened, "fp32", None, machine=machine, build=_fails, note=notes.append) == sound
    assert len(notes) == 1 and newer.path.name in notes[0]


def test_a_damaged_engine_is_read_and_told_of_once(opened, monkeypatch):
    first = ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build)
    first.path.write_bytes(b"!" * first.record.plan_bytes)
    read, notes = [], []
    monkeypatch.setattr(finding, "damage_of", lambda engine: read.append(engine) or damage_of(engine))
    ensure_engine(opened, "fp32", FOR_86, machine=rtx_machine(), build=fake_build, note=notes.append)
    assert read == [first]
    assert [note for note in notes if "not used" in note] == notes[:1]


def test_one_that_is_there_may_take_fewer_crops(opened):
    machine = Machine(executing_tensorrt("10.3.0", FakeCuda()), "tensorrt", ORIN_FACTS, 4 << 30)
    small = ensure_engine(opened, "fp32", BuildOptions(batches=(1, 2, 4)), machine=machine)
    assert ensure_engine(opened, "fp32", machine=machine, batch=64, build=_fails) == small


def test_a_plan_with_code_is_taken_where_it_is_trusted(opened):
    machine = Machine(executing_tensorrt("10.3.0", FakeCuda()), "tensorrt", ORIN_FACTS, 4 << 30)
    received = store(opened, b"a plan", machine.target(), options=BuildOptions(version_compatible=True))
    assert ensure_engine(opened, "fp32", machine=machine, trust=True, build=_fails) == received
    with pytest.raises(BuildError, match="stop"):
        ensure_engine(opened, "fp32", machine=machine, build=_fails)


def _fails(*arguments, **more):
    raise BuildError("stop")
