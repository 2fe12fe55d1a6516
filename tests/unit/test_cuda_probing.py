"""Asking the driver: whatever stands in its place, the answer is in words and nothing is raised."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from cuda_contract import in_child
from doubles.driver_library import FakeLibrary

from edgelpr.cuda import probing
from edgelpr.cuda.facts import DeviceFacts, cuda_version
from edgelpr.cuda.probing import LIBRARY, Probe, device_of, probe, require_driver
from edgelpr.errors import DeviceError


@pytest.fixture
def driver(monkeypatch):
    """Puts a library, or an error of loading one, in the driver's place, with nothing remembered."""

    def put(library):
        def load():
            if isinstance(library, Exception):
                raise library
            return library

        monkeypatch.setattr(probing, "load_driver", load)
        return library

    monkeypatch.setattr(probing, "_answered", [])
    return put


def test_every_gpu_is_described(driver):
    driver(FakeLibrary([("Orin (nvgpu)", (8, 7), 8 << 30, True, 8), ("NVIDIA GeForce RTX 4090", (8, 9), 24 << 30, False, 128)]))
    answer = probe()
    assert (answer.library, answer.code, answer.driver_version, answer.problem) == (LIBRARY, 0, 12060, None)
    assert answer.devices == (
        DeviceFacts(0, "Orin (nvgpu)", (8, 7), 8 << 30, True, 12060, 8),
        DeviceFacts(1, "NVIDIA GeForce RTX 4090", (8, 9), 24 << 30, False, 12060, 128),
    )
    assert answer.devices[0].sm == "sm87" and cuda_version(12060) == "12.6"


def test_a_gpu_says_where_it_is_plugged_in(driver):
    gpus = [("A", (8, 0), 1 << 30, False, 8), ("B", (8, 0), 1 << 30, False, 8)]
    driver(FakeLibrary(gpus, bus_ids=["0000:65:00.0", "0001:17:00.0"]))
    assert [device.pci_bus_id for device in probe().devices] == ["0000:65:00.0", "0001:17:00.0"]


def test_a_driver_that_does_not_tell_that_is_none_the_worse(driver, monkeypatch):
    driver(FakeLibrary())
    assert probe().problem is None and probe().devices[0].pci_bus_id is None
    monkeypatch.setattr(probing, "_answered", [])
    monkeypatch.delattr(FakeLibrary, "cuDeviceGetPCIBusId")
    assert probe().problem is None and probe().devices[0].pci_bus_id is None


def test_without_a_library_there_is_no_driver(driver):
    driver(OSError("libcuda.so.1: cannot open shared object file: No such file or directory"))
    answer = probe()
    assert (answer.library, answer.code, answer.devices) == (None, None, ())
    assert "there is no NVIDIA driver" in answer.problem and "JetPack" in answer.problem


@pytest.mark.parametrize("text", ["libcuda.so.1: file too short", "libcuda.so.1: invalid ELF header"])
def test_a_library_that_does_not_load_is_not_called_absent(driver, text):
    driver(OSError(text))
    assert f"cannot be loaded ({text})" in probe().problem


def test_a_library_that_is_not_the_drivers(driver):
    driver(object())
    assert "is not NVIDIA's" in probe().problem


def test_a_real_file_that_is_no_library(driver, monkeypatch, tmp_path):
    (tmp_path / "libcuda.so.1").write_bytes(b"")
    monkeypatch.setattr(probing, "load_driver", lambda: ctypes.CDLL(str(tmp_path / "libcuda.so.1")))
    assert "cannot be loaded" in probe().problem


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "fork.*spawn"),
        (34, "stub.*LD_LIBRARY_PATH"),
        (100, "no GPU.*CUDA_VISIBLE_DEVICES"),
        (802, "not ready"),
        (803, "differ in version.*reboot"),
        (804, "compatibility package"),
        (999, "group video"),
        (4711, r"unnamed, CUDA error 4711"),
    ],
)
def test_a_driver_that_does_not_start_is_put_into_words(driver, code, words):
    driver(FakeLibrary(answers={"cuInit": code}))
    answer = probe()
    assert (answer.code, answer.driver_version, answer.devices) == (code, 12060, ())
    with pytest.raises(DeviceError, match=rf"the NVIDIA driver \(CUDA 12\.6\) cannot be used: .*{words}"):
        require_driver()


def test_no_devices_are_a_problem(driver):
    driver(FakeLibrary(devices=()))
    assert probe().code == 100 and "no GPU" in probe().problem


@pytest.mark.parametrize(
    "name", ["cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceTotalMem_v2", "cuDeviceGetAttribute"]
)
def test_a_device_that_does_not_answer_is_a_problem(driver, name):
    driver(FakeLibrary(answers={name: 46}))
    answer = probe()
    assert (answer.code, answer.devices) == (46, ()) and "another process holds the GPU" in answer.problem


def test_an_unknown_version_is_no_version(driver):
    driver(FakeLibrary(answers={"cuDriverGetVersion": 999, "cuInit": 100}))
    assert probe().driver_version is None and probe().problem.startswith("the NVIDIA driver cannot be used")


def test_success_is_remembered_and_failure_is_not(driver):
    failing = driver(FakeLibrary(answers={"cuInit": 802}))
    probe()
    probe()
    assert failing.calls.count("cuInit") == 2
    working = driver(FakeLibrary())
    assert probe() is probe() and working.calls.count("cuInit") == 1


def test_a_driver_that_is_too_old_names_both_versions(driver):
    driver(FakeLibrary(version=11040))
    assert require_driver(11040).driver_version == 11040
    with pytest.raises(DeviceError, match=r"knows CUDA 11\.4; TensorRT 10\.3 needs CUDA 12\.6 or later"):
        require_driver(12060, "TensorRT 10.3")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_after_a_fork_the_driver_is_not_asked_again(driver):
    driver(FakeLibrary())
    probe()
    message = in_child(require_driver)
    assert "forked" in message and "spawn" in message


def test_this_machine_answers_in_a_process_of_its_own():
    code = "from edgelpr.cuda.probing import probe; answer = probe(); print(bool(answer.devices) != bool(answer.problem))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize("index", [-1, 2])
def test_a_gpu_that_is_not_there_is_refused_with_those_that_are(index):
    facts = DeviceFacts(0, "Orin (nvgpu)", (8, 7), 8 << 30, True, 12060)
    found = Probe("libcuda.so.1", 0, 12060, (facts, replace(facts, index=1, name="another")))
    assert device_of(found, 1).name == "another"
    with pytest.raises(DeviceError, match=rf"no GPU number {index}; the driver shows 0 \(Orin \(nvgpu\)\), 1 \(another\)"):
        device_of(found, index)
