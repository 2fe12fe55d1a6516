"""Whether an NVIDIA driver answers here, asked of its library directly: no Python package is needed.

Everything that touches CUDA or TensorRT asks here first, since some of those libraries end the process where no driver is.
Calls and attributes: CUDA Driver API, "Initialization", "Version Management" and "Device Management".
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from dataclasses import dataclass
from typing import Any

from edgelpr.cuda.facts import DeviceFacts, cuda_version
from edgelpr.cuda.failures import NOT_INITIALISED, in_words, too_old
from edgelpr.errors import DeviceError, in_one_line

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
"""The driver's library; it comes with the driver, never with the CUDA toolkit."""
_MULTIPROCESSORS, _INTEGRATED, _MAJOR, _MINOR = 16, 18, 75, 76
_LONGEST_NAME = 256
_INSTALL = (
    "install the driver (a Jetson brings it with JetPack), or start the container with the NVIDIA runtime "
    "('--runtime nvidia' or '--gpus all')"
)


@dataclass(frozen=True)
class Probe:
    """What the driver answered."""

    library: str | None = None
    """Name of the library that was loaded; None: there is none, or it cannot be loaded."""
    code: int | None = None
    """What the driver's initialisation returned, 0 for success; None: it was not reached."""
    driver_version: int | None = None
    """Newest CUDA that the driver knows: 12060 is CUDA 12.6."""
    devices: tuple[DeviceFacts, ...] = ()
    """GPUs that this process may use, by number."""
    problem: str | None = None
    """Why no GPU can be used, and what to do; None: all is well."""


_answered: list[tuple[int, Probe]] = []


def probe() -> Probe:
    """Ask the driver for its version and devices; never raises.

    The first success is kept, since devices do not change while a process runs; a failure is asked for again. Success
    initialises CUDA in this process, and a process that is forked from it afterwards cannot use CUDA: there the answer is a
    probe with that problem. The driver itself heeds ``CUDA_VISIBLE_DEVICES``, as it was at the first call.
    """
    if _answered:
        process, answer = _answered[0]
        return answer if process == os.getpid() else _after_fork(answer)
    answer = probe_library()
    if answer.code == 0:
        _answered.append((os.getpid(), answer))
    return answer


def require_driver(least: int | None = None, needed_by: str = "edgelpr") -> Probe:
    """A probe without a problem.

    Args:
        least: oldest CUDA that the driver must know, for example 12060; None: any.
        needed_by: what needs it, for the message.

    Raises:
        DeviceError: no driver, no device, a driver that does not start or is too old, or a forked process.
    """
    answer = probe()
    if answer.problem is not None:
        raise DeviceError(answer.problem)
    if least is not None and (answer.driver_version or 0) < least:
        raise too_old(answer.driver_version or 0, least, needed_by)
    return answer


def device_of(probe: Probe, index: int) -> DeviceFacts:
    """The GPU of a number, of those that the driver shows.

    Raises:
        DeviceError: no such GPU.
    """
    if not 0 <= index < len(probe.devices):
        there = ", ".join(f"{device.index} ({device.name})" for device in probe.devices)
        raise DeviceError(f"there is no GPU number {index}; the driver shows {there}. CUDA_VISIBLE_DEVICES may hide others")
    return probe.devices[index]


def load_driver() -> Any:
    """The driver's library.

    Raises:
        OSError: there is none, or it cannot be loaded.
    """
    return ctypes.CDLL(LIBRARY)


def probe_library() -> Probe:
    """As ``probe``, but the driver is asked each time, and what went before is not remembered."""
    try:
        library = load_driver()
    except OSError as error:
        return Probe(problem=_not_loaded(error))
    try:
        return _ask(library)
    except AttributeError as error:
        return Probe(LIBRARY, problem=f"{LIBRARY} is not NVIDIA's: it lacks a call ({in_one_line(error)}); {_INSTALL}")


def _ask(library: Any) -> Probe:
    version = ctypes.c_int()
    known = library.cuDriverGetVersion(ctypes.byref(version)) == 0 and version.value > 0
    driver_version = version.value if known else None
    code = int(library.cuInit(0))
    if code == 0:
        code, devices = _devices(library, version.value)
        if code == 0 and devices:
            return Probe(LIBRARY, 0, driver_version, devices)
    driver = f"the NVIDIA driver (CUDA {cuda_version(driver_version)})" if driver_version else "the NVIDIA driver"
    return Probe(LIBRARY, code or 100, driver_version, problem=f"{driver} cannot be used: {in_words(code or 100)}")


def _devices(library: Any, driver_version: int) -> tuple[int, tuple[DeviceFacts, ...]]:
    """The first code that is not 0, and the devices asked before it."""
    count, devices = ctypes.c_int(), []
    code = int(library.cuDeviceGetCount(ctypes.byref(count)))
    for index in range(count.value if code == 0 else 0):
        code, device = _device(library, index, driver_version)
        if device is None:
            break
        devices.append(device)
    return code, tuple(devices)


def _device(library: Any, index: int, driver_version: int) -> tuple[int, DeviceFacts | None]:
    handle, total, name = ctypes.c_int(), ctypes.c_size_t(), ctypes.create_string_buffer(_LONGEST_NAME)
    values = {attribute: ctypes.c_int() for attribute in (_MULTIPROCESSORS, _INTEGRATED, _MAJOR, _MINOR)}
    code = int(library.cuDeviceGet(ctypes.byref(handle), index))
    code = code or int(library.cuDeviceGetName(name, _LONGEST_NAME, handle))
    code = code or int(library.cuDeviceTotalMem_v2(ctypes.byref(total), handle))
    for attribute, value in values.items():
        code = code or int(library.cuDeviceGetAttribute(ctypes.byref(value), attribute, handle))
    if code:
        return code, None
    capability = (values[_MAJOR].value, values[_MINOR].value)
    text = name.value.decode("utf-8", "replace")
    integrated, multiprocessors = bool(values[_INTEGRATED].value), values[_MULTIPROCESSORS].value or None
    bus_id = _bus_id(library, handle)
    return 0, DeviceFacts(index, text, capability, total.value, integrated, driver_version, multiprocessors, bus_id)


def _bus_id(library: Any, handle: ctypes.c_int) -> str | None:
    """None where the driver does not tell: a GPU computes just as well without."""
    text, call = ctypes.create_string_buffer(_LONGEST_NAME), getattr(library, "cuDeviceGetPCIBusId", None)
    if call is None or int(call(text, _LONGEST_NAME, handle)) != 0:
        return None
    return text.value.decode("ascii", "replace") or None


def _after_fork(answer: Probe) -> Probe:
    return Probe(answer.library, NOT_INITIALISED, answer.driver_version, problem=in_words(NOT_INITIALISED))


def _not_loaded(error: OSError) -> str:
    """An absent library and a broken one have different remedies."""
    text = in_one_line(error)
    if isinstance(error, FileNotFoundError) or "No such file" in text:
        return f"there is no NVIDIA driver: {LIBRARY} was not found; {_INSTALL}"
    return (
        f"{LIBRARY} is there but cannot be loaded ({text}). In a container an empty file stands in for it until it is started "
        f"with the NVIDIA runtime; elsewhere install the driver for {platform.machine()} again"
    )
