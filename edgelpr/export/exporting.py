"""A network becomes a bundle: rewritten, exported, checked at every step, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr import __version__
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.manifest import Graph, Manifest
from edgelpr.bundle.writing import check_destination, write_bundle
from edgelpr.errors import ExportError, UsageError
from edgelpr.export.counting import count_graph_multiply_adds
from edgelpr.export.options import ExportOptions
from edgelpr.export.parity import Check, Reference, check_graph, check_rewrite, make_reference
from edgelpr.export.running import run_with_onnxruntime
from edgelpr.export.simplifying import Simplification, simplify
from edgelpr.export.to_onnx import to_onnx
from edgelpr.export.wrapping import GraphModule
from edgelpr.models.checkpoint import serialise
from edgelpr.models.counting import count_multiply_adds
from edgelpr.models.hpa import Hpa
from edgelpr.preprocessing.crop import Preprocessing

GRAPH_FILE, WEIGHTS_FILE = "fp32.onnx", "weights.safetensors"
"""Names inside the bundle."""

Progress = Callable[[str], None]
"""Takes one line about what is being done."""


@dataclass(frozen=True)
class ExportReport:
    """What an export did."""

    bundle: Bundle
    """The bundle as written."""

    checks: tuple[Check, ...]
    """Parity: one a rewrite, then ``graph``, the file in the bundle."""

    tolerances: dict[str, float]
    """What ``graph`` was allowed a tensor; more than 1e-5 only where single precision itself loses more."""

    simplification: Simplification
    """Whether onnxsim's graph was taken."""

    multiply_adds_before: int
    """Of the network as published, one crop."""

    multiply_adds_after: int
    """Of the graph in the bundle, one crop."""


def export_bundle(
    network: Hpa, destination: str | os.PathLike[str], options: ExportOptions, crops: NDArray[np.uint8], progress: Progress
) -> ExportReport:
    """Export a network; whatever fails, Ctrl-C and a full disk included, leaves nothing behind.

    Args:
        network: left as it is.
        destination: the bundle's folder, by custom NAME.elpr.
        options: what to apply and what to include.
        crops: (N, H, W) uint8 of the format's size, real or rendered plates on which parity is checked.
        progress: told what is being done.

    Raises:
        UsageError: crops of another size or type.
        ParityError: a rewrite or the graph differs from the PyTorch network.
        ExportError: the exporter failed, or memory or disk ran out.
        BundleError: the destination exists, is no bundle that may be replaced, or cannot be written.
    """
    path = Path(destination)
    _check_request(network, path, options, crops)
    network = network.eval()
    try:
        progress(f"Running the PyTorch network on {len(crops)} crops")
        reference = make_reference(network, crops, options.maps)
        checks = [_check_rewrite(network, name, crops, reference, progress) for name in options.rewrites]
        module = GraphModule(network, options.rewrites, options.maps)
        model, check, simplification = make_graph(
            lambda: to_onnx(module, options.opset),
            lambda made: check_graph("graph", run_with_onnxruntime(made, module), crops, reference),
            options,
            progress,
        )
        graph = _describe(module, options, model)
        before = count_multiply_adds(network)
        parity = {item.name: max(item.differences.values()) for item in (*checks, check)}
        notes = {"multiply_adds_before": before, "simplification": simplification.outcome, "parity_crops": len(crops)}
        progress(f"Writing {path}")
        manifest = _manifest(network, path, graph, parity, notes)
        bundle = write_bundle(path, manifest, _contents(network, model, options), overwrite=options.overwrite)
    except (OSError, MemoryError) as error:
        raise ExportError(f"{path}: the export failed ({error or 'out of memory'}); nothing was written") from error
    return ExportReport(bundle, (*checks, check), reference.tolerances, simplification, before, graph.multiply_adds)


def _check_request(network: Hpa, path: Path, options: ExportOptions, crops: NDArray[np.uint8]) -> None:
    """Say at once what would fail after minutes of work."""
    size = network.plate_format.height_width
    if crops.dtype != np.uint8 or crops.ndim != 3 or crops.shape[1:] != size or len(crops) == 0:
        raise UsageError(f"parity crops are {crops.dtype} {crops.shape}; expected uint8 (N, {size[0]}, {size[1]}), N > 0")
    check_destination(Path(os.path.abspath(path)), options.overwrite)  # noqa: PTH100  as write_bundle does, links kept


def _check_rewrite(network: Hpa, name: Any, crops: NDArray[np.uint8], reference: Reference, progress: Progress) -> Check:
    progress(f"Checking the rewrite '{name}' on its own")
    return check_rewrite(network, name, crops, reference)


def make_graph(
    export: Callable[[], onnx.ModelProto],
    check: Callable[[onnx.ModelProto], Check],
    options: ExportOptions,
    progress: Progress,
) -> tuple[onnx.ModelProto, Check, Simplification]:
    """Export, check, and simplify where that is wanted.

    Args:
        export: makes the graph, at the opset of the options.
        check: raises ParityError for a graph that differs from the PyTorch network.
        options: opset, and whether to simplify.
        progress: told what is being done.

    Returns:
        The graph, its check, and what came of simplifying.
    """
    progress(f"Exporting to ONNX, opset {options.opset}")
    model = export()
    progress("Checking the graph with ONNX Runtime")
    outcome, nodes = check(model), len(model.graph.node)
    if not options.simplify:
        return model, outcome, Simplification("off", nodes, nodes)
    progress("Simplifying")
    return simplify(model, outcome, options.opset, check)


def _describe(module: GraphModule, options: ExportOptions, model: onnx.ModelProto) -> Graph:
    return Graph(
        file=GRAPH_FILE,
        precision="fp32",
        opset=options.opset,
        rewrites=options.rewrites,
        input_name=module.input_name,
        input_dtype="float32" if module.door is None else "uint8",
        input_shape=module.input_shape,
        outputs=module.outputs,
        multiply_adds=count_graph_multiply_adds(model),
    )


def _manifest(network: Hpa, path: Path, graph: Graph, parity: Mapping[str, float], notes: Mapping[str, Any]) -> Manifest:
    return Manifest(
        edgelpr_version=__version__,
        name=path.absolute().stem,
        architecture=network.config.name,
        classifier=network.config.classifier,
        plate_format=network.plate_format,
        preprocessing=Preprocessing.of(network.plate_format),
        graphs=(graph,),
        parity=parity,
        notes=notes,
    )


def _contents(network: Hpa, model: onnx.ModelProto, options: ExportOptions) -> dict[str, Path | bytes]:
    contents: dict[str, Path | bytes] = {GRAPH_FILE: model.SerializeToString(deterministic=True)}
    return contents | {WEIGHTS_FILE: serialise(network)} if options.include_weights else contents
