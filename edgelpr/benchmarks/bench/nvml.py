"""What NVIDIA's management library tells of GPUs, where the package ``nvidia-ml-py`` and a driver are there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Gpu:
    """One GPU at one moment; what it does not tell is None."""

    name: str
    """As the driver names it."""

    compute_capability: str | None
    """As ``8.7``."""

    clock_mhz: int | None
    """Of its multiprocessors, now."""

    memory_clock_mhz: int | None
    """Now."""

    temperature: int | None
    """In degrees Celsius."""

    power_limit_watts: float | None
    """What it may draw."""

    mig: bool
    """Whether it is cut into instances."""

    processes: tuple[str, ...]
    """Other processes that compute or draw on it: their number and memory."""


class Nvml:
    """An open management library.

    Args:
        module: ``pynvml``, already initialised.
        process: number of this process, which is not counted among the others.
    """

    def __init__(self, module: Any, process: int | None = None) -> None:
        self._nvml = module
        self._process = os.getpid() if process is None else process

    def gpus(self) -> tuple[Gpu, ...]:
        """Every GPU, as it is now."""
        return tuple(self._gpu(number) for number in range(self.count()))

    def count(self) -> int:
        """How many GPUs there are."""
        return self._ask(lambda: int(self._nvml.nvmlDeviceGetCount())) or 0

    def number_of(self, bus_id: str) -> int | None:
        """Number of the GPU that is plugged in there; None: none is.

        Args:
            bus_id: as CUDA tells it, ``0000:65:00.0``.
        """
        nvml = self._nvml
        return self._ask(lambda: int(nvml.nvmlDeviceGetIndex(nvml.nvmlDeviceGetHandleByPciBusId(bus_id))))

    def joules(self, number: int) -> float | None:
        """Energy that a GPU has drawn since its driver was loaded; None before Volta.

        Args:
            number: as this library counts; see ``computing_gpu``.
        """
        return self._ask(lambda: self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle(number)) / 1e3)

    def _gpu(self, number: int) -> Gpu:
        nvml, handle = self._nvml, self._handle(number)
        capability = self._ask(lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle))
        mode = self._ask(lambda: nvml.nvmlDeviceGetMigMode(handle))
        return Gpu(
            name=self._ask(lambda: _text(nvml.nvmlDeviceGetName(handle))) or f"GPU {number}",
            compute_capability=None if capability is None else f"{capability[0]}.{capability[1]}",
            clock_mhz=self._ask(lambda: int(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))),
            memory_clock_mhz=self._ask(lambda: int(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM))),
            temperature=self._ask(lambda: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
            power_limit_watts=self._ask(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3),
            mig=bool(mode and mode[0]),
            processes=self._processes(handle),
        )

    def _processes(self, handle: Any) -> tuple[str, ...]:
        nvml = self._nvml
        computing = self._ask(lambda: list(nvml.nvmlDeviceGetComputeRunningProcesses(handle))) or []
        drawing = self._ask(lambda: list(nvml.nvmlDeviceGetGraphicsRunningProcesses(handle))) or []
        others = {each.pid: each for each in (*computing, *drawing) if each.pid != self._process}
        return tuple(f"process {pid}, {(others[pid].usedGpuMemory or 0) >> 20} MiB" for pid in sorted(others))

    def _handle(self, number: int) -> Any:
        return self._nvml.nvmlDeviceGetHandleByIndex(number)

    def _ask(self, question: Callable[[], _Value]) -> _Value | None:
        """The answer; None where this GPU has none."""
        try:
            return question()
        except self._nvml.NVMLError:
            return None


def open_nvml(load: Callable[[str], Any] = import_module) -> Nvml | None:
    """The management library; None where its package or the driver is absent: then nothing is told of GPUs.

    Args:
        load: imports the module ``pynvml``.
    """
    try:
        module = load("pynvml")
    except ImportError:
        return None
    try:
        module.nvmlInit()
    except module.NVMLError:
        return None
    return Nvml(module)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
