"""A bundle's engines: where they go, and which of them run here."""

from __future__ import annotations

import shlex

from edgelpr.bundle.bundle import Bundle
from edgelpr.doctor.check import Check
from edgelpr.doctor.checks.bundle import build_here, target_of, usable_engine
from edgelpr.doctor.checks.room import may_write
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.engines.matching import Mismatch, describe, mismatches
from edgelpr.engines.placing import VARIABLE, engine_folders
from edgelpr.engines.storing import StoredEngine, engines_of, strays
from edgelpr.engines.target import Target
from edgelpr.errors import EngineError, in_one_line

_MOST_NAMED = 3


def check_engines(here: Surroundings, bundle: Bundle) -> Check:
    """Which engines of the bundle run here."""
    try:
        engines, odd = engines_of(bundle), strays(bundle)
    except EngineError as error:
        return Check("engines", "skipped", in_one_line(error))
    if odd:
        listed = "; ".join(odd[:_MOST_NAMED])
        return Check("engines", "warning", f"{len(odd)} files are no engines: {listed}", "Remove them, then build again")
    backend = usable_engine(here)
    if not engines or backend is None:
        here_too = "" if backend else "; none can be run here"
        return Check("engines", "skipped", f"{len(engines) or 'none'} built so far{here_too}")
    target = target_of(here, backend)
    misfits = {engine.path.name: _misfit(engine, target, bundle) for engine in engines}
    fitting = [engine.record.precision for engine in engines if not misfits[engine.path.name]]
    if fitting:
        return Check("engines", "ok", f"for {', '.join(sorted(set(fitting)))} on {target.hardware}, {target.software}")
    reasons = "; ".join(f"{name}: {describe(found)}" for name, found in list(misfits.items())[:_MOST_NAMED])
    return Check("engines", "warning", f"none of {len(engines)} fits here: {reasons}", f"Run: {build_here(here, bundle)}")


def check_engines_folder(here: Surroundings, bundle: Bundle) -> Check:
    """Whether an engine of the bundle can be kept."""
    try:
        folders = engine_folders(bundle)
    except EngineError as error:
        return Check("engines-folder", "warning", in_one_line(error), f"Run: export {VARIABLE}=/path/to/folder")
    for folder in folders:
        if may_write(folder):
            return Check("engines-folder", "ok", f"engines go to {folder}")
    return Check(
        "engines-folder", "warning", f"neither {folders[0]} nor {folders[1]} can be written to: no engine can be built here",
        f"Run: sudo chown -R $USER {shlex.quote(str(bundle.path))}",
    )  # fmt: skip


def _misfit(engine: StoredEngine, target: Target, bundle: Bundle) -> tuple[Mismatch, ...]:
    precision = engine.record.precision
    graph = bundle.manifest.graph(precision, target.backend)
    if graph is None:
        return (Mismatch("network", f"a {precision} graph", "a bundle without one"),)
    return mismatches(engine.record, target, bundle.manifest.files[graph.file].sha256, precision)
