"""What this machine can do with a bundle."""

from __future__ import annotations

from typing import get_args

from edgelpr.bundle.bundle import Bundle
from edgelpr.doctor.check import Check
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.engines.command import build_command
from edgelpr.engines.finding import find_engines
from edgelpr.engines.identity import device_name, identity_of
from edgelpr.engines.modules import MODULES
from edgelpr.engines.target import Target
from edgelpr.errors import EngineError
from edgelpr.runtime.approving import objection, verify_command
from edgelpr.runtime.instructions import instruction_set
from edgelpr.types import BackendName, EngineBackend, Precision


def check_bundle_on_processor(here: Surroundings, bundle: Bundle) -> Check:
    """Precisions that ONNX Runtime may read with."""
    if not here.trials["onnxruntime"].works:
        return Check("bundle-onnxruntime", "skipped", "ONNX Runtime cannot be used here")
    return _precisions(here, bundle, "onnxruntime", None)


def check_bundle_on_gpu(here: Surroundings, bundle: Bundle) -> Check:
    """Precisions that an engine may read with."""
    backend = usable_engine(here)
    if backend is None:
        return Check("bundle-gpu", "skipped", "no engine can be run here: that takes a driver and TensorRT or TensorRT-RTX")
    return _precisions(here, bundle, backend, target_of(here, backend))


def target_of(here: Surroundings, backend: EngineBackend) -> Target:
    """What engines have to be for to run here, on the first GPU."""
    l4t, board = here.machine.l4t, here.machine.board
    return Target.of_gpu(
        backend,
        str(here.trials[MODULES[backend]].version),
        here.probe.devices[0],
        None if l4t is None else l4t.raw,
        None if board is None else board.jetson,
    )


def usable_engine(here: Surroundings) -> EngineBackend | None:
    """The inference engine for GPUs that can be used here, TensorRT first."""
    if not here.probe.devices or here.probe.problem is not None:
        return None
    return next((backend for backend, module in MODULES.items() if here.trials[module].works), None)


def build_here(here: Surroundings, bundle: Bundle) -> str | None:
    """The command that builds an engine of the bundle's smallest precision here; None where none can be built."""
    backend = usable_engine(here)
    precisions: list[Precision] = ["int8", "fp16", "fp32"]
    if backend is None:
        return None
    present = [each for each in precisions if bundle.manifest.graph(each, backend) is not None]
    return build_command(bundle.path, present[0], backend) if present else None


def _precisions(here: Surroundings, bundle: Bundle, backend: BackendName, target: Target | None) -> Check:
    name = "bundle-onnxruntime" if backend == "onnxruntime" else "bundle-gpu"
    present = [each for each in get_args(Precision) if bundle.manifest.graph(each, backend) is not None]
    if not present:
        return Check(name, "skipped", f"the bundle has no graph for {backend}")
    processor = instruction_set(here.root / "proc/cpuinfo", here.architecture)
    objections = {each: _objection(bundle, each, backend, target, processor) for each in present}
    waiting = [each for each in present if objections[each] is not None]
    usable = [each for each in present if each not in waiting]
    found = f"{backend} reads with {', '.join(usable) or 'nothing'}"
    if not waiting:
        return Check(name, "ok", found)
    verify = verify_command(bundle, backend, *waiting)
    return Check(name, "warning", f"{found}; not approved here: {', '.join(waiting)}", f"Run: {verify}")


def _objection(bundle: Bundle, precision: Precision, backend: BackendName, target: Target | None, processor: str) -> str | None:
    """Why a precision does not read here; None: it does, with one of the engines at least."""
    computing = _computing(bundle, precision, target)
    found = [objection(bundle, precision, backend, device, engine, processor) for device, engine in computing]
    return None if None in found else found[0]


def _computing(bundle: Bundle, precision: Precision, target: Target | None) -> list[tuple[str | None, str | None]]:
    """What may compute, and the hash of the plan that reads; None before one is built, on which no verdict can be."""
    if target is None:  # the processor, or CUDA below ONNX Runtime
        return [(None, None)]
    try:
        fitting = find_engines(bundle, target, precision)
    except EngineError:
        return [(device_name(target), None)]
    identities = (identity_of(target, engine.record) for engine in fitting)
    return [(identity.device, identity.engine_sha256) for identity in identities]
