"""Compiling a graph with TensorRT-RTX, which needs no GPU, and reading from its log which kernels came of it.

Nothing is run: an engine can only be opened where a driver answers. TensorRT-RTX knows no Jetson, so this proves what its
parser and its compiler accept and how they round, not how fast a board is.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import onnx

_NO_WORK = ("signal", "wait", "shape_call")
_NO_DRIVER = "catchCudaError"  # said on every machine without a GPU, whatever the graph
_ROUNDING = (".int8.node", ".rounded.node")


class CompileError(Exception):
    """The parser or the compiler refuses a graph; what they said."""


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
    model: onnx.ModelProto, batches: tuple[int, int, int] = (1, 8, 16), compute_capability: str = "sm86"
) -> Compiled:
    """Build a strongly typed engine.

    Args:
        model: its first dimension is the batch.
        batches: smallest, usual and largest batch.
        compute_capability: of the GPU: sm75, sm80, sm86, sm89, sm120, sm121.

    Raises:
        CompileError: the graph is refused.
    """
    trt = importlib.import_module("tensorrt_rtx")
    log = _log(trt)
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(model.SerializeToString()):
        raise CompileError(_said(parser.get_error(index) for index in range(parser.num_errors)))
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # or the log has no kernels
    config.num_compute_capabilities = 1
    config.set_compute_capability(getattr(trt.ComputeCapability, compute_capability.upper()), 0)
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        source = network.get_input(index)
        profile.set_shape(source.name, *[(count, *tuple(source.shape)[1:]) for count in batches])
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise CompileError(_said(log.errors))
    return Compiled(bytes(engine), tuple(_kernels("\n".join(log.lines))))


def _log(trt: ModuleType) -> Any:
    class Log(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.lines: list[str] = []
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            serious = severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)
            (self.errors if serious else self.lines).append(message)

    return Log()


def _said(errors: Any) -> str:
    lines = [line for error in errors for line in str(error).splitlines() if _NO_DRIVER not in line]
    return "\n".join(dict.fromkeys(lines)) or "refused without a reason"


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
