"""The checks in the order in which they are told, and running them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgelpr.bundle.bundle import Bundle
from edgelpr.doctor.check import Check
from edgelpr.doctor.checks.bundle import check_bundle_on_gpu, check_bundle_on_processor
from edgelpr.doctor.checks.driver import check_cuda_bindings, check_driver
from edgelpr.doctor.checks.engines import check_engines, check_engines_folder
from edgelpr.doctor.checks.machine import check_jetpack, check_machine, check_processor, check_python
from edgelpr.doctor.checks.onnxruntime import check_onnxruntime
from edgelpr.doctor.checks.opencv import check_numpy, check_opencv
from edgelpr.doctor.checks.room import check_cache, check_disk, check_memory, check_output
from edgelpr.doctor.checks.speed import check_clocks, check_power_mode, check_temperature
from edgelpr.doctor.checks.tensorrt import check_tensorrt, check_tensorrt_rtx
from edgelpr.doctor.checks.tensorrt_packages import check_tensorrt_packages
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.errors import BundleError

CHECKS: tuple[Callable[[Surroundings], Check], ...] = (
    check_machine,
    check_jetpack,
    check_python,
    check_processor,
    check_driver,
    check_cuda_bindings,
    check_tensorrt,
    check_tensorrt_packages,
    check_tensorrt_rtx,
    check_onnxruntime,
    check_numpy,
    check_opencv,
    check_power_mode,
    check_clocks,
    check_temperature,
    check_memory,
    check_cache,
    check_disk,
    check_output,
)
"""Of the machine."""

BUNDLE_CHECKS: tuple[Callable[[Surroundings, Bundle], Check], ...] = (
    check_bundle_on_processor,
    check_bundle_on_gpu,
    check_engines,
    check_engines_folder,
)
"""Of the machine with a bundle."""


def examine(here: Surroundings) -> tuple[Check, ...]:
    """What this machine can do and what stands in the way."""
    return tuple(check(here) for check in CHECKS)


def examine_bundle(here: Surroundings, path: Path) -> tuple[tuple[Check, ...], Bundle | None]:
    """What this machine can do with a bundle.

    Args:
        here: this machine.
        path: of the bundle.

    Returns:
        The findings, and the bundle where it could be opened.
    """
    try:
        bundle = Bundle.open(path)
    except BundleError as error:
        return (Check("bundle", "error", str(error), f"Look at it with: edgelpr inspect {path}"),), None
    opened = Check("bundle", "ok", f"{path}: {bundle.manifest.name}, every file whole")
    return (opened, *(check(here, bundle) for check in BUNDLE_CHECKS)), bundle
