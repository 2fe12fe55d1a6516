"""The NVIDIA driver, and the Python package that reaches it."""

from __future__ import annotations

from edgelpr.doctor.check import Check
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.doctor.versions import cuda_text, numbers

_ON_JETSON = (
    "Run 'sudo apt install nvidia-jetpack' and, to be allowed to use the GPU, 'sudo usermod -aG video,render $USER'; "
    "then start the board anew"
)
_LAST_FOR_CUDA_12 = "pip install 'cuda-bindings>=12.9,<13'"


def check_driver(here: Surroundings) -> Check:
    """Whether the driver answers, and which CUDA it supports."""
    probe, kernel = here.probe, here.machine.driver
    version = f"driver {kernel}, " if kernel else ""
    if probe.devices and probe.problem is None:
        return Check("driver", "ok", f"{version}CUDA up to {cuda_text(probe.driver_version)}, {len(probe.devices)} GPU")
    if not here.has_gpu and probe.library is None:
        return Check("driver", "skipped", "no NVIDIA driver: plates are read on the processor")
    return Check(
        "driver", "error" if here.has_gpu else "warning", f"{version}{probe.problem or 'no GPU answers'}", _driver_remedy(here)
    )


def _driver_remedy(here: Surroundings) -> str:
    if "CUDA_VISIBLE_DEVICES" in here.environment:
        shown = here.environment["CUDA_VISIBLE_DEVICES"]
        return f"CUDA_VISIBLE_DEVICES is {shown!r} and may hide the GPU: run 'unset CUDA_VISIBLE_DEVICES' and look again"
    if here.machine.in_container:
        runtime = "--runtime nvidia" if here.machine.is_jetson else "--gpus all"
        return f"Start the container with '{runtime}', and install nvidia-container-toolkit outside it"
    if here.machine.is_jetson:
        return _ON_JETSON
    if here.probe.library is None:
        return "Install NVIDIA's driver (on Ubuntu: sudo ubuntu-drivers install), then start the machine anew"
    return "Run 'nvidia-smi'; where it fails too, start the machine anew, since an update may have replaced the driver"


def check_cuda_bindings(here: Surroundings) -> Check:
    """Whether a package reaches the driver, and is not newer than it."""
    bindings, pycuda = here.trials["cuda.bindings"], here.trials["pycuda"]
    if not here.has_gpu:
        return Check("cuda-bindings", "skipped", "no GPU to reach")
    if bindings.works:
        return _bindings_for_driver(here, str(bindings.version))
    if pycuda.works:
        found = f"pycuda {pycuda.version}: works, but knows no CUDA graphs, which make small batches faster"
        return Check("cuda-bindings", "warning", found, f"Run: {_install(here)}")
    found = bindings.problem or "neither cuda-bindings nor pycuda is installed, so no engine can be run"
    return Check("cuda-bindings", "error" if here.machine.is_jetson else "warning", found, f"Run: {_install(here)}")


def _bindings_for_driver(here: Surroundings, version: str) -> Check:
    driver = here.probe.driver_version
    major = (numbers(version) or (0,))[0]
    if driver is not None and major > driver // 1000:
        found = f"cuda-bindings {version} is for CUDA {major}, but the driver supports CUDA {cuda_text(driver)} at most"
        return Check("cuda-bindings", "error", found, f"Run: {_install(here)}; or install a newer driver")
    return Check("cuda-bindings", "ok", f"cuda-bindings {version}, driver for CUDA {cuda_text(driver)}")


def _install(here: Surroundings) -> str:
    driver = here.probe.driver_version
    newest = "pip install cuda-bindings"
    return newest if driver is not None and driver >= 13000 and here.python.version[:2] > (3, 10) else _LAST_FOR_CUDA_12
