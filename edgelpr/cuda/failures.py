"""What the driver's refusals mean, in words, and what to do about each.

Codes, names and meanings: CUDA Driver API, enumeration ``CUresult``. The remedies are ours.
"""

from __future__ import annotations

from edgelpr.cuda.facts import cuda_version
from edgelpr.errors import DeviceError

OUT_OF_MEMORY, NOT_INITIALISED = 2, 3
_AFRESH = "the context is lost: end this process and start again; if it comes back, see the kernel's log for NVRM or Xid"
_REBOOT = "reboot, so that the kernel's driver and its library are of one version"

MEANINGS: dict[int, tuple[str, str, str]] = {
    1: ("CUDA_ERROR_INVALID_VALUE", "an argument is out of range", "this is a mistake in edgelpr: report it"),
    OUT_OF_MEMORY: (
        "CUDA_ERROR_OUT_OF_MEMORY",
        "out of device memory",
        "close other programs that use the GPU, or read smaller batches",
    ),
    NOT_INITIALISED: (
        "CUDA_ERROR_NOT_INITIALIZED",
        "CUDA is not initialised, which in a forked process cannot be mended",
        "start processes with multiprocessing's 'spawn', and open the device in the process that uses it",
    ),
    4: ("CUDA_ERROR_DEINITIALIZED", "the driver is shutting down with the process", "close the recogniser before the end"),
    34: (
        "CUDA_ERROR_STUB_LIBRARY",
        "the CUDA toolkit's stub was loaded in place of the driver's library",
        "take the toolkit's folder 'stubs' out of LD_LIBRARY_PATH",
    ),
    36: ("CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER", "the driver is too old for this call", "install a newer driver"),
    46: (
        "CUDA_ERROR_DEVICE_UNAVAILABLE",
        "another process holds the GPU for itself",
        "end that process, or set the compute mode with 'nvidia-smi -c 0'",
    ),
    100: (
        "CUDA_ERROR_NO_DEVICE",
        "the driver sees no GPU that can run CUDA",
        "check CUDA_VISIBLE_DEVICES, and that a container was started with '--runtime nvidia' or '--gpus all'",
    ),
    101: ("CUDA_ERROR_INVALID_DEVICE", "there is no GPU with this number", "choose one that 'edgelpr doctor' lists"),
    201: (
        "CUDA_ERROR_INVALID_CONTEXT",
        "no context is current in this thread, or it was destroyed",
        "call activate() in each thread that uses the device",
    ),
    214: ("CUDA_ERROR_ECC_UNCORRECTABLE", "the GPU's memory had an error that could not be corrected", _AFRESH),
    227: ("CUDA_ERROR_INSUFFICIENT_LOADER_VERSION", "the driver is too old for this call", "install a newer driver"),
    304: (
        "CUDA_ERROR_OPERATING_SYSTEM",
        "a call to the operating system failed",
        "check that you may use /dev/nvidia* (on Jetson /dev/nvhost* and /dev/nvmap), and lock memory ('ulimit -l')",
    ),
    700: ("CUDA_ERROR_ILLEGAL_ADDRESS", "the GPU touched memory that is not there", _AFRESH),
    702: ("CUDA_ERROR_LAUNCH_TIMEOUT", "work took longer than the display driver allows", _AFRESH),
    719: ("CUDA_ERROR_LAUNCH_FAILED", "work on the GPU failed", _AFRESH),
    802: (
        "CUDA_ERROR_SYSTEM_NOT_READY",
        "the machine is not ready for CUDA yet",
        "wait for the driver's services; on NVSwitch machines start nvidia-fabricmanager",
    ),
    803: ("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "the kernel's driver and its library differ in version", _REBOOT),
    804: (
        "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
        "a CUDA compatibility package is installed, which this GPU does not support",
        "take its folder 'compat' out of the library path, or install a newer driver",
    ),
    900: (
        "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
        "a call that a graph cannot hold, while one is recorded",
        "this is a mistake in edgelpr: report it",
    ),
    999: (
        "CUDA_ERROR_UNKNOWN",
        "the driver does not say what failed",
        "check that you may use the device (on Jetson: group video), and reboot after an update or a suspend",
    ),
}
"""Code: the driver's name, what it means, what to do. Any other code is given by its number and the driver's own words."""


def in_words(code: int, name: str | None = None, meaning: str | None = None) -> str:
    """A driver's code as ``meaning (NAME, CUDA error code); remedy``.

    Args:
        code: what the driver returned.
        name: as the driver names it, used for codes that are not in ``MEANINGS``.
        meaning: the driver's own words, used likewise.
    """
    unknown = (name or "unnamed", meaning or "the driver refused", "see 'edgelpr doctor'")
    known_name, known_meaning, remedy = MEANINGS.get(code, unknown)
    return f"{known_meaning} ({known_name}, CUDA error {code}); {remedy}"


def out_of_memory(size: int, kind: str, free: int, total: int) -> DeviceError:
    """For an allocation that failed.

    Args:
        size: bytes that were asked for.
        kind: of memory, for example ``device``.
        free: bytes free on the device.
        total: bytes of the device.
    """
    return DeviceError(
        f"out of memory: {_mib(size)} of {kind} memory were asked for, {_mib(free)} of {_mib(total)} are free. "
        "Close other programs that use the GPU, or read smaller batches"
    )


def too_old(found: int, least: int, needed_by: str) -> DeviceError:
    """For a driver older than something needs.

    Args:
        found: the driver's version, 12060 for CUDA 12.6.
        least: the version that is needed.
        needed_by: what needs it.
    """
    return DeviceError(
        f"the NVIDIA driver knows CUDA {cuda_version(found)}; {needed_by} needs CUDA {cuda_version(least)} or later. "
        "Install a newer driver; on Jetson it comes with a newer JetPack"
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
