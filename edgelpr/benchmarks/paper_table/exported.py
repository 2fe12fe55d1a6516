"""Graphs that somebody has to export before they can be timed, which takes minutes: only where something of them has no run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import get_args

from edgelpr.benchmarks.bench.opening import open_reader
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.run import Accuracy, Model
from edgelpr.benchmarks.paper_table.earlier import Earlier, Key
from edgelpr.benchmarks.paper_table.plates import Plates
from edgelpr.benchmarks.paper_table.subject import Subject
from edgelpr.benchmarks.roofline import Work
from edgelpr.bundle.bundle import Bundle
from edgelpr.plates.format import PlateFormat
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendName, EngineBackend, Precision, Scenario, Scope


@dataclass(frozen=True)
class Exported:
    """The graphs of one export, and how to come by them."""

    name: str
    """In a result; with the weights it tells their runs from all others."""

    weights_sha256: str | None
    """Of the checkpoint; None of random weights."""

    precisions: Sequence[Precision]
    """That are asked for, in the order of the result."""

    scenarios: tuple[tuple[Scenario, Scope], ...]
    """How each graph is timed."""

    export: Callable[[bool], Bundle]
    """Makes the bundle; calibrated too where it is given True. It need not have every precision then."""

    model: Callable[[Bundle, BackendName, Precision], Model]
    """What a result says of one graph, but for its name and its weights."""

    open: Callable[[Bundle, BackendName, Precision], Reader]
    """Loads one graph; ``open_graph``, or what wraps it."""

    work: Work | None = None
    """Of one call, for a fit; None where it was not counted."""

    accuracy: Callable[[str, str], Accuracy | None] | None = None
    """Of an engine and a precision, as a card of these graphs has it; None where there is none."""

    spells: PlateFormat | None = None
    """What they read, where their accuracy can be measured; see ``Subject``."""


def exported_subjects(
    exported: Exported, engines: Sequence[BackendName], earlier: Earlier, plates: Plates | None = None
) -> list[Subject]:
    """What there is to time of an export, engine by engine. It is made, and calibrated, only for what has runs missing, or the
    accuracy on the plates.

    The precisions of what is missing are those that the bundle has once it is made.

    Args:
        exported: the graphs.
        engines: that run them.
        earlier: what need not be measured again.
        plates: on which accuracy is measured, where any are.

    Raises:
        EdgelprError: whatever the export or the calibration refuses.
    """
    pairs = [(backend, precision) for backend in engines for precision in exported.precisions]
    done = {pair: _done(exported, *pair, earlier) for pair in pairs}
    missing = [pair for pair, subject in done.items() if subject is None or _unread(exported, *pair, earlier, plates)]
    made: dict[tuple[BackendName, Precision], Subject] = {}
    if missing:
        bundle = exported.export(any(precision != "fp32" for _, precision in missing))
        there = [(backend, precision) for backend, precision in missing if bundle.manifest.graph(precision, backend)]
        made = {pair: _subject(exported, bundle, *pair) for pair in there}
    every = (made.get(pair) or done[pair] for pair in pairs)
    return [subject for subject in every if subject is not None]


def open_graph(threads: int, bundle: Bundle, backend: BackendName, precision: Precision) -> Reader:
    """Load one graph; an engine is built for it.

    Args:
        threads: of the processor; engines of a GPU have none.
        bundle: of single crops or of tracks.
        backend: the inference engine.
        precision: which graph.

    Raises:
        EdgelprError: whatever the engine refuses.
    """
    if backend in get_args(EngineBackend):
        return open_reader(bundle, backend, precision, None, 1, EngineUse(build=True, batch=1))
    return open_reader(bundle, backend, precision, threads, 1)


def _subject(exported: Exported, bundle: Bundle, backend: BackendName, precision: Precision) -> Subject:
    model = exported.model(bundle, backend, precision)
    model = replace(model, name=exported.name, weights_sha256=exported.weights_sha256)
    opening = partial(exported.open, bundle, backend, precision)
    # Ranges measured here are not those that a card's INT8 had.
    accuracy = exported.accuracy(backend, precision) if exported.accuracy and precision == "fp32" else None
    return Subject(model, opening, backend, precision, exported.scenarios, exported.work, accuracy, exported.spells)


def _done(exported: Exported, backend: BackendName, precision: Precision, earlier: Earlier) -> Subject | None:
    """What was timed whole; its runs are only taken over."""
    key, scenarios = Key(exported.name, exported.weights_sha256, backend, precision), exported.scenarios
    run = earlier.find(key, *scenarios[0]) if earlier.has_all(key, scenarios) else None
    return None if run is None else Subject(run.model, _never, backend, precision, scenarios, exported.work)


def _unread(exported: Exported, backend: BackendName, precision: Precision, earlier: Earlier, plates: Plates | None) -> bool:
    """Whether its runs lack the accuracy on these plates, and it can read them."""
    if plates is None or exported.spells is None or not plates.fit(exported.spells):
        return False
    key = Key(exported.name, exported.weights_sha256, backend, precision)
    runs = [earlier.find(key, *each) for each in exported.scenarios]
    return any(run is not None and plates.missing(run) for run in runs)


def _never() -> Reader:
    raise AssertionError("every run of it was measured before")
