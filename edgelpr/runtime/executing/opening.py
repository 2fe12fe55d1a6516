"""From a bundle to a running engine: everything is checked before TensorRT sees a byte of the plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from edgelpr.bundle.bundle import Bundle
from edgelpr.cuda.interface import CudaDevice
from edgelpr.engines.command import build_command
from edgelpr.engines.ensuring import ensure_engine
from edgelpr.engines.finding import find_engines, options_for
from edgelpr.engines.identity import identity_of
from edgelpr.engines.machine import Machine
from edgelpr.engines.matching import remarks
from edgelpr.engines.storing import StoredEngine, read_plan
from edgelpr.engines.trusting import is_trusted
from edgelpr.runtime.backends.tensorrt_rtx.kernels import kernel_file
from edgelpr.runtime.decoding import class_mask
from edgelpr.runtime.executing.engine import Engine
from edgelpr.runtime.executing.machinery import Machinery
from edgelpr.runtime.executing.runner import EngineRunner
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import Precision

_Runner = TypeVar("_Runner", bound=EngineRunner)


def open_runner(kind: type[_Runner], bundle: Bundle, precision: Precision, use: EngineUse) -> _Runner:
    """Find the engine that fits this machine, unless that was done already, check it, load it and run it once.

    The driver is asked first: without one, a TensorRT runtime ends the process. Then comes the engine's record, then the
    plan's hash, and only then is the plan loaded.

    Args:
        kind: the backend's runner.
        bundle: an opened bundle.
        precision: which engine.
        use: which GPU and DLA, whether an engine is built where none fits, and which are trusted; or the very engine.

    Raises:
        BundleError: the bundle has no graph of this precision for the backend.
        DeviceError: no driver, no such GPU, or out of device memory.
        MissingDependencyError: TensorRT or the CUDA bindings are not installed.
        EngineError: no engine fits, or the one that does is damaged.
        BuildError: an engine was to be built and could not be.
        BackendError: TensorRT cannot be loaded or fails.
    """
    bundle.graph(precision, kind.name)
    machinery = Machinery()
    machine = machinery.machine(kind.name, use.device)
    stored = use.stored
    if stored is None and not use.build:
        here, trust = machine.target(), use.trust_engines
        stored = find_engines(bundle, here, precision, trust=trust, dla=use.dla, device=use.device)[0]
    device = machinery.open_device(use.device)
    try:
        stored = stored or _ensured(bundle, precision, machine, device, use)
        for sentence in remarks(stored.record, machine.target()):
            use.say(sentence)
        engine = _load(bundle, precision, machine, stored, use)
    except BaseException:
        device.close()
        raise
    identity = identity_of(machine.target(), stored.record)
    return kind(identity, device, engine, class_mask(bundle.manifest.plate_format), use.batch)


def _ensured(bundle: Bundle, precision: Precision, machine: Machine, device: CudaDevice, use: EngineUse) -> StoredEngine:
    """The first engine that fits and is sound, else one that is built."""
    device.activate()
    machine = replace(machine, free_bytes=device.memory()[0])
    return ensure_engine(
        bundle,
        precision,
        machine=machine,
        batch=use.batch,
        dla=use.dla,
        trust=use.trust_engines,
        note=use.note,
        progress=use.progress,
    )


def _load(bundle: Bundle, precision: Precision, machine: Machine, stored: StoredEngine, use: EngineUse) -> Engine:
    record = stored.record
    default = options_for(bundle)
    rebuild = build_command(
        bundle.path, precision, machine.backend, record.options, default=default, device=use.device, force=True
    )
    plan = read_plan(stored, rebuild)
    graph = bundle.graph(precision, machine.backend)
    host_code = record.options.version_compatible and (use.trust_engines or is_trusted(record))
    kernels = kernel_file(record.plan_sha256, machine.facts.name, use.note) if machine.facts is not None else None
    return Engine(machine.module, plan, graph, str(stored.path), rebuild, host_code, kernels, record.options.dla_core)
