"""A stand-in for ``cuda.bindings.driver``: its functions, names and returned tuples, on top of ``FakeCuda``.

Only what edgelpr calls is here; a test compares every name and number of arguments with the real package.
"""

from __future__ import annotations

from enum import IntEnum

from doubles.cuda import FakeCuda
from edgelpr.errors import DeviceError

_CONTEXT, _DEVICE = 0xC0DE, 0


class CUresult(IntEnum):
    """Some of the codes."""

    CUDA_SUCCESS = 0
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_INVALID_CONTEXT = 201
    CUDA_ERROR_LAUNCH_FAILED = 719
    CUDA_ERROR_TIMEOUT = 909
    CUDA_ERROR_UNKNOWN = 999


class CUstream_flags(IntEnum):  # noqa: N801 - the real name
    """How a stream treats the default stream."""

    CU_STREAM_NON_BLOCKING = 1


class CUevent_flags(IntEnum):  # noqa: N801 - the real name
    """Kinds of events."""

    CU_EVENT_DEFAULT = 0


class CUstreamCaptureMode(IntEnum):
    """Whose calls a capture forbids."""

    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1


class FakeDriver:
    """The module.

    Args:
        fake: the device behind it; no context is current until one is set.
    """

    CU_MEMHOSTALLOC_DEVICEMAP = 2
    CUresult, CUstream_flags, CUevent_flags, CUstreamCaptureMode = CUresult, CUstream_flags, CUevent_flags, CUstreamCaptureMode

    def __init__(self, fake: FakeCuda) -> None:
        self.fake = fake
        self.retained = 0
        """How often the primary context is retained."""
        self.answers: dict[str, CUresult] = {}
        """Codes to return in place of doing the call, by its name."""
        self._pinned, self._graphs = {}, set()
        fake.deactivate()

    def cuInit(self, Flags):  # noqa: N802, N803
        return self._do("cuInit")

    def cuDeviceGet(self, ordinal):  # noqa: N802
        return self._do("cuDeviceGet", lambda: _DEVICE)

    def cuDevicePrimaryCtxRetain(self, dev):  # noqa: N802
        self.retained += 1
        return self._do("cuDevicePrimaryCtxRetain", lambda: _CONTEXT)

    def cuDevicePrimaryCtxRelease(self, dev):  # noqa: N802
        self.retained -= 1
        return self._do("cuDevicePrimaryCtxRelease", None if self.retained else self.fake.close)[:1]

    def cuDevicePrimaryCtxGetState(self, dev):  # noqa: N802
        return CUresult.CUDA_SUCCESS, 0, int(self.retained > 0)

    def cuCtxSetCurrent(self, ctx):  # noqa: N802
        return self._do("cuCtxSetCurrent", self.fake.activate if ctx else self.fake.deactivate)[:1]

    def cuCtxGetCurrent(self):  # noqa: N802
        return self._do("cuCtxGetCurrent", lambda: _CONTEXT if self.fake.is_current else 0)

    def cuMemGetInfo(self):  # noqa: N802
        code, values = self._do("cuMemGetInfo", self.fake.memory)
        return code, *(values or (0, 0))

    def cuMemAlloc(self, bytesize):  # noqa: N802
        return self._do("cuMemAlloc", lambda: self.fake.allocate(bytesize))

    def cuMemFree(self, dptr):  # noqa: N802
        return self._do("cuMemFree", lambda: self.fake.free(dptr))[:1]

    def cuMemHostAlloc(self, bytesize, Flags):  # noqa: N802, N803
        def allocate():
            pinned = self.fake.allocate_pinned(bytesize, Flags == self.CU_MEMHOSTALLOC_DEVICEMAP)
            self._pinned[pinned.address] = pinned
            return pinned.address

        return self._do("cuMemHostAlloc", allocate)

    def cuMemHostGetDevicePointer(self, p, Flags):  # noqa: N802, N803
        return self._do("cuMemHostGetDevicePointer", lambda: self._pinned[p].device_address)

    def cuMemFreeHost(self, p):  # noqa: N802
        return self._do("cuMemFreeHost", lambda: self.fake.free_pinned(self._pinned[p]))[:1]

    def cuStreamCreate(self, Flags):  # noqa: N802, N803
        assert Flags == CUstream_flags.CU_STREAM_NON_BLOCKING, "a stream that waits for the default stream"
        return self._do("cuStreamCreate", self.fake.create_stream)

    def cuStreamDestroy(self, hStream):  # noqa: N802, N803
        return self._do("cuStreamDestroy", lambda: self.fake.destroy_stream(hStream))[:1]

    def cuMemcpyHtoDAsync(self, dstDevice, srcHost, ByteCount, hStream):  # noqa: N802, N803
        return self._do("cuMemcpyHtoDAsync", lambda: self.fake.copy_in(dstDevice, srcHost, ByteCount, hStream))[:1]

    def cuMemcpyDtoHAsync(self, dstHost, srcDevice, ByteCount, hStream):  # noqa: N802, N803
        return self._do("cuMemcpyDtoHAsync", lambda: self.fake.copy_out(dstHost, srcDevice, ByteCount, hStream))[:1]

    def cuStreamSynchronize(self, hStream):  # noqa: N802, N803
        return self._do("cuStreamSynchronize", lambda: self.fake.synchronise(hStream))[:1]

    def cuEventCreate(self, Flags):  # noqa: N802, N803
        return self._do("cuEventCreate", self.fake.create_event)

    def cuEventDestroy(self, hEvent):  # noqa: N802, N803
        return self._do("cuEventDestroy", lambda: self.fake.destroy_event(hEvent))[:1]

    def cuEventRecord(self, hEvent, hStream):  # noqa: N802, N803
        return self._do("cuEventRecord", lambda: self.fake.record(hEvent, hStream))[:1]

    def cuStreamWaitEvent(self, hStream, hEvent, Flags):  # noqa: N802, N803
        return self._do("cuStreamWaitEvent", lambda: self.fake.wait(hStream, hEvent))[:1]

    def cuEventSynchronize(self, hEvent):  # noqa: N802, N803
        return self._do("cuEventSynchronize", lambda: self.fake.elapsed_ms(hEvent, hEvent))[:1]

    def cuEventElapsedTime(self, hStart, hEnd):  # noqa: N802, N803
        return self._do("cuEventElapsedTime", lambda: self.fake.elapsed_ms(hStart, hEnd))

    def cuStreamBeginCapture(self, hStream, mode):  # noqa: N802, N803
        assert isinstance(mode, CUstreamCaptureMode), "the real function takes no plain number here"
        return self._do("cuStreamBeginCapture", lambda: self.fake.begin_capture(hStream))[:1]

    def cuStreamEndCapture(self, hStream):  # noqa: N802, N803
        def end():
            graph = self.fake.end_capture(hStream)
            self._graphs.add(graph)
            return graph

        return self._do("cuStreamEndCapture", end)

    def cuGraphInstantiate(self, hGraph, flags):  # noqa: N802, N803
        assert hGraph in self._graphs, "a graph is made executable after it was destroyed"
        return self._do("cuGraphInstantiate", lambda: hGraph)

    def cuGraphDestroy(self, hGraph):  # noqa: N802, N803
        self._graphs.remove(hGraph)
        return self._do("cuGraphDestroy")

    def cuGraphLaunch(self, hGraphExec, hStream):  # noqa: N802, N803
        return self._do("cuGraphLaunch", lambda: self.fake.launch(hGraphExec, hStream))[:1]

    def cuGraphExecDestroy(self, hGraphExec):  # noqa: N802, N803
        return self._do("cuGraphExecDestroy", lambda: self.fake.destroy_graph(hGraphExec))[:1]

    def cuGetErrorName(self, error):  # noqa: N802
        return CUresult.CUDA_SUCCESS, error.name.encode()

    def cuGetErrorString(self, error):  # noqa: N802
        return CUresult.CUDA_SUCCESS, error.name.lower().replace("_", " ").encode()

    def open_graphs(self) -> int:
        """How many captured graphs were not destroyed once they had been made executable."""
        return len(self._graphs)

    def _do(self, name, function=None):
        """The code, and what the call returns; without a function the code only."""
        if name in self.answers:
            return self.answers[name], None
        try:
            return (CUresult.CUDA_SUCCESS,) if function is None else (CUresult.CUDA_SUCCESS, function())
        except DeviceError as error:
            known = "out of memory" in str(error)
            return CUresult.CUDA_ERROR_OUT_OF_MEMORY if known else CUresult.CUDA_ERROR_UNKNOWN, None
