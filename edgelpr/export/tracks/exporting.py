"""IQ-STAN becomes a bundle that reads tracks: exported, checked, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr import __version__
from edgelpr.bundle.graph import FRAMES as FRAMES_INPUT
from edgelpr.bundle.manifest import Graph, Manifest
from edgelpr.bundle.writing import check_destination, write_bundle
from edgelpr.errors import ExportError, UsageError
from edgelpr.export.counting import count_graph_multiply_adds
from edgelpr.export.exporting import GRAPH_FILE, ExportReport, Progress, make_graph
from edgelpr.export.options import ExportOptions
from edgelpr.export.tracks.parity import check_track_graph, make_track_reference
from edgelpr.export.tracks.to_onnx import tracks_to_onnx
from edgelpr.export.tracks.wrapping import TrackModule, some_absent
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.models.iq_stan_features import FRAME_HEIGHT, FRAME_WIDTH


def export_track_bundle(
    network: IqStan, destination: str | os.PathLike[str], options: ExportOptions, frames: NDArray[np.uint8], progress: Progress
) -> ExportReport:
    """Export a network; whatever fails, Ctrl-C and a full disk included, leaves nothing behind.

    Args:
        network: left as it is.
        destination: the bundle's folder, by custom NAME.elpr.
        options: opset, maps (temporal and decoder attention), simplifying and overwriting; the rewrites are those of networks
            for crops and have no part here: the graph always takes bytes and returns classes.
        frames: (N, 5, 50, 150) uint8, real or rendered tracks on which parity is checked, with one to five frames present.
        progress: told what is being done.

    Raises:
        UsageError: frames of another shape, weights to include, or a plate format with a pattern.
        ParityError: the graph differs from the PyTorch network.
        ExportError: the exporter failed, or memory or disk ran out.
        BundleError: the destination exists, is no bundle that may be replaced, or cannot be written.
    """
    path = Path(destination)
    _check_request(network, path, options, frames)
    network, tracks = network.eval(), some_absent(frames)
    try:
        progress(f"Running the PyTorch network on {len(frames)} tracks")
        reference = make_track_reference(network, tracks, options.maps)
        module = TrackModule(network, options.maps)
        model, check, simplification = make_graph(
            lambda: tracks_to_onnx(module, options.opset),
            lambda made: check_track_graph(made, tracks, reference),
            options,
            progress,
        )
        graph = _describe(module, options, model)
        notes = {
            "quality": network.config.quality,
            "simplification": simplification.outcome,
            "parity_tracks": len(frames),
        }
        progress(f"Writing {path}")
        manifest = _manifest(network, path, graph, {check.name: max(check.differences.values())}, notes)
        contents: dict[str, Path | bytes] = {GRAPH_FILE: model.SerializeToString(deterministic=True)}
        bundle = write_bundle(path, manifest, contents, overwrite=options.overwrite)
    except (OSError, MemoryError) as error:
        raise ExportError(f"{path}: the export failed ({error or 'out of memory'}); nothing was written") from error
    count = graph.multiply_adds
    return ExportReport(bundle, (check,), reference.tolerances, simplification, count, count)


def _check_request(network: IqStan, path: Path, options: ExportOptions, frames: NDArray[np.uint8]) -> None:
    """Say at once what would fail after minutes of work."""
    size = (FRAMES, FRAME_HEIGHT, FRAME_WIDTH)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != size or len(frames) == 0:
        wanted = f"uint8 (N, {', '.join(map(str, size))}), N > 0"
        raise UsageError(f"parity tracks are {frames.dtype} {frames.shape}; expected {wanted}")
    if options.include_weights:
        raise UsageError("weights in a bundle are for the backend torch, which reads no tracks; leave them out")
    if network.plate_format.allowed_classes is not None:
        raise UsageError(
            f"plate format '{network.plate_format.name}' has a pattern, which graphs that read tracks do not apply; train with "
            "a format without one"
        )
    check_destination(Path(os.path.abspath(path)), options.overwrite)  # noqa: PTH100  as write_bundle does, links kept


def _describe(module: TrackModule, options: ExportOptions, model: onnx.ModelProto) -> Graph:
    return Graph(
        file=GRAPH_FILE,
        precision="fp32",
        opset=options.opset,
        rewrites=("decode",),
        input_name=FRAMES_INPUT,
        input_dtype="uint8",
        input_shape=(None, FRAMES, FRAME_HEIGHT, FRAME_WIDTH),
        outputs=module.outputs,
        multiply_adds=count_graph_multiply_adds(model),
        frames=FRAMES,
        confidence=module.network.confidence,
    )


def _manifest(network: IqStan, path: Path, graph: Graph, parity: Mapping[str, float], notes: Mapping[str, Any]) -> Manifest:
    return Manifest(
        edgelpr_version=__version__,
        name=path.absolute().stem,
        architecture=network.config.name,
        classifier="shared",  # one for all steps of the decoder
        plate_format=network.plate_format,
        preprocessing=network.preprocessing,
        graphs=(graph,),
        parity=parity,
        notes=notes,
    )
