"""A stand-in for the building half of TensorRT, for each committed version; its plan is that of ``plans.py``.

It refuses what the real one refuses as far as our code can do it wrong: a network without its flag, a dynamic input without a
profile, precisions of a weakly typed network without their builder flags, operators that are newer than the parser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from doubles.configuring import IBuilderConfig, IOptimizationProfile, ITimingCache
from doubles.parsing import ILayer, INetworkDefinition, ITensor, OnnxParser, ParserError
from doubles.plans import make_fake_plan
from doubles.surfaces import RTX, restrict


@dataclass
class Bench:
    """What the stand-in runs on, what goes wrong there, and what was built."""

    gpu: str = "Orin (nvgpu)"
    compute_capability: str = "sm87"
    dla_cores: int = 0
    during: Callable[[], None] = lambda: None
    """Called in the middle of a build."""
    failure: str | None = None
    """What the builder says instead of building."""
    raises: Exception | None = None
    """What the builder raises instead of building."""
    builds: list[dict[str, Any]] = field(default_factory=list)
    """What each build was configured with."""


class ILogger:
    """Base class of logs."""

    def log(self, severity: Any, message: str) -> None:
        raise NotImplementedError


class IProgressMonitor:
    """Base class of progress monitors."""


class Builder:
    def __init__(self, log: ILogger) -> None:
        self._log = log

    def _say(self, severity: str, message: str) -> None:
        self._log.log(getattr(self._module.ILogger.Severity, severity), message)

    @property
    def num_DLA_cores(self) -> int:  # noqa: N802
        return self._module._bench.dla_cores

    @property
    def max_DLA_batch_size(self) -> int:  # noqa: N802
        return 4096

    def create_network(self, flags: int = 0) -> Any:
        return self._module.INetworkDefinition(flags)

    def create_builder_config(self) -> Any:
        return self._module.IBuilderConfig()

    def create_optimization_profile(self) -> Any:
        return self._module.IOptimizationProfile()

    def build_serialized_network(self, network: Any, config: Any) -> Any:
        bench = self._module._bench
        self._say("VERBOSE", "begins")
        problem = bench.failure or _problem(self._module, network, config)
        if problem is not None:
            self._say("ERROR", problem)
            return None
        if bench.raises is not None:
            raise bench.raises
        if not _report(config, bench.during):
            self._say("ERROR", "Error Code 7: BuildCanceled")
            return None
        facts = _facts(self._module, network, config)
        bench.builds.append(facts)
        return self._module.IHostMemory(make_fake_plan(network._onnx, **facts))


def _report(config: Any, during: Callable[[], None]) -> bool:
    """Three phases, as real builds report them; False: the monitor stopped the build."""
    monitor = config._progress_monitor
    if monitor is None:
        during()
        return True
    going = True
    monitor.phase_start("Building engine", None, 2)
    for step, inner in enumerate(("Optimising", "Timing tactics")):
        monitor.phase_start(inner, "Building engine", 4)
        for part in range(4):
            if part == 2:
                during()
            going = going and monitor.step_complete(inner, part)
        monitor.phase_finish(inner)
        going = going and monitor.step_complete("Building engine", step)
    monitor.phase_finish("Building engine")
    return going


def _problem(module: ModuleType, network: Any, config: Any) -> str | None:
    dynamic = [source for source in network._inputs if -1 in source._shape]
    for source in dynamic:
        if not any(source._name in profile._shapes for profile in config._profiles):
            return f"Network has dynamic input '{source._name}', but no optimization profile has been defined."
    typed = hasattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED") and network._has("STRONGLY_TYPED")
    operators = {node.op_type for node in network._model.graph.node}
    if not typed and hasattr(module.BuilderFlag, "INT8") and "QuantizeLinear" in operators and "INT8" not in config._names():
        return "Network has Q/DQ layers but the INT8 flag is not set."
    if typed and {"FP16", "INT8"} & config._names():
        return "kFP16 and kINT8 cannot be set for a strongly typed network."
    if config._default_device == "DLA" and "GPU_FALLBACK" not in config._names():
        return "GPU fallback is not enabled and some layers cannot run on DLA."
    return None


def _facts(module: ModuleType, network: Any, config: Any) -> dict[str, Any]:
    bench = module._bench
    targets = sorted(config._capabilities.items())
    return {
        "version": module.__version__,
        "backend": "tensorrt-rtx" if module.__name__ == "tensorrt_rtx" else "tensorrt",
        "gpu": bench.gpu,
        "compute_capability": bench.compute_capability,
        "targets": [name for _, name in targets],
        "profile": {name: [list(shape) for shape in shapes] for name, shapes in config._profiles[0]._shapes.items()},
        "flags": sorted(config._names()),
        "previews": sorted(name for name, enabled in config._previews.items() if enabled),
        "network": sorted(name for name in module.NetworkDefinitionCreationFlag.__members__ if network._has(name)),
        "version_compatible": "VERSION_COMPATIBLE" in config._names(),
        "hardware_compatibility": config._hardware,
        "workspace": config._pools.get("WORKSPACE"),
        "level": config._level,
        "verbosity": config._verbosity,
        "device": config._default_device,
        "dla_core": config._dla_core,
        "timing_cache": None if config._cache is None else config._cache._content.decode("latin-1"),
    }


class IHostMemory:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __bytes__(self) -> bytes:
        return self._content

    @property
    def nbytes(self) -> int:
        return len(self._content)


DOUBLES: Mapping[str, type] = {
    double.__name__: double
    for double in (
        ILogger,
        IProgressMonitor,
        Builder,
        IHostMemory,
        INetworkDefinition,
        ITensor,
        ILayer,
        OnnxParser,
        ParserError,
        IOptimizationProfile,
        ITimingCache,
        IBuilderConfig,
    )
}


def fake_tensorrt(version: str = "10.3.0", bench: Bench | None = None, **more: type) -> ModuleType:
    """A stand-in for one version of TensorRT, or for TensorRT-RTX.

    Args:
        version: one of ``surfaces.VERSIONS``.
        bench: what it runs on.
        more: further doubles by TensorRT's name, for example a Runtime.
    """
    module = restrict(version, {**DOUBLES, **more})
    module._bench = bench or Bench()  # type: ignore[attr-defined]
    return module


def backend_of(version: str) -> str:
    return "tensorrt-rtx" if version == RTX else "tensorrt"
