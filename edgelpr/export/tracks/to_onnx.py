"""IQ-STAN to an ONNX model."""

from __future__ import annotations

import onnx
import torch

from edgelpr.bundle.graph import FRAMES, PRESENT
from edgelpr.export.to_onnx import export_by_torchscript, exporter_at, finish, name_sizes
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
    example, outputs = module.example(), list(module.outputs)
    with exporter_at(opset):
        model = export_by_torchscript(module, example, [FRAMES, PRESENT], outputs, opset)
    finished = finish(model, opset)
    with torch.no_grad():
        name_sizes(finished, module(*example))
    return finished
