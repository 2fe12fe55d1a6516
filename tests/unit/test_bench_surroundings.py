"""What disturbs, what is drawn and what the machine is: on recorded trees and stand-ins."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from boards.trees import gpu_clock, power_modes, write_tree
from sample_bench import SPAN, FakeClock, FakeDevice, subject

from edgelpr.benchmarks.bench.disturbances import Moment, disturbances_between, look, throttling
from edgelpr.benchmarks.bench.energy import CounterMeter, PowerMeter, find_meter, joules_of
from edgelpr.benchmarks.bench.environment import changes, describe_environment, describe_state
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.nvml import open_nvml
from edgelpr.benchmarks.bench.rails import board_watts, read_rails
from edgelpr.benchmarks.bench.tegrastats import Tegrastats, parse_watts

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


INA = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"
OLD_INA = "sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0"


def channel(number: int, label: str, millivolts: int, milliamperes: int) -> dict[str, str]:
    values = {f"in{number}_label": label, f"in{number}_input": str(millivolts), f"curr{number}_input": str(milliamperes)}
    return {f"{INA}/{name}": value + "\n" for name, value in values.items()}


def test_the_input_rail_is_the_board(tmp_path):
    write_tree(tmp_path, channel(1, "VDD_IN", 5000, 1000) | channel(2, "VDD_CPU_GPU_CV", 5000, 400) | channel(3, "NC", 1, 1))
    assert read_rails(tmp_path) == {"VDD_IN": 5.0, "VDD_CPU_GPU_CV": 2.0}
    assert board_watts(tmp_path) == 5.0


def test_without_an_input_rail_the_rails_add_up_but_not_the_sum_of_shunts(tmp_path):
    write_tree(tmp_path, channel(1, "VDD_GPU_SOC", 20000, 100) | channel(2, "VDD_CPU_CV", 20000, 50))
    write_tree(tmp_path, channel(4, "sum of shunt voltages", 9999, 9999))
    assert board_watts(tmp_path) == pytest.approx(3.0)


def test_rails_before_jetpack_5(tmp_path):
    write_tree(tmp_path, {f"{OLD_INA}/rail_name_0": "POM_5V_IN\n", f"{OLD_INA}/in_power0_input": "2300\n"})
    assert board_watts(tmp_path) == 2.3


def test_no_sensors_tell_nothing(tmp_path):
    assert board_watts(tmp_path) is None
    write_tree(tmp_path, {f"{INA}/in1_label": "VDD_IN", f"{INA}/in1_input": "garbled"})
    assert board_watts(tmp_path) is None


def test_energy_is_power_over_time():
    second = 10**9
    assert joules_of([(0, 5.0), (second, 5.0), (3 * second, 7.0)]) == pytest.approx(17.0)
    assert joules_of([(0, 5.0)]) is None


def test_power_is_read_at_both_ends():
    clock, watts = FakeClock(), iter([4.0] + [6.0] * 1000)
    meter = PowerMeter(lambda: next(watts), clock)
    meter.start()
    while not meter._readings:  # the thread's first
        pass
    clock.advance(2 * 10**9)
    assert meter.stop() == pytest.approx(10.0)


def test_a_counter_is_read_twice():
    values = iter([100.0, 103.5, 50.0, 40.0])
    meter = CounterMeter(lambda: next(values))
    meter.start()
    assert meter.stop() == 3.5
    meter.start()
    assert meter.stop() is None  # it began anew


# Lines as Orin, Xavier and Nano print them.
@pytest.mark.parametrize(
    ("line", "watts"),
    [
        ("RAM 2893/7620MB CPU [2%@729,0%@729] GR3D_FREQ 0% cpu@48.3C VDD_IN 4806mW/4806mW VDD_CPU_GPU_CV 522mW/522mW", 4.806),
        ("RAM 5/30GB SWAP 0/15GB VDD_GPU_SOC 2396mW/2396mW VDD_CPU_CV 798mW/798mW VIN_SYS_5V0 3024mW/3024mW", 6.218),
        ("RAM 2048/3964MB (lfb 1x4MB) POM_5V_IN 2532/2532 POM_5V_GPU 40/40 POM_5V_CPU 365/365", 2.532),
        ("RAM 2048/3964MB (lfb 1x4MB) SWAP 0/1982MB CPU [1%@102]", None),
        ("", None),
    ],
)  # fmt: skip
def test_what_tegrastats_prints(line, watts):
    assert parse_watts(line) == (None if watts is None else pytest.approx(watts))


def test_tegrastats_runs_beside_us_and_ends():
    code = "import time; print('VDD_IN 5000mW/5000mW', flush=True); time.sleep(60)"
    tool = Tegrastats((sys.executable, "-c", code))
    try:
        while tool.watts() is None:
            pass
        assert tool.watts() == 5.0
    finally:
        tool.close()


class FakeNvml:
    """The management library with one GPU."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    class NVMLError(Exception):
        pass

    def __init__(self, driver: bool = True) -> None:
        self.driver, self.joules = driver, 1000.0

    def nvmlInit(self):  # noqa: N802
        if not self.driver:
            raise self.NVMLError

    def __getattr__(self, name):
        answers = {
            "nvmlDeviceGetCount": lambda: 1,
            "nvmlDeviceGetHandleByIndex": lambda number: number,
            "nvmlDeviceGetName": lambda handle: b"Fake GPU",
            "nvmlDeviceGetCudaComputeCapability": lambda handle: (8, 7),
            "nvmlDeviceGetClockInfo": lambda handle, kind: {1: 1300, 2: 3000}[kind],
            "nvmlDeviceGetTemperature": lambda handle, kind: 60,
            "nvmlDeviceGetEnforcedPowerLimit": lambda handle: 15000,
            "nvmlDeviceGetMigMode": self._refuse,
            "nvmlDeviceGetComputeRunningProcesses": lambda handle: [
                SimpleNamespace(pid=os.getpid(), usedGpuMemory=1 << 20),
                SimpleNamespace(pid=7, usedGpuMemory=300 << 20),
            ],
            "nvmlDeviceGetGraphicsRunningProcesses": lambda handle: [],
            "nvmlDeviceGetTotalEnergyConsumption": lambda handle: self.joules * 1000,
        }
        return answers[name]

    def _refuse(self, *arguments):
        raise self.NVMLError


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


