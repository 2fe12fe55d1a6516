"""What disturbs, and what the machine is: on recorded trees and stand-ins."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from boards.trees import gpu_clock, power_modes, write_tree
from doubles.nvml import FakeNvml
from sample_bench import FakeClock

from edgelpr.benchmarks.bench.disturbances import Moment, Scheduled, disturbances_between, look, throttling
from edgelpr.benchmarks.bench.environment import changes, describe_environment, describe_state
from edgelpr.benchmarks.bench.nvml import open_nvml

BEFORE = Moment(ticks=100.0, wall=1e9, boot=200.0, busy=50.0, stolen=1.0, own=5.0, switches=10)
QUIET = Moment(ticks=110.0, wall=1e9 + 10, boot=210.0, busy=60.05, stolen=1.02, own=15.0, switches=60)


def test_a_quiet_machine_has_nothing_to_say():
    assert disturbances_between(BEFORE, QUIET) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"busy": 75.0}, "other processes took 1.50 processors on average"),
        ({"stolen": 1.5}, r"steal time"),
        ({"switches": 1000}, "put aside 99 times a second"),
        ({"wall": 1e9 - 3590}, "time of day jumped backwards by 3600.00 s"),
        ({"wall": 1e9 + 12}, "time of day jumped forwards by 2.00 s"),
        ({"wall": 1e9 + 310, "boot": 510.0}, "asleep for 300.0 s"),
    ],
)
def test_what_disturbs_is_said_once(changes, message):
    (found,) = disturbances_between(BEFORE, replace(QUIET, **changes))
    assert message in found


def threads(**fared):
    """By number: seconds on a processor, and without one."""
    return {int(name[1:]): Scheduled(*each) for name, each in fared.items()}


def test_time_without_a_processor_counts_and_not_how_often_it_was_taken_away():
    before = replace(BEFORE, threads=threads(t7=(5.0, 3.0)))
    often = replace(QUIET, switches=1000, threads=threads(t7=(15.0, 3.05)))
    assert disturbances_between(before, often) == ()
    (found,) = disturbances_between(before, replace(QUIET, threads=threads(t7=(14.0, 4.0))))
    assert "of the time that this process could have run, 10.0% went by without a processor" in found


def test_a_thread_that_ends_does_not_hide_what_the_others_lost():
    before = replace(BEFORE, threads=threads(t7=(1.0, 0.5), t8=(4.0, 9.0)))
    after = replace(QUIET, threads=threads(t7=(10.0, 1.5)))  # the sum of all waits fell by eight seconds
    (found,) = disturbances_between(before, after)
    assert "10.0% went by without a processor" in found


def test_a_thread_that_began_meanwhile_counts_whole():
    before = replace(BEFORE, threads=threads(t7=(5.0, 9.0), t9=(50.0, 60.0)))
    after = replace(QUIET, threads=threads(t7=(5.0, 9.0), t8=(5.0, 0.5), t9=(4.0, 0.5)))  # number 9 was given again
    (found,) = disturbances_between(before, after)
    assert "10.0% went by without a processor" in found


def test_where_threads_that_ended_did_the_work_switches_are_counted_which_the_kernel_keeps():
    before = replace(BEFORE, threads=threads(t7=(1.0, 0.0), t8=(4.0, 0.0)))
    after = replace(QUIET, switches=1000, threads=threads(t7=(1.5, 0.0)))
    (found,) = disturbances_between(before, after)
    assert "put aside 99 times a second" in found


def test_processes_that_were_started_count_beside_the_threads():
    before = replace(BEFORE, threads=threads(t7=(5.0, 3.0)))
    after = replace(QUIET, threads=threads(t7=(5.5, 3.0)))
    (found,) = disturbances_between(before, after.with_children([Scheduled(4.0, 0.5), Scheduled(4.5, 0.5)]))
    assert "10.0% went by without a processor" in found


def test_threads_are_asked_one_by_one(tmp_path):
    counts = {"proc/self/task/7/schedstat": "1000000000 2000000000 1\n", "proc/self/task/8/schedstat": "5 500000000 1\n"}
    write_tree(tmp_path, counts | {"proc/self/task/9/schedstat": ""})  # it ended while it was asked
    assert look(FakeClock(), tmp_path).threads == {7: Scheduled(1.0, 2.0), 8: Scheduled(5e-9, 0.5)}
    write_tree(tmp_path / "other", {"proc/self/task/7/schedstat": "0 0 0\n"})
    assert look(FakeClock(), tmp_path / "other").threads is None


def test_a_time_server_that_nudges_the_clock_is_no_jump():
    assert disturbances_between(BEFORE, replace(QUIET, wall=1e9 + 10.02)) == ()


def test_where_the_system_tells_nothing_nothing_is_said():
    silent = {"boot": None, "busy": None, "stolen": None, "own": None, "switches": None}
    assert disturbances_between(replace(BEFORE, **silent), replace(QUIET, **silent)) == ()


def test_shares_are_of_processors_by_proc_stat(tmp_path):
    hertz = os.sysconf("SC_CLK_TCK")
    columns = [hertz, 2 * hertz, 3 * hertz, 999, 999, 4 * hertz, 5 * hertz, 6 * hertz, 7 * hertz, 0]
    write_tree(tmp_path, {"proc/stat": f"cpu  {' '.join(map(str, columns))}\ncpu0 1 1 1 1\n"})
    moment = look(FakeClock(), tmp_path)
    assert (moment.busy, moment.stolen) == (15.0, 6.0)
    write_tree(tmp_path, {"proc/stat": "cpu  0 0 0 0 0 0 0 0 0 0\n"})
    assert look(FakeClock(), tmp_path).busy is None
    assert look(FakeClock(), tmp_path / "absent").busy is None


def test_a_clock_that_fell_may_be_heat():
    assert throttling([1000, None, 900], [700, 800, 900]) == ("the GPU clock fell from 1000 to 700 MHz: it may be too hot",)


def test_gpus_and_the_other_processes_on_them(tmp_path):
    nvml = open_nvml(lambda name: FakeNvml())
    (gpu,) = nvml.gpus()
    assert (gpu.name, gpu.compute_capability, gpu.clock_mhz, gpu.temperature, gpu.mig) == ("Fake GPU", "8.7", 1300, 60, False)
    assert gpu.processes == ("process 7, 300 MiB",)
    state = describe_state(tmp_path, nvml)
    assert changes(state, state) == ("other processes were on a GPU: process 7, 300 MiB",)
    assert describe_environment(tmp_path, nvml)["gpus"] == [{"name": "Fake GPU", "compute_capability": "8.7", "mig": False}]


def test_without_the_package_or_the_driver_nothing_is_told(tmp_path):
    def absent(name):
        raise ImportError(name)

    assert open_nvml(absent) is None
    assert open_nvml(lambda name: FakeNvml(driver=False)) is None
    assert describe_environment(tmp_path)["gpus"] == []


def test_a_board_tells_its_power_mode_and_clocks(tmp_path):
    files = power_modes(2, 0, "15W", "7W", "MAXN") | gpu_clock("17000000.gpu", 600, 300, 918)
    write_tree(tmp_path, files)
    before = describe_state(tmp_path)
    assert describe_environment(tmp_path)["power_mode"] == "MAXN"
    assert before["gpu_clock"]["current"] == 600_000_000
    write_tree(tmp_path, power_modes(0, 0, "15W", "7W", "MAXN"))
    assert changes(before, describe_state(tmp_path)) == ("the power mode changed from MAXN to 15W while measuring",)
