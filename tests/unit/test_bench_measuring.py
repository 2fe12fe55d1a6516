"""Scenarios, warming up, what stops a measurement: all on a clock that tests move."""

from __future__ import annotations

import numpy as np
import pytest
from boards.trees import write_tree
from sample_bench import MICROSECOND, MILLISECOND, SPAN, FakeClock, FakeDevice, SteppingClock, rotation, subject

from edgelpr.benchmarks.bench.crops import read_rotation, rotation_of
from edgelpr.benchmarks.bench.duration import span_of
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.sampling import Limit, take
from edgelpr.benchmarks.bench.scenarios import limit_of, plan_calls, scenarios_and_scopes
from edgelpr.benchmarks.bench.warming import warm_up
from edgelpr.errors import BackendError, DataError, UsageError


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def device(clock):
    return FakeDevice(clock)


@pytest.fixture
def measurement(clock, tmp_path):
    return Measurement(SPAN, Surroundings(clock, tmp_path))


def test_the_papers_loop_measures_launches_and_the_synchronised_one_the_device(measurement, device):
    paper = measurement.measure(subject(device), "paper", "network only")
    honest = measurement.measure(subject(device), "paper-synchronised", "network only")
    assert (len(paper.samples_ns), len(honest.samples_ns)) == (200, 200)
    assert paper.summary.mean_ms == pytest.approx(0.01)
    assert honest.summary.mean_ms == pytest.approx(1.01)
    assert any("went on for" in line and "paper-synchronised" in line for line in paper.warnings)
    assert not any("went on for" in line for line in honest.warnings)


def test_what_the_papers_loop_left_behind_is_waited_for_before_the_next_scenario(measurement, device):
    measurement.measure(subject(device), "paper", "network only")
    run = measurement.measure(subject(device), "single-stream", "network only")
    assert max(run.samples_ns) == MILLISECOND + 10 * MICROSECOND


def test_passes_other_than_the_papers_5000_are_said(measurement, device):
    run = measurement.measure(subject(device), "paper-synchronised", "network only")
    assert any("mean of 200 passes" in line for line in run.warnings)
    assert limit_of("paper", span_of("default")).share(4999, 10**15) < 1
    assert limit_of("paper", span_of("default")).share(5000, 1) == 1
    assert limit_of("paper", span_of("custom", 2.0)).share(7, 2 * 10**9) == 1


def test_single_stream_rotates_crops_and_waits_for_each(measurement, device):
    run = measurement.measure(subject(device), "single-stream", "end to end")
    assert set(run.samples_ns) == {MILLISECOND + 10 * MICROSECOND}
    assert len(run.samples_ns) >= 64
    assert len(set(device.seen)) == 8
    assert device.batches == {1}
    assert run.cache_audit is not None


def test_offline_hands_over_everything_and_waits_once(measurement, device):
    run = measurement.measure(subject(device, batch=4), "offline", "network only")
    assert device.batches == {4}
    assert (run.batch, run.plates) == (4, 64 * len(run.samples_ns))
    # The launches but for the first hide behind the device's work: nothing is waited for between batches.
    assert set(run.samples_ns) == {64 * MILLISECOND + 10 * MICROSECOND}
    assert run.summary.plates_per_second == pytest.approx(999.84, abs=0.01)


def test_batch_of_offline_fills_whole_batches(device):
    calls = plan_calls(device, "offline", "network only", 100, rotation().images)
    assert calls.plates == 400
    assert [len(batch) for batch in calls.items[0]] == [100] * 4


def test_a_cold_start_is_measured_in_processes_and_the_first_is_not_kept(clock, tmp_path, device):
    started = []

    def start(values):
        started.append(dict(values))
        parts = {"importing": 100 * MILLISECOND, "opening": 20 * MILLISECOND, "first_reading": len(started) * MILLISECOND}
        return parts | {"ran": 100 * MILLISECOND, "waited": 0}

    measurement = Measurement(SPAN, Surroundings(clock, tmp_path, start=start))
    run = measurement.measure(subject(device, cold={"bundle": "x.elpr"}), "cold-start", "end to end")
    assert run.samples_ns == tuple((120 + number) * MILLISECOND for number in (2, 3, 4))
    assert run.parts_ms == {"importing": 100.0, "opening": 20.0, "first_reading": 3.0}
    assert all(values["bundle"] == "x.elpr" for values in started)


def test_processes_of_a_cold_start_that_had_to_wait_are_said(clock, tmp_path, device):
    def start(values):
        clock.advance(500 * MILLISECOND)
        return {"importing": 1, "opening": 1, "first_reading": 1, "ran": 300 * MILLISECOND, "waited": 100 * MILLISECOND}

    write_tree(tmp_path, {"proc/self/task/7/schedstat": "5000000 0 1"})
    measurement = Measurement(SPAN, Surroundings(clock, tmp_path, start=start))
    run = measurement.measure(subject(device, cold={"bundle": "x.elpr"}), "cold-start", "end to end")
    (found,) = run.disturbances
    assert "25.0% went by without a processor" in found


