"""The CUDA stand-in and both adapters, each on a stand-in of its package, keep one contract."""

from __future__ import annotations

import pytest
from cuda_contract import GraphContract, GraphlessContract
from doubles.cuda import FakeCuda
from doubles.cuda_driver import FakeDriver
from doubles.pycuda_stub import FakePyCuda

from edgelpr.cuda.cuda_bindings import CudaBindingsDevice
from edgelpr.cuda.pycuda import PyCudaDevice

_MEMORY = 1 << 20


class TestFakeCuda(GraphContract):
    """The stand-in itself."""

    @pytest.fixture(params=[False, True], ids=["discrete", "integrated"])
    def device(self, request):
        yield from used(FakeCuda(_MEMORY, integrated=request.param))


class TestFakeCudaWithoutGraphs(GraphlessContract):
    """The stand-in as pycuda would be."""

    @pytest.fixture
    def device(self):
        yield from used(FakeCuda(_MEMORY, has_graphs=False))


def used(fake):
    """A stand-in that is closed afterwards, and must then be empty."""
    yield fake
    fake.close()
    assert fake.closed and not fake.leaks()


class TestCudaBindings(GraphContract):
    """The adapter for cuda-bindings."""

    @pytest.fixture
    def device(self):
        fake = FakeCuda(_MEMORY)
        driver = FakeDriver(fake)
        device = CudaBindingsDevice(driver, fake.facts)
        yield device
        device.close()
        assert not fake.leaks() and not fake.is_current
        assert (driver.retained, driver.open_graphs()) == (0, 0)


class TestPyCuda(GraphlessContract):
    """The adapter for pycuda."""

    @pytest.fixture
    def device(self):
        fake = FakeCuda(_MEMORY, has_graphs=False)
        module = FakePyCuda(fake)
        device = PyCudaDevice(module, module.library, fake.facts)
        yield device
        device.close()
        assert fake.closed and not fake.leaks() and module.contexts.current() is None
        assert not any(module.contexts.pushed.values()), "pycuda aborts the process when a thread ends with a context pushed"
