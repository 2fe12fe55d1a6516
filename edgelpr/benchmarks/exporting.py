"""Weights as a bundle, for benchmarks."""

from __future__ import annotations

from pathlib import Path

from edgelpr.bundle.bundle import Bundle
from edgelpr.data.rendering.samples import render_crops
from edgelpr.export.exporting import export_bundle
from edgelpr.export.options import ExportOptions
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.weights import resolve_checkpoint
from edgelpr.plates.patterns import Pattern

_PARITY_CROPS = 8


def export_weights(
    weights: str,
    path: Path,
    options: ExportOptions = ExportOptions(),  # noqa: B008 - frozen
    pattern: Pattern | None = None,
) -> Bundle:
    """Export weights, silently.

    Parity is checked on rendered crops, so that no plate that is measured on has any part in the export.

    Args:
        weights: name or path of a checkpoint.
        path: of the bundle.
        options: of the export.
        pattern: masked into the graph; none by default.

    Raises:
        EdgelprError: whatever the weights, the pattern or the export refuse.
    """
    network = load_checkpoint(resolve_checkpoint(weights))
    crops = render_crops(network.plate_format, _PARITY_CROPS)
    if pattern is not None:
        network.plate_format = pattern.apply(network.plate_format)
    return export_bundle(network, path, options, crops, lambda line: None).bundle
