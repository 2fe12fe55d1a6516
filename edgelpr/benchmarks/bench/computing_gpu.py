"""Which GPU of the management library is the one that computes: it counts all of them by their slots, CUDA the fastest first
and only those that ``CUDA_VISIBLE_DEVICES`` shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgelpr.benchmarks.bench.nvml import Nvml
from edgelpr.cuda.probing import Probe, probe


@dataclass(frozen=True)
class ComputingGpu:
    """Where the management library finds it."""

    number: int
    """As the library counts."""

    remark: str | None = None
    """For the result, where it had to be taken on trust."""


def find_gpu(nvml: Nvml, number: int, ask: Callable[[], Probe] = probe) -> ComputingGpu:
    """Find a GPU by where it is plugged in. A part of a GPU (MIG) is found as the whole.

    Args:
        nvml: the management library.
        number: of the GPU as CUDA counts.
        ask: for the GPUs that CUDA shows this process.
    """
    devices = ask().devices
    bus_id = devices[number].pci_bus_id if 0 <= number < len(devices) else None
    found = None if bus_id is None else nvml.number_of(bus_id)
    if found is not None:
        return ComputingGpu(found)
    if nvml.count() == 1:
        return ComputingGpu(0)
    return ComputingGpu(
        number,
        f"energy is of GPU {number} as NVIDIA's management library counts them: where CUDA's GPU {number} is plugged in is not "
        "known, so that it may be another",
    )
