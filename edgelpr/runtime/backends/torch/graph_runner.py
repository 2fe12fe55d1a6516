"""Running batches through a network in float16 on a GPU, captured in CUDA graphs: for GPUs without TensorRT."""

from __future__ import annotations

import os
from threading import Lock
from time import perf_counter_ns
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.errors import BackendError, DeviceError, in_one_line
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.backends.torch.capturing import Captured, capture
from edgelpr.runtime.decoding import decode_logits, joined
from edgelpr.runtime.executing.forking import refuse_after_fork
from edgelpr.runtime.executing.sizes import batch_sizes, filled_up

LARGEST = 64
"""Crops of one graph; longer batches are read in parts."""


class TorchGraphRunner:
    """A network on the current GPU; safe to use from several threads, one batch at a time.

    Batches of 1, 2, 4 and so on have a graph each, captured when the first of them comes; one between two is filled up to the
    next. The arrays that ``run`` returns are copies and belong to the caller.

    Args:
        torch: the module, already imported.
        network: an ``edgelpr.models.hpa.Hpa``; taken over: rounded to float16 and moved.
        mask: (P, S) which classes may stand where, or None.

    Raises:
        DeviceError: PyTorch has no GPU.
        BackendError: the network does not run on it.
    """

    largest = LARGEST
    sizes = batch_sizes(1, LARGEST)

    def __init__(self, torch: ModuleType, network: Any, mask: NDArray[np.bool_] | None) -> None:
        check_cuda(torch)
        self._torch, self._mask = torch, mask
        self._height_width: tuple[int, int] = network.plate_format.height_width
        self._lock, self._process = Lock(), os.getpid()
        self._captured: dict[int, Captured] = {}
        self._network: Any = None
        try:
            self._network = network.eval().to(device="cuda", dtype=torch.float16)
            self._stream = torch.cuda.Stream()
            self._name = str(torch.cuda.get_device_name())
        except RuntimeError as error:
            raise BackendError(f"torch cannot use the GPU ({in_one_line(error)})") from error
        self.run(np.full((1, *self._height_width), 128, dtype=np.uint8))  # what cannot run says so now

    @property
    def description(self) -> str:
        """Version, GPU, and how it computes."""
        return f"torch {self._torch.__version__} {self._name}, float16, CUDA graphs, batches of 1 to {LARGEST}"

    @property
    def device(self) -> str:
        """The GPU and PyTorch's version: another one may take other kernels, which round otherwise."""
        return f"{self._name}, torch {self._torch.__version__}"

    @property
    def engine_sha256(self) -> str | None:
        """None: nothing is built that stays."""
        return None

    def run(self, *inputs: NDArray[np.uint8]) -> RawOutput:
        """Read a batch of crops; see the protocol.

        Raises:
            BackendError: closed, or PyTorch fails.
            DeviceError: used after a fork.
        """
        (batch,) = inputs
        parts = [batch[start : start + LARGEST] for start in range(0, len(batch), LARGEST)]
        refuse_after_fork(self._process, "torch")
        with self._lock:
            return joined([self._decoded(self._run_part(part)) for part in parts])

    def gpu_times(self, *inputs: NDArray[np.uint8]) -> dict[str, float]:
        """Milliseconds of one batch of at most ``largest`` crops; see ``backends.timed.TimedBackend``.

        Raises:
            BackendError: closed, or PyTorch fails.
            DeviceError: used after a fork.
        """
        (batch,) = inputs
        times: dict[str, float] = {}
        refuse_after_fork(self._process, "torch")
        with self._lock:
            self._run_part(batch)  # captured, and sent to the GPU
            self._run_part(batch, times)
        return times

    def close(self) -> None:
        """Free the graphs and the network once no batch runs; calling it again does nothing."""
        if self._process != os.getpid():
            return  # the parent's; this process cannot free it
        with self._lock:
            self._captured.clear()
            self._network = None

    def _run_part(self, part: NDArray[np.uint8], times: dict[str, float] | None = None) -> tuple[NDArray[np.float32], ...]:
        """Outputs for one part, in memory of their own; ``times`` is filled where it is given."""
        if self._network is None:
            raise BackendError("the torch backend was closed; open the bundle again")
        torch, count = self._torch, len(part)
        try:
            with torch.inference_mode():
                captured = self._graph_for(filled_up(count, self.sizes))
                pixels = captured.host_pixels.numpy()
                pixels[:count], pixels[count:] = part, part[-1]
                with torch.cuda.stream(self._stream):
                    self._queue(captured, times)
                return tuple(each.numpy()[:count].copy() for each in captured.host_outputs)
        except RuntimeError as error:
            raise BackendError(f"torch failed on a batch of {count} ({in_one_line(error)})") from error

    def _queue(self, captured: Captured, times: dict[str, float] | None) -> None:
        """Copy, replay, copy back and wait, in the current stream."""
        events = [] if times is None else [self._torch.cuda.Event(enable_timing=True) for _ in range(4)]
        mark = iter([*(event.record for event in events), *[lambda: None] * 4])
        next(mark)()
        captured.pixels.copy_(captured.host_pixels, non_blocking=True)
        next(mark)()
        start = perf_counter_ns()
        captured.graph.replay()
        queued = perf_counter_ns() - start
        next(mark)()
        for host, output in zip(captured.host_outputs, captured.outputs):
            host.copy_(output, non_blocking=True)
        next(mark)()
        self._stream.synchronize()
        if times is not None:
            names = ("copy_in", "compute", "copy_out")
            times["enqueue"] = queued / 1e6
            times |= {name: float(events[place].elapsed_time(events[place + 1])) for place, name in enumerate(names)}

    def _graph_for(self, count: int) -> Captured:
        if count not in self._captured:
            self._captured[count] = capture(self._torch, self._network, count, self._height_width, self._stream)
        return self._captured[count]

    def _decoded(self, outputs: tuple[NDArray[np.float32], ...]) -> RawOutput:
        logits, *maps = outputs
        return RawOutput(*decode_logits(logits, self._mask), *maps)


def check_cuda(torch: ModuleType) -> None:
    """Refuse a PyTorch without a GPU, and say which of the reasons it is.

    Raises:
        DeviceError: it was built without CUDA, or sees no GPU.
    """
    if torch.cuda.is_available():
        return
    if torch.version.cuda is None:
        reason = f"torch {torch.__version__} was built without CUDA; install a build for CUDA"
    else:
        reason = (
            f"torch {torch.__version__} (CUDA {torch.version.cuda}) sees no GPU; check the driver ('edgelpr doctor') and "
            "CUDA_VISIBLE_DEVICES"
        )
    raise DeviceError(f"the backend 'torch' computes fp16 on a GPU in CUDA graphs: {reason}, or read with another backend")
