"""A stand-in for the driver's shared library as ctypes loads it, with as many GPUs as a test wants."""

from __future__ import annotations

_ATTRIBUTES = {16: "multiprocessors", 18: "integrated", 75: "major", 76: "minor"}


class FakeLibrary:
    """Functions that write where a pointer points and return a code.

    Args:
        devices: name, compute capability, bytes, whether it is integrated and multiprocessors, of each GPU.
        version: what the driver knows, 12060 for CUDA 12.6.
        answers: codes that calls return in place of 0, by name.
        bus_ids: where each GPU is plugged in; None: the driver does not tell.
    """

    def __init__(
        self, devices=(("Orin (nvgpu)", (8, 7), 8 << 30, True, 8),), version=12060, answers=None, bus_ids=None
    ) -> None:
        self._devices, self._version, self._answers = devices, version, answers or {}
        self._bus_ids = bus_ids
        self.calls: list[str] = []
        """Names, in order."""

    def cuDriverGetVersion(self, version):  # noqa: N802
        version._obj.value = self._version
        return self._code("cuDriverGetVersion")

    def cuInit(self, flags):  # noqa: N802
        return self._code("cuInit")

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = len(self._devices)
        return self._code("cuDeviceGetCount")

    def cuDeviceGet(self, device, ordinal):  # noqa: N802
        device._obj.value = ordinal
        return self._code("cuDeviceGet")

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        name.value = self._devices[device.value][0].encode()
        return self._code("cuDeviceGetName")

    def cuDeviceTotalMem_v2(self, total, device):  # noqa: N802
        total._obj.value = self._devices[device.value][2]
        return self._code("cuDeviceTotalMem_v2")

    def cuDeviceGetAttribute(self, value, attribute, device):  # noqa: N802
        _, (major, minor), _, integrated, count = self._devices[device.value]
        answers = {"major": major, "minor": minor, "integrated": int(integrated), "multiprocessors": count}
        value._obj.value = answers[_ATTRIBUTES[attribute]]
        return self._code("cuDeviceGetAttribute")

    def cuDeviceGetPCIBusId(self, text, length, device):  # noqa: N802
        if self._bus_ids is None:
            return 801
        text.value = self._bus_ids[device.value].encode()
        return self._code("cuDeviceGetPCIBusId")

    def _code(self, name: str) -> int:
        self.calls.append(name)
        return self._answers.get(name, 0)
