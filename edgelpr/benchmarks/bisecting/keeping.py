"""What a bisection found goes into the record, and into every file that has these layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from edgelpr.benchmarks.bisecting.bisection import Bisection
from edgelpr.benchmarks.bisecting.choosing import Say
from edgelpr.benchmarks.bisecting.plates import PreparedPlates
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.calibrating import apply_record
from edgelpr.calibration.opening import FloatGraph, open_float_graph, read_record
from edgelpr.calibration.placing import quantisable_nodes
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.types import ReducedFile


def keep_in_bundle(
    bundle: Bundle, bisection: Bisection, plates: PreparedPlates, threads: int | None, say: Say
) -> tuple[Bundle, Mapping[ReducedFile, tuple[str, ...]]]:
    """Build the graphs anew with what is to be kept and put them and the record into the bundle, all or nothing.

    In ``int8-cpu.onnx`` kept layers compute in fp32, in ``int8.onnx`` in fp16, in ``fp16.onnx`` in fp32. The two INT8
    files keep the same layers, as far as both would round them.

    Args:
        bundle: as it was bisected.
        bisection: with a set to keep.
        plates: the new graphs are checked on some of them.
        threads: CPU threads; None: ONNX Runtime's default.
        say: told what is being done.

    Returns:
        The bundle as written, and the nodes that each file keeps now.

    Raises:
        CalibrationError: a graph came out broken; nothing is written.
        BundleError: the bundle is another one by now, or cannot be written.
    """
    source, record = open_float_graph(bundle), read_record(bundle)
    new: dict[ReducedFile, tuple[str, ...]]
    new = {"fp16": bisection.together} if bisection.precision == "fp16" else _both(source, bisection)
    others = [file for file, names in record.kept.items() if names and file not in new]
    chosen_on = tuple(dict.fromkeys((*(record.chosen_on if others else ()), *plates.hashes)))
    record = replace(record, kept={**record.kept, **new}, chosen_on=chosen_on)
    written, _ = apply_record(source, record, (plates.crops,), threads, say)
    return written, new


def _both(source: FloatGraph, bisection: Bisection) -> dict[ReducedFile, tuple[str, ...]]:
    rounded = quantisable_nodes(source.early, SCHEMES["int8"])
    return {"int8-cpu": bisection.together, "int8": _in_order(rounded, bisection.kept)}


def _in_order(names: Collection[str], chosen: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in chosen)
