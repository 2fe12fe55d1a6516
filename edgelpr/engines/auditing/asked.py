"""Which nodes of an ONNX file multiply, and in which of them int8 was asked for; read without the package onnx.

A board has no onnx, and a few fields of the file are enough. Its encoding is protobuf's: a number that holds a field and a
kind, then the value (protobuf documentation, "Encoding"); the fields are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgelpr.errors import BuildError
from edgelpr.types import Precision

_GRAPH, _NODE = 7, 1
_INPUT, _OUTPUT, _NAME, _OPERATOR = 1, 2, 3, 4
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_MULTIPLIES = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@dataclass(frozen=True)
class _Node:
    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def asked_nodes(graph: bytes, precision: Precision) -> tuple[str, ...]:
    """Names of the nodes that are to be computed in a precision: convolutions and matrix products.

    In int8 those whose input was rounded, which are seldom all; in fp16 and fp32 all of them.

    Args:
        graph: the ONNX file.
        precision: of the graph.

    Raises:
        BuildError: not an ONNX file.
    """
    try:
        nodes = tuple(_nodes(memoryview(graph)))
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise BuildError(f"the graph is not a readable ONNX file ({error}); export the bundle again") from error
    rounded = {name for node in nodes if node.operator == "DequantizeLinear" for name in node.outputs}
    return tuple(
        node.name
        for node in nodes
        if node.operator in _MULTIPLIES and (precision != "int8" or (node.inputs and node.inputs[0] in rounded))
    )


def _nodes(model: memoryview) -> Iterator[_Node]:
    for field, graph in _fields(model):
        if field == _GRAPH and isinstance(graph, memoryview):
            yield from (_node(value) for key, value in _fields(graph) if key == _NODE and isinstance(value, memoryview))


def _node(message: memoryview) -> _Node:
    texts: dict[int, list[str]] = {_INPUT: [], _OUTPUT: [], _NAME: [], _OPERATOR: []}
    for field, value in _fields(message):
        if field in texts and isinstance(value, memoryview):
            texts[field].append(bytes(value).decode("utf-8"))
    outputs = tuple(texts[_OUTPUT])
    unnamed = f"node_of_{outputs[0]}" if outputs else ""  # what TensorRT's parser calls it
    return _Node("".join(texts[_NAME]) or unnamed, "".join(texts[_OPERATOR]), tuple(texts[_INPUT]), outputs)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Fields of a message and the bytes of those that have some; numbers are passed over."""
    place = 0
    while place < len(message):
        key, place = _number(message, place)
        kind, value = key & 7, None
        if kind == _VARINT:
            _, place = _number(message, place)
        elif kind == _LENGTH:
            size, place = _number(message, place)
            value, place = message[place : place + size], place + size
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            place += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"unknown kind {kind} of field")
        if place > len(message):
            raise ValueError("it is cut short")
        yield key >> 3, value


def _number(message: memoryview, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