def test_the_energy_of_a_gpu_is_its_counters(tmp_path):
    module = FakeNvml()
    nvml = open_nvml(lambda name: module)
    meter = find_meter(tmp_path, FakeClock(), nvml, "Fake GPU")
    meter.start()
    module.joules += 20
    assert meter.stop() == pytest.approx(20)
    assert find_meter(tmp_path, FakeClock(), nvml, "CPU") is None


def test_energy_a_plate_is_in_the_run(tmp_path):
    module, clock = FakeNvml(), FakeClock()
    device = FakeDevice(clock)
    measurement = Measurement(SPAN, Surroundings(clock, tmp_path, open_nvml(lambda name: module)))

    def draw(what, share):
        module.joules += 4 if share > 0.9 else 0

    measurement.tell = draw
    run = measurement.measure(subject(device), "paper-synchronised", "network only")
    assert run.energy_joules_per_plate == pytest.approx((module.joules - 1000) / 200, rel=1e-3)
    assert measurement.measure(subject(device), "paper", "network only").gpu_ms is None


def test_a_board_tells_its_power_mode_and_clocks(tmp_path):
    files = power_modes(2, 0, "15W", "7W", "MAXN") | gpu_clock("17000000.gpu", 600, 300, 918)
    write_tree(tmp_path, files)
    before = describe_state(tmp_path)
    assert describe_environment(tmp_path)["power_mode"] == "MAXN"
    assert before["gpu_clock"]["current"] == 600_000_000
    write_tree(tmp_path, power_modes(0, 0, "15W", "7W", "MAXN"))
    assert changes(before, describe_state(tmp_path)) == ("the power mode changed from MAXN to 15W while measuring",)
