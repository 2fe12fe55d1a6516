"""What a call of a PyTorch network has to do, counted while it runs once: arithmetic, memory traffic, kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from edgelpr.benchmarks.roofline import Layer, Work

_NO_KERNEL = ("aten.empty", "aten.detach", "aten.lift_fresh", "aten.new_empty")


def count_work(network: nn.Module, inputs: tuple[Tensor, ...]) -> Work:
    """Run a network once, operator by operator.

    Kernels are PyTorch's own: an engine that fuses layers starts fewer and moves less, which a fit to its times absorbs.
    An LSTM is one kernel; what it multiplies is counted.

    Args:
        network: in evaluation mode; left as it is.
        inputs: one call's, of the size that is meant.
    """
    counter = _Counter()
    with torch.no_grad(), counter:
        outputs = network(*inputs)
    # A rewritten network may still hold weights that it does not use.
    held = [each for each in (*network.parameters(), *network.buffers()) if _place(each) in counter.read]
    compulsory = sum(map(_bytes, held)) + sum(map(_bytes, _tensors((inputs, outputs))))
    return Work(tuple(counter.layers), compulsory)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layers: list[Layer] = []
        self.read: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = str(func)
        self.read.update(map(_place, _tensors((args, kwargs))))
        if not _is_view(func) and not name.startswith(_NO_KERNEL):
            traffic = sum(map(_bytes, _tensors((args, kwargs)))) + sum(map(_bytes, _tensors(result)))
            self.layers.append(Layer(name, _operations(name, args, result), traffic))
        return result


def _is_view(func: Any) -> bool:
    """Whether it only looks at memory in another way."""
    return any(each.alias_info is not None and not each.alias_info.is_write for each in func._schema.returns)


def _operations(name: str, args: tuple[Any, ...], result: Any) -> int:
    """Twice the multiply-adds of convolutions and matrix products."""
    inner: Callable[[], int] | None = {
        "aten.convolution": lambda: prod(args[1].shape[1:]),
        "aten.mm": lambda: int(args[0].shape[-1]),
        "aten.bmm": lambda: int(args[0].shape[-1]),
        "aten.addmm": lambda: int(args[1].shape[-1]),
        "aten.baddbmm": lambda: int(args[1].shape[-1]),
    }.get(name.rsplit(".", 1)[0])
    if name.startswith("aten.mkldnn_rnn_layer"):  # (T, N, inputs) by weights (4 hidden, inputs) and (4 hidden, hidden)
        return 2 * int(args[0].shape[0] * args[0].shape[1]) * (int(args[1].numel()) + int(args[2].numel()))
    return 0 if inner is None else 2 * int(result.numel()) * inner()


def _tensors(values: Any) -> Iterable[Tensor]:
    return (each for each in tree_leaves(values) if isinstance(each, Tensor))


def _place(tensor: Tensor) -> int:
    """Where its memory begins; the same for all views of one tensor."""
    return tensor.untyped_storage().data_ptr()


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
