"""An engine that fits: found, or built once, however many processes ask for it at the same time."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from edgelpr.bundle.bundle import Bundle
from edgelpr.engines.auditing.audit import EngineAudit, check_audit
from edgelpr.engines.auditing.auditing import audit_log, audit_plan
from edgelpr.engines.building import BuiltPlan, build_plan
from edgelpr.engines.finding import find_engines, first_sound, options_for
from edgelpr.engines.locking import locked
from edgelpr.engines.machine import Machine
from edgelpr.engines.monitoring import Progress
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.placing import writable_folder
from edgelpr.engines.plain import plain
from edgelpr.engines.record import EngineRecord
from edgelpr.engines.request import BuildRequest, Surroundings
from edgelpr.engines.storing import StoredEngine, write_engine
from edgelpr.engines.timing import read_timing_cache, timing_cache_path, write_timing_cache
from edgelpr.engines.trusting import remember
from edgelpr.errors import BundleError, EngineError
from edgelpr.types import EngineBackend, Precision

Builder = Callable[[ModuleType, EngineBackend, BuildRequest, Surroundings, Progress | None], BuiltPlan]
"""``build_plan``, or a stand-in for it."""

Note = Callable[[str], None]
"""Takes a sentence for the user."""

_LOCK = ".lock"


def ensure_engine(
    bundle: Bundle,
    precision: Precision,
    options: BuildOptions | None = None,
    *,
    machine: Machine,
    batch: int | None = None,
    dla: int | None = None,
    trust: bool = False,
    force: bool = False,
    build: Builder = build_plan,
    note: Note | None = None,
    progress: Progress | None = None,
) -> StoredEngine:
    """The engine of a bundle for this machine; built, audited and stored where there is none that fits and is sound.

    One build runs at a time in a folder of engines: of two processes that start together the second waits and takes what the
    first has built. What is interrupted or fails leaves nothing behind, and a process that dies holds nobody up.

    Args:
        bundle: opened.
        precision: that is wanted.
        options: an engine that was built with exactly these; None: any that fits, else one with the default options.
        machine: what to build with, and for.
        batch: the largest number of crops at once that an engine which is built without ``options`` shall take; one that is
            there may take fewer, as what is longer is read in parts. None: the default.
        dla: the DLA core that computes what it can; None: as ``find_engines`` has it, and what is built is for the GPU alone.
            ``options`` have their own.
        trust: whether a plan that brings code for the processor is taken although it was not built here.
        force: build although there is one that fits.
        build: builds the plan.
        note: told what takes time, and what a user should know.
        progress: takes thousandths of the build, where TensorRT reports them.

    Raises:
        BuildError: the engine cannot be built or written, or is not what was asked for.
        BundleError: the bundle has no graph of that precision.
        EngineError: there is no folder for it.
        UsageError: no GPU is here and the options name none, or options that exclude each other.
        KeyboardInterrupt: after Ctrl-C.
    """
    say = note or _nothing
    here, wanted = machine.target(options), options or options_for(bundle, batch, dla)
    damaged: list[StoredEngine] = []  # read and told of once

    def present() -> StoredEngine | None:
        with contextlib.suppress(EngineError):  # none fits
            if not force:
                fitting = find_engines(bundle, here, precision, options=options, trust=trust, dla=dla)
                return first_sound(fitting, damaged, say)
        return None

    if (found := present()) is not None:
        return found
    folder = writable_folder(bundle)
    with _alone(folder, say):
        if (found := present()) is not None:
            say(f"Another process has built {found.path.name} meanwhile")
            return found
        return _build(bundle, precision, wanted, machine, folder, build, say, progress)


def _build(
    bundle: Bundle,
    precision: Precision,
    options: BuildOptions,
    machine: Machine,
    folder: Path,
    build: Builder,
    say: Note,
    progress: Progress | None,
) -> StoredEngine:
    graph = bundle.graph(precision, machine.backend)
    content = _read_graph(bundle, graph.file)
    times = _timing_file(machine, folder)
    cache, trouble = (None, None) if times is None else read_timing_cache(times)
    where = str(bundle.file(graph.file))
    surroundings = Surroundings(
        free_bytes=machine.free_bytes,
        integrated=machine.facts is not None and machine.facts.integrated,
        jetpack=machine.l4t is not None,
        timing_cache=cache,
    )
    request = BuildRequest(content, precision, options, where, graph.opset)
    built = build(machine.module, machine.backend, request, surroundings, progress)
    if times is not None and built.timing_cache is not None:
        trouble = write_timing_cache(times, built.timing_cache) or trouble
    audit = _audit(machine, built, content, precision, options)
    notes = [*built.notes, *([trouble] if trouble else [])]
    notes += [] if audit is None else check_audit(audit, where, options.targets)
    for sentence in notes:
        say(sentence)
    record = EngineRecord(
        target=machine.target(options),
        precision=precision,
        graph_file=graph.file,
        graph_sha256=bundle.manifest.files[graph.file].sha256,
        plan_sha256=hashlib.sha256(built.plan).hexdigest(),
        plan_bytes=len(built.plan),
        options=options,
        driver_version=None if machine.facts is None else machine.facts.driver_version,
        edgelpr_version=_own_version(),
        built=_now(),
        seconds=round(built.seconds, 3),
        notes=tuple(map(plain, notes)),
        audit=audit,
    )
    if (trouble := remember(record)) is not None:
        say(trouble)
    return write_engine(bundle, built.plan, record)


def _own_version() -> str:
    """Not by an import statement: the package names, for type checkers, modules that this layer must not know."""
    return str(import_module("edgelpr").__version__)


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _audit(machine: Machine, built: BuiltPlan, graph: bytes, precision: Precision, options: BuildOptions) -> EngineAudit | None:
    """By the inspector where the engine is for the GPU that is here; else by what the builder said."""
    if machine.facts is None or (options.targets and machine.facts.sm not in options.targets):
        return audit_log(built.log, graph, precision)
    return audit_plan(machine.module, built.plan, graph, precision, options.batches[1], options.version_compatible)


def _timing_file(machine: Machine, folder: Path) -> Path | None:
    if machine.facts is None or machine.backend != "tensorrt":
        return None
    return timing_cache_path(folder, machine.target())


def _read_graph(bundle: Bundle, file: str) -> bytes:
    """The graph's bytes, once more checked: minutes may have passed since the bundle was opened."""
    path = bundle.file(file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error
    if hashlib.sha256(content).hexdigest() != bundle.manifest.files[file].sha256:
        raise BundleError(f"{path}: was altered since the bundle was opened; run the command again")
    return content


@contextlib.contextmanager
def _alone(folder: Path, say: Note) -> Iterator[None]:
    """Hold the lock of a folder of engines; builds at the same time would also spoil each other's timings."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / _LOCK, lambda: say("Another process is building here; waiting for it")))
        except OSError as error:
            say(f"{folder}: cannot be locked ({error.strerror or error}); two builds at once would both do the work")
        yield


def _nothing(sentence: str) -> None:
    """Nobody listens."""
