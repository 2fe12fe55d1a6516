"""A stand-in for ``pycuda.driver`` and for the calls of the driver's library beside it, on top of ``FakeCuda``.

What it knows of pycuda 2026.1, from its documentation and sources: contexts lie on a stack for each thread, and the process
is aborted when a thread ends before its stack is empty; objects need a context on that stack, and are destroyed with their
last reference, silently not at all where another context is current; a copy takes an array or a buffer for the host's side;
errors are classes, and carry a message but no code.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from types import SimpleNamespace

import numpy as np

from doubles.cuda import FakeCuda
from edgelpr.errors import DeviceError

_HANDLE = 0xC0DE


class Error(Exception):
    """``pycuda.driver.Error``."""


class MemoryError(Error):
    """Out of memory."""


class LogicError(Error):
    """Most other codes."""


class Contexts:
    """pycuda's stacks and the driver's, one of each a thread.

    Args:
        fake: the device behind them.
    """

    def __init__(self, fake: FakeCuda) -> None:
        self.fake = fake
        self.pushed: dict[int, list[Context]] = defaultdict(list)
        """pycuda's, by thread; each must be empty when its thread ends."""
        self._driver: dict[int, list[int]] = defaultdict(list)
        self.retained = 0
        """How often the primary context is retained."""
        fake.deactivate()

    @property
    def here(self) -> list[Context]:
        """pycuda's stack of this thread."""
        return self.pushed[threading.get_ident()]

    def current(self) -> int | None:
        """The driver's current context."""
        stack = self._driver[threading.get_ident()]
        return stack[-1] if stack else None

    def change(self, push: int | None = None, pop: bool = False) -> None:
        """Change the driver's stack."""
        stack = self._driver[threading.get_ident()]
        if pop and stack:
            stack.pop()
        if push is not None:
            stack.append(push)
        (self.fake.activate if self.current() == _HANDLE and not self.fake.closed else self.fake.deactivate)()


class Library:
    """The driver's library as ctypes sees it.

    Args:
        contexts: where the current one is kept.
    """

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts

    def cuCtxGetCurrent(self, pointer):  # noqa: N802
        pointer._obj.value = self._contexts.current()
        return 0

    def cuCtxPopCurrent_v2(self, pointer):  # noqa: N802
        pointer._obj.value = self._contexts.current()
        self._contexts.change(pop=True)
        return 0

    def cuDeviceGet(self, device, ordinal):  # noqa: N802
        device._obj.value = ordinal
        return 0

    def cuDevicePrimaryCtxGetState(self, device, flags, active):  # noqa: N802
        active._obj.value = int(self._contexts.retained > 0)
        return 0

    def cuCtxSetCurrent(self, handle):  # noqa: N802
        self._contexts.change(push=handle and handle.value, pop=True)
        return 0


class Context:
    """A primary context that was retained.

    Args:
        contexts: the stacks.
    """

    def __init__(self, contexts: Contexts) -> None:
        self._contexts, self._valid = contexts, True
        contexts.retained += 1

    def push(self) -> None:
        assert self._valid, "a dead context is pushed"
        if self._contexts.here:
            self._contexts.change(pop=True)
        self._contexts.change(push=_HANDLE)
        self._contexts.here.append(self)

    def detach(self) -> None:
        assert self._valid, "a context is detached twice"
        assert self._contexts.here and self._contexts.here[-1] is self, "detached elsewhere, a context is not released"
        self._valid = False
        self._contexts.retained -= 1
        if not self._contexts.retained:
            self._contexts.fake.close()
        self._contexts.here.pop()


class Owned:
    """Something that is destroyed with its last reference, where its context is current.

    Args:
        module: whose contexts count.
        made: what the device gave.
        destroy: gives it back.
    """

    def __init__(self, module: FakePyCuda, made, destroy) -> None:
        self._module, self._made, self._destroy, self._valid = module, made, destroy, True

    def free(self) -> None:
        assert self._valid, "freed twice"
        assert self._module.contexts.here, "freed where its context is not current"
        self._valid = False
        self._destroy(self._made)

    def __del__(self) -> None:
        if self._valid and self._module.contexts.here:
            self.free()


