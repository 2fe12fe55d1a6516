"""NVIDIA's management library with one GPU, or more."""

from __future__ import annotations

import os
from types import SimpleNamespace


class FakeNvml:
    """The management library.

    Args:
        driver: whether one answers.
        bus_ids: where its GPUs are plugged in.
    """

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    class NVMLError(Exception):
        pass

    def __init__(self, driver: bool = True, bus_ids: tuple[str, ...] = ("0000:01:00.0",)) -> None:
        self.driver, self.bus_ids, self.joules = driver, bus_ids, 1000.0

    def nvmlInit(self):  # noqa: N802
        if not self.driver:
            raise self.NVMLError

    def __getattr__(self, name):
        answers = {
            "nvmlDeviceGetCount": lambda: len(self.bus_ids),
            "nvmlDeviceGetHandleByPciBusId": self._plugged_in,
            "nvmlDeviceGetIndex": lambda handle: handle,
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

    def _plugged_in(self, bus_id):
        if bus_id not in self.bus_ids:
            raise self.NVMLError
        return self.bus_ids.index(bus_id)

    def _refuse(self, *arguments):
        raise self.NVMLError
