"""All that the checks look at, gathered once; tests put a recorded board in its place."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgelpr.cuda.probing import Probe, probe
from edgelpr.devices.machine import ROOT, Machine, read_machine
from edgelpr.doctor.bindings import SystemBindings, find_system_bindings
from edgelpr.doctor.python import Python, describe_python
from edgelpr.doctor.trying import Trial, try_import
from edgelpr.engines.modules import MODULES

TRIED = (*MODULES.values(), "onnxruntime", "cv2", "numpy", "cuda.bindings", "pycuda")
"""Modules whose import is tried, each in a process of its own."""


@dataclass(frozen=True)
class Surroundings:
    """This machine, its driver and this Python."""

    root: Path
    """Of the file system that describes the machine."""

    machine: Machine
    """What its files tell."""

    architecture: str
    """Of the processor: ``aarch64`` or ``x86_64``."""

    probe: Probe
    """What the CUDA driver answers."""

    python: Python
    """The Python that runs edgelpr."""

    bindings: tuple[SystemBindings, ...]
    """TensorRT's bindings among the system's packages."""

    trials: Mapping[str, Trial]
    """How importing each of ``TRIED`` ended."""

    environment: Mapping[str, str]
    """Variables of the environment."""

    encoding: str
    """Of what is printed."""

    @property
    def has_gpu(self) -> bool:
        """Whether a GPU of NVIDIA's is here, with or without a driver that answers."""
        return self.machine.is_jetson or bool(self.probe.devices) or self.machine.driver is not None

    @property
    def can_run_package(self) -> bool:
        """Whether the system suffices: until JetPack 5 its Python is older than 3.10, and TensorRT is for that alone."""
        l4t = self.machine.l4t
        return l4t is None or l4t.jetpack_major is None or l4t.jetpack_major > 5


def survey(root: Path = ROOT) -> Surroundings:
    """Look around; takes a few seconds, since packages are imported in processes of their own.

    Args:
        root: of the file system that describes the machine; driver and Python are always those that run this.
    """
    return Surroundings(
        root=root,
        machine=read_machine(root),
        architecture=platform.machine(),
        probe=probe(),
        python=describe_python(),
        bindings=find_system_bindings(root),
        trials={name: try_import(name) for name in TRIED},
        environment=dict(os.environ),
        encoding=sys.stdout.encoding or "ascii",
    )
