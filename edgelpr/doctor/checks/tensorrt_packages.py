"""Several TensorRTs side by side, or parts of several."""

from __future__ import annotations

import re

from edgelpr.doctor.check import Check
from edgelpr.doctor.python import Distribution
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.doctor.versions import cuda_text, numbers

_WHEEL = re.compile(r"tensorrt(-cu\d+)?(-(bindings|libs))?")
_CUDA = re.compile(r"tensorrt(?:-rtx)?-cu(\d+)")
_BINDINGS = "python3-libnvinfer"
_LIBRARY = re.compile(r"libnvinfer\d+")


def check_tensorrt_packages(here: Surroundings) -> Check:
    """Wheels over JetPack's packages, bindings and library of different versions, wheels for another CUDA."""
    for finding in (_wheels_on_jetson(here), _mixed_system(here), _mixed_wheels(here), _other_cuda(here)):
        if finding is not None:
            return finding
    wheels = ", ".join(f"{each.name} {each.version}" for each in _wheels(here))
    system = ", ".join(f"{name} {version}" for name, version in _system(here).items())
    found = "; ".join(part for part in (system, wheels) if part)
    return Check("tensorrt-packages", "ok", found) if found else Check("tensorrt-packages", "skipped", "none installed")


def _wheels_on_jetson(here: Surroundings) -> Check | None:
    wheels = _wheels(here)
    if not here.machine.is_jetson or not wheels:
        return None
    names = " ".join(each.name for each in wheels)
    found = f"pip installed {names} over JetPack's TensorRT: those are not for this board's GPU"
    return Check("tensorrt-packages", "error", found, f"Run: pip uninstall -y {names}")


def _mixed_system(here: Surroundings) -> Check | None:
    system = _system(here)
    versions = {numbers(version) for version in system.values()}
    if len(versions) < 2:
        return None
    listed = ", ".join(f"{name} {version}" for name, version in system.items())
    found = f"parts of several TensorRTs are installed: {listed}"
    remedy = f"Bring them to one version: sudo apt install --reinstall {' '.join(system)}"
    return Check("tensorrt-packages", "error" if here.machine.is_jetson else "warning", found, remedy)


def _mixed_wheels(here: Surroundings) -> Check | None:
    wheels = _wheels(here)
    if len({numbers(each.version) for each in wheels}) < 2:
        return None
    listed = ", ".join(f"{each.name} {each.version}" for each in wheels)
    names = " ".join(each.name for each in wheels)
    return Check(
        "tensorrt-packages", "warning", f"wheels of several TensorRTs are installed: {listed}",
        f"Run 'pip uninstall -y {names}', then install one",
    )  # fmt: skip


def _other_cuda(here: Surroundings) -> Check | None:
    driver = here.probe.driver_version
    wanted = {each.name: int(match[1]) for each in here.python.distributions if (match := _CUDA.match(each.name))}
    too_new = {name: cuda for name, cuda in wanted.items() if driver is not None and cuda > driver // 1000}
    if not too_new:
        return None
    name, cuda = next(iter(too_new.items()))
    return Check(
        "tensorrt-packages", "error", f"{name} is for CUDA {cuda}, but the driver supports CUDA {cuda_text(driver)} at most",
        f"Install a newer driver, or run 'pip uninstall -y {' '.join(too_new)}' and install -cu{(driver or 0) // 1000} instead",
    )  # fmt: skip


def _wheels(here: Surroundings) -> tuple[Distribution, ...]:
    return tuple(each for each in here.python.distributions if _WHEEL.fullmatch(each.name) and not each.from_system)


def _system(here: Surroundings) -> dict[str, str]:
    packages = here.machine.packages
    return {name: packages[name] for name in sorted(packages) if name == _BINDINGS or _LIBRARY.fullmatch(name)}
