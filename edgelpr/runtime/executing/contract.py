"""What an engine takes and returns, held against the bundle's manifest before a byte goes to the GPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from edgelpr.bundle.graph import Graph
from edgelpr.errors import EngineError

# TensorRT's names of the types that a graph of a bundle may have at its ends.
_TYPES = {"UINT8": "uint8", "INT32": "int32", "FLOAT": "float32"}
_RANKS = {"classes": 2, "probabilities": 2, "logits": 3, "maps": 4, "quality": 2, "likeness": 3, "temporal": 4, "attention": 4}
_ANY = -1


@dataclass(frozen=True)
class Tensor:
    """An input or an output of an engine."""

    name: str
    """As in the graph."""

    dtype: np.dtype[Any]
    """``uint8``, ``int32`` or ``float32``."""

    shape: tuple[int, ...]
    """Of one crop or track, without the batch."""

    @property
    def bytes(self) -> int:
        """Size for one crop or track."""
        return prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Contract:
    """Everything that buffers and batches have to keep to."""

    inputs: tuple[Tensor, ...]
    """In the order of ``Graph.inputs``."""

    outputs: tuple[Tensor, ...]
    """In the order of ``Graph.outputs``."""

    smallest: int
    """Fewest crops or tracks of a batch."""

    largest: int
    """Most crops or tracks of a batch."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The inputs, then the outputs."""
        return (*self.inputs, *self.outputs)


@dataclass(frozen=True)
class Described:
    """What an engine says about one of its tensors."""

    name: str
    """As in the graph that it was built from."""

    is_input: bool
    """Whether it goes in."""

    dtype: str
    """numpy's name of the type, or TensorRT's where a graph of a bundle has none such."""

    shape: tuple[int, ...]
    """With the batch first; -1: it varies."""

    batches: tuple[int, int]
    """Of an input: fewest and most crops of a batch."""

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {list(self.shape)}"


def describe_tensors(module: Any, engine: Any) -> tuple[Described, ...]:
    """Inputs and outputs of an engine, as plain values that do not keep it alive.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``.
        engine: an ``ICudaEngine``.
    """
    return tuple(_describe(module, engine, engine.get_tensor_name(index)) for index in range(engine.num_io_tensors))


def check_tensors(described: Sequence[Described], graph: Graph, where: str, rebuild: str) -> Contract:
    """What an engine takes and returns, if it is what the manifest says about its graph.

    Args:
        described: by ``describe_tensors``.
        graph: what the engine was built from.
        where: the engine's file, for messages.
        rebuild: the command that builds it anew, for messages.

    Raises:
        EngineError: other names, types, shapes or directions, or no batch that it takes.
    """
    inputs = {tensor.name: tensor for tensor in described if tensor.is_input}
    outputs = {tensor.name: tensor for tensor in described if not tensor.is_input}
    wanted = {each.name: (each.dtype, each.shape[1:]) for each in graph.inputs}
    found = {name: (tensor.dtype, tensor.shape[1:]) for name, tensor in inputs.items()}
    if found != wanted or not _returns(outputs, graph):
        takes = ", ".join(f"{each.name} {each.dtype} {list(each.shape)}" for each in graph.inputs)
        raise EngineError(
            f"{where}: the engine takes {_listed(inputs.values())} and returns {_listed(outputs.values())}; the manifest says "
            f"that it takes {takes} and returns {', '.join(graph.outputs)}. "
            f"It was built from something else; build it again: {rebuild}"
        )
    (smallest, largest), *others = dict.fromkeys(tensor.batches for tensor in inputs.values())
    if others or not 1 <= smallest <= largest:
        batches = " and ".join(f"{few} to {most}" for few, most in ((smallest, largest), *others))
        raise EngineError(f"{where}: the engine takes batches of {batches}; build it again: {rebuild}")
    taken = tuple(_tensor(inputs[each.name]) for each in graph.inputs)
    return Contract(taken, tuple(_tensor(outputs[name]) for name in graph.outputs), smallest, largest)


def _describe(module: Any, engine: Any, name: str) -> Described:
    dtype = str(engine.get_tensor_dtype(name).name)
    shape = tuple(int(side) for side in engine.get_tensor_shape(name))
    is_input = engine.get_tensor_mode(name) == module.TensorIOMode.INPUT
    batches = (shape[0], shape[0]) if shape else (0, 0)
    if is_input and batches[0] == _ANY:
        smallest, _, largest = (tuple(side) for side in engine.get_tensor_profile_shape(name, 0))
        batches = int(smallest[0]), int(largest[0])
    return Described(name, is_input, _TYPES.get(dtype, dtype), shape, batches)


def _returns(outputs: Mapping[str, Described], graph: Graph) -> bool:
    """Whether outputs have the graph's names, types and numbers of dimensions, of which only the first may vary."""
    return set(outputs) == set(graph.outputs) and all(
        tensor.dtype == ("int32" if name == "classes" else "float32")
        and len(tensor.shape) == _RANKS[name]
        and min(tensor.shape[1:]) > 0
        for name, tensor in outputs.items()
    )


def _listed(tensors: Iterable[Described]) -> str:
    return ", ".join(map(str, tensors)) or "nothing"


def _tensor(described: Described) -> Tensor:
    return Tensor(described.name, np.dtype(described.dtype), described.shape[1:])
