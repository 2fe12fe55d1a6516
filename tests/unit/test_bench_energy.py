"""What is drawn while samples are taken: of boards' rails, by their tool, and by a GPU's counter."""

from __future__ import annotations

import os
import sys

import pytest
from boards.trees import write_tree
from doubles.nvml import FakeNvml
from sample_bench import SPAN, FakeClock, FakeDevice, subject

from edgelpr.benchmarks.bench.computing_gpu import find_gpu
from edgelpr.benchmarks.bench.energy import CounterMeter, PowerMeter, joules_of, open_meter
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.nvml import open_nvml
from edgelpr.benchmarks.bench.rails import board_watts, read_rails
from edgelpr.benchmarks.bench.tegrastats import Tegrastats, parse_watts
from edgelpr.cuda.facts import DeviceFacts
from edgelpr.cuda.probing import Probe

INA = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"


SECOND = 10**9

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
    readings = [(0, 5.0), (SECOND, 5.0), (3 * SECOND, 7.0)]
    assert joules_of(readings, 0, 3 * SECOND) == pytest.approx(17.0)
    assert joules_of(readings[:1], 0, SECOND) is None and joules_of([], 0, 0) is None


def test_a_sensor_that_tells_only_of_a_part_is_taken_for_the_whole_span():
    readings = [(SECOND, 5.0), (3 * SECOND, 5.0)]
    assert joules_of(readings, 0, 4 * SECOND) == pytest.approx(20.0)
    assert joules_of(readings, 0, 5 * SECOND) is None  # less than half of it


@pytest.mark.parametrize("seconds", [0.15, 0.5, 2.0])
@pytest.mark.parametrize("late", [0.0, 0.06])
def test_a_sensor_that_begins_late_does_not_make_it_cheaper(seconds, late):
    clock = FakeClock()
    begin = clock.ticks()
    meter = PowerMeter(lambda: 5.0 if clock.ticks() - begin >= late * SECOND else None, clock)
    meter.start()
    for _ in range(100):
        clock.advance(round(seconds * SECOND / 100))
        meter._read()
    assert meter.stop() == pytest.approx(5.0 * seconds, rel=1e-6)
    meter.close()


def test_power_is_read_at_both_ends():
    clock, watts = FakeClock(), iter([4.0] + [6.0] * 1000)
    meter = PowerMeter(lambda: next(watts), clock)
    meter.start()
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


def test_a_tool_that_ended_by_itself_tells_no_more():
    tool = Tegrastats((sys.executable, "-c", "print('VDD_IN 5000mW/5000mW')"))
    tool.await_first()
    tool._thread.join()
    assert tool.watts() is None
    tool.close()
    tool.close()


@pytest.fixture
def board(tmp_path, monkeypatch):
    """A Jetson's tool that takes a while to start, as the real one does; 5 W."""
    script = tmp_path / "bin" / "tegrastats"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\nsleep 0.1\nwhile :; do echo 'VDD_IN 5000mW/5000mW'; sleep 0.02; done\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    return tmp_path


