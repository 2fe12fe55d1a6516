"""A bundle's ranges as a TensorRT calibration cache, for its deep-learning accelerator (DLA)."""

from __future__ import annotations

from pathlib import Path

from edgelpr.atomic import write_atomically
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.opening import FloatGraph, open_float_graph, read_record
from edgelpr.calibration.trt_cache import check_version, to_tensorrt_cache
from edgelpr.errors import CalibrationError


def check_cache(bundle: Bundle, path: Path, trt_version: str) -> None:
    """Say at once, before minutes of work, that no cache can come of it.

    The cache goes with ``fp32.onnx``: TensorRT gives its tensors the ranges by name. So that graph must be the very one that
    was measured, without ``late-attention``, and take float input, without ``decode``, as DLA does.

    Args:
        bundle: calibrated or not.
        path: of the cache to write.
        trt_version: of the TensorRT that will read it.

    Raises:
        UsageError: a version without caches.
        CalibrationError: a graph that DLA cannot use with a cache, or no folder to write to.
    """
    check_version(trt_version)
    _check_graph(open_float_graph(bundle))
    if not path.absolute().parent.is_dir():
        raise CalibrationError(f"{path}: its folder does not exist; create {path.absolute().parent} first")


def write_cache(bundle: Bundle, path: Path, trt_version: str) -> None:
    """Write the ranges that the record inside a bundle holds for ``int8``, whole or not at all.

    Args:
        bundle: calibrated.
        path: of the cache; replaced when it exists.
        trt_version: of the TensorRT that will read it, for example ``8.6.1``.

    Raises:
        UsageError: a version without caches.
        CalibrationError: never calibrated, a record of another model, a graph that DLA cannot use with a cache, or the
            cache cannot be written.
    """
    source, record = open_float_graph(bundle), read_record(bundle)
    _check_graph(source)
    source.check_record(record, str(bundle.path))
    content = to_tensorrt_cache(record, trt_version, source.graph.input_name)
    try:
        write_atomically(path, content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CalibrationError(f"{path}: the cache could not be written ({reason}); choose another folder") from error


def _check_graph(source: FloatGraph) -> None:
    if source.graph.frames is not None:
        raise CalibrationError(
            f"{source.bundle.path}: reads tracks with recurrent layers, which DLA does not compute; no cache helps"
        )
    hindering = [name for name in ("decode", "late-attention") if name in source.graph.rewrites]
    if hindering:
        without = " ".join(f"--no-rewrite {name}" for name in hindering)
        raise CalibrationError(
            f"{source.bundle.path}: DLA takes float input, and a cache names the tensors of the graph as it was measured; "
            f"export the checkpoint with '{without}', and calibrate that bundle"
        )
