"""From the bytes of an ONNX file to a network of TensorRT's, or the reason why not."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from edgelpr.engines.speaking import Said, essence
from edgelpr.errors import BuildError

_MOST = 3
_AGAIN = (
    "Use a bundle written by 'edgelpr export' and 'edgelpr calibrate' of this version; "
    "if it is one, please report this with the file"
)


def parse_network(module: ModuleType, builder: Any, graph: bytes, flags: int, log: Any, said: Said, whose: str) -> Any:
    """Parse an ONNX file.

    Args:
        module: TensorRT.
        builder: makes the network.
        graph: the ONNX file.
        flags: for the network.
        log: TensorRT's log.
        said: what went through it.
        whose: beginning of messages: the file and TensorRT's version.

    Returns:
        The network and its parser, which owns the weights: keep it until the engine is built.

    Raises:
        BuildError: TensorRT refuses the file; the message names the node and the reason.
    """
    network = builder.create_network(flags)
    parser = module.OnnxParser(network, log)
    if not parser.parse(graph):
        refusals = [_refusal(parser.get_error(index)) for index in range(parser.num_errors)]
        reason = "; ".join(list(dict.fromkeys(refusals))[:_MOST]) or said.reason
        raise BuildError(f"{whose} refuses it: {reason}. {_AGAIN}")
    if network.num_inputs < 1 or network.num_outputs < 1:  # text without a meaning parses as a network of nothing
        found = f"{network.num_inputs} inputs and {network.num_outputs} outputs"
        raise BuildError(f"{whose} finds {found} in it; expected at least one of each. {_AGAIN}")
    return network, parser


def _refusal(refusal: Any) -> str:
    """One error of the parser: the node, by name where this TensorRT tells it, and what is wrong with it."""
    description = str(refusal.desc())
    if hasattr(refusal, "node_name") and hasattr(refusal, "node_operator"):
        name, operator = refusal.node_name(), refusal.node_operator()
        node = f"node '{name}' ({operator}): " if name else ""
    else:
        node = f"node number {refusal.node()}: " if refusal.node() >= 0 else ""
    kind = str(refusal.code().name).lower().replace("_", " ")
    return f"{node}{kind} ({' '.join(essence(description))})"
