"""What is drawn while samples are taken: of boards' rails, by their tool, and by a GPU's counter."""

from __future__ import annotations

import sys

import pytest
from boards.trees import write_tree
from doubles.nvml import FakeNvml
from sample_bench import SPAN, FakeClock, FakeDevice, subject

from edgelpr.benchmarks.bench.energy import CounterMeter, PowerMeter, find_meter, joules_of
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.nvml import open_nvml
from edgelpr.benchmarks.bench.rails import board_watts, read_rails
from edgelpr.benchmarks.bench.tegrastats import Tegrastats, parse_watts

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


def test_the_energy_of_a_gpu_is_its_counters(tmp_path):
    module = FakeNvml()
    nvml = open_nvml(lambda name: module)
    meter = find_meter(tmp_path, FakeClock(), nvml, "Fake GPU", 0)
    meter.start()
    module.joules += 20
    assert meter.stop() == pytest.approx(20)
    assert find_meter(tmp_path, FakeClock(), nvml, "CPU", 0) is None


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


def test_energy_is_of_the_gpu_that_computes(tmp_path):
    asked, module, clock = [], FakeNvml(), FakeClock()
    module.nvmlDeviceGetTotalEnergyConsumption = lambda handle: asked.append(handle) or 0.0
    measurement = Measurement(SPAN, Surroundings(clock, tmp_path, open_nvml(lambda name: module), gpu=1))
    measurement.measure(subject(FakeDevice(clock)), "paper-synchronised", "network only")
    assert set(asked) == {1}
