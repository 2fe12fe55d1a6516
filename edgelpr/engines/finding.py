"""Finding the engine that fits this machine and this bundle, or saying why none does."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from edgelpr.bundle.bundle import Bundle
from edgelpr.engines.command import build_command, options_in_words
from edgelpr.engines.matching import Mismatch, describe, explain, mismatches
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.storing import StoredEngine, engines_of, strays
from edgelpr.engines.target import Target
from edgelpr.engines.trusting import distrust
from edgelpr.errors import EngineError
from edgelpr.types import Precision

_MOST_NAMED = 4


def find_engine(
    bundle: Bundle,
    here: Target,
    precision: Precision,
    batch: int | None = None,
    options: BuildOptions | None = None,
    without: Collection[Path] = (),
    trust: bool = False,
) -> StoredEngine:
    """The engine of a bundle to run here: of those that fit, one inside the bundle before one in the cache, the newest first.

    One that leaves work to a DLA comes after all others: it rounds otherwise, so it does not take the place of one on the GPU.

    Args:
        bundle: opened.
        here: the inference engine and the GPU.
        precision: that is wanted.
        batch: the largest number of crops at once that is wanted; None: any.
        options: only an engine that was built with exactly these; None: any.
        without: plans that are passed over, as they turned out to be damaged.
        trust: whether a plan that brings code for the processor is taken although it was not built here.

    Raises:
        EngineError: none fits; the message says what there is, why it does not fit and which command builds one.
        BundleError: the bundle has no graph of that precision.
    """
    graph = bundle.manifest.files[bundle.graph(precision, here.backend).file].sha256
    refused, fitting = [], []
    for engine in (each for each in engines_of(bundle) if each.path not in without):
        found = mismatches(engine.record, here, graph, precision, batch)
        if options is not None and engine.record.options != options:
            found += (Mismatch("options", options_in_words(engine.record.options), options_in_words(options)),)
        found += () if trust else distrust(engine.record)
        if found:
            refused.append((engine, found))
        else:
            fitting.append(engine)
    if fitting:
        return min(fitting, key=lambda engine: engine.record.options.dla_core is not None)
    command = build_command(bundle.path, precision, here.backend, options or options_for(batch))
    if len(refused) == 1 and refused[0][0].record.precision == precision:
        raise EngineError(explain(refused[0][0].path, refused[0][1], command))
    listed = [f"{engine.path.name} ({describe(found)})" for engine, found in refused] + list(strays(bundle))
    there = "; ".join(listed[:_MOST_NAMED]) or "none"
    more = f"; and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    raise EngineError(
        f"{bundle.path}: has no {precision} engine for {here.software} on {here.hardware}. Engines there: {there}{more}. "
        f"Build one: {command}"
    )


def options_for(batch: int | None) -> BuildOptions:
    """The default options, with a profile that takes a batch."""
    smallest, usual, largest = BuildOptions().batches
    return BuildOptions(batches=(smallest, usual, max(largest, batch or 1)))
