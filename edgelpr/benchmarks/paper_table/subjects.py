"""What is timed beside the papers: each network as published, exported plain, rewritten, and in fewer bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import torch

from edgelpr.benchmarks.bench.opening import model_of, open_reader
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.recognizer_reader import RecognizerReader
from edgelpr.benchmarks.bench.torch_reader import TorchReader
from edgelpr.benchmarks.paper_table.bundles import PLAIN, REWRITTEN, calibrated, export_form
from edgelpr.benchmarks.paper_table.earlier import Key
from edgelpr.benchmarks.paper_table.published import IQ_STAN
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.subject import EAGER, GRAPH, READING, Say, Subject, Wanted, model_as_published
from edgelpr.benchmarks.paper_table.track_subjects import track_subjects
from edgelpr.benchmarks.roofline import Work
from edgelpr.benchmarks.work import count_work
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.images import LEAST_IMAGES, CalibrationImages
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.writing import write_image
from edgelpr.export.options import REWRITES
from edgelpr.export.wrapping import GraphModule
from edgelpr.models.counting import count_parameters
from edgelpr.models.hpa import Hpa
from edgelpr.runtime.backends.torch.graph_runner import TorchGraphRunner
from edgelpr.runtime.decoding import class_mask
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendName, EngineBackend, Precision, Rewrite

_FORMS: tuple[tuple[str, tuple[Rewrite, ...]], ...] = ((PLAIN, ()), (REWRITTEN, REWRITES))


def subjects_of(source: Source, wanted: Wanted, folder: Path, say: Say) -> Iterator[Subject]:
    """Everything to time of one network, each made when it is its turn.

    Args:
        source: the network.
        wanted: what is asked for.
        folder: for bundles; its owner removes it.
        say: told what takes time.

    Raises:
        EdgelprError: whatever export, calibration or an engine refuses.
    """
    if source.architecture == IQ_STAN:
        yield from track_subjects(source, wanted, folder, say)
        return
    if "torch" in wanted.backends and "fp32" in wanted.precisions:
        yield _eager(source, wanted)
    if "torch" in wanted.backends and "fp16" in wanted.precisions and wanted.device != "cpu":
        yield _captured(source, folder, say)
    engines = [backend for backend in wanted.backends if backend != "torch"]
    for form, rewrites in _FORMS if engines else ():
        yield from _exported(source, form, rewrites, wanted, engines, folder, say)


def _eager(source: Source, wanted: Wanted) -> Subject:
    network: Hpa = source.make()
    size = network.plate_format.height_width
    work = count_work(network, (torch.zeros(1, 3, *size),))
    model = model_as_published(source, "as published", network, work)

    def open_it() -> Reader:
        return TorchReader(network, wanted.device, wanted.threads, height_width=size)

    return Subject(model, open_it, "torch", "fp32", EAGER, work)


def _captured(source: Source, folder: Path, say: Say) -> Subject:
    """What the papers' network does without their overhead: the same weights in float16, launched as one CUDA graph."""
    network: Hpa = source.make()
    work = count_work(network, (torch.zeros(1, 3, *network.plate_format.height_width),))
    model = model_as_published(source, "as published, in a CUDA graph", network, work)
    bundle = export_form(source, PLAIN, (), folder, say)  # names the plate format and the preprocessing

    def open_it() -> Reader:
        runner = TorchGraphRunner(torch, network, class_mask(network.plate_format))
        return RecognizerReader(bundle, runner, "torch", "fp16", None)

    return Subject(model, open_it, "torch", "fp16", READING, work)


def _exported(
    source: Source,
    form: str,
    rewrites: tuple[Rewrite, ...],
    wanted: Wanted,
    engines: Sequence[BackendName],
    folder: Path,
    say: Say,
) -> Iterator[Subject]:
    earlier = wanted.earlier
    scenarios = READING if form == REWRITTEN else GRAPH
    # Fewer bits are for the graph that is deployed; the plain one only shows what the rewrites gain.
    precisions = [each for each in wanted.precisions if each == "fp32" or rewrites]
    every = {
        (backend, precision): Key(f"{source.title}, {form}", source.sha256, backend, precision)
        for backend in engines
        for precision in precisions
    }
    missing = [each for each, key in every.items() if not earlier.has_all(key, scenarios)]
    network: Hpa = source.make()
    work = _graph_work(network, rewrites)
    bundle = None
    if missing:
        bundle = export_form(source, form, rewrites, folder, say)
    if bundle is not None and any(precision != "fp32" for _, precision in missing):
        images = _rendered(bundle, folder / f"{source.architecture}-crops")
        bundle = calibrated(bundle, images, source.title, wanted.threads, say, wanted.remark)
    for (backend, precision), key in every.items():
        found = earlier.find(key, *scenarios[0])
        if found is not None and (backend, precision) not in missing:
            yield Subject(found.model, _never, backend, precision, scenarios, work)
        elif bundle is not None and bundle.manifest.graph(precision, backend) is not None:
            yield _graph(source, form, bundle, backend, precision, wanted, work, count_parameters(network))


def _never() -> Reader:
    raise AssertionError("every run of it was measured before")


def _graph(
    source: Source,
    form: str,
    bundle: Bundle,
    backend: BackendName,
    precision: Precision,
    wanted: Wanted,
    work: Work,
    count: int,
) -> Subject:
    on_processor = backend not in get_args(EngineBackend)

    def open_it() -> Reader:
        use = None if on_processor else EngineUse(build=True, batch=1)
        return open_reader(bundle, backend, precision, wanted.threads if on_processor else None, 1, use)

    model = model_of(bundle, backend, precision, parameters=count)
    name, sha256 = f"{source.title}, {form}", source.sha256
    model = replace(model, name=name, compulsory_bytes=work.compulsory_bytes, weights_sha256=sha256)
    scenarios = READING if form == REWRITTEN else GRAPH
    # A card is about the export as it is by default. Ranges measured here are not those that a card's INT8 had.
    accuracy = source.accuracy(backend, precision) if form == REWRITTEN and precision == "fp32" else None
    return Subject(model, open_it, backend, precision, scenarios, work, accuracy)


def _graph_work(network: Hpa, rewrites: tuple[Rewrite, ...]) -> Work:
    module = GraphModule(network, rewrites, maps=True).eval()
    shape = [1, *module.input_shape[1:]]
    dtype = torch.float32 if module.door is None else torch.uint8
    return count_work(module, (torch.zeros([side or 1 for side in shape], dtype=dtype),))


def _rendered(bundle: Bundle, folder: Path) -> CalibrationImages:
    renderer = Renderer(bundle.manifest.plate_format)
    for number in range(LEAST_IMAGES):
        write_image(folder / f"{number:02}.png", renderer.render(0, number).image, sync=False)
    return load_calibration_images(folder, bundle.manifest.preprocessing)
