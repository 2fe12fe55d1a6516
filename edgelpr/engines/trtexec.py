"""Which arguments `trtexec` takes, by version: the boards that need a script have an old one.

From NVIDIA's open-source samples and published help texts: workspace in MiB as ``--workspace`` until 8.3 and as
``--memPoolSize`` since 8.4; ``--buildOnly`` became ``--skipInference`` in 8.6; ``--stronglyTyped`` came with 10, builder levels
with 8.6. No `trtexec` was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgelpr.bundle.graph import Graph
from edgelpr.engines.options import BuildOptions
from edgelpr.errors import UsageError
from edgelpr.types import Precision

Version = tuple[int, int]
"""Major and minor."""

_OLDEST, _NEWEST = (8, 2), (10, 99)
_POOLS, _BYTES, _LEVELS, _STRONG = (8, 4), (8, 5), (8, 6), (10, 0)
_MIB = 1 << 20


def parse_version(text: str) -> Version:
    """Major and minor of a version such as ``8.5`` or ``8.5.2.2``.

    Raises:
        UsageError: not a version, or one that a script does not serve.
    """
    match = re.fullmatch(r"(\d{1,4})\.(\d{1,4})(\.\d{1,9}){0,4}", text)
    if match is None:
        raise UsageError(f"TensorRT version '{text}': expected major and minor, for example 8.5")
    version = int(match[1]), int(match[2])
    if not _OLDEST <= version <= _NEWEST:
        raise UsageError(
            f"TensorRT {text}: scripts are for 8.2 (JetPack 4.6), 8.5 (JetPack 5), 8.6 and 10 (JetPack 6); run 'edgelpr build' "
            "itself where a newer one is"
        )
    return version


def highest_opset(version: Version) -> int:
    """The newest ONNX operators that its parser reads in full."""
    if version < _BYTES:
        return 13
    return 17 if version < _STRONG else 20


def takes_bytes(version: Version) -> bool:
    """Whether an input may be uint8."""
    return version >= _BYTES


def arguments(
    version: Version, graph: Graph, precision: Precision, options: BuildOptions, calibration: str | None = None
) -> list[str]:
    """Arguments that build what `edgelpr build` would, but for the files' names.

    Args:
        version: of `trtexec`.
        graph: that is built.
        precision: of the engine.
        options: how to build it.
        calibration: file with ranges, for int8 on a DLA.

    Raises:
        UsageError: an option that this version does not have, or that is not for boards.
    """
    return [
        *_precision(version, precision, options),
        *([] if calibration is None else [f"--calib={calibration}"]),
        *_shapes(graph, options),
        *_more(version, options),
        "--timingCacheFile=timing.cache",
        "--skipInference" if version >= _LEVELS else "--buildOnly",
    ]


def _precision(version: Version, precision: Precision, options: BuildOptions) -> list[str]:
    if version >= _STRONG and options.dla_core is None:
        return ["--stronglyTyped", *(["--noTF32"] if precision == "fp32" else [])]
    return {"fp32": ["--noTF32"], "fp16": ["--fp16"], "int8": ["--int8", "--fp16"]}[precision]


def _shapes(graph: Graph, options: BuildOptions) -> Iterator[str]:
    for name, count in zip(("min", "opt", "max"), options.batches):
        shapes = (f"{each.name}:{'x'.join(map(str, (count, *each.shape[1:])))}" for each in graph.inputs)
        yield f"--{name}Shapes={','.join(shapes)}"


def _more(version: Version, options: BuildOptions) -> Iterator[str]:
    if options.workspace_bytes is not None:
        size = -(-options.workspace_bytes // _MIB)
        yield f"--workspace={size}" if version < _POOLS else f"--memPoolSize=workspace:{size}"
    if options.level is not None:
        if version < _LEVELS:
            raise UsageError("--level: trtexec knows builder levels since TensorRT 8.6; leave --level out")
        yield f"--builderOptimizationLevel={options.level}"
    if options.dla_core is not None:
        yield from (f"--useDLACore={options.dla_core}", "--allowGPUFallback")
    if options.version_compatible or options.hardware_compatibility != "none" or options.targets:
        raise UsageError(
            "--script writes for one board: leave out --version-compatible, --hardware-compatible and --target, which are not "
            "for JetPack"
        )