def test_a_peer_has_no_cold_start(measurement, device):
    with pytest.raises(UsageError, match="of a bundle"):
        measurement.measure(subject(device), "cold-start", "end to end")


def test_warming_up_ends_when_three_blocks_agree(clock):
    times = iter([50, 40, 30, 20] + [10] * 1000)

    def call(item):
        clock.advance(next(times) * MILLISECOND)

    warmed = warm_up(call, [0], clock, 20.0)
    assert warmed.steady
    assert warmed.calls == 5 + 10 + 10 + 10  # the first block is of slow calls


def test_a_steady_state_that_never_comes_is_given_up_and_said(measurement, device, clock):
    def grow(prepared):
        device.compute = round(device.compute * 1.03)
        clock.advance(device.compute)

    device.run_network = grow
    run = measurement.measure(subject(device), "single-stream", "network only")
    assert not run.warm_up.steady
    assert any("no steady state" in line for line in run.warnings)


def test_no_sample_is_dropped_and_none_is_long_enough_to_be_an_outlier(clock):
    times = iter([1, 1, 1000, 1, 1])
    taken = take(lambda item: clock.advance(next(times)), [0], clock, Limit(1.0, most=5))
    assert taken.samples == [1, 1, 1000, 1, 1]
    assert taken.seconds == pytest.approx(1004e-9)


def test_times_by_events_of_the_device_are_kept_as_medians(measurement, device):
    device.times = {"enqueue": 0.01, "compute": 1.0}
    run = measurement.measure(subject(device), "single-stream", "network only")
    assert run.gpu_ms == {"enqueue": 0.01, "compute": 1.0}
    device.times = None
    assert measurement.measure(subject(device), "single-stream", "network only").gpu_ms is None


def test_events_of_the_device_are_asked_apart_from_the_samples(measurement, device):
    device.gpu_ms = lambda prepared: device.clock.advance(MILLISECOND) or {"compute": float(len(prepared))}
    run = measurement.measure(subject(device, batch=4), "offline", "network only")
    assert run.gpu_ms == {"compute": 4.0}
    assert set(run.samples_ns) == {64 * MILLISECOND + 10 * MICROSECOND}


def test_torch_times_a_call_between_two_events():
    pytest.importorskip("torch", reason="the eager reader needs the extra 'export'")
    from edgelpr.benchmarks.bench.torch_reader import between_events

    done = []

    class Event:
        def record(self):
            done.append("event")

        def synchronize(self):
            done.append("wait")

        def elapsed_time(self, last):
            return 1.5

    found = between_events(lambda: done.append("call"), Event)
    assert done == ["event", "call", "event", "wait"]
    assert found["compute"] == 1.5 and found["enqueue"] >= 0


def test_ctrl_c_keeps_what_was_measured(measurement, device):
    measurement.measure(subject(device), "single-stream", "network only")

    def stop(what, share):
        if share > 0.5:
            raise KeyboardInterrupt

    measurement.tell = stop
    run = measurement.measure(subject(device), "paper-synchronised", "network only")
    result = measurement.result()
    assert 0 < len(run.samples_ns) < 200
    assert result.interrupted and result.cut_short and measurement.stopped
    assert [each.scenario for each in result.runs] == ["single-stream", "paper-synchronised"]


def test_ctrl_c_before_the_first_sample_keeps_the_runs_before(measurement, device):
    measurement.measure(subject(device), "single-stream", "network only")

    def interrupted(prepared):
        raise KeyboardInterrupt

    device.run_network = interrupted
    assert measurement.measure(subject(device), "offline", "network only") is None
    assert measurement.result().interrupted and not measurement.result().cut_short
    assert len(measurement.result().runs) == 1


def test_a_model_that_fails_half_way_is_told_and_what_came_before_is_kept(measurement, device):
    measurement.measure(subject(device), "single-stream", "network only")

    def breaks(what, share):
        device.broken = "out of device memory" if share > 0.5 else None

    measurement.tell = breaks
    assert measurement.measure(subject(device), "paper-synchronised", "network only") is None
    (failure,) = measurement.result().failures
    assert (failure.scenario, failure.error) == ("paper-synchronised", "out of device memory")
    assert failure.model == "sample"
    assert len(measurement.result().runs) == 1 and measurement.stopped


