"""What is known of a GPU before anything runs on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceFacts:
    """One GPU, as its driver describes it."""

    index: int
    """Number among the devices that the driver shows this process; ``CUDA_VISIBLE_DEVICES`` changes it."""
    name: str
    """As the driver gives it, for example ``Orin`` or ``NVIDIA GeForce RTX 4090``."""
    compute_capability: tuple[int, int]
    """Major and minor, for example (8, 7)."""
    total_bytes: int
    """Memory of the device; on an integrated GPU the machine's own memory, which the CPU uses too."""
    integrated: bool
    """Whether the GPU shares its memory with the CPU, as on Jetson: a copy between them is then wasted."""
    driver_version: int
    """Newest CUDA that the driver knows: 12060 is CUDA 12.6."""
    multiprocessors: int | None = None
    """How many it computes with; it tells boards apart that share a name, as every Orin does. None: nobody said."""
    pci_bus_id: str | None = None
    """Where it is plugged in, as ``0000:65:00.0``: NVIDIA's management library knows it by the same name, while its numbers are
    others. None: the driver does not tell."""

    @property
    def sm(self) -> str:
        """Compute capability as compilers write it: ``sm87``."""
        major, minor = self.compute_capability
        return f"sm{major}{minor}"


def cuda_version(driver_version: int) -> str:
    """A driver's version as people write it: 12060 is ``12.6``."""
    return f"{driver_version // 1000}.{driver_version % 1000 // 10}"
