"""Surroundings for the checks: a recorded tree, and a driver and a Python as they are on that machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from boards.recorded import BOARDS, GARBLED
from boards.trees import write_tree
from edgelpr.cuda.facts import DeviceFacts
from edgelpr.cuda.probing import Probe
from edgelpr.devices.machine import read_machine
from edgelpr.doctor.bindings import find_system_bindings
from edgelpr.doctor.python import Distribution, Python
from edgelpr.doctor.surroundings import TRIED, Surroundings
from edgelpr.doctor.trying import Trial

SITE = "/home/me/env/lib/python3.10/site-packages"
ABSENT = Trial()
NO_DRIVER = Probe(problem="there is no NVIDIA driver: libcuda.so.1 was not found; install the driver")
ORIN = Probe("libcuda.so.1", 0, 12060, (DeviceFacts(0, "Orin", (8, 7), 7 << 30, True, 12060, 8),))
PYTHON = Python((3, 10, 12), "/home/me/env/bin/python", "/home/me/env", True, ())
WORKING = {
    "tensorrt": Trial("10.3.0", "/usr/lib/python3.10/dist-packages/tensorrt/__init__.py"),
    "onnxruntime": Trial("1.23.2", f"{SITE}/onnxruntime/__init__.py", ("CPUExecutionProvider",)),
    "cv2": Trial("4.8.0", "/usr/lib/python3.10/dist-packages/cv2/__init__.py"),
    "numpy": Trial("1.26.4", f"{SITE}/numpy/__init__.py"),
    "cuda.bindings": Trial("12.9.2", f"{SITE}/cuda/bindings/__init__.py"),
}
"""Imports of a well-made environment on JetPack 6."""


def surroundings(folder: Path, name: str, probe: Probe = ORIN, python: Python = PYTHON, **trials: Trial) -> Surroundings:
    """A recorded machine with a well-made environment, but for the trials that are named (``cuda__bindings``: a dot)."""
    root = write_tree(folder / name, {**BOARDS, **GARBLED}[name])
    tried = dict.fromkeys(TRIED, ABSENT) | WORKING | {key.replace("__", "."): trial for key, trial in trials.items()}
    return Surroundings(root, read_machine(root), "aarch64", probe, python, find_system_bindings(root), tried, {}, "utf-8")


def with_packages(python: Python, **versions: str) -> Python:
    """The same Python with packages that pip installed."""
    added = tuple(Distribution(name.replace("_", "-"), version, SITE) for name, version in versions.items())
    return replace(python, distributions=(*python.distributions, *added))
