"""Parity of a graph that reads tracks: it must return what the PyTorch network returns, with one to five frames."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from edgelpr.bundle.graph import FRAMES, PRESENT
from edgelpr.export.parity import Check, Outputs, Reference, batches_of, compare, tolerances_of
from edgelpr.export.running import open_session
from edgelpr.export.tracks.wrapping import TrackBatch, extra_outputs
from edgelpr.models.iq_stan import IqStan


def make_track_reference(network: IqStan, tracks: TrackBatch, maps: bool) -> Reference:
    """Run the network as it was trained, in double precision; tolerances as for crops.

    Args:
        network: evaluation mode, float32.
        tracks: what to read.
        maps: whether to compare attention.
    """
    exact, single = (_plain(copy, tracks, maps) for copy in (deepcopy(network).double(), network))
    return Reference(network.plate_format, exact, tolerances_of(exact, single))


def check_track_graph(model: onnx.ModelProto, tracks: TrackBatch, reference: Reference) -> Check:
    """Compare a graph with the network, tensor by tensor and character by character: one track, two, and all.

    A tie would show as a difference, because the decoder is told its own choice: what follows it is then another plate.

    Args:
        model: the graph.
        tracks: some with frames absent.
        reference: of the same tracks.

    Raises:
        ParityError: the outputs differ.
        ExportError: ONNX Runtime refuses the graph.
    """
    session = open_session(model)
    batches = batches_of(len(tracks.frames))
    return compare("graph", [(numbers, _run(session, tracks.rows(numbers))) for numbers in batches], reference)


def _run(session: Any, tracks: TrackBatch) -> Outputs:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {FRAMES: tracks.frames, PRESENT: tracks.present})))


def _plain(network: IqStan, tracks: TrackBatch, maps: bool) -> dict[str, NDArray[np.float64]]:
    dtype = network.decoder.places.dtype
    with torch.no_grad():
        result = network(
            torch.from_numpy(tracks.frames).to(dtype) / 255, torch.from_numpy(tracks.present).to(dtype), compare=True
        )
    probabilities = torch.softmax(result.logits.double(), dim=-1).amax(-1)
    tensors = {"logits": result.logits, "probabilities": probabilities, **extra_outputs(result, maps)}
    return {name: tensor.double().numpy() for name, tensor in tensors.items()}
