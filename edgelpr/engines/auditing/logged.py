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


def logged_layers(log: Sequence[str]) -> tuple[Layer, ...]:
    """The layers of the last engine that a log tells of; empty where it has no such table.

    Args:
        log: what the builder said, verbose messages too.
    """
    table = "\n".join(log).rpartition(_HEADER)[2]
    return tuple(
        Layer(kind, precision_of([*_TYPE.findall(inputs), *_TYPE.findall(outputs)], "", tactic), nodes_in(metadata))
        for kind, inputs, _, outputs, tactic, metadata in _LINE.findall(table)
    )


def logged_memory(log: Sequence[str]) -> int | None:
    """Bytes of device memory that the engine works in, as the builder says; None where it does not."""
    found = _MEMORY.findall("\n".join(log))
    return int(found[-1]) if found else None
