"""A PyTorch network as the papers timed theirs: eager, fp32, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgelpr.benchmarks.bench.reader import BaseReader
from edgelpr.errors import BackendError, in_one_line
from edgelpr.preprocessing.crop import scale
from edgelpr.preprocessing.images import Image


class TorchReader(BaseReader):
    """Returns from ``run_network`` as soon as PyTorch does: on a GPU before the work is done, as the scenario ``paper`` needs.

    Args:
        network: taken over: set to evaluation and moved.
        device: ``cpu``, ``cuda`` or ``cuda:1``.
        threads: processor threads, for this whole process; None leaves them as they are.
        channels: planes of the network's input.
        height_width: of the network's input.
        decode: from the network's output to a text a crop; None: only the network can be timed.

    Raises:
        BackendError: PyTorch has no such device.
    """

    backend = "torch"

    def __init__(
        self,
        network: nn.Module,
        device: str = "cpu",
        threads: int | None = None,
        channels: int = 3,
        height_width: tuple[int, int] = (50, 160),
        decode: Callable[[Any], Sequence[str]] | None = None,
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.height_width, self._channels, self._decode = height_width, channels, decode
        try:
            self._device = torch.device(device)
            self._network: nn.Module | None = network.eval().to(self._device)
        except (RuntimeError, AssertionError) as error:
            raise BackendError(f"torch {torch.__version__} has no device '{device}' ({in_one_line(error)})") from error
        on_gpu = self._device.type == "cuda"
        self.device = torch.cuda.get_device_name(self._device) if on_gpu else "CPU"
        self.gpu = _number(self._device) if on_gpu else None
        self.transfers = "excluded" if on_gpu else "none"  # ``prepare`` has copied already
        self.threads = None if on_gpu else torch.get_num_threads()
        count = "" if self.threads is None else f", {self.threads} thread{'s' if self.threads > 1 else ''}"
        self.description = f"torch {torch.__version__} {self.device}, eager{count}"

    def prepare(self, batch: NDArray[np.uint8]) -> Tensor:
        """(N, C, H, W) float32, 0 to 1, on the device."""
        return torch.from_numpy(scale(batch, self._channels)).to(self._device)

    def run_network(self, prepared: Tensor) -> Any:
        """Run the network; on a GPU this returns before it is done.

        Raises:
            BackendError: closed, or PyTorch fails.
        """
        if self._network is None:
            raise BackendError("this reader was closed; open it again")
        try:
            with torch.inference_mode():
                return self._network(prepared)
        except RuntimeError as error:
            raise BackendError(f"torch failed on a batch of {len(prepared)} ({in_one_line(error)})") from error

    def synchronise(self) -> None:
        """Wait for the GPU."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def gpu_ms(self, prepared: Tensor) -> Mapping[str, float] | None:
        """One call between two events of the GPU; None on a CPU."""
        if self._device.type != "cuda":
            return None
        self.synchronise()
        with torch.cuda.device(self._device):
            return between_events(lambda: self.run_network(prepared), lambda: torch.cuda.Event(enable_timing=True))  # type: ignore[no-untyped-call]

    def read(self, crops: Sequence[Image]) -> Sequence[str]:
        """Resize, run and decode.

        Raises:
            BackendError: nothing decodes the output, closed, or PyTorch fails.
        """
        if self._decode is None:
            raise BackendError("this network has no decoding; time it with the scope 'network only'")
        return self._decode(self.run_network(self.prepare(self.network_input(crops))))

    def close(self) -> None:
        """Free the network."""
        self._network = None


def _number(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else int(device.index)


def between_events(call: Callable[[], object], event: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of one call: ``enqueue`` until it returned, ``compute`` between events before and after it.

    Args:
        call: enqueues work on the device.
        event: makes an event, as ``torch.cuda.Event`` with timing.
    """
    first, last = event(), event()
    first.record()
    start = perf_counter_ns()
    call()
    returned = perf_counter_ns()
    last.record()
    last.synchronize()
    return {"enqueue": (returned - start) / 1e6, "compute": float(first.elapsed_time(last))}
