"""A network captured in CUDA graphs by PyTorch, one a batch size: the GPU is given all of its work at once.

PyTorch's rules for capturing (its notes on CUDA semantics, "CUDA Graphs") are kept here: some calls on a side stream before,
tensors that stay where they are, nothing but the network inside, and no memory shared between graphs.

This has not met a GPU: it is tested against a stand-in for the few functions of ``torch.cuda`` that it calls.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

_WARM_UP_CALLS = 3


class Captured(NamedTuple):
    """A graph and the tensors that it always reads and writes; N is its batch size."""

    graph: Any
    """A ``torch.cuda.CUDAGraph``."""

    pixels: Any
    """(N, H, W) uint8 on the GPU: what the graph reads."""

    outputs: tuple[Any, ...]
    """float32 on the GPU: (N, P, S) class scores, then (N, P, h, w) maps without background, where the network has any."""

    host_pixels: Any
    """The same as ``pixels`` in page-locked memory of the host."""

    host_outputs: tuple[Any, ...]
    """The same as ``outputs`` there."""


def capture(torch: ModuleType, network: Any, count: int, height_width: tuple[int, int], stream: Any) -> Captured:
    """Run a network a few times and capture it; nothing else may use the stream.

    Args:
        torch: the module, with a GPU.
        network: in float16 on the GPU, in evaluation mode.
        count: the batch size.
        height_width: of its input.
        stream: a ``torch.cuda.Stream``, not the default one.
    """
    cuda, shape = torch.cuda, (count, *height_width)
    with torch.inference_mode():
        pixels = torch.zeros(shape, dtype=torch.uint8, device="cuda")
        stream.wait_stream(cuda.current_stream())
        with cuda.stream(stream):
            for _ in range(_WARM_UP_CALLS):  # libraries choose their kernels and take their memory now
                _run(torch, network, pixels)
        cuda.current_stream().wait_stream(stream)
        cuda.synchronize()
        graph = cuda.CUDAGraph()
        # Of this thread only: otherwise an allocation in any other thread would spoil the capture.
        with cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            outputs = _run(torch, network, pixels)
        host = [torch.empty(each.shape, dtype=each.dtype, pin_memory=True) for each in (pixels, *outputs)]
    return Captured(graph, pixels, outputs, host[0], tuple(host[1:]))


def _run(torch: ModuleType, network: Any, pixels: Any) -> tuple[Any, ...]:
    """What ``preprocessing.crop.scale`` does, on the GPU, and the network; the same numbers, rounded to float16 once."""
    planes = (pixels.to(torch.float32) / 255).to(torch.float16)[:, None].expand(-1, 3, -1, -1).contiguous()
    output = network(planes)
    maps = () if output.position is None else (output.position[:, :-1].to(torch.float32).contiguous(),)
    return (output.logits.to(torch.float32).contiguous(), *maps)
