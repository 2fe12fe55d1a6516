"""Finding the engines that fit this machine and this bundle, or saying why none does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import TRACKS_AT_ONCE
from edgelpr.engines.command import build_command, options_in_words
from edgelpr.engines.dla import refuse_dla
from edgelpr.engines.matching import Mismatch, describe, explain, mismatches
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.record import EngineRecord
from edgelpr.engines.storing import StoredEngine, damage_of, engines_of, strays
from edgelpr.engines.target import Target
from edgelpr.engines.trusting import distrust
from edgelpr.errors import EngineError
from edgelpr.types import Precision

_MOST_NAMED = 4


def find_engines(
    bundle: Bundle,
    here: Target,
    precision: Precision,
    batch: int | None = None,
    options: BuildOptions | None = None,
    trust: bool = False,
    dla: int | None = None,
    device: int = 0,
) -> tuple[StoredEngine, ...]:
    """The engines of a bundle that can run here, one at least: those in the bundle before those in the cache, the newest first.

    Those that leave work to a DLA are among them only where they are asked for, or where there is none for the GPU alone: they
    round otherwise, so they do not take its place.

    Args:
        bundle: opened.
        here: the inference engine and the GPU.
        precision: that is wanted.
        batch: the largest number of crops at once that is wanted; None: any.
        options: only engines that were built with exactly these; None: any.
        trust: whether a plan that brings code for the processor is taken although it was not built here.
        dla: only engines that leave what they can to this DLA core; None: see above.
        device: number of the GPU that ``here`` has, for the command that builds.

    Raises:
        EngineError: none fits; the message says what there is, why it does not fit and which command builds one.
        BundleError: the bundle has no graph of that precision.
        UsageError: a DLA, and an inference engine or a precision that has no use for one.
    """
    graph = bundle.manifest.files[bundle.graph(precision, here.backend).file].sha256
    if dla is not None:
        refuse_dla(here.backend, precision)
    refused, fitting, default = [], [], options_for(bundle)
    for engine in engines_of(bundle):
        found = mismatches(engine.record, here, graph, precision, batch)
        if options is not None and engine.record.options != options:
            built, wanted = (options_in_words(each, default) for each in (engine.record.options, options))
            found += (Mismatch("options", built, wanted),)
        found += _not_on(dla, engine.record)
        found += () if trust else distrust(engine.record)
        if found:
            refused.append((engine, found))
        else:
            fitting.append(engine)
    if fitting:
        on_gpu = [engine for engine in fitting if engine.record.options.dla_core is None]
        return tuple(on_gpu or fitting)
    to_build = options or options_for(bundle, batch, dla)
    command = build_command(bundle.path, precision, here.backend, to_build, default=default, device=device)
    if len(refused) == 1 and refused[0][0].record.precision == precision:
        raise EngineError(explain(refused[0][0].path, refused[0][1], command))
    listed = [f"{engine.path.name} ({describe(found)})" for engine, found in refused] + list(strays(bundle))
    there = "; ".join(listed[:_MOST_NAMED]) or "none"
    more = f"; and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    place = here.hardware if dla is None else f"DLA {dla} of {here.hardware}"
    raise EngineError(
        f"{bundle.path}: has no {precision} engine for {here.software} on {place}. Engines there: {there}{more}. "
        f"Build one: {command}"
    )


def first_sound(
    engines: Iterable[StoredEngine], damaged: list[StoredEngine], say: Callable[[str], None]
) -> StoredEngine | None:
    """The first whose plan is what its record says, after reading it; None where there is none.

    Args:
        engines: in the order of preference.
        damaged: those known to be damaged, which are not read again; the others that turn out to be are added.
        say: told of each that is added.
    """
    for engine in engines:
        if engine in damaged:
            continue
        if (reason := damage_of(engine)) is None:
            return engine
        damaged.append(engine)
        say(f"{reason}; it is not used")
    return None


def options_for(bundle: Bundle, batch: int | None = None, dla: int | None = None) -> BuildOptions:
    """The default options, with a profile that takes a batch; on a DLA it takes nothing else.

    Of tracks, which need as much memory as five crops each, the default takes no more than are usually read at once.

    Args:
        bundle: opened.
        batch: the largest number of crops or tracks at once; None: any.
        dla: the DLA core that is to compute what it can.
    """
    if dla is not None:
        return BuildOptions(batches=(batch or 1,) * 3, dla_core=dla)
    smallest, usual, largest = BuildOptions().batches
    if bundle.manifest.frames is not None:
        largest = TRACKS_AT_ONCE
    return BuildOptions(batches=(smallest, usual, max(largest, batch or 1)))


def _not_on(dla: int | None, record: EngineRecord) -> tuple[Mismatch, ...]:
    """That an engine leaves nothing to the DLA core that is asked for; empty where it does, or none is."""
    core = record.options.dla_core
    if dla is None or core == dla:
        return ()
    return (Mismatch("DLA", "the GPU alone" if core is None else f"core {core}", f"core {dla} is asked for"),)