class DeviceAllocation(Owned):
    """Device memory."""

    def __int__(self) -> int:
        return self._made


class PagelockedHostAllocation(Owned):
    """Page-locked memory, the ``base`` of its array."""

    @property
    def __array_interface__(self):
        return self._made.array.__array_interface__

    def get_device_pointer(self) -> int:
        return self._made.device_address


class Stream(Owned):
    """``pycuda.driver.Stream``."""

    @property
    def handle(self) -> int:
        return self._made

    def synchronize(self) -> None:
        self._module.call("synchronise", self._made)

    def wait_for_event(self, event: Event) -> None:
        self._module.call("wait", self._made, event._made)


class Event(Owned):
    """``pycuda.driver.Event``."""

    def record(self, stream: Stream) -> Event:
        self._module.call("record", self._made, stream._made)
        return self

    def synchronize(self) -> Event:
        self._module.call("elapsed_ms", self._made, self._made)
        return self

    def time_till(self, end: Event) -> float:
        return self._module.call("elapsed_ms", self._made, end._made)


class FakePyCuda:
    """The module; ``contexts`` and ``library`` are for the test.

    Args:
        fake: the device behind it; no context is current until one is set.
    """

    Error, MemoryError, LogicError = Error, MemoryError, LogicError
    host_alloc_flags = SimpleNamespace(DEVICEMAP=2)

    def __init__(self, fake: FakeCuda) -> None:
        self._fake, self.contexts = fake, Contexts(fake)
        self.library = Library(self.contexts)
        self.Context = SimpleNamespace(pop=self._pop)
        self._initialised = False

    def init(self, flags: int = 0) -> None:
        self._initialised = True

    def Device(self, index: int):  # noqa: N802 - the real name
        assert self._initialised, "init() is missing"
        return SimpleNamespace(retain_primary_context=lambda: Context(self.contexts))

    def Stream(self, flags: int = 0) -> Stream:  # noqa: N802
        assert flags == 1, "a stream that waits for the default stream"
        return Stream(self, self.call("create_stream"), self._fake.destroy_stream)

    def Event(self, flags: int = 0) -> Event:  # noqa: N802
        return Event(self, self.call("create_event"), self._fake.destroy_event)

    def mem_get_info(self) -> tuple[int, int]:
        return self.call("memory")

    def mem_alloc(self, size: int) -> DeviceAllocation:
        return DeviceAllocation(self, self.call("allocate", size), self._fake.free)

    def pagelocked_empty(self, shape, dtype, order="C", mem_flags=0) -> np.ndarray:
        assert dtype is np.uint8, "this stand-in knows bytes only"
        made = self.call("allocate_pinned", shape, mem_flags == self.host_alloc_flags.DEVICEMAP)
        return np.asarray(PagelockedHostAllocation(self, made, self._fake.free_pinned))

    def memcpy_htod_async(self, dest, src, stream=None) -> None:
        self.call("copy_in", dest, src.ctypes.data, src.nbytes, stream._made)

    def memcpy_dtoh_async(self, dest, src, stream=None) -> None:
        self.call("copy_out", dest.ctypes.data, src, dest.nbytes, stream._made)

    def call(self, name: str, *arguments):
        """A call of the driver, for which a context must be on pycuda's stack."""
        if not self.contexts.here:
            raise LogicError("explicit_context_dependent failed: invalid device context - no currently active context?")
        try:
            return getattr(self._fake, name)(*arguments)
        except DeviceError as error:
            full = "out of memory" in str(error)
            raise MemoryError("cuMemAlloc failed: out of memory") if full else LogicError(f"{name} failed") from None

    def _pop(self) -> None:
        self.contexts.here.pop()
        self.contexts.change(pop=True)
        if self.contexts.here:
            self.contexts.change(push=_HANDLE)
