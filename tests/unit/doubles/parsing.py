"""Network and parser of the TensorRT stand-in: they read the ONNX file, and refuse what real parsers refuse."""

from __future__ import annotations

from typing import Any

import onnx

NEWEST_OPSET = {"8.6.1": 17, "10.3.0": 20}
_DTYPES = {
    onnx.TensorProto.FLOAT: "FLOAT",
    onnx.TensorProto.FLOAT16: "HALF",
    onnx.TensorProto.UINT8: "UINT8",
    onnx.TensorProto.INT32: "INT32",
}


class INetworkDefinition:
    def __init__(self, flags: int) -> None:
        self._flags = flags
        self._model: Any = None
        self._onnx = b""
        self._inputs: list[Any] = []

    def _has(self, name: str) -> bool:
        flag = getattr(self._module.NetworkDefinitionCreationFlag, name, None)
        return flag is not None and bool(self._flags >> int(flag) & 1)

    @property
    def num_inputs(self) -> int:
        return len(self._inputs)

    @property
    def num_outputs(self) -> int:
        return len(self._model.graph.output)

    @property
    def num_layers(self) -> int:
        return len(self._model.graph.node)

    def get_input(self, index: int) -> Any:
        return self._inputs[index] if index < len(self._inputs) else None

    def get_layer(self, index: int) -> Any:
        return self._module.ILayer(self._model.graph.node[index])


class ITensor:
    def __init__(self, value: onnx.ValueInfoProto) -> None:
        kind = value.type.tensor_type
        self._name = value.name
        self._shape = tuple(side.dim_value or -1 for side in kind.shape.dim)
        self._dtype = _DTYPES[kind.elem_type]

    @property
    def name(self) -> str:
        return self._name

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    @property
    def dtype(self) -> Any:
        return getattr(self._module.DataType, self._dtype)


class ILayer:
    def __init__(self, node: onnx.NodeProto) -> None:
        self._node = node

    @property
    def name(self) -> str:
        return self._node.name


class OnnxParser:
    def __init__(self, network: Any, log: Any) -> None:
        self._network = network
        self._log = log
        self._errors: list[tuple[int, str, str, str]] = []

    def parse(self, content: bytes) -> bool:
        try:
            model = onnx.load_model_from_string(content)
        except Exception:
            self._errors = [(-1, "", "", "Failed to parse the ONNX model.")]
            return False
        network, module = self._network, self._module
        if hasattr(module.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH") and not (
            network._has("EXPLICIT_BATCH") or network._has("STRONGLY_TYPED")
        ):
            self._errors = [(-1, "", "", "This version of the ONNX parser only supports networks with an explicit batch.")]
            return False
        self._errors = [error for index, node in enumerate(model.graph.node) if (error := self._refuse(index, node, model))]
        network._model, network._onnx = model, content
        network._inputs = [module.ITensor(value) for value in model.graph.input]
        return not self._errors

    def _refuse(self, index: int, node: onnx.NodeProto, model: onnx.ModelProto) -> tuple[int, str, str, str] | None:
        if node.op_type.startswith("QLinear"):
            return index, node.name, node.op_type, f"No importer registered for op: {node.op_type}"
        newest = NEWEST_OPSET.get(self._module.__version__, 22)
        if index == 0 and model.opset_import[0].version > newest:
            return index, node.name, node.op_type, f"opset {model.opset_import[0].version} is newer than {newest}"
        return None

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> Any:
        return self._module.ParserError(*self._errors[index])


class ParserError:
    def __init__(self, node: int, name: str, operator: str, description: str) -> None:
        self._facts = node, name, operator, description

    def code(self) -> Any:
        return self._module.ErrorCode.UNSUPPORTED_NODE

    def node(self) -> int:
        return self._facts[0]

    def node_name(self) -> str:
        return self._facts[1]

    def node_operator(self) -> str:
        return self._facts[2]

    def desc(self) -> str:
        return self._facts[3]
