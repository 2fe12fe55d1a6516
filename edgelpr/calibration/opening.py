"""A bundle's fp32 graph, from which calibration makes the others."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import Graph
from edgelpr.calibration.early import early_form
from edgelpr.calibration.placing import place, quantisable_nodes
from edgelpr.calibration.record import CALIBRATION, CalibrationRecord
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.errors import BundleError, CalibrationError
from edgelpr.types import Rewrite

_ROUNDED = ("QuantizeLinear", "DequantizeLinear")
_EXPORT = "make the bundle with 'edgelpr export' and calibrate that one"


@dataclass(frozen=True, eq=False)
class FloatGraph:
    """The fp32 graph of a bundle; made by ``open_float_graph``."""

    bundle: Bundle
    """Where it lies."""

    graph: Graph
    """What the manifest says about it."""

    model: onnx.ModelProto
    """The file."""

    early: onnx.ModelProto
    """The same function after ``early_form``: INT8 is made from this one, and ranges are of its tensors."""

    @property
    def sha256(self) -> str:
        """Hash of the file, in hexadecimal."""
        return self.bundle.manifest.files[self.graph.file].sha256

    @property
    def early_rewrites(self) -> tuple[Rewrite, ...]:
        """Rewrites that are left in ``early``."""
        return tuple(name for name in self.graph.rewrites if self.early is self.model or name != "late-attention")

    @property
    def rounded(self) -> frozenset[str]:
        """Tensors of ``early`` whose ranges some INT8 file needs."""
        return frozenset[str]().union(*(place(self.early, scheme).tensors.values() for scheme in SCHEMES.values()))

    @property
    def observed(self) -> frozenset[str] | None:
        """Tensors of ``early`` that are measured; None: all, as a calibration cache for DLA wants them, never of tracks."""
        return None if self.graph.frames is None else self.rounded

    def check_record(self, record: CalibrationRecord, where: str) -> None:
        """Check that a record fits this graph, so that all files can be made from it.

        Args:
            record: with ranges.
            where: what to call it in messages.

        Raises:
            CalibrationError: of another graph or other preprocessing, without a range that is needed, or with nodes kept
                that the graph does not have.
        """
        absent = [file for file in SCHEMES if file not in record.ranges]
        names = {node.name for model in (self.model, self.early) for node in model.graph.node}
        unknown = [name for kept in record.kept.values() for name in kept if name not in names]
        try:
            record.check(self.sha256, self.bundle.manifest.preprocessing.to_dict(), sorted(self.rounded))
        except CalibrationError as error:
            raise CalibrationError(f"{where}: {error}") from error
        if absent or unknown:
            what = f"has no ranges for '{absent[0]}'" if absent else f"keeps '{unknown[0]}', which the graph does not have"
            raise CalibrationError(f"{where}: the calibration record {what}; run 'edgelpr calibrate' again with images")


def open_float_graph(bundle: Bundle) -> FloatGraph:
    """Read the fp32 graph of a bundle and check that it can be calibrated.

    Raises:
        CalibrationError: there is none, or it is rounded already, or not a graph that ``edgelpr export`` wrote.
        BundleError: the file cannot be read.
    """
    graph = bundle.manifest.graph("fp32", "onnxruntime")
    if graph is None:
        others = ", ".join(each.file for each in bundle.manifest.graphs) or "none"
        raise CalibrationError(f"{bundle.path}: has no fp32 graph to calibrate, only others ({others}); {_EXPORT}")
    path = bundle.file(graph.file)
    try:
        model = onnx.load(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error
    except Exception as error:  # protobuf's own exception, whose package has no types
        raise CalibrationError(f"{path}: is no ONNX file ({error}); {_EXPORT}") from error
    _check(model, str(path))
    early = early_form(model)
    if not all(quantisable_nodes(early, scheme) for scheme in SCHEMES.values()):
        raise CalibrationError(f"{path}: has no convolution that could be computed in INT8; {_EXPORT}")
    return FloatGraph(bundle, graph, model, early)


def read_record(bundle: Bundle) -> CalibrationRecord:
    """The record inside a bundle.

    Raises:
        CalibrationError: the bundle was never calibrated, or its record cannot be used.
    """
    if CALIBRATION not in bundle.manifest.files:
        raise CalibrationError(
            f"{bundle.path}: was never calibrated; run: edgelpr calibrate {bundle.path} --images DIR, a folder of real crops"
        )
    path = bundle.file(CALIBRATION)
    return CalibrationRecord.from_json(path.read_bytes(), str(path))


def _check(model: onnx.ModelProto, path: str) -> None:
    nodes = list(model.graph.node)
    rounded = [node for node in nodes if node.op_type in _ROUNDED]
    if rounded:
        raise CalibrationError(
            f"{path}: the fp32 graph is rounded already ({len(rounded)} {' and '.join(_ROUNDED)}); ranges are measured on "
            f"an unrounded one: {_EXPORT}"
        )
    names = {node.name for node in nodes}
    inner = any(attribute.HasField("g") or attribute.graphs for node in nodes for attribute in node.attribute)
    if "" in names or len(names) != len(nodes) or inner:
        what = "graphs inside nodes" if inner else "nodes without a name of their own"
        raise CalibrationError(f"{path}: has {what}, so 'edgelpr export' did not write it; {_EXPORT}")
