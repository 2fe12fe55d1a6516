"""The CUDA device by NVIDIA's own package, cuda-bindings: ``cuda.bindings.driver``, 12.8 or later.

Its functions carry the names of the CUDA Driver API and return the code first; only such are called as have the same
arguments in the releases for CUDA 12 and 13.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from edgelpr.cuda.facts import DeviceFacts, cuda_version
from edgelpr.cuda.failures import OUT_OF_MEMORY, in_words, out_of_memory
from edgelpr.cuda.interface import Pinned
from edgelpr.cuda.lifetime import Lifetime
from edgelpr.errors import DeviceError, in_one_line
from edgelpr.types import CudaBindings


class CudaBindingsDevice:
    """A ``CudaDevice`` by cuda-bindings; what the methods promise stands in ``edgelpr.cuda.interface``.

    Args:
        driver: the module ``cuda.bindings.driver``.
        facts: of the device, from the probe.
    """

    def __init__(self, driver: Any, facts: DeviceFacts) -> None:
        self._driver, self._facts = driver, facts
        self._lifetime = Lifetime(f"the CUDA device {facts.index} ({facts.name})")
        self._call(driver.cuInit, 0)
        self._device = self._call(driver.cuDeviceGet, facts.index)
        self._context = self._call(driver.cuDevicePrimaryCtxRetain, self._device)
        self.activate()

    @property
    def facts(self) -> DeviceFacts:
        return self._facts

    @property
    def bindings(self) -> CudaBindings:
        return "cuda-bindings"

    @property
    def has_graphs(self) -> bool:
        return True

    def activate(self) -> None:
        self._call(self._driver.cuCtxSetCurrent, self._context)

    def memory(self) -> tuple[int, int]:
        free, total = self._call(self._driver.cuMemGetInfo)
        return int(free), int(total)

    def allocate(self, size: int) -> int:
        return int(self._allocate("device", size, self._driver.cuMemAlloc, size))

    def free(self, address: int) -> None:
        self._call(self._driver.cuMemFree, address)

    def allocate_pinned(self, size: int, mapped: bool = False) -> Pinned:
        flags = self._driver.CU_MEMHOSTALLOC_DEVICEMAP if mapped else 0
        address = int(self._allocate("page-locked", size, self._driver.cuMemHostAlloc, size, flags))
        array = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
        if not mapped:
            return Pinned(address, None, array)
        try:
            return Pinned(address, int(self._call(self._driver.cuMemHostGetDevicePointer, address, 0)), array)
        except DeviceError:
            self._call(self._driver.cuMemFreeHost, address)
            raise

    def free_pinned(self, pinned: Pinned) -> None:
        self._call(self._driver.cuMemFreeHost, pinned.address)

    def create_stream(self) -> int:
        return int(self._call(self._driver.cuStreamCreate, self._driver.CUstream_flags.CU_STREAM_NON_BLOCKING.value))

    def destroy_stream(self, stream: int) -> None:
        self._call(self._driver.cuStreamDestroy, stream)

    def copy_in(self, target: int, source: int, size: int, stream: int) -> None:
        self._call(self._driver.cuMemcpyHtoDAsync, target, source, size, stream)

    def copy_out(self, target: int, source: int, size: int, stream: int) -> None:
        self._call(self._driver.cuMemcpyDtoHAsync, target, source, size, stream)

    def synchronise(self, stream: int) -> None:
        self._call(self._driver.cuStreamSynchronize, stream)

    def create_event(self) -> int:
        return int(self._call(self._driver.cuEventCreate, self._driver.CUevent_flags.CU_EVENT_DEFAULT.value))

    def destroy_event(self, event: int) -> None:
        self._call(self._driver.cuEventDestroy, event)

    def record(self, event: int, stream: int) -> None:
        self._call(self._driver.cuEventRecord, event, stream)

    def wait(self, stream: int, event: int) -> None:
        self._call(self._driver.cuStreamWaitEvent, stream, event, 0)

    def elapsed_ms(self, start: int, end: int) -> float:
        for event in (start, end):
            self._call(self._driver.cuEventSynchronize, event)
        return float(self._call(self._driver.cuEventElapsedTime, start, end))

    def begin_capture(self, stream: int) -> None:
        # Of this thread only: otherwise an allocation in any other thread would spoil the capture.
        mode = self._driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call(self._driver.cuStreamBeginCapture, stream, mode)

    def end_capture(self, stream: int) -> int:
        captured = self._call(self._driver.cuStreamEndCapture, stream)
        try:
            return int(self._call(self._driver.cuGraphInstantiate, captured, 0))
        finally:
            self._call(self._driver.cuGraphDestroy, captured)

    def launch(self, graph: int, stream: int) -> None:
        self._call(self._driver.cuGraphLaunch, graph, stream)

    def destroy_graph(self, graph: int) -> None:
        self._call(self._driver.cuGraphExecDestroy, graph)

    def close(self) -> None:
        if not self._lifetime.end():
            return
        self._checked(self._driver.cuDevicePrimaryCtxRelease, self._device)
        _, retained_by_others = self._checked(self._driver.cuDevicePrimaryCtxGetState, self._device)
        # A context that is gone must not stay current, or the next CUDA library in this thread stumbles over it.
        if not retained_by_others and int(self._checked(self._driver.cuCtxGetCurrent)) == int(self._context):
            self._checked(self._driver.cuCtxSetCurrent, 0)

    def _allocate(self, kind: str, size: int, function: Callable[..., Any], *arguments: Any) -> Any:
        code, values = self._try(function, *arguments)
        if code == OUT_OF_MEMORY:
            raise out_of_memory(size, kind, *self.memory())
        return self._value(code, values)

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._value(*self._try(function, *arguments))

    def _checked(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """A call that closing makes, when the device no longer counts as open."""
        return self._value(*self._run(function, *arguments))

    def _try(self, function: Callable[..., Any], *arguments: Any) -> tuple[int, tuple[Any, ...]]:
        self._lifetime.check()
        return self._run(function, *arguments)

    def _run(self, function: Callable[..., Any], *arguments: Any) -> tuple[int, tuple[Any, ...]]:
        try:
            code, *values = function(*arguments)
        except RuntimeError as error:  # what cuda-bindings raises for a call that the driver lacks
            version = self._facts.driver_version
            raise DeviceError(
                f"cuda-bindings does not fit the NVIDIA driver, which knows CUDA {cuda_version(version)} "
                f"({in_one_line(error)}); run: pip install 'cuda-bindings<{version // 1000 + 1}'"
            ) from error
        except ValueError as error:  # likewise, for a code that its enumeration lacks
            raise DeviceError(
                f"the driver refused with a code that cuda-bindings does not know ({in_one_line(error)})"
            ) from error
        return int(code), tuple(values)

    def _value(self, code: int, values: tuple[Any, ...]) -> Any:
        """None, the one value, or all of them."""
        if code != 0:
            raise DeviceError(self._describe(code))
        return values if len(values) > 1 else next(iter(values), None)

    def _describe(self, code: int) -> str:
        result = self._driver.CUresult(code)
        texts = [call(result)[1] for call in (self._driver.cuGetErrorName, self._driver.cuGetErrorString)]
        return in_words(code, *(text.decode("ascii", "replace") if isinstance(text, bytes) else None for text in texts))
