"""The CUDA interface on a real GPU, by each package that is installed."""

from __future__ import annotations

import pytest
from cuda_contract import SIZE, GraphContract, GraphlessContract, round_trip

from edgelpr.benchmarks.bench.nvml import open_nvml
from edgelpr.cuda.opening import open_device
from edgelpr.cuda.probing import probe

pytestmark = pytest.mark.gpu

_BUFFER = 16 << 20
_ROUNDS = 32
# What other processes may take meanwhile, far less than the rounds would leak.
_TOLERANCE = 8 * _BUFFER


@pytest.fixture(scope="module", autouse=True)
def driver():
    """Skips where no driver answers."""
    answer = probe()
    if answer.problem is not None:
        pytest.skip(answer.problem)


def opened(bindings):
    device = open_device(bindings=bindings)
    yield device
    device.close()


def test_the_management_library_finds_the_gpus_that_cuda_shows():
    nvml = open_nvml()
    if nvml is None:
        pytest.skip("the package nvidia-ml-py is not installed")
    gpus = nvml.gpus()
    for device in probe().devices:
        assert device.pci_bus_id is not None
        if not device.integrated:  # a board's own GPU is in no slot
            assert gpus[nvml.number_of(device.pci_bus_id)].name == device.name or gpus[nvml.number_of(device.pci_bus_id)].mig


class WithoutLeaks:
    """Device memory is the same after many rounds; a process that takes memory meanwhile can disturb this."""

    def test_what_is_given_back_is_free_again(self, device):
        round_trip(device, 1)
        before, _ = device.memory()
        for _ in range(_ROUNDS):
            address, pinned, stream = device.allocate(_BUFFER), device.allocate_pinned(SIZE), device.create_stream()
            device.copy_in(address, pinned.address, SIZE, stream)
            device.synchronise(stream)
            device.destroy_stream(stream)
            device.free_pinned(pinned)
            device.free(address)
        assert before - device.memory()[0] < _TOLERANCE

    def test_a_second_handle_may_be_closed_before_the_first(self, device):
        for _ in range(3):
            second = open_device(bindings=device.bindings)
            round_trip(second, 2)
            second.close()
        round_trip(device, 3)


class TestCudaBindings(GraphContract, WithoutLeaks):
    """cuda-bindings."""

    @pytest.fixture
    def device(self):
        pytest.importorskip("cuda.bindings.driver")
        yield from opened("cuda-bindings")


class TestPyCuda(GraphlessContract, WithoutLeaks):
    """pycuda."""

    @pytest.fixture
    def device(self):
        pytest.importorskip("pycuda.driver")
        yield from opened("pycuda")
