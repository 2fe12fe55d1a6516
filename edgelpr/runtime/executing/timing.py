"""What a batch takes on the GPU, by its own clock: part by part, and layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from statistics import median
from time import perf_counter_ns
from types import ModuleType
from typing import Any

from edgelpr.cuda.interface import CudaDevice


def time_parts(device: CudaDevice, stream: int, parts: Mapping[str, Callable[[], None]]) -> dict[str, float]:
    """Queue parts of a batch one after the other, each between two events.

    Args:
        device: active in this thread.
        stream: empty.
        parts: what queues each of them; one is ``compute``.

    Returns:
        Milliseconds of each part on the GPU, and ``enqueue``: of the processor, until ``compute`` was queued.

    Raises:
        DeviceError: CUDA fails.
    """
    queued = {}
    with ExitStack() as stack:
        events = []
        for _ in range(len(parts) + 1):
            events.append(device.create_event())
            stack.callback(device.destroy_event, events[-1])
        for event, (name, queue) in zip(events, parts.items()):
            device.record(event, stream)
            start = perf_counter_ns()
            queue()
            queued[name] = (perf_counter_ns() - start) / 1e6
        device.record(events[-1], stream)
        times = {name: device.elapsed_ms(*events[place : place + 2]) for place, name in enumerate(parts)}
    return {"enqueue": queued["compute"], **times}


def create_listener(module: ModuleType) -> Any:
    """An ``IProfiler`` that hears how long each layer took; attach it to a context, which then runs one layer at a time.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``.
    """

    class Listener(module.IProfiler):  # type: ignore[misc, name-defined]
        """Its ``passes`` are one mapping a pass, from a layer's name to its milliseconds, in the order of the engine."""

        def __init__(self) -> None:
            module.IProfiler.__init__(self)
            self.passes: list[dict[str, float]] = []

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            """Called by TensorRT; a name that comes twice in a pass is one layer in parts."""
            heard = self.passes[-1]
            heard[layer_name] = heard.get(layer_name, 0.0) + ms

    return Listener()


def medians_of(passes: list[dict[str, float]]) -> dict[str, float]:
    """Milliseconds of each layer, medians over the passes that it was heard in, in the order heard."""
    names = dict.fromkeys(name for heard in passes for name in heard)
    return {name: median(heard[name] for heard in passes if name in heard) for name in names}
