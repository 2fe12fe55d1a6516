"""From an ONNX graph to a TensorRT engine, by one path for every version: the precision is in the graph."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from edgelpr.engines.configuring import configure
from edgelpr.engines.features import can_type_strongly, has_precision_flags, in_words, network_flags
from edgelpr.engines.interrupting import Interruption, noting_interrupts
from edgelpr.engines.monitoring import Progress, create_monitor
from edgelpr.engines.parsing import parse_network
from edgelpr.engines.refusing import refuse_impossible
from edgelpr.engines.request import BuildRequest, Surroundings
from edgelpr.engines.speaking import Said, cannot_start, create_log
from edgelpr.errors import BuildError, in_one_line
from edgelpr.types import EngineBackend

_NO_MEMORY = re.compile(
    r"out ?of ?(host |device |gpu )?memory|bad_alloc|MemoryAllocation|FAILED_ALLOCATION|amount of GPU memory|"
    r"(in|not )sufficient (gpu |device )?memory",
    re.IGNORECASE,
)
_NO_WAY = re.compile(r"could not find any implementation|no (valid )?tactics|workspace", re.IGNORECASE)
_ANYWHERE = Surroundings()


@dataclass(frozen=True)
class BuiltPlan:
    """An engine, serialised, and how it came about."""

    plan: bytes
    """The serialised engine."""

    timing_cache: bytes | None
    """What the next build may start from; None where TensorRT keeps none."""

    seconds: float
    """How long it took, parsing included."""

    notes: tuple[str, ...]
    """What a user should know about it."""

    log: tuple[str, ...] = ()
    """All that TensorRT said, verbose messages too, for the audit where no GPU is there."""


def build_plan(
    module: ModuleType,
    backend: EngineBackend,
    request: BuildRequest,
    surroundings: Surroundings = _ANYWHERE,
    progress: Progress | None = None,
) -> BuiltPlan:
    """Build an engine; Ctrl-C stops it where TensorRT can be stopped, and takes effect after the build where it cannot.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``; where no GPU answers, only the latter, with targets among the options.
        backend: which of them it is.
        request: what is to be built.
        surroundings: the machine.
        progress: takes thousandths of the build, where TensorRT reports them.

    Raises:
        UsageError: options that exclude each other, or that this TensorRT does not have.
        BuildError: TensorRT refuses the graph, lacks memory, finds no way to compute it, or fails; the message says what it
            said.
        KeyboardInterrupt: after Ctrl-C.
    """
    begun = time.perf_counter()
    refuse_impossible(module, backend, request, surroundings.jetpack)
    whose = f"{request.where}: {in_words(module, backend)}"
    on_old_dla = request.options.dla_core is not None and has_precision_flags(module)  # its DLA knows no strong typing
    strongly_typed = can_type_strongly(module) and not on_old_dla
    said = Said(keep=True)
    with noting_interrupts() as interruption:
        log = create_log(module, said)
        builder = _create_builder(module, log, said, whose)
        flags = network_flags(module, strongly_typed)
        network, parser = parse_network(module, builder, request.graph, flags, log, said, whose)
        config, notes = configure(module, builder, network, request, surroundings, strongly_typed)
        timed = backend == "tensorrt"  # TensorRT-RTX tunes where the engine runs, and keeps no times
        notes += _use_timing_cache(config, surroundings.timing_cache) if timed else []
        monitor = create_monitor(module, interruption, progress)
        if monitor is not None and hasattr(config, "progress_monitor"):
            config.progress_monitor = monitor
        serialised = _build(builder, network, config, interruption, said, whose)
        del parser
        plan = bytes(serialised)
        cache = _timing_cache_of(config) if timed else None
    return BuiltPlan(plan, cache, time.perf_counter() - begun, tuple(notes), tuple(said.messages))


def _create_builder(module: ModuleType, log: Any, said: Said, whose: str) -> Any:
    try:
        return module.Builder(log)
    except (TypeError, RuntimeError) as error:  # what its bindings make of a failed start of CUDA
        raise BuildError(cannot_start(whose, said, error)) from error


def _build(builder: Any, network: Any, config: Any, interruption: Interruption, said: Said, whose: str) -> Any:
    try:
        serialised = builder.build_serialized_network(network, config)
    except MemoryError as error:
        raise BuildError(_no_memory(whose, "the machine's memory ran out")) from error
    except RuntimeError as error:
        raise BuildError(f"{whose} failed: {in_one_line(error)}") from error
    if serialised is not None:
        return serialised
    if interruption.requested:
        raise KeyboardInterrupt
    raise BuildError(_failure(whose, said.reason))


def _failure(whose: str, reason: str) -> str:
    """What to say of a build without a result, by what TensorRT said."""
    if _NO_MEMORY.search(reason):
        return _no_memory(whose, reason)
    if "nvinfer_lean" in reason:
        remedy = "--version-compatible needs TensorRT's lean runtime: install the package libnvinfer-lean, or leave it out"
    elif _NO_WAY.search(reason):
        remedy = (
            "It has no kernel for a layer: either none for this GPU and precision at all (choose another --precision), or "
            "all it has need more workspace (--workspace 1GiB, a smaller --batch). --verbose shows what it tried"
        )
    else:
        remedy = "--verbose shows all that it says"
    return f"{whose} built no engine: {reason}. {remedy}"


def _no_memory(whose: str, reason: str) -> str:
    return (
        f"{whose} lacked memory: {reason}. Give it more workspace (--workspace 1GiB) if more is free, else build with a "
        "smaller --batch, close other programs, or on a board add swap ('edgelpr doctor' shows memory and swap)"
    )


def _use_timing_cache(config: Any, content: bytes | None) -> list[str]:
    """Start from an earlier cache; one that this TensorRT does not take is left out, with a note."""
    cache = config.create_timing_cache(content or b"")
    if cache is not None and config.set_timing_cache(cache, False):
        return []
    empty = config.create_timing_cache(b"")
    if empty is not None:
        config.set_timing_cache(empty, False)
    return ["the timing cache is of another GPU or version of TensorRT; built without it"] if content else []


def _timing_cache_of(config: Any) -> bytes | None:
    cache = config.get_timing_cache()
    return None if cache is None else bytes(cache.serialize())
