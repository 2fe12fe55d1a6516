"""IQ-STAN to an ONNX model."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch

from edgelpr.bundle.graph import FRAMES, PRESENT
from edgelpr.errors import ExportError
from edgelpr.export.to_onnx import BATCH, REMEDY, finish, name_sizes, quiet_exporter
from edgelpr.export.tracks.wrapping import TrackModule


def tracks_to_onnx(module: TrackModule, opset: int) -> onnx.ModelProto:
    """Export with any number of tracks at once.

    Always by the TorchScript exporter, which writes opset 20 too: it keeps the encoder as one LSTM operator, and unrolls the
    decoder's fixed number of steps.

    Args:
        module: float32.
        opset: 13 to 20.

    Raises:
        ExportError: the exporter failed or wrote another opset.
    """
    inputs, outputs = [FRAMES, PRESENT], list(module.outputs)
    axes = {name: {0: BATCH} for name in (*inputs, *outputs)}
    try:
        with quiet_exporter(), TemporaryDirectory(prefix="edgelpr-export-") as folder:  # this exporter only writes files
            path = Path(folder) / "graph.onnx"
            torch.onnx.export(
                module,
                module.example(),
                path,
                dynamo=False,
                opset_version=opset,
                input_names=inputs,
                output_names=outputs,
                dynamic_axes=axes,
            )
            model = onnx.load(path)
    except (RuntimeError, ValueError, TypeError, torch.onnx.errors.OnnxExporterError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ExportError(f"the ONNX exporter failed at opset {opset}: {reason}. {REMEDY}") from error
    finished = finish(model, opset)
    with torch.no_grad():
        name_sizes(finished, module(*module.example()))
    return finished
