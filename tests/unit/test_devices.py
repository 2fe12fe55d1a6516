"""What machine this is, from recorded file trees."""

from __future__ import annotations

import json

import pytest
from boards.recorded import BOARDS, GARBLED
from boards.trees import packages, power_modes, release, write_tree

from edgelpr.devices.board import jetson_module
from edgelpr.devices.clocks import read_clocks
from edgelpr.devices.l4t import L4t
from edgelpr.devices.machine import read_machine
from edgelpr.devices.packages import read_packages
from edgelpr.devices.power import PowerMode, read_power


@pytest.fixture
def machine(tmp_path):
    """Reads the machine of a recorded tree."""
    return lambda name: read_machine(write_tree(tmp_path / name, {**BOARDS, **GARBLED}[name]))


@pytest.mark.parametrize(
    ("name", "text", "jetpack_major"),
    [
        ("orin-nano-6.0", "L4T 36.3.0 (JetPack 6.0)", 6),
        ("orin-nano-6.1", "L4T 36.4.0 (JetPack 6.1)", 6),
        ("orin-nano-6.2", "L4T 36.4.3 (JetPack 6.2)", 6),
        ("agx-orin-6.2", "L4T 36.4.4 (JetPack 6.2.1)", 6),
        ("orin-nx-5.1.2", "L4T 35.4.1 (JetPack 5.1.2)", 5),
        ("thor-7.0", "L4T 38.2.0 (JetPack 7.0)", 7),
        ("xavier-nx-5.1", "L4T 35.2.1 (JetPack 5.1)", 5),
        ("nano-4.6.1", "L4T 32.7.1 (JetPack 4.6.1)", 4),
        ("unknown-l4t", "L4T 47.1.2 (JetPack unknown)", None),
        ("package-only", "L4T 36.4.7 (JetPack 6)", 6),
    ],
)
def test_l4t_and_jetpack(machine, name, text, jetpack_major):
    l4t = machine(name).l4t
    assert l4t is not None
    assert (l4t.text, l4t.jetpack_major) == (text, jetpack_major)


@pytest.mark.parametrize(
    ("name", "chip", "family"),
    [
        ("orin-nano-6.2", "tegra234", "Orin"),
        ("thor-7.0", "tegra264", "Thor"),
        ("xavier-nx-5.1", "tegra194", "Xavier"),
        ("nano-4.6.1", "tegra210", "Nano or TX1"),
        ("unknown-l4t", "tegra999", None),
        ("raspberry-pi", None, None),
    ],
)
def test_the_board(machine, name, chip, family):
    board = machine(name).board
    assert (board.chip, board.family) == (chip, family)
    assert "\0" not in board.model


def test_the_model_as_the_device_tree_has_it(machine):
    board = machine("orin-nano-6.0").board
    assert board.text == "NVIDIA Jetson Orin Nano Developer Kit (tegra234)"
    assert board.compatible == ("nvidia,p3768-0000+p3767-0005", "nvidia,p3767-0005", "nvidia,tegra234")


@pytest.mark.parametrize(
    ("name", "expected"), [("desktop", False), ("raspberry-pi", False), ("empty", False), ("package-only", True)]
)
def test_only_nvidias_boards_are_jetsons(machine, name, expected):
    assert machine(name).is_jetson is expected


@pytest.mark.parametrize(
    ("name", "current", "fastest"),
    [
        ("orin-nano-6.0", "15W", "15W"),
        ("orin-nano-6.2", "15W", "MAXN_SUPER"),
        ("agx-orin-6.2", "MAXN", "MAXN"),
        ("orin-nx-5.1.2", "25W", "MAXN"),
        ("thor-7.0", "120W", "MAXN"),
        ("xavier-nx-5.1", "MODE_10W_2CORE", "MODE_15W_6CORE"),
    ],
)
def test_power_modes(machine, name, current, fastest):
    power = machine(name).power
    assert (power.current.name, power.fastest.name) == (current, fastest)


def test_before_the_first_change_the_default_mode_holds(tmp_path):
    power = read_power(write_tree(tmp_path, power_modes(None, 1, "MAXN", "30W")))
    assert power.current == PowerMode(1, "30W")


def test_a_status_without_a_configuration_still_tells_the_number(tmp_path):
    power = read_power(write_tree(tmp_path, {"var/lib/nvpmodel/status": "pmode:0002 fmode:quiet\n"}))
    assert (power.current, power.modes, power.fastest) == (PowerMode(2, "2"), (), None)


