"""What cannot be built, found before TensorRT is asked, so that the message can say what to do instead."""

from __future__ import annotations

from types import ModuleType

from edgelpr.engines.dla import refuse_dla
from edgelpr.engines.features import (
    can_type_strongly,
    compatibility_level,
    compute_capability,
    has_implicit_ranges,
    in_words,
    targets_of,
)
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.request import BuildRequest
from edgelpr.errors import BuildError, UsageError
from edgelpr.types import EngineBackend, Precision

OLD_OPSET = 17
"""The newest operators that a TensorRT without strong typing (8.6) reads."""


def refuse_impossible(module: ModuleType, backend: EngineBackend, request: BuildRequest, jetpack: bool) -> None:
    """Refuse options that this TensorRT, this board or this graph excludes.

    Args:
        module: TensorRT.
        backend: which one.
        request: what is asked for.
        jetpack: whether this is a Jetson.

    Raises:
        UsageError: options that exclude each other or that this TensorRT does not have.
        BuildError: the graph needs a newer TensorRT.
    """
    options, opset, where = request.options, request.opset, request.where
    _check_targets(module, backend, options)
    _check_compatibility(module, backend, options, jetpack)
    if options.dla_core is not None:
        _check_dla(module, backend, request.precision, options)
    if opset is not None and opset > OLD_OPSET and not can_type_strongly(module):
        raise BuildError(
            f"{where}: was exported with opset {opset}, but {in_words(module, backend)} reads opset {OLD_OPSET} at most. "
            f"Export it anew with 'edgelpr export --opset {OLD_OPSET}', then calibrate and verify the new bundle"
        )


def _check_targets(module: ModuleType, backend: EngineBackend, options: BuildOptions) -> None:
    if options.targets and not targets_of(module):
        raise UsageError(
            f"--target is for tensorrt-rtx; {in_words(module, backend)} builds for the GPU that it runs on. "
            "Run the command on the machine that is to read plates"
        )
    for target in options.targets:
        compute_capability(module, target)


def _check_compatibility(module: ModuleType, backend: EngineBackend, options: BuildOptions, jetpack: bool) -> None:
    if backend == "tensorrt-rtx" and options.version_compatible:
        raise UsageError(
            "--version-compatible: an engine of TensorRT-RTX runs with the version that built it only; "
            "build it anew after an upgrade, or use --backend tensorrt"
        )
    if jetpack and options.version_compatible:
        raise UsageError(
            "--version-compatible: NVIDIA documents no such engines for JetPack, whose TensorRT changes only with the whole "
            "system; leave it out, and build anew after an upgrade of JetPack"
        )
    if options.hardware_compatibility == "none":
        return
    if backend == "tensorrt-rtx":
        raise UsageError(
            "--hardware-compatible is for tensorrt; name the GPUs of a TensorRT-RTX engine with --target sm86,sm89"
        )
    if jetpack:
        raise UsageError(
            "--hardware-compatible: TensorRT has no hardware-compatible engines on JetPack, only on desktops and servers; "
            "build on each kind of board"
        )
    compatibility_level(module, options.hardware_compatibility)


def _check_dla(module: ModuleType, backend: EngineBackend, precision: Precision, options: BuildOptions) -> None:
    refuse_dla(backend, precision)
    if not options.one_batch:
        raise UsageError(
            f"--dla: a DLA takes one batch size only, not {options.batches[0]} to {options.batches[2]}; "
            "name one, for example --batch 1"
        )
    if precision == "int8" and has_implicit_ranges(module):
        raise UsageError(
            f"--dla: {in_words(module, backend)} wants the ranges of int8 on a DLA as a calibration cache, not in the graph: "
            "choose --precision fp16, or let 'edgelpr build --script' write the trtexec command, and "
            "'edgelpr calibrate --tensorrt-cache' the ranges"
        )
