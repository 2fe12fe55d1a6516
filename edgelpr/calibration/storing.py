"""New graphs and their record go into the bundle: all of them or none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import Graph
from edgelpr.bundle.manifest import Manifest
from edgelpr.bundle.updating import update_bundle
from edgelpr.calibration.building import FP16, INT8, INT8_CPU
from edgelpr.calibration.opening import FloatGraph
from edgelpr.calibration.record import CALIBRATION, CalibrationRecord
from edgelpr.export.counting import count_graph_multiply_adds


def describe_graphs(source: FloatGraph) -> dict[str, Graph]:
    """What the manifest says about each graph that calibration adds, by file name."""
    float_graph = source.graph
    unchanged = source.early is source.model
    count = float_graph.multiply_adds if unchanged else count_graph_multiply_adds(source.early)
    rounded = replace(float_graph, precision="int8", rewrites=source.early_rewrites, multiply_adds=count)
    return {
        FP16: replace(float_graph, file=FP16, precision="fp16", made_for="any"),
        INT8: replace(rounded, file=INT8, made_for="tensorrt"),
        INT8_CPU: replace(rounded, file=INT8_CPU, made_for="cpu"),
    }


def store(
    source: FloatGraph, models: Mapping[str, onnx.ModelProto], graphs: Mapping[str, Graph], record: CalibrationRecord
) -> Bundle:
    """Put graphs and record into the bundle, in place of earlier ones; whatever fails, the old bundle stays whole.

    Approvals and accuracy of earlier graphs that change are dropped with them.

    Raises:
        BundleError: the bundle is another one by now, or cannot be written.
        CalibrationError: a record that JSON cannot hold.
    """
    contents: dict[str, Path | bytes] = {CALIBRATION: record.to_json().encode("utf-8")}
    contents |= {file: model.SerializeToString(deterministic=True) for file, model in models.items()}
    before = source.bundle.manifest
    changed = {file for file in models if _differs(before, file, contents[file])}
    kinds = {(graph.precision, graph.made_for) for graph in graphs.values()}
    replaced = [graph for graph in before.graphs if (graph.precision, graph.made_for) in kinds]
    kept = [graph for graph in before.graphs if graph not in replaced]
    accuracy = tuple(entry for entry in before.accuracy if not _measured_on(before, entry, changed))
    manifest = replace(before, graphs=(*kept, *graphs.values()), accuracy=accuracy)
    return update_bundle(source.bundle, manifest, contents, [graph.file for graph in replaced if graph.file not in graphs])


def _differs(manifest: Manifest, file: str, content: Path | bytes) -> bool:
    known = manifest.files.get(file)
    return known is not None and isinstance(content, bytes) and hashlib.sha256(content).hexdigest() != known.sha256


def _measured_on(manifest: Manifest, entry: Mapping[str, Any], files: set[str]) -> bool:
    graph = manifest.graph(entry["precision"], entry["backend"])
    return graph is not None and graph.file in files
