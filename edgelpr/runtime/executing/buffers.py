"""Memory for the batches of one lane: allocated once, for the largest batch."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from numpy.typing import NDArray

from edgelpr.cuda.interface import CudaDevice, Pinned
from edgelpr.runtime.executing.contract import Contract, Tensor


class Buffers:
    """Page-locked host memory for every tensor, and device memory beside it where the GPU has memory of its own.

    An integrated GPU, as on Jetson, works in the host's memory: there the page-locked memory is mapped and nothing is copied.

    Args:
        device: an open device, active in this thread.
        contract: what the engine takes and returns.
        stack: takes what has to be freed, last allocated first.

    Raises:
        DeviceError: out of memory; what was allocated is on the stack.
    """

    def __init__(self, device: CudaDevice, contract: Contract, stack: ExitStack) -> None:
        self._device, self._contract = device, contract
        self._pinned: dict[str, Pinned] = {}
        self.addresses: dict[str, int] = {}
        """Where the GPU finds each tensor, by name."""
        for tensor in contract.tensors:
            self._allocate(tensor, tensor.bytes * contract.largest, stack)

    def host(self, tensor: Tensor) -> NDArray[Any]:
        """(largest, *shape): the host's view of a tensor; writing to an input's is how crops get in."""
        return self._pinned[tensor.name].array.view(tensor.dtype).reshape(self._contract.largest, *tensor.shape)

    def copy_in(self, count: int, stream: int) -> None:
        """Send the first crops of every input, in stream order; nothing where memory is shared."""
        for tensor in self._contract.inputs:
            pinned = self._pinned[tensor.name]
            if not self._is_shared(tensor, pinned):
                self._device.copy_in(self.addresses[tensor.name], pinned.address, tensor.bytes * count, stream)

    def copy_out(self, count: int, stream: int) -> None:
        """Fetch what was computed for the first crops, in stream order; nothing where memory is shared."""
        for tensor in self._contract.outputs:
            pinned = self._pinned[tensor.name]
            if not self._is_shared(tensor, pinned):
                self._device.copy_out(pinned.address, self.addresses[tensor.name], tensor.bytes * count, stream)

    def _allocate(self, tensor: Tensor, size: int, stack: ExitStack) -> None:
        pinned = self._device.allocate_pinned(size, mapped=self._device.facts.integrated)
        stack.callback(self._device.free_pinned, pinned)
        address = pinned.device_address
        if address is None:
            address = self._device.allocate(size)
            stack.callback(self._device.free, address)
        self._pinned[tensor.name] = pinned
        self.addresses[tensor.name] = address

    def _is_shared(self, tensor: Tensor, pinned: Pinned) -> bool:
        return self.addresses[tensor.name] == pinned.device_address