def test_what_the_reading_takes_is_not_part_of_the_span():
    clock = FakeClock()
    meter = PowerMeter(lambda: clock.advance(SECOND // 50) or 5.0, clock)
    meter.start()
    clock.advance(SECOND // 10)
    assert meter.stop() == pytest.approx(0.5)


@pytest.mark.parametrize("seconds", [0.15, 0.5, 2.0])
def test_nothing_is_sampled_before_the_tool_tells(board, seconds):
    clock = FakeClock()
    meter = open_meter(board, clock, None, None)
    meter.start()
    clock.advance(round(seconds * SECOND))
    assert meter.stop() == pytest.approx(5.0 * seconds)
    meter.close()


def test_the_joules_of_a_run_are_watts_times_seconds(board):
    clock = FakeClock()
    run = Measurement(SPAN, Surroundings(clock, board)).measure(subject(FakeDevice(clock)), "single-stream", "network only")
    assert run.energy_joules_per_plate * run.plates == pytest.approx(5.0 * run.seconds, rel=0.01)


def test_the_energy_of_a_gpu_is_its_counters(tmp_path):
    module = FakeNvml()
    nvml = open_nvml(lambda name: module)
    meter = open_meter(tmp_path, FakeClock(), nvml, 0)
    meter.start()
    module.joules += 20
    assert meter.stop() == pytest.approx(20)
    assert open_meter(tmp_path, FakeClock(), nvml, None) is None


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
    # CUDA counts the fastest first, or shows only some; the management library counts slots.
    assert gpus_asked(tmp_path, shown("0000:65:00.0", "0000:01:00.0"), SLOTS, gpu=1) == ({0}, ())
    assert gpus_asked(tmp_path, shown("0000:65:00.0"), SLOTS) == ({1}, ())


def test_a_reader_knows_its_gpu_better_than_the_command_does(tmp_path):
    assert gpus_asked(tmp_path, shown(*SLOTS), SLOTS, gpu=0, readers=1) == ({1}, ())


def test_where_the_order_cannot_be_known_it_is_said(tmp_path):
    for cuda in (Probe(problem="no driver"), shown(None, None), shown("0000:99:00.0", "0000:98:00.0")):
        asked, (note,) = gpus_asked(tmp_path, cuda, SLOTS, gpu=1)
        assert asked == {1} and "CUDA's GPU 1 is plugged in is not known" in note


def test_the_only_gpu_is_the_one(tmp_path):
    assert gpus_asked(tmp_path, Probe(problem="no driver"), SLOTS[:1]) == ({0}, ())
    assert find_gpu(open_nvml(lambda name: FakeNvml()), 0, lambda: shown(None)).remark is None


def test_nothing_is_said_of_the_gpus_order_where_no_energy_is_told(tmp_path):
    measurement = Measurement(SPAN, Surroundings(FakeClock(), tmp_path, open_nvml(lambda name: FakeNvml(bus_ids=SLOTS))))
    with measurement._meter(FakeDevice(FakeClock())) as meter:
        assert meter is not None and len(measurement.notes) == 1
    measurement.notes.clear()
    device = FakeDevice(FakeClock())
    device.device = "CPU"
    with measurement._meter(device) as meter:
        assert meter is None and not measurement.notes


def test_torch_says_on_which_gpu_it_computes(monkeypatch):
    torch = pytest.importorskip("torch", reason="the eager reader needs the extra 'export'")
    from edgelpr.benchmarks.bench.torch_reader import TorchReader

    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    assert TorchReader(torch.nn.Flatten(), "cuda:1").gpu == 1  # it has no weights, so that nothing is moved
    assert TorchReader(torch.nn.Flatten(), "cuda").gpu == 2
    assert TorchReader(torch.nn.Flatten()).gpu is None


SLOTS = ("0000:01:00.0", "0000:65:00.0")


def shown(*bus_ids):
    """What CUDA shows."""
    return Probe("libcuda.so.1", 0, 12060, tuple(
        DeviceFacts(number, "A GPU", (8, 0), 1 << 30, False, 12060, 8, bus_id) for number, bus_id in enumerate(bus_ids)
    ))  # fmt: skip


def gpus_asked(root, cuda, slots, gpu=0, readers=None):
    """The management library's numbers of the GPUs whose energy was asked for, and the notes of the result."""
    asked, module, clock = set(), FakeNvml(bus_ids=slots), FakeClock()
    module.nvmlDeviceGetTotalEnergyConsumption = lambda handle: asked.add(handle) or 0.0
    surroundings = Surroundings(clock, root, open_nvml(lambda name: module), gpu=gpu, ask_cuda=lambda: cuda)
    device, measurement = FakeDevice(clock), Measurement(SPAN, surroundings)
    device.gpu = readers
    for _ in range(2):
        measurement.measure(subject(device), "paper-synchronised", "network only")
    return asked, tuple(measurement.notes)
