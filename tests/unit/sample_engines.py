"""Engines of the tiny network on the stand-ins for CUDA and TensorRT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import sample_stored
from doubles.building import Bench, backend_of
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt, freed_late, living
from doubles.plans import make_fake_plan

from edgelpr.bundle.bundle import Bundle
from edgelpr.cuda.probing import Probe
from edgelpr.engines.identity import EngineIdentity
from edgelpr.engines.storing import StoredEngine
from edgelpr.engines.target import Target
from edgelpr.errors import DeviceError, MissingDependencyError
from edgelpr.runtime.backends.tensorrt.runner import TensorRtRunner
from edgelpr.runtime.backends.tensorrt_rtx.runner import TensorRtRtxRunner
from edgelpr.runtime.decoding import class_mask
from edgelpr.runtime.executing.engine import Engine
from edgelpr.runtime.executing.machinery import Machinery
from edgelpr.runtime.executing.runner import EngineRunner
from edgelpr.runtime.recognizer import Recognizer

REBUILD = "edgelpr build x.elpr"


@dataclass
class Sample:
    """A runner and what it runs on."""

    bundle: Bundle
    cuda: FakeCuda
    module: ModuleType
    runner: EngineRunner

    def recognizer(self, batch_size: int = 16) -> Recognizer:
        return Recognizer(self.bundle, self.runner, self.runner.name, "fp32", batch_size)


def profile_of(bundle: Bundle, batches: tuple[int, int, int]) -> dict[str, list[list[int]]]:
    """An optimisation profile for the inputs of a bundle's fp32 graph."""
    inputs = bundle.graph("fp32", "tensorrt").inputs
    return {each.name: [[count, *(side or 0 for side in each.shape[1:])] for count in batches] for each in inputs}


def plan_of(bundle: Bundle, version: str, batches: tuple[int, int, int] = (1, 1, 32), **facts: Any) -> bytes:
    """A plan of a bundle's fp32 graph, for ``FakeCuda`` as it is by default."""
    graph = bundle.file(bundle.graph("fp32", "tensorrt").file).read_bytes()
    whole = {"version": version, "backend": backend_of(version), "profile": profile_of(bundle, batches)} | facts
    return make_fake_plan(graph, **whole)


def open_sample(
    bundle: Bundle,
    version: str = "10.3.0",
    cuda: FakeCuda | None = None,
    batches: tuple[int, int, int] = (1, 1, 32),
    module: ModuleType | None = None,
) -> Sample:
    """A runner of a bundle's fp32 graph."""
    cuda = cuda or FakeCuda()
    module = module or executing_tensorrt(version, cuda)
    kind = TensorRtRtxRunner if backend_of(version) == "tensorrt-rtx" else TensorRtRunner
    graph = bundle.graph("fp32", "tensorrt")
    engine = Engine(module, plan_of(bundle, version, batches), graph, "x.engine", REBUILD)
    identity = EngineIdentity("a GPU", "0" * 64, version)
    return Sample(bundle, cuda, module, kind(identity, cuda, engine, class_mask(bundle.manifest.plate_format)))


def machinery_of(
    module: ModuleType, cuda: FakeCuda, problem: str | None = None, l4t: str | None = None, board: str | None = None
) -> Machinery:
    """Stand-ins for the driver and TensorRT.

    Args:
        module: of TensorRT; other packages are not installed.
        cuda: the one GPU.
        problem: why no driver answers.
        l4t: what Jetson Linux says of itself.
        board: which Jetson it is.
    """

    def require_driver(least: int | None, needed_by: str) -> Probe:
        if problem is not None:
            raise DeviceError(problem)
        return Probe("libcuda.so.1", 0, 12060, (cuda.facts,))

    def load_module(backend: str) -> ModuleType:
        if backend != backend_of(module.__version__):
            raise MissingDependencyError(f"the backend {backend} is not installed")
        return module

    return Machinery(require_driver, load_module, lambda index: cuda, lambda: l4t, lambda: board)


def install(monkeypatch: Any, machinery: Machinery) -> None:
    """Stand-ins in place of this machine, wherever it is asked."""
    for place in ("executing.opening", "choosing", "executing.machinery"):  # the last is what the others import
        monkeypatch.setattr(f"edgelpr.runtime.{place}.Machinery", lambda: machinery)


class Bundled:
    """A bundle that may be changed, and the machine that it is opened on.

    Args:
        path: of the bundle.
        version: of TensorRT.
        monkeypatch: installs the machine.
        cuda: the one GPU.
        machine: more of it, see ``machinery_of``.
    """

    def __init__(self, path: Path, version: str, monkeypatch: Any, cuda: FakeCuda | None = None, **machine: str | None) -> None:
        self.bundle, self.cuda, self.backend = Bundle.open(path), cuda or FakeCuda(), backend_of(version)
        self.module = executing_tensorrt(version, None if machine.get("problem") else self.cuda, Bench())
        self.machinery = machinery_of(self.module, self.cuda, **machine)
        install(monkeypatch, self.machinery)

    def open(self, **options: Any) -> Recognizer:
        return Recognizer.open(self.bundle, **{"backend": self.backend, **options})

    def assert_untouched(self) -> None:
        """TensorRT saw nothing, and nothing of CUDA stayed."""
        assert living(self.module) == freed_late(self.module) == []
        assert self.cuda.leaks() == ()


def store(bundle: Bundle, plan: bytes, version: str = "10.3.0", **changes: Any) -> StoredEngine:
    """Put a plan into a bundle, with the record of one that fits ``FakeCuda`` as it is by default.

    Args:
        bundle: it is changed.
        plan: any bytes.
        version: of TensorRT.
        changes: of the record; ``gpu``, ``sm``, ``multiprocessors``, ``board`` and ``backend`` are those of its target.
    """
    target = {"backend": backend_of(version), "gpu": "Orin (nvgpu)", "sm": "sm87", "multiprocessors": 8, "board": None}
    target |= {name: changes.pop(name) for name in list(target) if name in changes}
    graph = bundle.graph("fp32", "tensorrt").file
    of_graph = {"graph_file": graph, "graph_sha256": bundle.manifest.files[graph].sha256}
    built_for = Target(
        target["backend"], version, target["gpu"], (target["sm"],), None, target["multiprocessors"], target["board"]
    )
    return sample_stored.store(bundle, plan, built_for, **(of_graph | changes))
