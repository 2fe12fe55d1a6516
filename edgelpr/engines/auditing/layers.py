"""A layer of an engine as TensorRT describes it, in one form for every version.

What TensorRT writes differs: 8.6 says "Thirty-two wide channel vectorized row major Int8 format", 10 "Int8 NC/32HW32", "Half"
or "Float"; one that was built for several batch sizes says "N/A due to dynamic shapes" until it is asked about one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

PRECISIONS = ("int8", "fp16", "fp32", "other", "unknown")
"""What a layer can compute in; ``other`` is numbers that are none of ours, ``unknown`` what TensorRT does not say."""

_TYPES = (
    ("int8", re.compile(r"(?<![a-z])int8", re.IGNORECASE)),
    ("other", re.compile(r"bf16|bfloat16|fp8|fp4|int4|int32|int64|uint8|bool", re.IGNORECASE)),
    ("fp16", re.compile(r"half|fp16|float16", re.IGNORECASE)),
    ("fp32", re.compile(r"float|fp32|tf32", re.IGNORECASE)),
)
_TACTICS = (("int8", re.compile(r"i8i8|int8|imma")), ("fp16", re.compile(r"f16f16|h16816|h1688|h884|fp16")))
_MULTIPLIES = re.compile(r"conv|correlation|gemm|matri|matmul|fully|fusion", re.IGNORECASE)
_REFORMATS = re.compile(r"reformat|copy", re.IGNORECASE)
_NO_WORK = re.compile(r"^(signal|wait|shape_call|noop|constant|shapehostto\w+|devicetoshapehost)$", re.IGNORECASE)
_ONNX_NODE = re.compile(r"\[ONNX Layer: (.*?)\]")


@dataclass(frozen=True)
class Layer:
    """One step of an engine."""

    kind: str
    """Kind as TensorRT writes it: CaskConvolution, correlation, Reformat, ..."""

    precision: str
    """Of what it reads; see ``PRECISIONS``."""

    nodes: tuple[str, ...]
    """Names of the ONNX nodes that it computes; a node may be spread over several layers."""

    @property
    def works(self) -> bool:
        """Whether it computes anything; the others only wait."""
        return _NO_WORK.match(self.kind) is None

    @property
    def reformats(self) -> bool:
        """Whether it only copies a tensor from one layout or type to another."""
        return _REFORMATS.search(self.kind) is not None

    @property
    def multiplies(self) -> bool:
        """Whether it is a convolution or a matrix product, perhaps with more in it."""
        return _MULTIPLIES.search(self.kind) is not None


def precision_of(types: Sequence[str], weights: str = "", tactic: str = "") -> str:
    """What a layer computes in.

    Args:
        types: descriptions of the tensors that it reads, the first decides; those of what it writes where it reads none.
        weights: type of its weights, for layers whose tensors say nothing.
        tactic: name of its kernel, likewise.
    """
    for text in (*types[:1], weights):
        for name, pattern in _TYPES:
            if pattern.search(text):
                return name
    return next((name for name, pattern in _TACTICS if pattern.search(tactic)), "unknown")


def nodes_in(metadata: str, name: str = "") -> tuple[str, ...]:
    """Names of ONNX nodes, from a layer's metadata; where it has none, from its name, in which they are joined by ``+``."""
    found = _ONNX_NODE.findall(metadata) or [part.removeprefix("PWN(").rstrip(")") for part in name.split(" + ") if part]
    return tuple(dict.fromkeys(found))