def test_calls_before_a_failure_are_counted_wherever_it_comes(measurement, device):
    def fail_after(calls):
        came_back = []

        def run_network(prepared):
            if len(came_back) == calls:
                raise BackendError("out of device memory")
            came_back.append(device.clock.advance(MILLISECOND))

        device.run_network = run_network

    warm_up_and_audit = 3 * 100 + 8 * (1 + 12 + 12)
    for calls in (0, 40, 300 + 40, warm_up_and_audit + 40):
        fail_after(calls)
        assert measurement.measure(subject(device), "single-stream", "network only") is None
    assert [failure.calls for failure in measurement.failures] == [0, 40, 340, warm_up_and_audit + 40]


def test_what_there_is_is_kept_after_each_scenario_and_marked(measurement, device):
    kept = []
    measurement.keep = kept.append
    measurement.measure(subject(device), "single-stream", "network only")
    device.broken = "refused"
    measurement.measure(subject(device), "offline", "network only")
    assert [(len(each.runs), len(each.failures)) for each in kept] == [(1, 0), (1, 1)]
    assert all(each.interrupted and each.cut_short is False for each in kept)
    assert not measurement.result().interrupted


def test_ctrl_c_while_keeping_stops_and_loses_nothing(measurement, device):
    def interrupted(result):
        raise KeyboardInterrupt

    measurement.keep = interrupted
    assert measurement.measure(subject(device), "single-stream", "network only") is not None
    assert measurement.stopped and len(measurement.result().runs) == 1 and measurement.result().cut_short is False


def test_a_model_that_fails_at_once_is_told(measurement, device):
    device.broken = "refused"
    assert measurement.measure(subject(device), "offline", "end to end") is None
    assert measurement.result().failures[0].calls == 0


def test_a_clock_that_goes_back_fails_the_run(measurement, device, clock):
    def back(what, share):
        if share > 0.5:
            device.synchronise = lambda: clock.advance(-5 * MILLISECOND)

    measurement.tell = back
    assert measurement.measure(subject(device), "paper-synchronised", "network only") is None
    assert "the clock went back by" in measurement.result().failures[0].error


def test_a_machine_that_slept_is_said(measurement, device, clock):
    def sleep(what, share):
        if share > 0.5:
            clock.asleep = 90 * 10**9

    measurement.tell = sleep
    run = measurement.measure(subject(device), "single-stream", "network only")
    assert run.disturbances == ("the machine was asleep for 90.0 s",)


def test_scopes_follow_scenarios():
    both = ("network only", "end to end")
    assert scenarios_and_scopes(["paper", "offline", "cold-start"], both) == [
        ("paper", "network only"), ("offline", "network only"), ("offline", "end to end"), ("cold-start", "end to end"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="'paper' is measured network only"):
        scenarios_and_scopes(["paper"], ["end to end"])


def test_the_papers_loop_is_never_end_to_end(device):
    with pytest.raises(UsageError, match="as the HPA authors timed it"):
        plan_calls(device, "paper", "end to end", 1, rotation().images)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), None])
def test_a_duration_is_above_nothing(seconds):
    with pytest.raises(UsageError, match="more than 0"):
        span_of("custom", seconds)


def test_crops_are_distinct_and_never_blank():
    noise = np.random.default_rng(0).integers(0, 256, (2, 24, 94), dtype=np.uint8)
    found = rotation_of([noise[0], noise[0].copy(), np.zeros((24, 94), np.uint8), noise[1]], "some")
    assert len(found.images) == found.record.count == 2
    with pytest.raises(DataError, match="1 crop that can be read and shows something"):
        rotation_of([noise[0], noise[0].copy(), np.zeros((24, 94), np.uint8)], "some")


def test_a_folder_without_images(tmp_path):
    with pytest.raises(DataError, match="no image in this folder"):
        read_rotation(tmp_path)


def test_eager_torch_is_timed_as_the_papers_did(measurement):
    torch = pytest.importorskip("torch", reason="the eager reader needs the extra 'export'")
    from edgelpr.benchmarks.bench.torch_reader import TorchReader

    reader = TorchReader(torch.nn.Flatten(), threads=1, channels=3)
    prepared = reader.prepare(reader.network_input(rotation().images[:2]))
    assert prepared.shape == (2, 3, 50, 160) and prepared.dtype == torch.float32
    assert reader.run_network(prepared).shape == (2, 3 * 50 * 160)
    assert "eager, 1 thread" in reader.description
    with pytest.raises(BackendError, match="no decoding"):
        reader.read(rotation().images[:1])
    reader.close()
    with pytest.raises(BackendError, match="was closed"):
        reader.run_network(prepared)


def test_the_harness_counts_its_own_cost():
    from edgelpr.benchmarks.bench.overhead import measure_overhead

    overhead = measure_overhead(SteppingClock(MICROSECOND), 20)
    assert 0 < overhead.latency_share <= overhead.loop_share < 0.02 and overhead.passed
    assert not measure_overhead(SteppingClock(MICROSECOND), 20, model_nanoseconds=50_000).passed
