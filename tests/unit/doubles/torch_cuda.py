"""A stand-in for ``torch`` with a GPU: the processor computes, and a CUDA graph is the list of operators that ran in it.

It refuses what PyTorch's notes on CUDA graphs forbid: capturing in the default stream, or what was not run there before;
waiting inside a capture; replaying outside the stream that the copies are queued in; reading a time that nothing waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Recorder(TorchDispatchMode):
    def __init__(self, graph: FakeGraph) -> None:
        super().__init__()
        self._graph = graph

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self._graph.steps.append((func, args, kwargs or {}, result))
        return result


class FakeGraph:
    """A ``CUDAGraph``."""

    def __init__(self, cuda: FakeTorchCuda) -> None:
        self._cuda = cuda
        self.steps: list[tuple[Any, Any, Any, Any]] = []
        self.replays = 0

    def replay(self) -> None:
        assert self.steps, "a graph is replayed that holds nothing"
        assert self._cuda.current is not self._cuda.default, "a graph is replayed in the default stream"
        self._cuda.now += 1.0
        self.replays += 1
        for func, args, kwargs, result in self.steps:
            sources = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves((args, kwargs)) if torch.is_tensor(leaf)}
            for old, new in zip(tree_leaves(result), tree_leaves(func(*args, **kwargs)), strict=True):
                if torch.is_tensor(old) and old.untyped_storage().data_ptr() not in sources:  # else a view, or in place
                    old.copy_(new)


class FakeStream:
    """A ``Stream``; work is done when it is queued."""

    def __init__(self, cuda: FakeTorchCuda) -> None:
        self._cuda = cuda
        self.runs = 0

    def wait_stream(self, other: FakeStream) -> None:
        assert self._cuda.capturing is None, "a stream waits for another inside a capture"

    def synchronize(self) -> None:
        assert self._cuda.capturing is None, "the host waits inside a capture"
        self._cuda.waited = self._cuda.now


class FakeEvent:
    """An ``Event``."""

    def __init__(self, cuda: FakeTorchCuda, enable_timing: bool = False) -> None:
        assert enable_timing, "an event without timing tells no time"
        self._cuda = cuda
        self._at: float | None = None

    def record(self) -> None:
        self._at = self._cuda.now
        self._cuda.now += 1.0

    def elapsed_time(self, end: FakeEvent) -> float:
        assert self._at is not None and end._at is not None and end._at <= self._cuda.waited, "a time is read too early"
        return end._at - self._at


class FakeTorchCuda:
    """``torch.cuda``: a millisecond of its clock passes with each event and each replay."""

    def __init__(self, available: bool = True) -> None:
        self.available = available
        self.default = FakeStream(self)
        self.current = self.default
        self.capturing: FakeGraph | None = None
        self.graphs: list[FakeGraph] = []
        self.now = self.waited = 0.0
        self.refuse: str | None = None

    def is_available(self) -> bool:
        return self.available

    def get_device_name(self) -> str:
        return "Stand-in GPU"

    def Stream(self) -> FakeStream:  # noqa: N802 - PyTorch's name
        return FakeStream(self)

    def Event(self, enable_timing: bool = False) -> FakeEvent:  # noqa: N802 - PyTorch's name
        return FakeEvent(self, enable_timing)

    def CUDAGraph(self) -> FakeGraph:  # noqa: N802 - PyTorch's name
        self.graphs.append(FakeGraph(self))
        return self.graphs[-1]

    def current_stream(self) -> FakeStream:
        return self.current

    def synchronize(self) -> None:
        assert self.capturing is None, "the host waits inside a capture"
        self.waited = self.now

    @contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph: FakeGraph, stream: FakeStream, capture_error_mode: str = "global") -> Iterator[None]:
        assert capture_error_mode == "thread_local", "an allocation in another thread would spoil this capture"
        assert stream is not self.default and stream.runs >= 3, "captured without running in a side stream before"
        self.capturing = graph
        if self.refuse:
            self.capturing = None
            raise RuntimeError(self.refuse)
        try:
            with self.stream(stream), _Recorder(graph):
                yield
        finally:
            self.capturing = None
            stream.runs = 0


class FakeTorch:
    """``torch`` with that GPU; all else is PyTorch's own.

    Args:
        available: whether there is a GPU.
        built_for: of CUDA; None: for the processor alone.
    """

    def __init__(self, available: bool = True, built_for: str | None = "12.8") -> None:
        self.cuda = FakeTorchCuda(available)
        self.version = SimpleNamespace(cuda=built_for)

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def zeros(self, shape: tuple[int, ...], dtype: Any, device: str) -> Any:
        assert device == "cuda" and self.cuda.capturing is None
        return torch.zeros(shape, dtype=dtype)

    def empty(self, shape: Any, dtype: Any, pin_memory: bool) -> Any:
        assert pin_memory, "the host's memory is not page-locked: the copy would not run beside the host"
        return torch.empty(shape, dtype=dtype)

    def adopt(self, network: Any) -> Any:
        """A network that this GPU takes: it stays on the processor, in the type asked for, and its calls are counted."""
        place = type(network).to

        def to(device: str, dtype: Any) -> Any:
            assert device == "cuda"
            return place(network, dtype=dtype)

        def count(*arguments: Any) -> None:
            self.cuda.current.runs += 1

        network.to = to
        network.register_forward_pre_hook(count)
        return network