@pytest.mark.parametrize(
    ("name", "high", "fixed"),
    [
        ("orin-nano-6.0", 624, False),
        ("orin-nano-6.1", 624, True),
        ("orin-nx-5.1.2", 918, False),
        ("thor-7.0", 1575, False),
        ("nano-4.6.1", 921, False),
    ],
)
def test_the_clock_of_the_gpu(machine, name, high, fixed):
    gpu = machine(name).clocks.gpu
    assert (gpu.high, gpu.fixed) == (high * 10**6, fixed)


def test_other_units_are_not_taken_for_the_gpu(tmp_path):
    files = {f"sys/class/devfreq/15340000.vic/{name}_freq": "1\n" for name in ("cur", "min", "max")}
    assert read_clocks(write_tree(tmp_path, files)).gpu is None


def test_governors_each_once(machine):
    assert machine("orin-nano-6.0").clocks.governors == ("schedutil",)


def test_swap_on_a_disk_is_told_from_swap_in_memory(machine):
    memory = machine("orin-nano-6.2").memory
    assert (memory.total, memory.available) == (7620 << 20, 3000 << 20)
    assert (memory.swap, memory.compressed_swap) == (8192 << 20, 3810 << 20)


def test_temperatures_by_sensor(machine):
    assert machine("orin-nano-6.0").temperatures == {"cpu-thermal": 48.5, "gpu-thermal": 46.2, "tj-thermal": 48.6}


def test_a_sensor_that_is_off_is_left_out(machine):
    assert machine("huge-numbers").temperatures == {}


@pytest.mark.parametrize(
    ("name", "version"), [("desktop", "550.54.15"), ("thor-7.0", "580.00"), ("desktop-without-driver", None)]
)
def test_the_driver_in_the_kernel(machine, name, version):
    assert machine(name).driver == version


def test_the_processor(machine):
    assert machine("desktop").processor == "AMD Ryzen 9"
    assert machine("orin-nano-6.0").processor is None


def test_only_installed_packages_count(tmp_path):
    found = read_packages(write_tree(tmp_path, packages(nvidia_l4t_core="36.3.0-1", libnvinfer10="1:10.3.0")))
    assert found == {"nvidia-l4t-core": "36.3.0-1", "libnvinfer10": "1:10.3.0"}


def test_the_release_file_goes_before_the_package(tmp_path):
    tree = {**release(36, "4.3"), **packages(nvidia_l4t_core="36.4.7-1")}
    assert read_machine(write_tree(tmp_path, tree)).l4t.version == "36.4.3"


def test_a_release_that_is_no_version_is_shown_as_it_is(tmp_path):
    l4t = read_machine(write_tree(tmp_path, {"etc/nv_tegra_release": "# custom build of mine\n"})).l4t
    assert l4t == L4t(None, "# custom build of mine")
    assert l4t.text == "L4T of an unknown version ('# custom build of mine')"


@pytest.mark.parametrize("name", [*GARBLED, *BOARDS])
def test_nothing_in_the_files_stops_it(machine, name):
    found = json.dumps(machine(name).to_dict(), allow_nan=False)
    power = machine(name).power
    assert power is None or power.fastest is None or power.fastest in power.modes
    assert set(json.loads(found)) >= {"board", "l4t", "jetpack", "power_mode", "gpu_clock", "memory", "driver"}


def test_a_file_that_is_a_folder_or_may_not_be_read(tmp_path):
    for name in ("etc/nv_tegra_release", "proc/meminfo", "var/lib/dpkg/status", "sys/class/devfreq/x.gpu/cur_freq"):
        (tmp_path / name).mkdir(parents=True)
    found = read_machine(tmp_path)
    assert (found.l4t, found.memory, found.clocks.gpu) == (None, None, None)


@pytest.mark.parametrize(
    ("model", "module"),
    [
        ("NVIDIA Jetson Orin Nano Developer Kit", "Orin Nano"),
        ("NVIDIA Jetson AGX Orin Developer Kit", "AGX Orin"),
        ("NVIDIA Jetson AGX Thor Developer Kit", "AGX Thor"),
        ("Jetson Xavier NX", "Xavier NX"),
        ("NVIDIA Jetson Nano Developer Kit", "Nano"),
        ("jetson_orin-nx", "Orin NX"),
        ("a nanometre", None),
        ("", None),
    ],
)
def test_the_jetson_in_the_name_of_a_board(model, module):
    assert jetson_module(model) == module
