"""Compiling a graph with TensorRT-RTX, which needs no GPU, and reading from its log which kernels came of it.

Nothing is run: an engine can only be opened where a driver answers. TensorRT-RTX knows no Jetson, so this proves what its
parser and its compiler accept and how they round, not how fast a board is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import onnx

from edgelpr.engines.building import build_plan
from edgelpr.engines.modules import load_tensorrt
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.request import BuildRequest
from edgelpr.types import Precision

WHERE = "graph.onnx"
_NO_WORK = ("signal", "wait", "shape_call")
_ROUNDING = (".int8.node", ".rounded.node")


@dataclass(frozen=True)
class Kernel:
    """One step of an engine."""

    kind: str
    """``correlation`` is a convolution, ``kgen`` a chain of small operations; ``gemm`` and ``runtime_fusion`` multiply too."""

    inputs: tuple[str, ...]
    """Types of the tensors that it reads: Float, Half, Int8, ..."""

    constants: tuple[str, ...]
    """Types of its constants, weights first."""

    outputs: tuple[str, ...]
    """Types of the tensors that it writes."""

    nodes: tuple[str, ...]
    """Names of the ONNX nodes that it computes; a node may be spread over several kernels."""

    @property
    def only_rounds(self) -> bool:
        """Whether it does nothing but QuantizeLinear or DequantizeLinear."""
        return bool(self.nodes) and all(name.endswith(_ROUNDING) for name in self.nodes)


@dataclass(frozen=True)
class Compiled:
    """What came of a graph."""

    engine: bytes
    """The serialised engine."""

    kernels: tuple[Kernel, ...]
    """Its steps, in order."""

    def types_of(self, model: onnx.ModelProto, operator: str) -> dict[str, str]:
        """What type of input each node of an operator is computed from, by name."""
        names = {node.name for node in model.graph.node if node.op_type == operator}
        working = [kernel for kernel in self.kernels if kernel.kind != "kgen" and kernel.inputs]
        return {name: kernel.inputs[0] for kernel in working for name in kernel.nodes if name in names}


def compile_for(
    model: onnx.ModelProto,
    batches: tuple[int, int, int] = (1, 1, 32),
    compute_capability: str = "sm86",
    precision: Precision = "int8",
) -> Compiled:
    """Build an engine as `edgelpr build --target` does.

    Args:
        model: its first dimension is the batch.
        batches: smallest, usual and largest batch.
        compute_capability: of the GPU: sm75, sm80, sm86, sm89, sm120, sm121.
        precision: of the model.

    Raises:
        BuildError: the graph is refused.
    """
    options = BuildOptions(batches, targets=(compute_capability,))
    opset = model.opset_import[0].version
    request = BuildRequest(model.SerializeToString(), precision, options, WHERE, opset)
    built = build_plan(load_tensorrt("tensorrt-rtx"), "tensorrt-rtx", request)
    return Compiled(built.plan, tuple(_kernels("\n".join(built.log))))


def _kernels(log: str) -> list[Kernel]:
    """The table that the builder logs last: a line a kernel, with the types of what it reads and writes."""
    lines = re.findall(
        r"^Name: .*?, LayerType: (\w+), Inputs: (.*?), Constants: \[(.*?), Outputs: (.*?), TacticName: (.*)$", log, re.MULTILINE
    )
    return [
        Kernel(kind, *(tuple(re.findall(r"Datatype: (\w+)", part)) for part in parts), tuple(_nodes(rest)))
        for kind, *parts, rest in lines
        if kind not in _NO_WORK
    ]


def _nodes(metadata: str) -> list[str]:
    return re.findall(r"\[ONNX Layer: (.*?)\]", metadata)
