"""The CUDA device by pycuda: ``pycuda.driver``, 2022.2 or later, which has no CUDA graphs.

pycuda keeps a stack of contexts for each thread, and ends the process when a thread ends before its stack is empty. So the
context is pushed for one call at a time and popped at once; between calls the driver's own idea of the current context,
which TensorRT goes by, is set past pycuda. In a thread where the program itself keeps a context of pycuda pushed, pycuda
puts that one back after each call: pop it first.

Unverified: pycuda cannot be imported without a driver, so this is tested against a stand-in for its API only.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from edgelpr.cuda.facts import DeviceFacts
from edgelpr.cuda.failures import in_words, out_of_memory
from edgelpr.cuda.interface import Pinned
from edgelpr.cuda.lifetime import Lifetime
from edgelpr.errors import DeviceError, in_one_line
from edgelpr.types import CudaBindings

_NON_BLOCKING = 1


class PyCudaDevice:
    """A ``CudaDevice`` by pycuda; what the methods promise stands in ``edgelpr.cuda.interface``.

    Args:
        module: the module ``pycuda.driver``.
        library: the driver's library by ctypes, for a thread's context.
        facts: of the device, from the probe.
    """

    def __init__(self, module: Any, library: Any, facts: DeviceFacts) -> None:
        self._module, self._library, self._facts = module, library, facts
        self._lifetime = Lifetime(f"the CUDA device {facts.index} ({facts.name})")
        self._memory: dict[int, Any] = {}
        self._pinned: dict[int, NDArray[np.uint8]] = {}
        self._streams: dict[int, Any] = {}
        self._events: dict[int, Any] = {}
        with self._translated():
            module.init()
            self._context = module.Device(facts.index).retain_primary_context()
        with self._current():
            self._handle = ctypes.c_void_p(self._current_handle())
        self.activate()

    @property
    def facts(self) -> DeviceFacts:
        return self._facts

    @property
    def bindings(self) -> CudaBindings:
        return "pycuda"

    @property
    def has_graphs(self) -> bool:
        return False

    def activate(self) -> None:
        self._lifetime.check()
        code = self._library.cuCtxSetCurrent(self._handle)
        if code != 0:
            raise DeviceError(in_words(code))

    def memory(self) -> tuple[int, int]:
        with self._current():
            free, total = self._module.mem_get_info()
        return int(free), int(total)

    def allocate(self, size: int) -> int:
        with self._current(size, "device"):
            allocation = self._module.mem_alloc(size)
        self._memory[int(allocation)] = allocation
        return int(allocation)

    def free(self, address: int) -> None:
        with self._current():
            _known(self._memory, address, "device memory").free()
        del self._memory[address]

    def allocate_pinned(self, size: int, mapped: bool = False) -> Pinned:
        flags = self._module.host_alloc_flags.DEVICEMAP if mapped else 0
        with self._current(size, "page-locked"):
            array = self._module.pagelocked_empty(size, np.uint8, mem_flags=flags)
            device_address = int(array.base.get_device_pointer()) if mapped else None
        address = array.ctypes.data
        self._pinned[address] = array
        return Pinned(address, device_address, array)

    def free_pinned(self, pinned: Pinned) -> None:
        with self._current():
            _known(self._pinned, pinned.address, "page-locked memory").base.free()
        del self._pinned[pinned.address]

    def create_stream(self) -> int:
        with self._current():
            stream = self._module.Stream(_NON_BLOCKING)
        self._streams[stream.handle] = stream
        return int(stream.handle)

    def destroy_stream(self, stream: int) -> None:
        with self._current():
            _known(self._streams, stream, "stream")
            del self._streams[stream]  # pycuda destroys a stream with its last reference

    def copy_in(self, target: int, source: int, size: int, stream: int) -> None:
        with self._current():
            self._module.memcpy_htod_async(target, self._host(source, size), _known(self._streams, stream, "stream"))

    def copy_out(self, target: int, source: int, size: int, stream: int) -> None:
        with self._current():
            self._module.memcpy_dtoh_async(self._host(target, size), source, _known(self._streams, stream, "stream"))

    def synchronise(self, stream: int) -> None:
        with self._current():
            _known(self._streams, stream, "stream").synchronize()

    def create_event(self) -> int:
        with self._current():
            event = self._module.Event()
        # pycuda shows no handle of an event; the object's identity serves, since the table keeps it alive.
        self._events[id(event)] = event
        return id(event)

    def destroy_event(self, event: int) -> None:
        with self._current():
            _known(self._events, event, "event")
            del self._events[event]  # likewise

    def record(self, event: int, stream: int) -> None:
        with self._current():
            _known(self._events, event, "event").record(_known(self._streams, stream, "stream"))

    def wait(self, stream: int, event: int) -> None:
        with self._current():
            _known(self._streams, stream, "stream").wait_for_event(_known(self._events, event, "event"))

    def elapsed_ms(self, start: int, end: int) -> float:
        first, last = (_known(self._events, event, "event") for event in (start, end))
        with self._current():
            first.synchronize()
            last.synchronize()
            return float(first.time_till(last))

    def begin_capture(self, stream: int) -> None:
        self._refuse_graphs()

    def end_capture(self, stream: int) -> int:
        self._refuse_graphs()

    def launch(self, graph: int, stream: int) -> None:
        self._refuse_graphs()

    def destroy_graph(self, graph: int) -> None:
        self._refuse_graphs()

    def close(self) -> None:
        if not self._lifetime.end():
            return
        with self._translated():
            # Detaching releases the context in any thread where it is on top of pycuda's stack, and takes it from there.
            self._context.push()
            self._context.detach()
        # From the driver's stack it does not; unless pycuda has put a context of the program's own on top of it.
        if self._is_current():
            self._library.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
        # A context that is gone must not stay current, or the next CUDA library in this thread stumbles over it.
        if self._is_current() and not self._is_retained():
            self._library.cuCtxSetCurrent(None)

    def _is_current(self) -> bool:
        return self._current_handle() == self._handle.value

    def _is_retained(self) -> bool:
        """Whether something else in the process keeps the primary context."""
        device, flags, active = ctypes.c_int(), ctypes.c_uint(), ctypes.c_int()
        self._library.cuDeviceGet(ctypes.byref(device), self._facts.index)
        self._library.cuDevicePrimaryCtxGetState(device, ctypes.byref(flags), ctypes.byref(active))
        return bool(active.value)

    def _current_handle(self) -> int | None:
        handle = ctypes.c_void_p()
        self._library.cuCtxGetCurrent(ctypes.byref(handle))
        return handle.value

    def _refuse_graphs(self) -> NoReturn:
        self._lifetime.check()
        raise DeviceError("pycuda knows no CUDA graphs; run: pip install cuda-bindings")

    def _host(self, address: int, size: int) -> NDArray[np.uint8]:
        """The bytes at an address within page-locked memory; pycuda copies arrays, not addresses."""
        for start, array in self._pinned.items():
            if start <= address and address + size <= start + len(array):
                return array[address - start : address - start + size]
        raise DeviceError(f"{size} bytes at {address:#x} are not in page-locked memory of this device")

    @contextmanager
    def _current(self, size: int = 0, kind: str = "device") -> Iterator[None]:
        """The context on pycuda's stack; sizes are for the message when memory runs out."""
        self._lifetime.check()
        with self._translated(size, kind):
            self._context.push()
            try:
                yield
            finally:
                self._module.Context.pop()

    @contextmanager
    def _translated(self, size: int = 0, kind: str = "device") -> Iterator[None]:
        """pycuda's exceptions as ours; it tells kinds of failure apart by class and message, and gives no code."""
        try:
            yield
        except self._module.MemoryError as error:
            raise out_of_memory(size, kind, *self.memory()) from error
        except self._module.Error as error:
            raise DeviceError(f"{in_one_line(error)} (by pycuda); see 'edgelpr doctor'") from error


def _known(table: dict[int, Any], handle: int, kind: str) -> Any:
    if handle not in table:
        raise DeviceError(f"{handle:#x} is no {kind} of this device, or was given back")
    return table[handle]
