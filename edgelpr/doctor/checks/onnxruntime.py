"""ONNX Runtime, which reads plates on the processor and needs nothing else."""

from __future__ import annotations

from edgelpr.doctor.check import Check
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.types import CheckStatus

_PACKAGES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")


def check_onnxruntime(here: Surroundings) -> Check:
    """Whether it can be imported, which providers it has, and that only one of its packages is installed."""
    trial = here.trials["onnxruntime"]
    installed = here.python.installed(*_PACKAGES)
    if trial.absent:
        found = "not installed, so plates are read only where TensorRT can"
        status: CheckStatus = "warning" if here.trials["tensorrt"].works else "error"
        return Check("onnxruntime", status, found, "Run: pip install onnxruntime")
    if trial.problem is not None:
        remedy = "Run: pip install --force-reinstall onnxruntime"
        return Check("onnxruntime", "error", f"installed, but cannot be imported: {trial.problem}", remedy)
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in trial.providers)
    found = f"ONNX Runtime {trial.version}, providers {providers or 'none'}"
    if len(installed) > 1:
        names = [each.name for each in installed]
        return Check(
            "onnxruntime", "warning", f"{found}; {' and '.join(names)} are installed over each other",
            f"Run 'pip uninstall -y {' '.join(names)}', then install the one that is wanted",
        )  # fmt: skip
    return Check("onnxruntime", "ok", found)
