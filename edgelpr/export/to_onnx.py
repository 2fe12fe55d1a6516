"""PyTorch module to ONNX model."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch

from edgelpr.errors import ExportError, require
from edgelpr.export.options import MAX_BATCH
from edgelpr.export.wrapping import GraphModule

_MAX_IR = 9  # read by ONNX Runtime 1.17 and TensorRT 8.6 too; opset 20 asks for no more
_EXAMPLES = 2
_REMEDY = "Nothing was written; try --opset 20"
_BATCH = "batch"


def to_onnx(module: GraphModule, opset: int) -> onnx.ModelProto:
    """Export a module with a dynamic batch of 1 to 256.

    Args:
        module: evaluation mode, float32.
        opset: 13 and 17 go through the TorchScript exporter, which alone writes them; above, the newer exporter.

    Raises:
        ExportError: the exporter failed or wrote another opset.
    """
    require("onnxscript", "export", "exporting to ONNX")
    with exporter_at(opset):
        model = _export(module, opset)
    finished = finish(model, opset)
    with torch.no_grad():
        name_sizes(finished, module(_example(module)))
    return finished


def finish(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Check the opset, cap the file version, drop traces of the exporting machine.

    Raises:
        ExportError: another opset than asked for, or operators outside the standard.
    """
    found = {item.domain: item.version for item in model.opset_import}
    if found.pop("", None) != opset or any(node.domain not in ("", "ai.onnx") for node in model.graph.node):
        versions = ", ".join(f"{item.domain or 'ai.onnx'} {item.version}" for item in model.opset_import)
        raise ExportError(f"the ONNX exporter wrote {versions}; expected ai.onnx {opset} alone. {_REMEDY}")
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", opset))
    model.ir_version = min(model.ir_version, _MAX_IR)
    _strip(model)
    return model


def _export(module: GraphModule, opset: int) -> onnx.ModelProto:
    example, inputs, outputs = (_example(module),), [module.input_name], list(module.outputs)
    if opset < 18:
        return export_by_torchscript(module, example, inputs, outputs, opset)
    batch = torch.export.Dim(_BATCH, min=1, max=MAX_BATCH)
    program = torch.onnx.export(
        module,
        example,
        dynamo=True,
        dynamic_shapes=({0: batch},),
        input_names=inputs,
        output_names=outputs,
        opset_version=opset,
        verbose=False,
    )
    if program is None:
        raise ExportError(f"the ONNX exporter returned nothing. {_REMEDY}")
    return program.model_proto


def export_by_torchscript(
    module: torch.nn.Module, example: tuple[torch.Tensor, ...], inputs: Sequence[str], outputs: Sequence[str], opset: int
) -> onnx.ModelProto:
    """Export by the older exporter, to be called within ``exporter_at``; the first dimension of every tensor is dynamic.

    Args:
        module: evaluation mode.
        example: its inputs, a batch of two.
        inputs: their names.
        outputs: names of its outputs.
        opset: 13 to 20.
    """
    axes = {name: {0: _BATCH} for name in (*inputs, *outputs)}
    with TemporaryDirectory(prefix="edgelpr-export-") as folder:  # this exporter only writes files
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            module,
            example,
            path,
            dynamo=False,
            dynamic_axes=axes,
            input_names=inputs,
            output_names=outputs,
            opset_version=opset,
        )
        return onnx.load(path)


def _example(module: GraphModule) -> torch.Tensor:
    sides = [side or _EXAMPLES for side in module.input_shape]
    return torch.zeros(sides, dtype=torch.uint8 if module.door is not None else torch.float32)


def name_sizes(model: onnx.ModelProto, results: tuple[torch.Tensor, ...]) -> None:
    """Write the known sizes of the outputs, which the older exporter leaves open.

    Args:
        model: changed in place.
        results: the outputs of any batch.
    """
    for output, result in zip(model.graph.output, results):
        sizes = [_BATCH, *result.shape[1:]]
        output.CopyFrom(onnx.helper.make_tensor_value_info(output.name, output.type.tensor_type.elem_type, sizes))


def _strip(model: onnx.ModelProto) -> None:
    """The exporter notes stack traces with the paths of this machine; they are nobody's business."""
    model.ClearField("doc_string")
    model.ClearField("metadata_props")
    model.graph.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    model.graph.ClearField("value_info")
    entries = (model.graph.node, model.graph.input, model.graph.output, model.graph.initializer)
    for entry in (entry for group in entries for entry in group):
        entry.ClearField("doc_string")
        entry.ClearField("metadata_props")


@contextlib.contextmanager
def exporter_at(opset: int) -> Iterator[None]:
    """Keep the exporter's chatter off the user's terminal, and say in our words that it failed.

    Raises:
        ExportError: it failed.
    """
    try:
        with _quiet():
            yield
    except (RuntimeError, ValueError, TypeError, torch.onnx.errors.OnnxExporterError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ExportError(f"the ONNX exporter failed at opset {opset}: {reason}. {_REMEDY}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Errors still come as exceptions."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
