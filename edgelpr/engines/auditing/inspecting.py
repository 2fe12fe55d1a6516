"""The layers of an engine, from TensorRT's engine inspector.

The form of its JSON is what TensorRT's documentation ("Engine Inspector") shows and its open-source engine explorer reads. The
inspector needs a GPU; without one only its text can be tested.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edgelpr.engines.auditing.layers import Layer, nodes_in, precision_of
from edgelpr.errors import BuildError


def inspect_engine(module: Any, engine: Any, batch: int) -> tuple[Layer, ...]:
    """The layers of an engine, as they are for one batch size.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``.
        engine: deserialised, built with detailed profiling verbosity.
        batch: within its profile.

    Raises:
        BuildError: the inspector does not answer as expected.
    """
    inspector = engine.create_engine_inspector()
    context = engine.create_execution_context()
    if context is not None:  # without one an engine for several batch sizes keeps its types to itself
        for index in range(engine.num_io_tensors):
            name = engine.get_tensor_name(index)
            if engine.get_tensor_mode(name) == module.TensorIOMode.INPUT:
                context.set_input_shape(name, (batch, *tuple(engine.get_tensor_shape(name))[1:]))
        inspector.execution_context = context
    return layers_of(inspector.get_engine_information(module.LayerInformationFormat.JSON))


def layers_of(text: str) -> tuple[Layer, ...]:
    """The layers in the inspector's JSON.

    Raises:
        BuildError: not such a text, or one without details.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BuildError(f"TensorRT's engine inspector gave no JSON ({error}); the engine could not be looked into") from error
    layers = values.get("Layers") if isinstance(values, dict) else None
    if not isinstance(layers, list):
        raise BuildError("TensorRT's engine inspector gave no list of layers; the engine could not be looked into")
    if any(not isinstance(layer, dict) for layer in layers):
        raise BuildError("TensorRT's engine inspector gave names only; build the engine with detailed profiling verbosity")
    return tuple(_layer(layer) for layer in layers)


def _layer(values: Mapping[str, Any]) -> Layer:
    weights = values.get("Weights")
    types = [_type(tensor) for side in ("Inputs", "Outputs") for tensor in _tensors(values.get(side))]
    return Layer(
        kind=str(values.get("LayerType", "")),
        precision=precision_of(
            types, str(weights.get("Type", "")) if isinstance(weights, dict) else "", str(values.get("TacticName", ""))
        ),
        nodes=nodes_in(str(values.get("Metadata", "")), str(values.get("Name", ""))),
    )


def _tensors(value: Any) -> list[Any]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _type(tensor: Mapping[str, Any]) -> str:
    return str(tensor.get("Datatype") or tensor.get("Format/Datatype") or "")
