"""The layers of an engine, from what TensorRT-RTX says while it builds: where no GPU is there, nothing can be inspected.

With detailed profiling verbosity the builder ends with a table, a line a layer, with the types of what it reads and writes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgelpr.engines.auditing.layers import Layer, nodes_in, precision_of

_LINE = re.compile(
    r"^Name: .*?, LayerType: (\w+), Inputs: (.*?), Constants: (.*?), Outputs: (.*?), TacticName: (.*?),.*?Metadata: ?(.*)$",
    re.MULTILINE,
)
_HEADER = "Layers:\n"
_TYPE = re.compile(r"Datatype: (\w+)")
_MEMORY = re.compile(r"Total Activation Memory: (\d+) bytes")


def logged_layers(log: Sequence[str]) -> tuple[tuple[Layer, ...], ...]:
    """The layers of every engine that a log tells of, in its order; empty where it has no such table.

    TensorRT-RTX 1.7 writes one table, whether it builds for one GPU or for several: its kernels are then those of the oldest.

    Args:
        log: what the builder said, verbose messages too.
    """
    tables = "\n".join(log).split(_HEADER)[1:]
    return tuple(layers for layers in map(_layers_in, tables) if layers)


def _layers_in(table: str) -> tuple[Layer, ...]:
    return tuple(
        Layer(kind, precision_of([*_TYPE.findall(inputs), *_TYPE.findall(outputs)], "", tactic), nodes_in(metadata))
        for kind, inputs, _, outputs, tactic, metadata in _LINE.findall(table)
    )


def logged_memory(log: Sequence[str]) -> int | None:
    """Bytes of device memory that the engine works in, as the builder says; None where it does not."""
    found = _MEMORY.findall("\n".join(log))
    return max(map(int, found)) if found else None
